"""Inputs on which intake fell, from the folder of cases beside the repository: each is read as the contract says."""

from collections import Counter
from pathlib import Path

import pytest

from consumers.contract import Malformed, read_record
from tests.contract.scenario import LIVE, RECEIVED_AT

CASES = Path(__file__).parents[3] / "shared" / "cases" / "intake"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases of intake are not beside the repository")


@pytest.mark.parametrize("name", ["data-base64", "integers", "names", "two-files-with-bom"])
def test_everything_in_it_is_well_formed(name: str) -> None:
    for line in (CASES / f"{name}.jsonl").read_bytes().splitlines():
        found = read_record(line.removeprefix(b"\xef\xbb\xbf"), (), RECEIVED_AT, LIVE)
        assert not isinstance(found, Malformed), found.reason


def test_no_reason_holds_a_character_that_acts_on_a_terminal() -> None:
    found = Counter[str]()
    for line in (CASES / "control-characters.jsonl").read_bytes().splitlines():
        read = read_record(line, (), RECEIVED_AT, LIVE)
        found[type(read).__name__] += 1
        if isinstance(read, Malformed):
            assert read.reason.isprintable()
    assert found["WellFormed"] and found["Malformed"]
