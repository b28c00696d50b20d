"""A part of a graph laid out for evaluation in one pass: facts in an order in which bodies come before their heads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids
from neurosym.grounding.compiled import load
from neurosym.semantics.part import Long, Part

Bools = NDArray[np.bool_]


def kernels() -> ModuleType:
    """The compiled loops."""
    return load("neurosym.semantics.algebras.kernels")


@dataclass(frozen=True)
class Plan:
    """n facts of a part in the order of evaluation: b base facts without groundings, then h heads.

    Attributes:
        facts: (n,) the facts' ids in the graph.
        leaf: (b,) whether a base fact is a choice's outcome; its tag is read from the inputs.
        fixed: (b,) tags of the other base facts; given: (h,) what heads have before their groundings, 0 or 1.
        first: (h + 1,) offsets of heads' groundings; starts: (m + 1,) of bodies; body: (e,) facts, `~f` for a negated.
        groundings: (m,) positions in the part.
        blocks: (k + 1,) offsets of runs of heads; cyclic: (k,) whether a run is one component with a cycle, or heads
            that come after their bodies.
        roots: (r,) positions of what was asked for.
    """

    facts: Long
    leaf: Bools
    fixed: NDArray[np.float64]
    given: NDArray[np.float64]
    first: Long
    starts: Long
    body: Ids
    groundings: Long
    blocks: Long
    cyclic: Bools
    roots: Long

    @property
    def base(self) -> int:
        """Facts without groundings."""
        return len(self.leaf)

    @cached_property
    def head(self) -> Ids:
        """(m,) the head of each grounding."""
        return np.repeat(np.arange(len(self.given), dtype=np.int32), np.diff(self.first))

    @cached_property
    def longest(self) -> int:
        """Literals in the longest body."""
        return int(np.diff(self.starts).max(initial=1))

    @cached_property
    def most(self) -> int:
        """Groundings of one head."""
        return int(np.diff(self.first).max(initial=1))

    @cached_property
    def places(self) -> Long:
        """(k + 1,) offsets of the cyclic blocks' heads among those of all cyclic blocks."""
        return np.concatenate([[0], np.cumsum(np.diff(self.blocks) * self.cyclic)])

    @cached_property
    def widest(self) -> int:
        """Heads in the largest cyclic block."""
        return int((np.diff(self.blocks) * self.cyclic).max(initial=0))

    @cached_property
    def inside(self) -> tuple[Ids, Long, Ids]:
        """What a cycle is followed by.

        (m,) literals of a body in its head's own component; for each head (h + 1,) offsets, and the groundings that
        use it there, one for each literal.
        """
        if not self.widest:
            return np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int32)
        block = np.repeat(np.arange(len(self.cyclic)), np.diff(self.blocks))
        grounding = np.repeat(np.arange(len(self.groundings), dtype=np.int32), np.diff(self.starts))
        literal = np.where(self.body < 0, ~self.body, self.body) - self.base
        own = block[self.head[grounding]]
        keep = (literal >= 0) & self.cyclic[own]
        keep[keep] = block[literal[keep]] == own[keep]
        grounding, literal = grounding[keep], literal[keep]
        count = np.bincount(grounding, minlength=len(self.groundings)).astype(np.int32)
        offsets = np.zeros(len(self.given) + 1, np.int64)
        np.cumsum(np.bincount(literal, minlength=len(self.given)), out=offsets[1:])
        return count, offsets, grounding[np.argsort(literal, kind="stable")]


def make_plan(part: Part, zero: float = 0.0) -> Plan:
    """Lay out a part."""
    n, m = len(part.facts), len(part.grounding)
    first = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(part.head, minlength=n), out=first[1:])
    starts = np.ascontiguousarray(part.body_start, np.int64)
    body = part.body.astype(np.int32)
    has = first[1:] > first[:-1]
    order, ends = np.empty(int(has.sum()), np.int32), np.empty(int(has.sum()), np.int64)
    ends = ends[: kernels().components(first, starts, body, order, ends)]
    number = np.empty(n, np.int32)
    bases = np.nonzero(~has)[0]
    number[bases] = np.arange(len(bases))
    number[order] = np.arange(len(bases), n)
    new_first, new_starts = np.zeros(len(order) + 1, np.int64), np.zeros(m + 1, np.int64)
    new_body, groundings = np.empty(len(body), np.int32), np.empty(m, np.int64)
    sign = np.ascontiguousarray(part.sign)
    kernels().arrange(order, first, starts, body, sign, number, new_first, new_starts, new_body, groundings)
    cyclic = _is_cyclic(part, number, ends, len(bases))
    blocks, cyclic = _merged(ends, cyclic)
    return Plan(
        facts=part.facts[np.concatenate([bases, order])].astype(np.int64),
        leaf=part.leaf[bases],
        fixed=np.where(part.given[bases], 1.0, zero),
        given=part.given[order].astype(np.float64),
        first=new_first, starts=new_starts, body=new_body, groundings=groundings, blocks=blocks, cyclic=cyclic,
        roots=number[part.roots].astype(np.int64),
    )  # fmt: skip


def _is_cyclic(part: Part, number: Ids, ends: Long, base: int) -> Bools:
    """(c,) whether a component has a cycle: more facts than one, or one that uses itself."""
    cyclic = np.diff(ends, prepend=0) > 1
    itself = np.unique(part.head[np.repeat(np.arange(len(part.head)), np.diff(part.body_start))[
        np.repeat(part.head, np.diff(part.body_start)) == part.body]])  # fmt: skip
    cyclic[np.searchsorted(ends, number[itself].astype(np.int64) - base, "right")] = True
    return cyclic


def _merged(ends: Long, cyclic: Bools) -> tuple[Long, Bools]:
    """Blocks: components with a cycle, and runs of others."""
    last = np.ones(len(ends), bool)
    last[:-1] = cyclic[:-1] | cyclic[1:]
    return np.concatenate([[0], ends[last]]), cyclic[last]
