"""The schema `waybill` of a PostgreSQL store: the analysts' relations and their privileges.

A relation is a view that reads the service's tables with its owner's rights. One that reads a table whose rows analysts
do not all see is a security barrier: PostgreSQL evaluates a reader's filter only on rows that the view returns, unless
the filter's operators are leakproof, so that an error in a filter cannot show a hidden row. The others hide nothing,
and a barrier would cost them the indexes that answer in the order asked for. A question as of an instant is a function
of the same name with an instant as its argument. It is plain SQL with the caller's rights that reads only the
relations, so that the planner can inline it and use indexes. Why: docs/decisions/010-what-analysts-may-read.md.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, literal_column, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.visitors import iterate

from infra.sql_views.relations import NotAllowedError, Relation, Wanted
from infra.store.exchange_rates import exchange_rates
from projections.order_beliefs import order_beliefs
from projections.views.as_of import AsOf
from projections.views.columns import Instant

SCHEMA = "waybill"
TABLES = "public"
ABOUT = "What analysts query: relations as of now, and functions of the same names that take an instant"
# The number is arbitrary, but every process must use the same.
DEFINING = 7_923_158
LOCK_TIMEOUT = "2s"
"""How long replacing the relations waits for another process that does the same."""
LOCK_MILLISECONDS = 800
"""How long replacing the relations waits for their readers; new readers queue behind it meanwhile."""

# With named parameters, because the driver's style would double every percent sign.
_DIALECT = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]
_quote = _DIALECT.identifier_preparer.quote


def define(engine: Engine, wanted: Sequence[Relation] | Wanted) -> bool:
    """Create or replace the schema's relations in one transaction; returns whether anything changed.

    It costs one query when nothing changed. Raises sqlalchemy's DBAPIError when a lock cannot be acquired in time, and
    NotAllowedError when the store belongs to another role.
    """
    with engine.connect() as connection:
        if _comment(connection) == _said(_statements(tuple(_seen(connection, wanted)))):
            return False
        if not _may_define(connection):
            raise NotAllowedError(
                f"the relations for analysts have changed, and this role cannot replace them because it does not own "
                f"them: run waybill migrate as {_owner(connection)}"
            )
    with engine.begin() as connection:
        return redefine(connection, wanted)


def redefine(connection: Connection, wanted: Sequence[Relation] | Wanted) -> bool:
    """Create or replace the schema's relations within the connection's transaction; returns whether any changed."""
    _run(connection, f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'", f"SELECT pg_advisory_xact_lock({DEFINING})")
    # Seen under the lock: otherwise a rebuild that swaps meanwhile would be undone.
    relations = _seen(connection, wanted)
    statements = _statements(tuple(relations))
    said = _said(statements)
    if _comment(connection) == said:
        return False  # another process was first
    readers, fillers = _readers(connection), _fillers(connection)
    _lock_views(connection)
    try:
        with connection.begin_nested():
            _run(connection, *statements)
    except DBAPIError as e:
        if not isinstance(e.orig, psycopg.errors.InvalidTableDefinition):
            raise
        # CREATE OR REPLACE can only add columns to a view, so it is dropped first.
        _run(connection, *_removals(relations), *statements)
    for role in readers:
        _grant(connection, role, fills_rates=role in fillers)
    _run(connection, f"COMMENT ON SCHEMA {SCHEMA} IS {_literal(said)}")
    return True


def _seen(connection: Connection, wanted: Sequence[Relation] | Wanted) -> Sequence[Relation]:
    return wanted(connection) if callable(wanted) else wanted


def remove(connection: Connection, relations: Sequence[Relation]) -> None:
    """Drop these relations, which nothing reads any more, within the connection's transaction."""
    _run(connection, *(f"DROP VIEW IF EXISTS {SCHEMA}.{_quote(relation.name)}" for relation in relations))


