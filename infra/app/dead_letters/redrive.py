"""Redrive: settles the subjects of dead letters again by today's rules, and reads malformed ones again.

A redrive changes nothing that already follows today's rules and contract, so it can be interrupted and run again.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from consumers.ingest.redrive import redrive_malformed, redrive_streams
from consumers.ingest.register import Changes, MessageKey, Notice
from domain.operator.acts import DeadLettersRedriven
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.queries.dead_letters import UntakenMessage
from infra.queries.letter_contents import is_malformed
from infra.store.engine import LOCKED
from infra.store.operator_log import Acting, Who
from infra.store.register.letters import LettersTransaction, StoredLetters

LETTERS_AT_ONCE = 100
"""Each can have a megabyte."""


class ChangedVerdict(NamedTuple):
    """A message whose verdict changed, or would change. `letter_id` is that of a message that was malformed.

    It may be another message than the redriven letters: one that waited for them, for example.
    """

    letter_id: str | None
    subject: str | None
    type: str | None
    source: str | None
    id: str | None
    before: str
    after: str
    reason: str


class RedriveReport(NamedTuple):
    """How many letters were redriven, and the verdicts that changed."""

    letters: int
    changed: Sequence[ChangedVerdict]


def redrive(
    waybill: Waybill,
    letters: Sequence[UntakenMessage],
    operator: str,
    reason: str = "",
    on_batch: Callable[[int], None] | None = None,
    project: Callable[[], object] | None = None,
) -> RedriveReport:
    """Redrive these letters, batch by batch, each with its act in one transaction; then project.

    Each order's messages count in their own sequence, whatever the order of the letters. `on_batch` gets the number of
    letters done. `project` is called in place of `Waybill.project`, which takes as long as it takes.
    """
    store, changed = StoredLetters(waybill.backend), _Changed()
    done = 0
    for some in _batches(letters):

        def batch(acting: Acting, some: Sequence[UntakenMessage] = some) -> Sequence[Notice]:
            notices = _redriven(waybill, store.within(acting.connection), some, f"redriven by {operator}")
            count = sum(notice.before is not notice.outcome.verdict for notice in notices)
            acting.log(DeadLettersRedriven, letters=len(some), changed=count)
            return notices

        changed.add(waybill.operator_log.act(Who(operator, reason), batch))
        done += len(some)
        if on_batch is not None:
            on_batch(done)
    waybill.ingest().wake()
    (project or waybill.project)()
    return RedriveReport(done, changed.verdicts())


def would_redrive(waybill: Waybill, letters: Sequence[UntakenMessage], operator: str) -> RedriveReport:
    """What a redrive would change. It runs in one transaction that is rolled back; other writers wait for it."""
    changed = _Changed()
    with (
        waybill.backend.engine.execution_options(**{LOCKED: True}).connect() as connection,
        connection.begin() as trial,
    ):
        waybill.backend.lock(connection)
        transaction = StoredLetters(waybill.backend).within(connection)
        for some in _batches(letters):
            changed.add(_redriven(waybill, transaction, some, f"redriven by {operator}"))
        trial.rollback()
    return RedriveReport(len(letters), changed.verdicts())


def _redriven(
    waybill: Waybill, transaction: LettersTransaction, letters: Sequence[UntakenMessage], because: str
) -> list[Notice]:
    """Redrive a batch; returns the notices of changed verdicts."""
    malformed = [letter.letter_id for letter in letters if is_malformed(letter)]
    streams = transaction.streams_of([letter.letter_id for letter in letters if not is_malformed(letter)])
    notices: list[Notice] = []
    if streams:
        changes = Changes(waybill.clock(), ())
        redrive_streams(transaction, changes, streams, because)
        transaction.save(changes)
        notices += changes.notices
    if malformed:
        changes = Changes(waybill.clock(), ())
        kept = transaction.kept_malformed(malformed)
        rules, skew = waybill.reading_rules(), waybill.settings.clock_skew
        redrive_malformed(transaction, changes, kept, rules, skew, because)
        transaction.save(changes)
        notices += changes.notices
    return [notice for notice in notices if notice.before is not None]


def _batches(letters: Sequence[UntakenMessage]) -> Iterable[Sequence[UntakenMessage]]:
    return (letters[start : start + LETTERS_AT_ONCE] for start in range(0, len(letters), LETTERS_AT_ONCE))


class _Changed:
    """Collects changes of verdicts over several batches: of a message that changed twice, its first and last count."""

    def __init__(self) -> None:
        self._found: list[ChangedVerdict] = []
        self._places: dict[MessageKey, int] = {}

    def add(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            key = notice.key
            assert notice.before is not None and key is not None, "what changed has a key"
            verdict, reason = notice.outcome.verdict, notice.outcome.reason
            place = None if notice.before is Verdict.MALFORMED else self._places.get(key)
            if place is not None:
                self._found[place] = self._found[place]._replace(after=verdict.value, reason=reason)
                continue
            if verdict is not Verdict.DUPLICATE or notice.before is not Verdict.MALFORMED:
                self._places[key] = len(self._found)
            self._found.append(
                ChangedVerdict(
                    letter_id=notice.letter_id,
                    subject=key.subject,
                    type=notice.type,
                    source=key.source,
                    id=key.message_id,
                    before=notice.before.value,
                    after=verdict.value,
                    reason=reason,
                )
            )

    def verdicts(self) -> list[ChangedVerdict]:
        return [one for one in self._found if one.before != one.after]
