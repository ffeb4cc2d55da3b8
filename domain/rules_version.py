"""The version of the rules that settle."""

RULES_VERSION = 2
"""Raise it whenever the same facts may come to another state than before: then snapshots of earlier rules are void.

A store records the version by which its verdicts are written. Code of an earlier version may ask such a store, but must
not write to it; `waybill migrate` raises it and settles every subject again. See
docs/decisions/016-rules-have-a-version.md.
"""
