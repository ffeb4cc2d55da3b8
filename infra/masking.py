"""Masking: passwords and keys are hidden wherever settings, errors and logs show a text that contains one."""

import re
from urllib.parse import unquote

MASK = "••••••"

# Source: PostgreSQL's documentation, "Parameter Key Words" of libpq.
SECRETS = frozenset(("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"))

# A password that was not percent-encoded may contain any of the URL's own delimiters, so it ends at the last "@".
_BEFORE_HOST = re.compile(r"(?<=://)([^\s:/?#@]*):\S*@")
_BEFORE_HOST_OF_WHOLE = re.compile(r"(?<=://)([^:/?#@]*):.*@", re.DOTALL)
_OPTION = re.compile(r"(?<=[?&])([^=&\s]+)=([^&\s]*)")
_OPTION_OF_WHOLE = re.compile(r"(?<=[?&])([^=&]+)=([^&]*)")
_KEYWORD = re.compile(
    rf"(?<![?&\w])({'|'.join(SECRETS)})(\s*=\s*)('(?:[^'\\]|\\.)*(?:'|$)|(?:\\.|[^\s\\])+)", re.IGNORECASE | re.DOTALL
)

# A key of the HTTP API (infra/app/api_key.py). Its id is no secret; what follows is, whole or cut short.
_API_KEY = re.compile(r"(wbk_[a-z2-7]{12}_)[0-9A-Za-z]+")


def masked(text: str) -> str:
    """The text with each password replaced: before a URL's host, among its options, or in a keyword string.

    The secrets of keys of the HTTP API are replaced, too.
    """
    if "wbk_" in text:
        text = _API_KEY.sub(rf"\1{MASK}", text)
    return _masked(text, _BEFORE_HOST, _OPTION) if "://" in text or "=" in text else text


def masked_value(value: str) -> str:
    """The same for a value that is one connection string, or was meant to be: nothing in it ends the password early."""
    value = _API_KEY.sub(rf"\1{MASK}", value)
    return _masked(value, _BEFORE_HOST_OF_WHOLE, _OPTION_OF_WHOLE)


def _masked(text: str, before_host: re.Pattern[str], option: re.Pattern[str]) -> str:
    if "://" in text:
        text = before_host.sub(rf"\1:{MASK}@", text)
        text = option.sub(_option, text)
    return _KEYWORD.sub(rf"\1\2{MASK}", text)


def _option(found: re.Match[str]) -> str:
    # PostgreSQL's client decodes percent signs in the names of options, too.
    name, value = found.groups()
    return f"{name}={MASK if unquote(name).strip().lower() in SECRETS else value}"
