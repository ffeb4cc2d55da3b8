"""Measurements: every figure beside a reference that ran in the same minutes on the same machine."""
