"""Bounds on probabilities from the k best proofs."""

from neurosym.semantics.topk.config import TopK
from neurosym.semantics.topk.evaluate import ProofBounds

__all__ = ["ProofBounds", "TopK"]
