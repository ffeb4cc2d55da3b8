"""The version of the settling rules."""

RULES_VERSION = 2
"""Raise it whenever the same facts may give another state than before; this invalidates older snapshots.

A store records the version by which its verdicts are written (infra/store/stored_rules_version.py). Code of an earlier
version may read such a store but must not write to it. `waybill migrate` raises the version and settles every subject
again. See docs/decisions/016-rules-have-a-version.md.
"""
