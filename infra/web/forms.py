"""Fields of forms that posts send. A route takes them after its guard, so that nothing is read for the wrong role."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData

from infra.web.problems import Problem


async def _form(request: Request) -> FormData:
    return await request.form()


Fields = Annotated[FormData, Depends(_form)]


def text_of(fields: FormData, name: str) -> str:
    """The text of a field; empty if it is not given."""
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise Problem(400, f"{name}: must be text, not a file")
    return value


def texts_of(fields: FormData, name: str) -> list[str]:
    """The texts of a field that may be given several times."""
    return [value for value in fields.getlist(name) if isinstance(value, str)]
