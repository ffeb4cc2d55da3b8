"""The contract's version moves with the contract, and what an earlier version of the same major allowed stays valid."""

from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, assume, settings
from hypothesis import given as for_all

from consumers.contract import CATALOGUE
from consumers.contract.values import END
from consumers.contract_version import CONTRACT_VERSION
from tests.contract.from_schema import messages_of
from tests.contract.frozen import (
    FOLDER,
    Document,
    FrozenError,
    checksums,
    file_of,
    freeze,
    frozen,
    numbers,
    present,
)
from tests.contract.narrowing import Compared, missing_fields
from tests.contract.test_schema_and_reader import beyond_a_schema, reason_against

MAJOR = numbers(CONTRACT_VERSION)[0]
PRESENT = present()
EARLIER = [
    (version, document)
    for version, document in frozen()
    if numbers(version) < numbers(CONTRACT_VERSION) and numbers(version)[0] == MAJOR
]


def payload(document: Document, name: str) -> Any:
    return document["components"]["messages"][name]["payload"]


def inlined(part: Any, document: Document) -> Any:
    """The part without references, and without alternatives inside alternatives. The ways to end a pattern are one."""
    if isinstance(part, list):
        return [inlined(each, document) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        found: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return inlined(found, document)
    whole = {key: inlined(value, document) for key, value in part.items()}
    if "anyOf" in whole:
        whole["anyOf"] = [each for option in whole["anyOf"] for each in option.get("anyOf", [option])]
    if isinstance(whole.get("pattern"), str):
        whole["pattern"] = whole["pattern"].removesuffix(END).removesuffix("$")
    return whole


# tests/contract/test_schema_and_reader.py makes messages of all others.
CHANGED = [
    (version, name)
    for version, earlier in EARLIER
    for name in earlier["components"]["messages"]
    if name in CATALOGUE and inlined(payload(earlier, name), earlier) != inlined(payload(PRESENT, name), PRESENT)
]


def is_told(name: str) -> bool:
    """Whether the relay sends it, so that others must be able to read it."""
    return name.removesuffix(".binary") not in CATALOGUE


def broken(earlier: Document, later: Document) -> list[str]:
    """Why the later document is no minor version after the earlier one."""
    found: list[str] = []
    for topic, channel in earlier["channels"].items():
        gone = channel["messages"].keys() - later["channels"].get(topic, {"messages": {}})["messages"].keys()
        found += [f"{topic}: {name} is gone" for name in sorted(gone)]
    messages = earlier["components"]["messages"]
    for name in messages.keys() & later["components"]["messages"].keys():
        before, after = payload(earlier, name), payload(later, name)
        found += missing_fields(before, after, earlier, later, name)
        if is_told(name):
            found += Compared(later, earlier, values=False).narrowed(after, before, name)
        else:
            found += Compared(earlier, later).narrowed(before, after, name)
    return found


def test_the_present_contract_is_frozen_under_its_version() -> None:
    kept = dict(frozen()).get(CONTRACT_VERSION)

    assert kept == PRESENT, (
        f"the contract is not that of {file_of(CONTRACT_VERSION).name}: move CONTRACT_VERSION as "
        "consumers/contract_version.py says, then run `make contract`"
    )


def test_no_frozen_contract_was_changed_or_removed() -> None:
    found = {path.name: sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("contract-*.json")}

    assert found == checksums(), "a frozen contract never changes: restore it, and move CONTRACT_VERSION instead"


def test_a_frozen_contract_is_not_overwritten(tmp_path: Path) -> None:
    path = freeze("1.0.0", PRESENT, tmp_path)
    before = path.read_bytes()

    freeze("1.0.0", PRESENT, tmp_path)  # the same again
    with pytest.raises(FrozenError, match="move CONTRACT_VERSION"):
        freeze("1.0.0", with_schema("Id", lambda said: said.update(maxLength=100)), tmp_path)

    assert path.read_bytes() == before
    assert checksums(tmp_path) == {path.name: sha256(before).hexdigest()}


@pytest.mark.parametrize(("version", "earlier"), EARLIER, ids=[version for version, _ in EARLIER])
def test_an_earlier_contract_of_the_same_major_still_holds(version: str, earlier: Document) -> None:
    assert broken(earlier, PRESENT) == []


@pytest.mark.parametrize(("version", "message_type"), CHANGED)
def test_a_message_that_an_earlier_contract_allowed_is_well_formed(version: str, message_type: str) -> None:
    earlier = dict(EARLIER)[version]
    envelope = earlier["components"]["schemas"]["CloudEvent"]
    schema = {
        **envelope,
        "components": earlier["components"],
        "properties": {
            **envelope["properties"],
            "type": {"const": message_type},
            "data": {"$ref": f"#/components/schemas/{CATALOGUE[message_type].data.__name__}"},
        },
        "required": [*envelope["required"], "data"],
    }

    # Shrinking takes minutes, and the reason that is shown says enough.
    @settings(max_examples=max(settings().max_examples // 5, 5), phases=[Phase.reuse, Phase.generate])
    @for_all(message=messages_of(schema))
    def holds(message: Any) -> None:
        reason = reason_against(message)
        assume(reason is None or not beyond_a_schema(reason))
        assert reason is None

    holds()


def with_schema(name: str, change: Any) -> Document:
    changed = deepcopy(PRESENT)
    change(changed["components"]["schemas"][name])
    return changed


@pytest.mark.parametrize(
    ("schema", "change", "said"),
    [
        ("Segment", lambda said: said["enum"].remove("b2c"), "order.placed.v1.data.segment: b2c is not allowed"),
        (
            "OrderPlacedData",
            lambda said: said["required"].append("reference"),
            "order.placed.v1.data.reference: is requ",
        ),
        (
            "OrderPlacedData",
            lambda said: said["properties"].pop("reference"),
            "order.placed.v1.data.reference: is gone",
        ),
        ("Id", lambda said: said.update(maxLength=100), "order.placed.v1.subject: maxLength 100 is narrower"),
        ("LineId", lambda said: said["anyOf"].pop(0), "order.placed.v1.data.lines[].line: integer is not allowed"),
        ("OrderCancelledData", lambda said: said.update(type="string"), "order.cancelled.v1.data: object is not"),
        ("VerdictData", lambda said: said["required"].remove("reason"), "verdict.given.v1.data.reason: is required"),
        ("VerdictData", lambda said: said["properties"].pop("reason"), "verdict.given.v1.data.reason: is gone"),
    ],
)
def test_what_breaks_the_contract_is_found(schema: str, change: Any, said: str) -> None:
    assert any(said in each for each in broken(PRESENT, with_schema(schema, change)))


@pytest.mark.parametrize(
    ("schema", "change"),
    [
        ("Segment", lambda said: said["enum"].append("b2g")),
        ("OrderPlacedData", lambda said: said["properties"].update(color={"type": "string"})),
        ("OrderPlacedData", lambda said: said["required"].remove("segment")),
        ("Id", lambda said: said.update(maxLength=300)),
        ("VerdictData", lambda said: said["properties"].update(color={"type": "string"})),
    ],
)
def test_what_a_minor_version_may_change_breaks_nothing(schema: str, change: Any) -> None:
    found = broken(PRESENT, with_schema(schema, change))

    # What was required of an upstream and is not, the relay's readers can miss.
    assert [each for each in found if ".in-effect" not in each and not each.startswith("waybill.")] == []


def test_a_topic_or_type_that_is_gone_is_found() -> None:
    changed = deepcopy(PRESENT)
    del changed["channels"]["orders"]["messages"]["order.amended.v1"]

    assert broken(PRESENT, changed) == ["orders: order.amended.v1 is gone"]
