"""Data as bytes: some SDKs write `data_base64` instead of `data`."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from consumers.contract.json_decoding import Unreadable, decode_json
from consumers.contract.problems import shown

BASE64 = "data_base64"


class DataUnreadable(ValueError):
    """`data_base64` is not JSON, or appears together with `data`; the text says which."""


def with_data_decoded(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The attributes with the content of `data_base64` under "data". Raises DataUnreadable."""
    encoded = attributes.get(BASE64)
    if encoded is None:
        return attributes
    if attributes.get("data") is not None:
        raise DataUnreadable("must be absent where data are given")
    if not isinstance(encoded, str):
        raise DataUnreadable(f"must be JSON as base64 text, but is {shown(encoded)}")
    try:
        data = decode_json(b64decode(encoded, validate=True))
    except (binascii.Error, ValueError) as error:
        if isinstance(error, Unreadable):
            raise DataUnreadable(f"its content {error}") from None
        raise DataUnreadable(f"must be base64, but is {shown(encoded)}") from None
    return {**attributes, "data": data}
