"""given a form, then no more of it is read than a form may have, whatever its length says."""

from typing import Any

import pytest
from fastapi import Request
from starlette.types import Message, Receive, Scope, Send

from infra.web.pages.problem import plain_problem
from infra.web.problems import Problem
from infra.web.security.hosts import Hosts
from infra.web.security.protection import MOST_BYTES, Protection
from tests.event_loops import run_alone


async def _form(scope: Scope, receive: Receive, send: Send) -> None:
    await Request(scope, receive).form()


def posted(size: int) -> None:
    """Post a form of this size whose length says 10."""
    headers = {"host": "127.0.0.1", "content-type": "application/x-www-form-urlencoded", "content-length": "10"}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope: Scope = {"type": "http", "method": "POST", "path": "/orders", "query_string": b"", "headers": raw}

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * size}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    async def protected(*request: Any) -> None:
        await Protection(_form, Hosts(), plain_problem)(*request)

    run_alone(protected(scope, receive, send))


def test_a_form_within_the_limit_is_read() -> None:
    posted(MOST_BYTES)


def test_a_form_that_is_longer_than_it_says_is_not_read_to_its_end() -> None:
    with pytest.raises(Problem) as told:
        posted(MOST_BYTES + 1)
    assert told.value.status == 413
