"""given the wheel, installed by uv as an application and outside this repository, then the command has all it needs.

uv finds the packages in its cache, where `make setup` left them, or fetches them. Without them the test skips; in CI
(the variable CI is set) it fails.
"""

import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from infra.version import DISTRIBUTION, waybill_version

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
PACKAGES = ("domain", "projections", "consumers", "infra")


def environment(folder: Path) -> dict[str, str]:
    """That of a shell in which nothing of this checkout is on a path."""
    left_out = ("WAYBILL_", "PYTHON", "VIRTUAL_ENV")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    if "PIP_CERT" in mine:
        mine.setdefault("SSL_CERT_FILE", mine["PIP_CERT"])
    mine["PATH"] = os.pathsep.join(part for part in mine["PATH"].split(os.pathsep) if part != str(UV.parent))
    return mine | {"UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(folder / "bin")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--offline", "--wheel", "--out-dir", folder, ROOT], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the repository; the command is in its folder `bin`."""
    folder = tmp_path_factory.mktemp("installed")
    install: list[str | Path] = [UV, "tool", "install", "--quiet", "--constraints", ROOT / "requirements.txt", wheel]
    done = subprocess.run(install, cwd=folder, env=environment(folder), capture_output=True, text=True)
    if done.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"uv could not install the wheel: {done.stderr}")
        pytest.skip(f"uv could not fetch the packages: {done.stderr.strip().splitlines()[-1]}")
    return folder


def ran(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    command: list[str | Path] = [folder / "bin" / "waybill", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(folder), input=stdin, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("needs a git checkout")
    expected = {name for name in tracked.stdout.splitlines() if (ROOT / name).exists()}
    assert len(expected) > 100
    with zipfile.ZipFile(wheel) as built:
        assert expected - set(built.namelist()) == set()


def test_the_wheel_is_named_for_the_distribution(wheel: Path) -> None:
    assert wheel.name.startswith(f"{DISTRIBUTION.replace('-', '_')}-{waybill_version()}-")


def test_the_installed_command_ingests_and_answers(folder: Path) -> None:
    example = ran(folder, "example")

    counts = json.loads(ran(folder, "ingest", "-", "--history", "--format", "json", stdin=example))

    assert (counts["received"], counts["applied"]) == (7, 4)
    assert (folder / "waybill.db").exists()
    assert json.loads(ran(folder, "order", "SO-10248", "--format", "json"))["order"]["status"] == "delivered"


def test_the_installed_command_serves_the_pages(folder: Path) -> None:
    with served(folder) as address:
        page = urlopen(address).read().decode()
        parts = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
        assert parts, page
        for part in parts:
            assert urlopen(address.rstrip("/") + part).status == 200


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a small demo serves its pages."""
    command: list[str | Path] = [folder / "bin" / "waybill", "demo", "--orders", "30", "--serve"]
    mine = environment(folder) | {"WAYBILL_SERVE": "127.0.0.1:0"}
    with subprocess.Popen(command, cwd=folder, env=mine, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        try:
            said = ""
            for line in demo.stdout:
                said += line
                if found := re.search(r"Open (http://\S+) in a browser", line):
                    yield found[1]
                    break
            else:
                pytest.fail(said)
        finally:
            demo.send_signal(signal.SIGINT)
            demo.stdout.read()
