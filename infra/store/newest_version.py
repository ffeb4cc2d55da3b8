"""The newest version of the store's schema: that of the last step under infra/store/migrations/versions."""

NEWEST = "0019"

VERSION_TABLE = "store_version"
"""Has one row with the version of a store's schema."""
