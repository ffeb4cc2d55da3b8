"""Hints for mistyped subjects: the reason of a held message names known subjects that differ only in spelling.

Ids are compared by code point, so "so-1 " is not "SO-1", but the sender often meant it. Only held messages of new
subjects get a hint, and only for differences in Unicode form, case and blanks.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable

import msgspec

from consumers.ingest.register import RegisterTransaction
from domain.streams import split_stream_name
from domain.verdict import Outcome, Verdict

_HINT = "; perhaps the known subject "
_blanks = re.compile(r"[\s\u00ad\u200b-\u200d\u2060\ufeff]+")

_FORMS: tuple[Callable[[str], str], ...] = tuple(
    lambda text, form=form: unicodedata.normalize(form, text)  # type: ignore[misc]
    for form in ("NFC", "NFD", "NFKC")
)
_CASES: tuple[Callable[[str], str], ...] = (str, str.upper, str.lower, str.capitalize, str.title)
_SPACINGS: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: _blanks.sub(" ", text).strip(),
    lambda text: _blanks.sub("", text),
)


def hints_for(transaction: RegisterTransaction, streams: Iterable[str]) -> dict[str, str]:
    """Hints to add to the reasons of messages held in these new streams, where a similar subject is known.

    It takes one query.
    """
    variants = {stream: _variants(stream) for stream in streams}
    known = transaction.stored({variant for found in variants.values() for variant in found})
    hints: dict[str, str] = {}
    for stream, found in variants.items():
        for variant in found:
            if variant in known:
                subject = split_stream_name(variant)[1]
                hints[stream] = f'{_HINT}"{subject}" is meant: it differs in Unicode form, case or blanks alone'
                break
    return hints


def without_hint(outcome: Outcome) -> Outcome:
    """A registered outcome as settling gives it: only the reasons of held messages get hints."""
    if outcome.verdict is not Verdict.HELD:
        return outcome
    return msgspec.structs.replace(outcome, reason=outcome.reason.partition(_HINT)[0])


def _variants(stream: str) -> list[str]:
    """The streams of subjects with another spelling, each once."""
    subject = split_stream_name(stream)[1]
    prefix = stream.removesuffix(subject)
    written = (prefix + spaced(cased(formed(subject))) for formed in _FORMS for cased in _CASES for spaced in _SPACINGS)
    return [variant for variant in dict.fromkeys(written) if variant not in (stream, prefix)]
