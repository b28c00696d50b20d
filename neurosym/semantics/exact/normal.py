"""Normal form: what a body asks of each choice as one set of outcomes, and of other facts as literals.

Facts that are one literal look through to it, impossible and equal bodies are left out. The same choice used twice in
a body is then no obstacle to a proof.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.grounding import DerivationGraph
from neurosym.grounding.compiled import load
from neurosym.semantics.exact.structure import Structure, Words, with_bodies
from neurosym.semantics.part import Long

# what a fact is: a head of bodies; a set of outcomes of one choice; a literal; true or false in all worlds
PLAIN, OUTCOMES, LITERAL, TRUE, FALSE = range(5)


@dataclass(frozen=True)
class Normal:
    """b bodies over the facts of a structure.

    Attributes:
        state: (n,) what each fact is; alias: (n,) the choice or the literal that it stands for; alias_mask: (n, W).
        starts: (n + 1,) offsets into the bodies of each fact; origin: (b,) one of the bodies that it was.
        choice_start: (b + 1,) offsets into choices: (c,) and masks: (c, W), sorted by choice.
        literal_start: (b + 1,) offsets into literals: (l,), sorted by fact.
    """

    state: NDArray[np.uint8]
    alias: Long
    alias_mask: Words
    starts: Long
    origin: Long
    choice_start: Long
    choices: Long
    masks: Words
    literal_start: Long
    literals: Long


def normalise(structure: Structure, forced: NDArray[np.uint8] | None = None) -> Normal:
    """The normal form of a structure's bodies.

    Args:
        forced: (n,) 1 where a fact was observed true, 2 where false: other bodies then take it for certain.
    """
    n, words = len(structure.facts), structure.full.shape[1]
    bodies, edges = len(structure.body_start) - 1, len(structure.literals)
    forced = np.zeros(n, np.uint8) if forced is None else forced
    state, alias, alias_mask = np.zeros(n, np.uint8), np.zeros(n, np.int64), np.zeros((n, words), np.uint64)
    starts, origin = np.zeros(n + 1, np.int64), np.zeros(bodies, np.int64)
    choice_start, literal_start = np.zeros(bodies + 1, np.int64), np.zeros(bodies + 1, np.int64)
    choices, masks = np.zeros(edges, np.int64), np.zeros((edges, words), np.uint64)
    literals = np.zeros(edges, np.int64)
    count = load("neurosym.semantics.exact.normal_kernels").normalise(
        structure.starts, structure.body_start, structure.literals, structure.component, structure.cyclic,
        structure.choice, structure.outcome, structure.full, forced, state, alias, alias_mask, starts, origin,
        choice_start, literal_start, choices, masks, literals,
    )  # fmt: skip
    c, f = choice_start[count], literal_start[count]
    return Normal(
        state, alias, alias_mask, starts, origin[:count], choice_start[: count + 1], choices[:c], masks[:c],
        literal_start[: count + 1], literals[:f],
    )  # fmt: skip


def simplified(graph: DerivationGraph, structure: Structure, roots: Long) -> Structure:
    """A structure without bodies that cannot hold, as long as that breaks cycles."""
    while structure.cyclic.any():
        normal = normalise(structure)
        heads = np.repeat(np.arange(len(structure.facts)), np.diff(structure.starts))
        keep = ((normal.state != PLAIN) & (normal.state != FALSE))[heads]
        keep[normal.origin] = True
        if keep.all():
            break
        before = int(structure.cyclic.sum())
        structure = with_bodies(graph, structure, np.nonzero(keep)[0], roots)
        roots = np.arange(len(structure.facts))
        if int(structure.cyclic.sum()) == before:
            break
    return structure
