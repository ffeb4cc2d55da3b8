"""Export: write a view, or the dead letters, to a file."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from infra.app.container import Waybill
from infra.export.formats import file_format
from infra.export.whole_file import whole_file
from infra.queries.streamed import Streamed
from infra.queries.views import Asked
from projections.views.catalogue import View


class ExportReport(NamedTuple):
    """The number of rows written, their instant, and the position that they reflect."""

    rows: int
    instant: datetime
    position: int


def export_rows(
    waybill: Waybill,
    view: View | None,
    to: Path,
    clocks: Asked,
    rep: str | None = None,
    on_rows: Callable[[int, Callable[[], int]], None] | None = None,
    *,
    for_spreadsheets: bool = False,
) -> ExportReport:
    """Write all rows to `to`, whose suffix is one of FORMATS; None as the view means dead letters.

    The file is complete or absent. `on_rows` is called after each batch with the number of rows written; its second
    argument counts all rows. `for_spreadsheets`: a CSV file in which no cell begins a formula. Raises OSError.
    """
    with (
        _answer(waybill, view, clocks, rep) as answer,
        whole_file(to) as part,
        file_format(to.suffix.lower(), for_spreadsheets=for_spreadsheets)(part, answer.columns) as write,
    ):
        written = 0
        for batch in answer.batches():
            write(batch)
            written += len(batch)
            if on_rows is not None:
                on_rows(written, answer.count)
    return ExportReport(written, answer.instant, answer.position)


def _answer(waybill: Waybill, view: View | None, clocks: Asked, rep: str | None) -> AbstractContextManager[Streamed]:
    if view is None:
        head, now = waybill.history.head(), waybill.clock()
        return waybill.dead_letters.stream(head, now, clocks.as_of, clocks.known_at)
    return waybill.views.stream(view, clocks, None if rep is None else {"rep_id": rep})
