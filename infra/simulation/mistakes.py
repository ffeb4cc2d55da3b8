"""Mistakes of upstream systems: wrong messages in addition to the good ones.

They use their own random numbers, so the good messages are the same with and without mistakes.
"""

from collections.abc import Callable

from infra.simulation.clock import DAY, HOUR, MINUTE, SECOND, Draw, instant
from infra.simulation.wire import Document, Wire, encode

_NEVER_SEEN = 900_000
_TOO_MUCH = [{"line": 1, "quantity": 99_999}]


class Mistakes:
    """Observes the messages and adds wrong ones, up to about a given share of all lines."""

    def __init__(self, wire: Wire, share: float, draw: Draw) -> None:
        self._wire = wire
        self._draw = draw
        # The share is of all lines, so the probability for each good one is a little higher.
        self._odds = share / (1 - share)
        self._made = 0
        self._kinds: tuple[Callable[[Document, bytes, int, int], None], ...] = (
            self._double,
            self._double,
            self._same_id_other_content,
            self._again_under_a_new_id,
            self._contradict,
            self._contradict,
            self._contradict,
            self._void,
            self._name_what_never_was,
            self._break,
            self._break,
        )

    def after(self, document: Document, line: bytes, time: int, heard: int) -> None:
        """Perhaps add one or more wrong messages about the message that was just sent."""
        odds = self._odds
        while odds > 0:
            if self._draw() < odds:
                self._kinds[int(self._draw() * len(self._kinds))](document, line, time, heard)
            odds -= 1

    def _later(self, heard: int, most: int) -> int:
        share = self._draw()
        return heard + SECOND + int(share * share * most)

    def _new_id(self, document: Document) -> str:
        self._made += 1
        return f"{document['id']}-again-{self._made}"

    def _say(self, document: Document, heard: int, **changed: object) -> None:
        self._wire.push(heard, encode({**document, "id": self._new_id(document), **changed}))

    def _double(self, document: Document, line: bytes, time: int, heard: int) -> None:
        self._wire.push(self._later(heard, 2 * DAY), line)

    def _same_id_other_content(self, document: Document, line: bytes, time: int, heard: int) -> None:
        data = {**document["data"], "reason": "said otherwise the second time"}
        if "promised_by" in data:
            data["promised_by"] = instant(time + 9 * DAY)
        otherwise = {**document, "time": instant(time - SECOND), "data": data}
        self._wire.push(self._later(heard, DAY), encode(otherwise))

    def _again_under_a_new_id(self, document: Document, line: bytes, time: int, heard: int) -> None:
        self._say(document, self._later(heard, DAY))

    def _contradict(self, document: Document, line: bytes, time: int, heard: int) -> None:
        type_, data = _opposite(document["type"], document["data"], time)
        if not type_:
            self._name_what_never_was(document, line, time, heard)
            return
        delay = 90 * SECOND + int(self._draw() * 20 * MINUTE)
        if time + delay <= self._wire.until:
            self._say(document, self._later(heard + delay, HOUR), type=type_, time=instant(time + delay), data=data)

    def _void(self, document: Document, line: bytes, time: int, heard: int) -> None:
        delay = 10 * MINUTE + int(self._draw() * 5 * HOUR)
        data = {"source": document["source"], "id": document["id"], "reason": "taken back in error"}
        if time + delay <= self._wire.until:
            voids = {"type": "message.voided.v1", "time": instant(time + delay), "data": data}
            self._say(document, self._later(heard + delay, HOUR), **voids)

    def _name_what_never_was(self, document: Document, line: bytes, time: int, heard: int) -> None:
        stranger = _NEVER_SEEN + int(self._draw() * 100_000)
        heard = self._later(heard, HOUR)
        subject: str = document["subject"]
        if not subject.startswith("SO-"):
            self._say(document, heard, type="rep.changed.v1", subject=f"rep-{stranger}", data={"team": "Nowhere"})
        elif "shipment_id" in document["data"] and document["type"] != "shipment.booked.v1":
            self._say(document, heard, data={**document["data"], "shipment_id": f"{subject}-S{stranger}"})
        else:
            lost: Document = {"shipment_id": f"SO-X{stranger}-S1"}
            self._say(document, heard, type="shipment.dispatched.v1", subject=f"SO-X{stranger}", data=lost)

    def _break(self, document: Document, line: bytes, time: int, heard: int) -> None:
        whole = {**document, "id": self._new_id(document)}
        way = _BREAKS[int(self._draw() * len(_BREAKS))]
        self._wire.push(self._later(heard, HOUR), way(whole))


def _opposite(type_: str, data: Document, time: int) -> tuple[str, Document]:
    """A message that a rule forbids after this one; an empty type if there is none."""
    match type_:
        case "order.placed.v1":
            return type_, {**data, "channel": "counter", "promised_by": instant(time + 20 * DAY)}
        case "order.cancelled.v1":
            return "order.rescheduled.v1", {"promised_by": instant(time + 5 * DAY), "reason": "still wanted after all"}
        case "expedite.requested.v1":
            return type_, {**data, "reason": "another reason under the same request"}
        case "expedite.granted.v1":
            return "expedite.declined.v1", {"request_id": data["request_id"], "reason": "granted by mistake"}
        case "expedite.declined.v1":
            return "expedite.granted.v1", {"request_id": data["request_id"], "promised_by": instant(time + DAY)}
        case "shipment.booked.v1":
            return type_, {**data, "shipment_id": f"{data['shipment_id']}-more", "lines": _TOO_MUCH}
        case "shipment.dispatched.v1":
            return "delivery.confirmed.v1", {"shipment_id": data["shipment_id"], "lines": _TOO_MUCH}
        case "shipment.cancelled.v1":
            return "delivery.attempted.v1", {"shipment_id": data["shipment_id"], "reason": "nobody there"}
        case "delivery.confirmed.v1":
            return "order.cancelled.v1", {"reason": "cancelled after it had arrived"}
        case _:
            return "", {}


def _cut_short(document: Document) -> bytes:
    line = encode(document)
    return line[: len(line) * 2 // 3]


def _without_subject(document: Document) -> bytes:
    return encode({name: document[name] for name in document if name != "subject"})


def _without_data(document: Document) -> bytes:
    return encode({**document, "data": {}, "type": "shipment.delayed.v1"})


def _wrong_type(document: Document) -> bytes:
    return encode({**document, "data": [document["data"]]})


def _unknown_type(document: Document) -> bytes:
    return encode({**document, "type": "order.misplaced.v1"})


def _naive_time(document: Document) -> bytes:
    return encode({**document, "time": document["time"].replace(tzinfo=None)})


def _negative_quantity(document: Document) -> bytes:
    lines = [{"line": 1, "sku": "BX-100", "quantity": -3, "unit_price": "1.00"}]
    return encode({**document, "type": "order.amended.v1", "data": {"lines": lines}})


def _not_text(document: Document) -> bytes:
    return encode(document).replace(b'"subject":"', b'"subject":"\xc3\x28', 1)


def _nul_in_id(document: Document) -> bytes:
    return encode({**document, "id": f"{document['id']}\0"})


_BREAKS: tuple[Callable[[Document], bytes], ...] = (
    _cut_short,
    _without_subject,
    _without_data,
    _wrong_type,
    _unknown_type,
    _naive_time,
    _negative_quantity,
    _not_text,
    _nul_in_id,
)
