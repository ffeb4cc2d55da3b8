"""The rows of a projection mean something else from one version to the next."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import func, inspect, select, text

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from projections.order_states import ORDER_STATES
from projections.views.tables import order_states


def test_the_rows_of_another_version_are_removed_and_shaped_anew(tmp_path: Path) -> None:
    # given a store whose views are up to date
    content = b"\n".join(simulate(30, 1, DEFAULT_UNTIL))
    with Waybill(Settings(store=f"sqlite:///{tmp_path / 'store.db'}")) as waybill:
        waybill.ingest().read(JsonLines.of_bytes("floor", content))
        head = waybill.project()
        before = _rows(waybill)
        with waybill.engine.begin() as connection:
            connection.execute(text("DROP INDEX order_states_due"))
            connection.execute(text("CREATE INDEX order_states_of_old ON order_states (carrier)"))
        # when a new version of a projection is put in use
        waybill.rows.create([replace(ORDER_STATES, version=ORDER_STATES.version + 1)])
        # then its tables are empty and it stands at the beginning, and the others where they were
        assert _rows(waybill) == 0
        assert waybill.rows.positions([ORDER_STATES]) == {"order_states": 0}
        # and they have the indexes that this version wants
        indexes = {index["name"] for index in inspect(waybill.engine).get_indexes("order_states")}
        assert indexes == {"order_states_due", "order_states_load"}
        # and projecting fills it again
        assert waybill.project() == head
        assert _rows(waybill) == before > 0


def _rows(waybill: Waybill) -> int:
    with waybill.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(order_states)).scalar_one()
