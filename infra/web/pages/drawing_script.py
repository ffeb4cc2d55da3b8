"""The script that draws charts: Vega, Vega-Lite and Vega-Embed in one, as the browser loads it."""

import atexit
import gzip
import subprocess
import sys
from collections.abc import Callable
from threading import Lock, Thread
from typing import NamedTuple

import structlog

SECONDS_TO_MAKE = 120.0
_BUNDLE = "import sys, vl_convert; sys.stdout.write(vl_convert.javascript_bundle())"


class Script(NamedTuple):
    """The script, and the same compressed with gzip."""

    plain: bytes
    zipped: bytes


class ScriptNotMadeError(Exception):
    """The script could not be put together; the message says why."""


class DrawingScript:
    """The script, made once a process: whoever asks meanwhile waits for the one that is being made.

    After a failure the next one who asks tries again.
    """

    def __init__(self, make: Callable[[], bytes]):
        self._make = make
        self._lock = Lock()
        self._made: Script | None = None

    def __call__(self) -> Script:
        """Raises ScriptNotMadeError."""
        with self._lock:
            if self._made is None:
                plain = self._make()
                self._made = Script(plain, gzip.compress(plain, mtime=0))
            return self._made

    def prepare(self) -> None:
        """Make it in a thread, so that the first page does not wait for it."""
        Thread(target=self._prepare, name="drawing-script", daemon=True).start()

    def _prepare(self) -> None:
        try:
            self()
        except ScriptNotMadeError as e:
            structlog.get_logger(__name__).warning("drawing_script_not_made", reason=str(e))


def bundle(code: str = _BUNDLE, seconds: float = SECONDS_TO_MAKE) -> bytes:
    """Put the script together: seconds of work, in a process of its own, whose JavaScript engine takes much memory.

    Raises ScriptNotMadeError.
    """
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as maker:
        atexit.register(maker.kill)  # a server that stops meanwhile leaves nothing behind
        try:
            made, said = maker.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise ScriptNotMadeError(f"vl-convert did not finish within {seconds:g} s") from None
        finally:
            maker.kill()
            atexit.unregister(maker.kill)
    if maker.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise ScriptNotMadeError(f"vl-convert failed with code {maker.returncode}: {last}")
    return made


drawing_script = DrawingScript(bundle)