def _lock_views(connection: Connection) -> None:
    """Lock all of the schema's views against readers, or give up soon.

    A query of two views waits for the one that is locked here while it holds the other. PostgreSQL ends one of the two
    transactions once either has waited for a second (deadlock_timeout). Nobody can have waited that long for this one
    when it gives up, so a reader is never the one that is ended.
    """
    begun = monotonic()
    views = text("SELECT viewname FROM pg_views WHERE schemaname = :schema ORDER BY viewname")
    for name in connection.execute(views, {"schema": SCHEMA}).scalars().all():
        left = max(1, round(LOCK_MILLISECONDS - 1000 * (monotonic() - begun)))
        # The statement changes nothing, and unlike LOCK TABLE it does not lock the tables that the view reads.
        _run(
            connection,
            f"SET LOCAL lock_timeout = '{left}ms'",
            f"ALTER VIEW {SCHEMA}.{_quote(name)} RESET (check_option)",
        )
    _run(connection, f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")


def _said(statements: Sequence[str]) -> str:
    """The schema's comment, which identifies these definitions."""
    return f"{ABOUT} (definitions {hashlib.sha256(chr(10).join(statements).encode()).hexdigest()[:16]})."


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        # Without parameters, the driver leaves percent signs alone.
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def grant(engine: Engine, role: str, *, fills_rates: bool = False) -> list[str]:
    """Let a role read the relations and call the functions; returns the excess privileges that it still has.

    With `fills_rates`, it may also write the relation of exchange rates.

    Revokes from PUBLIC the right to make temporary tables in this database. If the current role is a superuser, it also
    revokes the functions by which a reader could fill the disk or block the service: writing large objects, taking
    advisory locks, writing messages into the log of changes. Only the schema's owner keeps them. Raises
    NotAllowedError.
    """
    with engine.begin() as connection:
        _expect_reader(connection, role)
        database = _quote(connection.execute(text("SELECT current_database()")).scalar_one())
        _run(
            connection,
            f"REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {database} TO {_quote(role)}",
        )
        if connection.execute(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")).scalar_one():
            for name in _harmful(connection, role):
                _run(
                    connection,
                    f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC",
                    f"GRANT EXECUTE ON FUNCTION {name} TO {_owner(connection)}",
                )
        _grant(connection, role, fills_rates=fills_rates)
        return _excess(connection, role)


def revoke(engine: Engine, role: str) -> None:
    """Revoke what `grant` granted, except the right to connect. Raises NotAllowedError."""
    with engine.begin() as connection:
        _expect_role(connection, role)
        _run(
            connection,
            f"REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA} FROM {_quote(role)}",
            f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {SCHEMA} FROM {_quote(role)}",
            f"REVOKE ALL ON SCHEMA {SCHEMA} FROM {_quote(role)}",
        )


# -- definitions ------------------------------------------------------------------------------------------------------


def _clock(instant: str) -> Any:
    """T plus a span, in SQL. Spans are in hours, because a day has 23 or 25 of them in some sessions' time zones."""

    def shifted(span: timedelta) -> ColumnElement[datetime]:
        hours = span // timedelta(hours=1)
        return literal_column(f"({instant} + interval '{hours} hours')" if hours else instant, Instant())

    return shifted


NOW = AsOf(_clock("now()"), present=True)
AS_OF = AsOf(_clock("as_of"), present=False)
KNOWN_AT = literal_column("known_at", Instant())
BOTH = "(as_of timestamptz, known_at timestamptz)"
NOT_BITEMPORAL = "this store does not keep what was known when"
"""Raised by the functions of two instants while a store keeps no beliefs."""


EXPECT_INSTANT = f"{SCHEMA}.expect_instant"
"""Raises an error for an instant that is null: compared with null, every row would be left out without a word."""
_EXPECT_INSTANT = (
    f"CREATE OR REPLACE FUNCTION {EXPECT_INSTANT}(instant timestamptz, name text) RETURNS boolean LANGUAGE plpgsql "
    "IMMUTABLE PARALLEL SAFE SECURITY INVOKER AS $$BEGIN IF instant IS NULL THEN RAISE EXCEPTION USING "
    "MESSAGE = name || ' is null', HINT = 'Give an instant, such as now().', ERRCODE = 'null_value_not_allowed'; "
    "END IF; RETURN true; END$$",
    f"REVOKE ALL ON FUNCTION {EXPECT_INSTANT}(timestamptz, text) FROM PUBLIC",
    f"COMMENT ON FUNCTION {EXPECT_INSTANT}(timestamptz, text) IS "
    "'Raises an error if an argument of a function of instants is null; they call it.'",
)


def _with_instants(question: str, *names: str) -> str:
    """The query, which raises an error if one of these arguments is null.

    A constant argument costs nothing: the planner finds that it is not null, and leaves the call out. The function is
    immutable so that the planner calls it for a constant null, before it finds that no row can fulfil the rest.
    """
    given = " AND ".join(f"({name} IS NOT NULL OR {EXPECT_INSTANT}({name}, '{name}'))" for name in names)
    return f"SELECT asked.* FROM ({question}) AS asked WHERE {given}"


@lru_cache(maxsize=8)
def _statements(relations: tuple[Relation, ...]) -> Sequence[str]:
    """All statements that create the schema, or bring an earlier version of it up to date."""
    statements = [f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"]
    shown = {name for relation in relations if relation.table is not None for name in _tables(relation)}
    for relation in relations:
        name = f"{SCHEMA}.{_quote(relation.name)}"
        barrier = "false" if _tables(relation) <= shown else "true"
        definition = _sql(relation, NOW, reading=TABLES)
        statements.append(f"CREATE OR REPLACE VIEW {name} WITH (security_barrier = {barrier}) AS {definition}")
        statements.append(f"COMMENT ON VIEW {name} IS {_literal(relation.description_now)}")
        statements += [
            f"COMMENT ON COLUMN {name}.{_quote(column)} IS {_literal(meaning)}"
            for column, meaning in relation.column_docs.items()
        ]
    statements += _EXPECT_INSTANT
    for relation in relations:
        if relation.table is None:
            name = f"{SCHEMA}.{_quote(relation.name)}"
            rights, reading = ("DEFINER", TABLES) if relation.reads_more else ("INVOKER", SCHEMA)
            about = f"{relation.description} As of any instant, by everything known today."
            statements += [
                f"CREATE OR REPLACE FUNCTION {name}(as_of timestamptz) RETURNS SETOF {name} "
                f"LANGUAGE sql STABLE PARALLEL SAFE SECURITY {rights} "
                f"BEGIN ATOMIC {_with_instants(_sql(relation, AS_OF, reading=reading), 'as_of')}; END",
                f"REVOKE ALL ON FUNCTION {name}(timestamptz) FROM PUBLIC",
                f"COMMENT ON FUNCTION {name}(timestamptz) IS {_literal(about)}",
            ]
    keeps_beliefs = order_beliefs.name in {relation.name for relation in relations}
    for relation in relations:
        if relation.can_be_believed:
            statements += _known_at_function(relation, keeps_beliefs=keeps_beliefs)
    return statements


def _known_at_function(relation: Relation, *, keeps_beliefs: bool) -> Sequence[str]:
    """The function of two instants. Without beliefs it says what to do, instead of answering with nothing."""
    name = f"{SCHEMA}.{_quote(relation.name)}"
    head = f"CREATE OR REPLACE FUNCTION {name}{BOTH} RETURNS SETOF {name} "
    if keeps_beliefs:
        question = _with_instants(_compiled(relation.believed_question(AS_OF, KNOWN_AT), SCHEMA), "as_of", "known_at")
        body = f"LANGUAGE sql STABLE PARALLEL SAFE SECURITY INVOKER BEGIN ATOMIC {question}; END"
    else:
        hint = "An operator turns it on: waybill rebuild --bitemporal"
        body = (
            f"LANGUAGE plpgsql STABLE SECURITY INVOKER AS $$BEGIN RAISE EXCEPTION USING "
            f"MESSAGE = {_literal(NOT_BITEMPORAL)}, HINT = {_literal(hint)}, ERRCODE = 'feature_not_supported'; END$$"
        )
    about = (
        f"{relation.description} What was true at as_of, by what was known at known_at: messages recorded later do "
        "not count. A known_at after now is what is known now. It reads order_beliefs, so an order that a standing "
        "order places counts once waybill react has stored it; the command's --known-at also counts those that are "
        "due and not stored yet."
    )
    return [
        f"{head}{body}",
        f"REVOKE ALL ON FUNCTION {name}(timestamptz, timestamptz) FROM PUBLIC",
        f"COMMENT ON FUNCTION {name}(timestamptz, timestamptz) IS {_literal(about)}",
    ]


def _tables(relation: Relation) -> set[str]:
    """The names of the tables that a relation's view reads."""
    return {part.name for part in iterate(relation.stored_question(NOW)) if isinstance(part, Table)}


def _removals(relations: Sequence[Relation]) -> list[str]:
    functions = [
        f"DROP FUNCTION IF EXISTS {SCHEMA}.{_quote(relation.name)}({arguments})"
        for relation in relations
        if relation.table is None
        for arguments in ("timestamptz", "timestamptz, timestamptz")
    ]
    return functions + [f"DROP VIEW IF EXISTS {SCHEMA}.{_quote(relation.name)}" for relation in relations]


def _sql(relation: Relation, as_of: AsOf, *, reading: str) -> str:
    asked = relation.stored_question(as_of) if reading == TABLES else relation.relations_question(as_of)
    return _compiled(asked, reading)


def _compiled(question: Select[Any], reading: str) -> str:
    compiled = question.order_by(None).compile(
        dialect=_DIALECT,
        schema_translate_map={None: reading},
        compile_kwargs={"literal_binds": True},
        render_schema_translate=True,
    )
    return str(compiled)


def _literal(said: str) -> str:
    return "'" + said.replace("'", "''") + "'"


# -- who may ----------------------------------------------------------------------------------------------------------


def _comment(connection: Connection) -> str | None:
    question = text("SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = :schema")
    return connection.execute(question, {"schema": SCHEMA}).scalar_one_or_none()


def _owner(connection: Connection) -> str:
    question = text(
        "SELECT coalesce((SELECT nspowner FROM pg_namespace WHERE nspname = :schema), datdba)::regrole::text "
        "FROM pg_database WHERE datname = current_database()"
    )
    return str(connection.execute(question, {"schema": SCHEMA}).scalar_one())


def _may_define(connection: Connection) -> bool:
    question = text(
        "SELECT coalesce((SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = :schema), "
        "has_database_privilege(current_database(), 'CREATE'))"
    )
    return bool(connection.execute(question, {"schema": SCHEMA}).scalar_one())


def _readers(connection: Connection) -> list[str]:
    """The roles that may use the schema, other than its owner."""
    question = text(
        "SELECT DISTINCT rolname FROM pg_namespace, aclexplode(nspacl) JOIN pg_roles ON pg_roles.oid = grantee "
        "WHERE nspname = :schema AND privilege_type = 'USAGE' AND grantee != nspowner ORDER BY rolname"
    )
    return list(connection.execute(question, {"schema": SCHEMA}).scalars())


def _fillers(connection: Connection) -> set[str]:
    """The roles that may write the exchange rates, other than the relation's owner."""
    question = text(
        "SELECT DISTINCT rolname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace, "
        "aclexplode(relacl) JOIN pg_roles ON pg_roles.oid = grantee "
        "WHERE nspname = :schema AND relname = :rates AND privilege_type = 'INSERT' AND grantee != relowner"
    )
    return set(connection.execute(question, {"schema": SCHEMA, "rates": exchange_rates.name}).scalars())


def _grant(connection: Connection, role: str, *, fills_rates: bool) -> None:
    _run(
        connection,
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {_quote(role)}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {_quote(role)}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {SCHEMA} TO {_quote(role)}",
    )
    if fills_rates:
        _run(connection, f"GRANT INSERT, UPDATE, DELETE ON {SCHEMA}.{exchange_rates.name} TO {_quote(role)}")


def _expect_role(connection: Connection, role: str) -> None:
    if not connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first():
        raise NotAllowedError(
            f"there is no role {role}; an administrator makes one: CREATE ROLE {_quote(role)} LOGIN PASSWORD '…'"
        )


def _expect_reader(connection: Connection, role: str) -> None:
    """Raise NotAllowedError unless the role exists and can be kept from writing, which an owner cannot."""
    _expect_role(connection, role)
    question = text(
        "SELECT pg_has_role(:role, nspowner, 'MEMBER') OR pg_has_role(:role, datdba, 'MEMBER') "
        "FROM pg_namespace, pg_database WHERE nspname = :schema AND datname = current_database()"
    )
    if connection.execute(question, {"role": role, "schema": SCHEMA}).scalar_one():
        raise NotAllowedError(
            f"{role} can write to the store: it is a superuser, its owner, or a member of that role. "
            "Give analysts a role of their own"
        )


def _harmful(connection: Connection, role: str) -> list[str]:
    """Functions of PostgreSQL that everybody may call, by which a role can write or block the service."""
    question = text(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace "
        "AND (proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lowrite', 'lo_truncate', "
        "'lo_truncate64', 'lo_unlink', 'pg_logical_emit_message') "
        "OR proname ~ '^pg_(try_)?advisory_(xact_)?lock(_shared)?$') "
        "AND has_function_privilege(:role, oid, 'EXECUTE') ORDER BY 1"
    )
    return list(connection.execute(question, {"role": role}).scalars())


def _excess(connection: Connection, role: str) -> list[str]:
    """What a role can do besides reading the relations, each with the statement that revokes it."""
    tables = text(
        "SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace "
        "WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname NOT IN (:schema, 'information_schema') "
        "AND nspname NOT LIKE 'pg\\_%' "
        "AND has_table_privilege(:role, pg_class.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') ORDER BY 1"
    )
    schemas = text(
        "SELECT format('%I', nspname) FROM pg_namespace "
        "WHERE nspname NOT LIKE 'pg\\_%' AND has_schema_privilege(:role, oid, 'CREATE') ORDER BY 1"
    )
    asked = {"role": role, "schema": SCHEMA}
    return [
        *(
            f"{role} can use the table {name}: REVOKE ALL ON {name} FROM PUBLIC, {_quote(role)}"
            for name in connection.execute(tables, asked).scalars()
        ),
        *(
            f"{role} can make tables in the schema {name}: REVOKE CREATE ON SCHEMA {name} FROM PUBLIC, {_quote(role)}"
            for name in connection.execute(schemas, {"role": role}).scalars()
        ),
        *(
            f"{role} can call {name}: a superuser can REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC"
            + (f", and GRANT it TO {_owner(connection)}" if "advisory" in name else "")
            for name in _harmful(connection, role)
        ),
    ]
