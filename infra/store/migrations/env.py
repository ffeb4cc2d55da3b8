"""Run by the migration library for each upgrade, with the connection for the steps."""

from alembic import context

from infra.store.newest_version import VERSION_TABLE
from infra.store.register.tables import register_metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=register_metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
