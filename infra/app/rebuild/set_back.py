"""Set back: the rows that served before the last rebuild of a projection serve again."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from domain.checkpoint import CheckpointMovedError
from domain.operator.acts import ProjectionSetBack
from infra.app.container import Waybill
from infra.app.rebuild.advance import Advance
from infra.app.rebuild.switch import serve
from infra.store.operator_log import Acting, Who
from infra.store.projected.builds import Build, ProjectionBuilds
from infra.store.projected.earlier_builds import NothingToGoBackToError, previous_build, take_older_into_use
from infra.store.projected.serving import live_versions
from projections.projection import Projection

NEEDS_ALL = "rows that served before are brought up to date from events"


class SetBack(NamedTuple):
    """A projection whose earlier rows serve again: those of this version and build, up to this position."""

    projection: str
    version: int
    build: int
    position: int


def set_back(waybill: Waybill, projections: Sequence[Projection], who: Who) -> list[SetBack]:
    """Make the rows serve that served before the last rebuild of each projection; its own rows stay.

    If the version was rebuilt before, these are its earlier rows, brought up to the position that serves. Otherwise
    they are those of the version before: the one that served needs a rebuild from then on. All or none, in one
    transaction. Raises NothingToGoBackToError, PrunedOrdersError, and CheckpointMovedError if another process acts
    meanwhile.
    """
    kinds = {kind for projection in projections for kind in projection.kinds}
    waybill.retry(partial(waybill.history.expect_unpruned, kinds, NEEDS_ALL))
    builds = ProjectionBuilds(waybill.engine, waybill.clock)
    advance = Advance(waybill, builds)
    expected = waybill.retry(partial(_choices, waybill, projections))
    _expect_older(expected)
    for projection in projections:
        # Most of the catching up: the transaction that switches holds up projectors.
        previous = waybill.retry(partial(_previous, waybill, projection))
        head = waybill.retry(waybill.history.head)
        while previous is not None and previous.position < head:
            (previous,), _ = waybill.retry(partial(advance.step, [previous], head))

    def work(acting: Acting) -> list[SetBack]:
        connection, done = acting.connection, []
        waybill.history.within(connection).expect_unpruned(kinds, NEEDS_ALL)
        for projection in projections:
            if _choice(connection, projection) != expected[projection.name]:
                raise CheckpointMovedError(f"another process has changed which rows of {projection.name} serve")
            previous = previous_build(connection, projection)
            if previous is not None:
                builds.take_into_use(connection, [previous], advance.bring_to)
            else:
                take_older_into_use(connection, projection, advance.bring_to)
            live = live_versions(connection, (projection,))[projection.name]
            done.append(SetBack(projection.name, live.version, live.build, live.position))
            acting.log(ProjectionSetBack, projection=projection.name, version=live.version, position=live.position)
        left = serve(connection, waybill)
        names = {projection.name for projection in projections}
        broken = [relation.name for relation in left if names & {p.name for p in relation.projections}]
        if broken:
            raise NothingToGoBackToError(
                f"the earlier rows lack columns that {', '.join(broken)} of this waybill shows: "
                "run the same command with the waybill of the version before"
            )
        return done

    return waybill.operator_log.act(who, work, builds.hold_positions)


def _previous(waybill: Waybill, projection: Projection) -> Build | None:
    with waybill.engine.connect() as connection:
        return previous_build(connection, projection)


def _expect_older(choices: Mapping[str, "_Choice"]) -> None:
    """Raise NothingToGoBackToError if the rows that are kept are those of the last rebuild, which was set back."""
    for name, choice in choices.items():
        if choice.previous is not None and choice.previous > choice.build:
            raise NothingToGoBackToError(
                f"the rows of {name} from before the last rebuild serve already (build {choice.build}); "
                f"to go forward again: waybill rebuild {name}"
            )


class _Choice(NamedTuple):
    """What serves, and the build to which one can go back."""

    version: int
    build: int
    previous: int | None


def _choices(waybill: Waybill, projections: Sequence[Projection]) -> dict[str, _Choice]:
    with waybill.engine.connect() as connection:
        return {projection.name: _choice(connection, projection) for projection in projections}


def _choice(connection: Connection, projection: Projection) -> _Choice:
    live = live_versions(connection, (projection,))[projection.name]
    previous = previous_build(connection, projection)
    return _Choice(live.version, live.build, None if previous is None else previous.number)
