"""Semantics room: DerivationGraph + probabilities of leaves -> tags."""

from neurosym.semantics.evaluate import Evaluator, evaluate
from neurosym.semantics.exact import MAX_CIRCUIT, Exact, choice_name
from neurosym.semantics.lnn import LogicBounds
from neurosym.semantics.part import Part, relevant_part
from neurosym.semantics.semirings import (
    Boolean,
    Count,
    Goedel,
    Lukasiewicz,
    Product,
    Semiring,
    SumProduct,
    Viterbi,
)
from neurosym.semantics.unknown_atoms import unknown_atom, unknown_leaves
from neurosym.semantics.unknowns import Bounds

ALGEBRAS: tuple[type[Semiring], ...] = (Boolean, Count, Viterbi, Goedel, Product, Lukasiewicz, SumProduct)

__all__ = [
    "ALGEBRAS",
    "MAX_CIRCUIT",
    "Boolean",
    "Bounds",
    "Count",
    "Evaluator",
    "Exact",
    "Goedel",
    "LogicBounds",
    "Lukasiewicz",
    "Part",
    "Product",
    "Semiring",
    "SumProduct",
    "Viterbi",
    "choice_name",
    "evaluate",
    "relevant_part",
    "unknown_atom",
    "unknown_leaves",
]
