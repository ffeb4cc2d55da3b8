"""Hosts of our own on one machine: network namespaces on a bridge. They share processors, memory and disk.

Only root can make them, on Linux with iproute2. Elsewhere a host is this machine itself, which the figures say.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

LOOPBACK = "127.0.0.1"
BRIDGE_ADDRESS = "10.213.77.1"
_BRIDGE = "waybill0"


class Host(NamedTuple):
    """`command` runs what follows on the host; `address` is how it names the machine with the servers."""

    command: tuple[str, ...] = ()
    address: str = LOOPBACK

    def seen_from_it(self, setting: str) -> str:
        """A setting with the address of a server, as the host has to name that."""
        return setting.replace(f"{LOOPBACK}:", f"{self.address}:")


def can_be_made() -> bool:
    return os.name == "posix" and os.geteuid() == 0 and shutil.which("ip") is not None


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many hosts, gone at the end. Servers must listen at BRIDGE_ADDRESS. Raises RuntimeError where it cannot be."""
    with ExitStack() as stack:
        made = []
        for number in range(1, count + 1):
            name, outer, inner = f"waybill{number}", f"wb{number}", f"wb{number}i"
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)  # its end of the cable goes with it, and so does ours
            _ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name)
            _ip("link", "set", outer, "master", _BRIDGE, "up")
            _ip("-n", name, "addr", "add", f"{BRIDGE_ADDRESS.rpartition('.')[0]}.{number + 1}/24", "dev", inner)
            for device in (inner, "lo"):
                _ip("-n", name, "link", "set", device, "up")
            made.append(Host(("ip", "netns", "exec", name), BRIDGE_ADDRESS))
        yield made


@contextmanager
def bridge() -> Iterator[str]:
    """What the hosts are plugged into, and its address. Raises RuntimeError where it cannot be."""
    _ip("link", "add", _BRIDGE, "type", "bridge")
    try:
        _ip("addr", "add", f"{BRIDGE_ADDRESS}/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        yield BRIDGE_ADDRESS
    finally:
        _ip("link", "del", _BRIDGE)


def _ip(*words: str) -> None:
    ran = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {ran.stderr.strip()}")
