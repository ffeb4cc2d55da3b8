"""The table of exchange rates, which analysts fill and query with SQL. Waybill only exports it."""

from sqlalchemy import Column, Table

from infra.store.register.tables import register_metadata
from projections.views.columns import Day, Name, Rate

exchange_rates = Table(
    "exchange_rates",
    register_metadata,
    Column("currency", Name, primary_key=True, comment="The currency of an amount (ISO 4217)."),
    Column("to_currency", Name, primary_key=True, comment="The currency to convert it to."),
    Column("valid_from", Day, primary_key=True, comment="From which day on (YYYY-MM-DD), until the next row's."),
    Column("rate", Rate, nullable=False, comment="How much of to_currency is one of currency: at most 12 places."),
    Column("source", Name, nullable=False, comment="Who says so, such as a bank and its fixing."),
    comment="One row for each rate that an analyst put in. Waybill never reads it.",
)
