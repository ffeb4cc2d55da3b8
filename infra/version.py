"""The version of this Waybill, and of what it reads and writes."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from consumers.contract_version import CONTRACT_VERSION
from domain.rules_version import RULES_VERSION
from infra.store.newest_version import NEWEST

DISTRIBUTION = "waybill-fulfillment"
"""The name of the installed package; the command is `waybill`, whatever this is."""
NOT_INSTALLED = "not installed"


@cache
def waybill_version() -> str:
    """The installed version, such as 0.2.0; NOT_INSTALLED if the code runs from a folder that was never installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return NOT_INSTALLED


def version_text() -> str:
    """What `waybill --version` prints. A bug report needs all of it; a script reads the first line."""
    return "\n".join(
        (
            f"waybill {waybill_version()}",
            f"Python {platform.python_version()}",
            f"store schema {NEWEST}",
            f"rules {RULES_VERSION}",
            f"contract {CONTRACT_VERSION}",
        )
    )
