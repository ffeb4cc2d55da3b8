"""Measurements: every figure is compared with a reference run in the same minutes on the same machine."""
