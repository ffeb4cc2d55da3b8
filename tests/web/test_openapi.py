"""given the OpenAPI document, then whatever it allows is answered as it says, and whatever it forbids is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import ignored_auth, not_a_server_error, positive_data_acceptance

from consumers.sources.json_lines import JsonLines
from infra.simulation import DEFAULT_UNTIL, simulate
from infra.store.keys import Role
from infra.web.app import ROUTERS
from infra.web.problems import PROBLEM_JSON
from tests.web.secured import secured_web

ENDLESS = "/v1/events/stream"
NOT_YET = 503
"""What a view answers that does not reflect `min_position`: an error of nobody."""
EXAMPLES = [2, pytest.param(40, marks=pytest.mark.slow)]
"""How many valid requests, and as many invalid ones, each operation gets."""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The document of a server on a simulated floor, behind keys, as a program reads it."""
    folder = tmp_path_factory.mktemp("openapi")
    with secured_web(f"sqlite:///{folder}/waybill.db", folder) as web:
        pipeline = web.waybill.ingest()
        content = b"\n".join(simulate(40, 5, DEFAULT_UNTIL, 0.15))
        pipeline.finish(pipeline.read(JsonLines.of_bytes("floor", content)).feed_id)
        web.waybill.project()
        key = {"Authorization": f"Bearer {web.key(*Role)}"}
        config = schemathesis.Config.from_dict({"headers": key, "phases": {"coverage": {"enabled": False}}})
        yield schemathesis.openapi.from_url(f"{web.url}/openapi.json", config=config, headers=key).exclude(path=ENDLESS)


def test_every_error_in_the_document_is_a_problem(document: Any) -> None:
    answers = {
        (method, path, status): answer
        for path, operations in document.raw_schema["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        if status >= "400"
    }

    without = [where for where, answer in answers.items() if PROBLEM_JSON not in answer.get("content", {})]

    assert answers and not without


OPERATIONS = [
    (method, route.path_format)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.include_in_schema and route.path != ENDLESS
    for method in sorted(route.methods or ())
]


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: f"{mode.value} requests")
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
def test_an_operation_answers_as_the_document_says(
    document: Any, method: str, path: str, mode: GenerationMode, examples: int
) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(case=document[path][method].as_strategy(mode))
    def answers(case: Any) -> None:
        if case.query and "min_position" in case.query:
            case.query["wait"] = "0"
        answer = case.call()
        # That a cursor belongs to another query, or a sort names a column twice, no schema can say.
        # Keys that do not work are tests/web/test_roles.py's, and too many of them are answered 429.
        excluded = [positive_data_acceptance, ignored_auth]
        if answer.status_code == NOT_YET:
            excluded.append(not_a_server_error)
        case.validate_response(answer, excluded_checks=excluded)

    try:
        answers()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "every operation has a valid request"
