"""Logical neural networks: bounds on truth, upward and downward through every connective, with contradictions named."""

from neurosym.semantics.lnn.conflicts import MAX_CONFLICTS, Contradiction, contradictions
from neurosym.semantics.lnn.infer import Inference, Operands, Settled
from neurosym.semantics.lnn.settings import LogicBounds
from neurosym.semantics.lnn.theory import Element, Theory, rule_weights, theory_of

__all__ = [
    "MAX_CONFLICTS",
    "Contradiction",
    "Element",
    "Inference",
    "LogicBounds",
    "Operands",
    "Settled",
    "Theory",
    "contradictions",
    "rule_weights",
    "theory_of",
]
