"""The names by which this server is reached: a request for another name, or from another site's page, is refused.

A page of another site may let its own name resolve to 127.0.0.1 (DNS rebinding). The browser then takes our answers for
that site's, but it still sends that site's name as Host. IP addresses and localhost cannot be rebound.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(frozen=True)
class Hosts:
    """The served names. With `only_loopback`, of IP addresses only those of this machine are served.

    `any_name` is for a server beyond loopback for which nobody set WAYBILL_SERVE_NAMES: it answers to every name.
    """

    names: Set[str] = field(default_factory=frozenset)
    only_loopback: bool = True
    any_name: bool = False

    @classmethod
    def served(cls, names: str, only_loopback: bool) -> "Hosts":
        """From WAYBILL_SERVE_NAMES, and whether the server listens on loopback."""
        given = frozenset(name for name in names.split(",") if name)
        return cls(given, only_loopback, any_name=not only_loopback and not given)

    def serves(self, authority: str) -> bool:
        """Whether a Host header, such as `127.0.0.1:8400` or `[::1]:8400`, names this server. Ports do not matter."""
        name = _name_in(authority)
        if name is None:
            return False
        if name == "localhost" or name in self.names or self.any_name:
            return True
        try:
            return ip_address(name).is_loopback or not self.only_loopback
        except ValueError:
            return False

    def wrong_host(self, headers: Headers) -> str | None:
        """Why a request with these headers is not for this server; None: it is."""
        given = headers.getlist("host")
        if len(given) == 1 and self.serves(given[0]):
            return None
        return "Host: this server is not served under that name; add it to WAYBILL_SERVE_NAMES, or use localhost"

    def forged(self, method: str, headers: Headers) -> str | None:
        """Why a request comes from a page of another site though it may change something; None: it does not."""
        if method in SAFE_METHODS:
            return None
        site = headers.get("sec-fetch-site", "same-origin")
        origins = headers.getlist("origin")
        if site not in ("same-origin", "none") or any(not self._is_ours(one, headers) for one in origins):
            return "Origin: a page of another site sent this; act on this server's own pages"
        return None

    def _is_ours(self, origin: str, headers: Headers) -> bool:
        try:
            url = urlsplit(origin)
        except ValueError:
            return False
        if url.scheme not in ("http", "https") or not url.netloc:
            return False  # `null`: a sandboxed frame, or a file
        # Behind a proxy the Host that arrives may be the inner one; the browser's is then among the served names.
        return url.netloc.lower() == headers.get("host", "").lower() or _name_in(url.netloc) in self.names


def _name_in(authority: str) -> str | None:
    """The host of `host`, `host:port` or `[address]:port`, in small letters; None if it is no such thing."""
    authority = authority.strip().lower()
    if authority.startswith("["):
        address, bracket, port = authority[1:].partition("]")
        return address if bracket and (port == "" or (port[0] == ":" and port[1:].isdecimal())) else None
    name, colon, port = authority.partition(":")
    if colon and not port.isdecimal():
        return None
    return name.removesuffix(".") or None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches this listening address."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
