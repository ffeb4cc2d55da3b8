"""The version of the rules that settle."""

RULES_VERSION = 1
"""Raise it whenever the same facts may come to another state than before: then snapshots of earlier rules are void."""
