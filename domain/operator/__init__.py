"""What operators do to a running service, stored as events."""
