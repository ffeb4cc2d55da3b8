"""Header names that are not UTF-8: Kafka takes them from anybody, and kafka-python fails on them.

Its decoder raises UnicodeDecodeError in the middle of a batch, each time that the batch is read, so one such record
would stop its partition for good. Here it is taught to write the bytes that are no UTF-8 as `\\xNN`.
"""

from typing import Any

from kafka.record.default_records import DefaultRecordBatch


class _Forgiving(bytes):
    """Bytes of which every part can be decoded."""

    def __getitem__(self, part: Any) -> Any:
        taken = super().__getitem__(part)
        return _Forgiving(taken) if isinstance(taken, bytes) else taken

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


def forgive_header_names() -> None:
    """Teach kafka-python; doing it again changes nothing."""
    read: Any = DefaultRecordBatch._read_msg
    if getattr(read, "forgives", False):
        return

    def read_forgivingly(batch: Any) -> Any:
        position = batch._pos
        try:
            return read(batch)
        except UnicodeDecodeError:
            strict, batch._buffer, batch._pos = batch._buffer, _Forgiving(bytes(batch._buffer)), position
            try:
                return read(batch)
            finally:
                batch._buffer = strict

    read_forgivingly.forgives = True  # type: ignore[attr-defined]
    DefaultRecordBatch._read_msg = read_forgivingly
