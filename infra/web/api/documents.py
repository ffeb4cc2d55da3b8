"""Documents about the service for programs: GET /openapi.json and /asyncapi.json."""

from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from consumers.relay.asyncapi import whole_document
from infra.web.api.answers import json_answer
from infra.web.api.describing import PROBLEM_SCHEMA, problems
from infra.web.security.guard import Reader

router = APIRouter(include_in_schema=False)

ABOUT = """\
Publish messages, query views, follow what happens.

Instants are in UTC (RFC 3339), decimals are strings. Every error is a problem document (RFC 9457) whose `detail` names
the field and the fix. Send a key as `Authorization: Bearer KEY`; on loopback none is needed while none was created."""
_OF_EVERY_ROUTE = problems(401, 403, 429)


@router.get("/openapi.json")
def openapi(request: Request, principal: Reader) -> Response:
    """The OpenAPI 3.1 document of the HTTP API."""
    return json_answer(openapi_document(request.app))


@router.get("/asyncapi.json")
def asyncapi(request: Request, principal: Reader) -> Response:
    """The AsyncAPI 3 document of all messages that Waybill reads and publishes."""
    return json_answer(_asyncapi_document())


_asyncapi_document = cache(whole_document)


@cache
def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document of this app's routes."""
    document = get_openapi(
        title=app.title, version=app.version, openapi_version="3.1.0", description=ABOUT, routes=app.routes
    )
    for operations in document["paths"].values():
        for operation in operations.values():
            _told_with_problems(operation["responses"])
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"key": []}]
    return document


def _told_with_problems(responses: dict[str, Any]) -> None:
    """Errors are told as problems, not in the framework's own shape."""
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
        for status, said in problems(400).items():
            responses.setdefault(str(status), said)
    for status, said in _OF_EVERY_ROUTE.items():
        responses.setdefault(str(status), said)
