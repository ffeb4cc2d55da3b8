"""The newest version of the store's schema: that of the last step under infra/store/migrations/versions."""

NEWEST = "0018"
