"""Semantics room: DerivationGraph + probabilities of leaves -> tags."""

from neurosym.semantics.algebras import (
    Boolean,
    Count,
    Evaluator,
    Goedel,
    Lukasiewicz,
    Product,
    Semiring,
    SumProduct,
    Viterbi,
    evaluate,
    log_of,
)
from neurosym.semantics.exact import MAX_CIRCUIT, Exact, choice_name
from neurosym.semantics.lnn import LogicBounds
from neurosym.semantics.part import Part, relevant_part
from neurosym.semantics.topk import ProofBounds, TopK
from neurosym.semantics.unknown_atoms import unknown_atom, unknown_leaves
from neurosym.semantics.unknowns import Bounds

Semantics = Semiring | TopK | LogicBounds  # all but `exact`, which None stands for
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
    "ProofBounds",
    "Semantics",
    "Semiring",
    "SumProduct",
    "TopK",
    "Viterbi",
    "choice_name",
    "evaluate",
    "log_of",
    "relevant_part",
    "unknown_atom",
    "unknown_leaves",
]
