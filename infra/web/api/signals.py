"""/metrics, /healthz and /readyz of this process, beside its pages."""

from fastapi import APIRouter, Request, Response

from infra.signals.endpoints import PATHS
from infra.web.context import web_of
from infra.web.security.guard import Reader

router = APIRouter(include_in_schema=False)


def told(request: Request, principal: Reader) -> Response:
    """What a monitoring system asks (docs/signals.md)."""
    status, content_type, body = web_of(request).endpoints.respond(request.url.path)
    return Response(body, status, media_type=content_type)


for path in PATHS:
    router.add_api_route(path, told, methods=["GET"])
