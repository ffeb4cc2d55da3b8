"""Findings as annotations of GitHub Actions: lines of output that GitHub shows at the file and line that they name."""

from pathlib import Path

from consumers.check.checking import Finding
from infra.printable import printable

WORKSPACE = "GITHUB_WORKSPACE"
"""The environment variable with the folder in which GitHub Actions checked the repository out."""
_IN_TEXT = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTIES = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def in_workspace(file: str, workspace: str | None) -> str:
    """The path as GitHub looks for it: relative to the workspace, wherever the command runs."""
    path = Path(file).absolute()
    if not workspace or not path.exists() or not path.is_relative_to(workspace):
        return file
    return path.relative_to(workspace).as_posix()


def annotation(finding: Finding) -> str:
    """The finding as a workflow command, such as `::error file=a.jsonl,line=3,title=time::must be an instant…`."""
    title = finding.field if finding.type is None else f"{finding.type} {finding.field}"
    properties = {"file": finding.file, "line": str(finding.line), "title": title}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{finding.level} {said}::{printable(f'{finding.field}: {finding.problem}'.translate(_IN_TEXT))}"


def _property(text: str) -> str:
    return printable(text.translate(_IN_PROPERTIES))
