"""Sums and products written down for all facts at once; what has to be folded or compiled is left open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosym.grounding.compiled import load
from neurosym.semantics.exact.circuit import CircuitBuilder, renamed
from neurosym.semantics.exact.view import View
from neurosym.semantics.part import Long


@dataclass(frozen=True)
class Emitted:
    """References for the facts of a view.

    Attributes:
        reference: (n,) to each fact's probability.
        facts: (n,) the node of a fact that is still to be filled in, else -1; bodies: (b,) likewise.
    """

    reference: Long
    facts: Long
    bodies: Long


def emit(view: View, builder: CircuitBuilder) -> Emitted:
    """Add the nodes of all facts to a circuit, over the view's references for leaves."""
    structure, normal, proof = view.structure, view.normal, view.proof
    reference = np.zeros(len(structure.facts), np.int64)
    bodies = np.full(len(normal.origin), -1)
    kinds, sizes, children, facts = load("neurosym.semantics.exact.emit_kernels").emit(
        builder.leaves, builder.count, structure.leaf_start, structure.sizes, structure.other, normal.state,
        normal.alias, normal.alias_mask, normal.starts, normal.choice_start, normal.choices, normal.masks,
        normal.literal_start, normal.literals, proof.how, proof.cluster, proof.dead, proof.crossed, proof.dropped,
        reference, bodies,
    )  # fmt: skip
    others = np.arange(builder.leaves + 1, builder.count + len(kinds))
    number = np.concatenate([np.array([*view.leaf_reference, builder.one], np.int64), others])
    builder.extend(kinds, sizes, renamed(children, number))
    return Emitted(renamed(reference, number), facts, bodies)
