"""Reasoning shortcuts: sums that are learned with digits misread, found by the audit, and mended."""
