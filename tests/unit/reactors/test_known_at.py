"""Questions about an earlier instant derive the messages of every reactor again."""

from pathlib import Path

from infra.app.container import Waybill
from infra.queries.derived_then import DERIVED_AGAIN
from infra.settings import Settings


def test_the_messages_of_every_reactor_are_derived_again(tmp_path: Path) -> None:
    with Waybill(Settings(store=f"sqlite:///{tmp_path}/waybill.db")) as waybill:
        assert {reactor.source for reactor in waybill.reactors()} == DERIVED_AGAIN
