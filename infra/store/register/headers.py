"""Headers in the register: a JSON array of [name, value]; a value is any bytes, in hexadecimal."""

import json

from consumers.contract.kafka_records import Headers


def write_headers(headers: Headers) -> str:
    return json.dumps([[name, value.hex()] for name, value in headers])


def read_headers(kept: str) -> Headers:
    return tuple((name, bytes.fromhex(value)) for name, value in json.loads(kept))
