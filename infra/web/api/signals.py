"""/metrics, /healthz and /readyz of this process, beside its pages."""

from fastapi import APIRouter, Request, Response

from infra.signals.endpoints import PATHS
from infra.web.context import web_of
from infra.web.security.guard import Reader

router = APIRouter(include_in_schema=False)


async def told(request: Request, principal: Reader) -> Response:
    """What a monitoring system asks (docs/signals.md). It is answered however many readers are."""
    web = web_of(request)
    status, content_type, body = await web.guards.run(web.endpoints.respond, request.url.path)
    return Response(body, status, media_type=content_type)


for path in PATHS:
    router.add_api_route(path, told, methods=["GET"])
