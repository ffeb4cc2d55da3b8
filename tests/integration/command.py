"""The command `waybill` as a user has it: a process with arguments, settings, standard streams and an exit code."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EXECUTABLE = Path(sys.executable).parent / "waybill"
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    arguments: tuple[str, ...]
    code: int
    out: bytes
    err: str

    def done(self) -> "Ran":
        """It exited with 0."""
        return self.exited(0)

    def exited(self, code: int, *saying: str) -> "Ran":
        """It exited with this code, said each of these on standard error, and never showed a traceback."""
        assert self.code == code, f"{self}\n{self.out.decode(errors='replace')}\n{self.err}"
        assert "Traceback" not in self.err, self.err
        # A message in a box is broken at the width of the screen, wherever that is.
        said = " ".join(self.err.replace("│", " ").split())
        for words in saying:
            assert words in said, self.err
        return self

    @property
    def text(self) -> str:
        return self.out.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[dict[str, str]]:
        """The rows of CSV."""
        return list(csv.DictReader(io.StringIO(self.text)))


class Nursery:
    """Starts the command's processes; see nursery.py."""

    def __init__(self, scratch: Path):
        self._scratch = scratch
        self._started = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )

    def start(self, folder: Path, env: dict[str, str], arguments: tuple[str, ...], stdin: bytes, nobody: bool) -> int:
        self._started += 1
        files = {name: str(self._scratch / f"{self._started}.{name}") for name in ("stdin", "stdout", "stderr")}
        for name, file in files.items():
            # They are there even if the process is killed before it opens them.
            Path(file).write_bytes(stdin if name == "stdin" else b"")
        request = {"run": arguments, "folder": str(folder), "env": env, "nobody": nobody, **files}
        self.files = files
        return int(self._ask(request)["pid"])

    def wait(self, pid: int) -> int:
        return int(self._ask({"wait": pid})["status"])

    def poll(self, pid: int) -> int | None:
        """The exit code, or None while it runs."""
        status: int | None = self._ask({"poll": pid})["status"]
        return status

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery has ended; does `python -m tests.integration.nursery` start?"
        return dict(json.loads(answer))

    def close(self) -> None:
        self._process.communicate()


class Running:
    """A command that has been started."""

    def __init__(self, nursery: Nursery, pid: int, arguments: tuple[str, ...]):
        self._nursery, self._pid, self._arguments = nursery, pid, arguments
        self._files = nursery.files
        self._code: int | None = None

    @property
    def pid(self) -> int:
        return self._pid

    def kill(self) -> None:
        """kill -9. Harmless when it has ended: its process is there until somebody waits for it."""
        if self._code is None:
            os.kill(self._pid, signal.SIGKILL)

    @property
    def said(self) -> str:
        """What is on its standard error by now."""
        return Path(self._files["stderr"]).read_text("utf-8", errors="replace")

    @property
    def out_so_far(self) -> bytes:
        """What is on its standard output by now."""
        return Path(self._files["stdout"]).read_bytes()

    def terminate(self) -> None:
        """SIGTERM, as an operator stops a service: once the process handles it. Before that it has begun nothing, and
        would end by the signal.
        """
        deadline = time.monotonic() + 60
        while self.is_alive() and not handles(self._pid, signal.SIGTERM):
            assert time.monotonic() < deadline, f"{self._arguments} does not handle SIGTERM: {self.said}"
            time.sleep(0.005)
        self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        if self._code is None:
            os.kill(self._pid, number)

    def is_alive(self) -> bool:
        if self._code is None:
            self._code = self._nursery.poll(self._pid)
        return self._code is None

    def wait(self) -> Ran:
        self._code = code = self._nursery.wait(self._pid) if self._code is None else self._code
        out = Path(self._files["stdout"]).read_bytes()
        return Ran(self._arguments, code, out, Path(self._files["stderr"]).read_text("utf-8", errors="replace"))


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether this process, which has not been waited for, has a handler of its own for this signal."""
    caught = re.search(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text("ascii"), re.MULTILINE)
    assert caught is not None
    return bool(int(caught[1], 16) >> (number - 1) & 1)


class Command:
    """The command in a folder of its own, with the store `waybill.db` there; call it with arguments."""

    def __init__(self, nursery: Nursery, folder: Path, **env: str):
        self.folder = folder
        self._nursery = nursery
        self._env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "LANG": "C.UTF-8",
            "COLUMNS": "200",
            # Logging what is not declared ends the command.
            "WAYBILL_CHECK_LOGS": "1",
            # Tests run beside each other, so each server listens at a free port.
            "WAYBILL_SERVE": "127.0.0.1:0",
            **env,
        }

    @property
    def store(self) -> Path:
        return self.folder / "waybill.db"

    def with_(self, **env: str) -> "Command":
        """The same with other settings."""
        return Command(self._nursery, self.folder, **{**self._env, **env})

    @property
    def environment(self) -> dict[str, str]:
        """The variables of its environment."""
        return dict(self._env)

    def setting(self, name: str, default: str | None = None) -> str:
        """A variable of its environment; without a default it must be there."""
        return self._env[name] if default is None else self._env.get(name, default)

    def __call__(self, *arguments: str | Path, stdin: bytes = b"", nobody: bool = False) -> Ran:
        return self.start(*arguments, stdin=stdin, nobody=nobody).wait()

    def start(self, *arguments: str | Path, stdin: bytes = b"", nobody: bool = False) -> Running:
        """Start it and go on; with `nobody` as that user, if we are root."""
        words = tuple(str(argument) for argument in arguments)
        pid = self._nursery.start(self.folder, self._env, words, stdin, nobody and os.geteuid() == 0)
        return Running(self._nursery, pid, words)

    def executable(self, *arguments: str | Path, stdin: bytes = b"") -> Ran:
        """The installed executable itself, imports and all."""
        words = tuple(str(argument) for argument in arguments)
        ran = subprocess.run(
            [EXECUTABLE, *words], cwd=self.folder, env=self._env, input=stdin, capture_output=True, check=False
        )
        return Ran(words, ran.returncode, ran.stdout, ran.stderr.decode("utf-8", errors="replace"))

    def executable_killed(self, *arguments: str | Path, after: float) -> Ran:
        """The same, killed with -9 after some seconds."""
        words = tuple(str(argument) for argument in arguments)
        process = subprocess.Popen(
            [EXECUTABLE, *words], cwd=self.folder, env=self._env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with process:
            time.sleep(after)
            process.kill()
            out, err = process.communicate()
        return Ran(words, process.returncode, out, err.decode("utf-8", errors="replace"))

    def ask(self, *arguments: str | Path) -> Any:
        """The JSON that a command answers with."""
        return self(*arguments, "--format", "json").done().json

    def file(self, name: str, *lines: bytes | dict[str, Any]) -> Path:
        """A file of messages, one a line."""
        path = self.folder / name
        path.write_bytes(b"".join(encoded(line) + b"\n" for line in lines))
        return path

    def ingest(self, *lines: bytes | dict[str, Any], name: str = "messages.jsonl") -> dict[str, int]:
        """Take these messages in, as a file; the five verdicts' counts."""
        counts: dict[str, int] = self.ask("ingest", self.file(name, *lines))
        return counts


def encoded(line: bytes | dict[str, Any]) -> bytes:
    return line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass")
