"""Questions about an earlier instant derive the messages of every reactor again."""

from pathlib import Path

from infra.app.container import Waybill
from infra.settings import Settings
from infra.settled_then.derived import DERIVED_AGAIN


def test_the_messages_of_every_reactor_are_derived_again(tmp_path: Path) -> None:
    with Waybill(Settings(store=f"sqlite:///{tmp_path}/waybill.db")) as waybill:
        assert {reactor.source for reactor in waybill.reactors()} == DERIVED_AGAIN
