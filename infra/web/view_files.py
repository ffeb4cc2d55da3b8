"""A view's rows as a file: written whole with the writers of exports, in flat memory, then sent piece by piece.

It is written before the answer begins, so that a failure is told as a problem and no file is cut off.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fastapi.responses import StreamingResponse

from infra.export.formats import MissingPackageError, TooLongAmountError, file_format
from infra.queries.streamed import Streamed
from infra.web.api.answers import JSON, reflecting
from infra.web.problems import Problem

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
ENDINGS = {CSV: ".csv", PARQUET: ".parquet"}
MEDIA_TYPES = (JSON, *ENDINGS)
"""What a view is offered in; the first unless the client says otherwise."""
BYTES_AT_ONCE = 256 * 1024


def file_answer(answer: Streamed, name: str, media_type: str, *, for_spreadsheets: bool) -> StreamingResponse:
    """The rows as a file of this media type, which a browser saves as `name`. Raises Problem (406)."""
    ending = ENDINGS[media_type]
    # The file has no name any more when it is sent, so that it goes away whatever happens to the request.
    with tempfile.TemporaryDirectory(prefix="waybill-") as folder:
        path = Path(folder) / f"rows{ending}"
        try:
            with file_format(ending, for_spreadsheets=for_spreadsheets)(path, answer.columns) as write:
                for batch in answer.batches():
                    write(batch)
        except (MissingPackageError, TooLongAmountError) as e:
            raise Problem(406, f"Accept: {e}") from e
        file, size = path.open("rb"), path.stat().st_size
    headers = {
        **reflecting(answer.position, answer.instant),
        "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{name}{ending}"',
    }
    content_type = f"{CSV}; charset=utf-8" if media_type == CSV else media_type
    return StreamingResponse(_pieces(file), 200, headers, content_type)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(BYTES_AT_ONCE):
            yield piece
