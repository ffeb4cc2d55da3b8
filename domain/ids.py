"""Ids of subjects and messages."""

MAX_ID_LENGTH = 200
"""How many characters an id has at most."""
