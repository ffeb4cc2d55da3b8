"""given a script that takes long to make, then it is made once, and a failure says why."""

from concurrent.futures import ThreadPoolExecutor
from gzip import decompress
from threading import Barrier, Event

import pytest

from infra.web.pages.drawing_script import DrawingScript, ScriptNotMadeError, bundle


def test_all_who_ask_at_once_get_the_script_that_is_made_once() -> None:
    made, begun = 0, Barrier(4)

    def make() -> bytes:
        nonlocal made
        made += 1
        Event().wait(0.05)
        return b"draw()"

    script = DrawingScript(make)

    def ask() -> bytes:
        begun.wait()
        return script().plain

    with ThreadPoolExecutor(4) as browsers:
        asked = [browsers.submit(ask) for _ in range(4)]
        assert {one.result() for one in asked} == {b"draw()"}

    assert made == 1
    assert decompress(script().zipped) == b"draw()"


def test_after_a_failure_the_next_one_tries_again() -> None:
    answers = [b"draw()"]

    def make() -> bytes:
        if answers:
            raise ScriptNotMadeError(str(answers.pop()))
        return b"draw()"

    script = DrawingScript(make)
    with pytest.raises(ScriptNotMadeError):
        script()

    assert script().plain == b"draw()"


def test_a_failure_says_what_the_maker_said_last() -> None:
    with pytest.raises(ScriptNotMadeError, match="code 3: no engine"):
        bundle("import sys; print('no engine', file=sys.stderr); sys.exit(3)")


def test_a_maker_that_never_ends_is_ended() -> None:
    with pytest.raises(ScriptNotMadeError, match=r"did not finish within 0\.2 s"):
        bundle("import time; time.sleep(600)", seconds=0.2)
