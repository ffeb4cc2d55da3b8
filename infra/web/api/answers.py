"""Answers of the API: JSON documents, the headers that say what they reflect, and the format that the client takes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import Request, Response

from consumers.contract.writing import instant_text
from infra.serialization import json_text
from infra.web.problems import Problem

JSON = "application/json"
POSITION = "Waybill-Position"
AS_OF = "Waybill-As-Of"


def json_answer(document: Any, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """The document as JSON: instants in UTC RFC 3339, decimals as strings."""
    return Response(json_text(document), status, dict(headers or {}), JSON)


def reflecting(position: int, instant: datetime | None = None) -> dict[str, str]:
    """The headers that say which position an answer reflects, and its T."""
    return {POSITION: str(position), **({} if instant is None else {AS_OF: instant_text(instant)})}


def accepted(request: Request, offered: Sequence[str]) -> str:
    """Which of these media types the client takes most gladly; the first of them if it says nothing.

    Raises Problem (406) if it takes none.
    """
    header = ",".join(request.headers.getlist("accept"))
    if not header.strip():
        return offered[0]
    ranges = [_range(part) for part in header.split(",") if part.strip()]
    best = max(offered, key=lambda media_type: _quality(media_type, ranges))  # of equals, the first
    if _quality(best, ranges) <= 0:
        raise Problem(406, f"Accept: there are {', '.join(offered)}; ask for one of these")
    return best


def _range(part: str) -> tuple[str, float]:
    media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return media_type, quality


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The quality of the most specific range that has this media type; 0 if none has."""
    for wanted in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        found = [quality for name, quality in ranges if name == wanted]
        if found:
            return max(found)
    return 0.0
