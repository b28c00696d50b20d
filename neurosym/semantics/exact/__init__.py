"""Exact probabilities under the distribution semantics."""

from neurosym.semantics.exact.shape import Shape
from neurosym.semantics.exact.solve import MAX_CIRCUIT, Exact, Method, Solution, choice_name

__all__ = ["MAX_CIRCUIT", "Exact", "Method", "Shape", "Solution", "choice_name"]
