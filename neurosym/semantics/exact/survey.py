"""What can be proved of the facts of a graph, before anything is solved: for benchmarks and for advice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids
from neurosym.grounding import DerivationGraph
from neurosym.semantics.exact.normal import PLAIN, normalise, simplified
from neurosym.semantics.exact.proof import COMPILE, prove
from neurosym.semantics.exact.structure import structure_of
from neurosym.semantics.part import Long, relevant_part


@dataclass(frozen=True)
class Survey:
    """m uncertain facts that are derived, not leaves.

    Attributes:
        facts: (m,) ids in the graph.
        proved: (m,) whether sums and products of the fact's own groundings are proved right.
        groundings: (m,) how many groundings are left in normal form.
        cyclic: (m,) whether the fact depends on itself; choices: how many there are below all of them.
    """

    facts: Ids
    proved: NDArray[np.bool_]
    groundings: Long
    cyclic: NDArray[np.bool_]
    choices: int


def survey(graph: DerivationGraph, roots: Ids) -> Survey:
    """Look at the facts that some facts depend on, themselves included.

    Args:
        roots: (r,) fact ids, none of them certain.
    """
    part = relevant_part(graph, roots, drop_certain=True)
    structure = structure_of(graph, part)
    structure = simplified(graph, structure, structure.number[part.roots])
    normal = normalise(structure)
    proof = prove(graph, structure, normal)
    heads = np.repeat(np.arange(len(structure.facts)), np.diff(normal.starts))
    live = ~proof.dead
    crossed = np.zeros(len(structure.facts), bool)
    crossed[heads[proof.crossed & live]] = True
    plain = normal.state == PLAIN
    right = ~plain | ((proof.how != COMPILE) & ~crossed)
    counts = np.where(plain, np.bincount(heads[live], minlength=len(plain)), 1)
    derived = (structure.number >= 0) & ~part.leaf & ~part.given
    number = structure.number[derived]
    return Survey(
        part.facts[derived], right[number], counts[number], structure.cyclic[number] & plain[number],
        len(structure.sizes),
    )  # fmt: skip
