"""Exact probabilities under the distribution semantics."""

from neurosym.semantics.exact.solve import MAX_CIRCUIT, Exact, Method, choice_name

__all__ = ["MAX_CIRCUIT", "Exact", "Method", "choice_name"]
