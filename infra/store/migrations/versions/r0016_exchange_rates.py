"""Exchange rates, which an analyst may fill."""

from alembic import op

revision = "0016"
down_revision = "0015"

POSTGRESQL = """
CREATE TABLE exchange_rates (
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    to_currency text COLLATE "C" NOT NULL CHECK (to_currency ~ '^[A-Z]{3}$' AND to_currency <> currency),
    valid_from date NOT NULL,
    rate numeric NOT NULL CHECK (rate > 0 AND rate < 1000000000000 AND rate = round(rate, 12)),
    source text COLLATE "C" NOT NULL,
    PRIMARY KEY (currency, to_currency, valid_from)
)
"""
# Text compares greater than every number, so the rate is checked digit by digit; a date that is none is null to date().
SQLITE = """
CREATE TABLE exchange_rates (
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    to_currency TEXT NOT NULL CHECK (to_currency GLOB '[A-Z][A-Z][A-Z]' AND to_currency <> currency),
    valid_from TEXT NOT NULL CHECK (valid_from IS date(valid_from, '+0 days')),
    rate TEXT NOT NULL CHECK (
        CAST(rate AS REAL) > 0 AND CAST(rate AS REAL) < 1000000000000
        AND rate NOT GLOB '*[^0-9.]*' AND rate NOT GLOB '*.*.*' AND rate NOT GLOB '*.?????????????*'
    ),
    source TEXT NOT NULL,
    PRIMARY KEY (currency, to_currency, valid_from)
)
"""
COMMENTS = {
    "currency": "The currency of an amount (ISO 4217).",
    "to_currency": "The currency to convert it to.",
    "valid_from": "From which day on (YYYY-MM-DD), until the next row's.",
    "rate": "How much of to_currency is one of currency: at most 12 places.",
    "source": "Who says so, such as a bank and its fixing.",
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.execute(SQLITE)
        return
    op.execute(POSTGRESQL)
    for column, meaning in COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN exchange_rates.{column} IS '{meaning.replace(chr(39), chr(39) * 2)}'")
    op.create_table_comment("exchange_rates", "One row for each rate that an analyst put in. Waybill never reads it.")
