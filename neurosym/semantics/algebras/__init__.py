"""Algebras of tags: `semirings` says what they are, the rest evaluates them over a graph."""

from neurosym.semantics.algebras.evaluate import Evaluator, evaluate, log_of
from neurosym.semantics.algebras.semirings import (
    Boolean,
    Count,
    Goedel,
    Lukasiewicz,
    Product,
    Semiring,
    SumProduct,
    Viterbi,
)

__all__ = [
    "Boolean",
    "Count",
    "Evaluator",
    "Goedel",
    "Lukasiewicz",
    "Product",
    "Semiring",
    "SumProduct",
    "Viterbi",
    "evaluate",
    "log_of",
]
