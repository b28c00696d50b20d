"""Grounding against clingo's grounder and duckdb's recursive queries; `python -m benchmarks.grounding`."""
