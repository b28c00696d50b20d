"""The graph of many samples, cut up by sample, and samples with the same structure found among them.

A sample's part has its own facts and groundings, and the shared facts that its groundings *touch*. All are numbered
anew in it: its own facts by predicate and row, then what is touched in the order in which it is. Two samples have one
shape if all columns are equal then. Terms do not count, so that 27 + 45 and 83 + 16 are one shape. Shared facts count
as what they are only where their identity matters: those that are derived and uncertain, and the leaves below them,
as two of them may rest on one choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids
from neurosym.grounding.columns import Long, Mask, expand, offsets
from neurosym.grounding.graph import CERTAIN, DerivationGraph

_KINDS = ("constant", "learned", "neural", "open")


@dataclass(frozen=True)
class Choices:
    """The C choices of a graph.

    Attributes:
        group: (C,) number of its group; row: (C,) row there.
        starts: (C + 1,) offsets into `leaves`, its outcomes' facts.
        alike: (C,) equal numbers for choices that differ in their leaves and probabilities only.
    """

    group: Ids
    row: Ids
    starts: Long
    leaves: Ids
    alike: Long

    @classmethod
    def of(cls, graph: DerivationGraph) -> Choices:
        """Those of a graph."""
        groups = graph.choices
        sizes = np.array([len(g.facts) for g in groups], np.int64)
        width = np.repeat(np.array([g.facts.shape[1] for g in groups], np.int64), sizes)
        empty = np.zeros((0, 6), np.int64)
        rows = [empty]
        for g in groups:
            key = -1 if g.key is None else graph.predicates.index(g.key)
            table = np.full((len(g.facts), 6), [_KINDS.index(g.kind), key, g.facts.shape[1], g.rest, 0, -1], np.int64)
            table[:, 4] = g.statements
            if g.parameters is not None:
                table[:, 5] = g.parameters
            rows.append(table)
        described = np.column_stack([np.concatenate(rows), graph.choice_rest])
        alike = np.unique(described, axis=0, return_inverse=True)[1].reshape(-1) if len(described) else empty[:, 0]
        return cls(
            np.repeat(np.arange(len(groups), dtype=np.int32), sizes),
            np.concatenate([np.arange(n, dtype=np.int32) for n in sizes] or [np.zeros(0, np.int32)]),
            np.concatenate([[0], np.cumsum(width)]),
            np.concatenate([g.facts.reshape(-1) for g in groups] or [np.zeros(0, np.int32)]),
            alike,
        )


@dataclass(frozen=True)
class Level:
    """Columns of integers, the entries of each of n samples from `starts[i]` to `starts[i + 1]`."""

    starts: Long
    columns: tuple[NDArray[np.integer] | Mask, ...]


class Cut:
    """The parts of n samples.

    Attributes:
        sample: (F,) the sample of each fact, -1 for shared ones.
        starts: (n + 1,) offsets into `facts`: ids of the sample's own facts, then of those that it touches.
        own: (n,) how many of its facts are its own.
        grounding_starts: (n + 1,) offsets into `groundings`, the numbers of the sample's own ones.
    """

    def __init__(self, graph: DerivationGraph, sample: Ids, count: int) -> None:
        self.graph, self.sample, self.count = graph, sample, count
        self.choices = Choices.of(graph)
        facts = np.nonzero(sample >= 0)[0]
        code = sample[facts].astype(np.int64) * len(graph.predicates) + graph.predicate[facts]
        facts = facts[np.argsort(code, kind="stable")].astype(np.int32)
        self.own = np.bincount(sample[facts], minlength=count)
        self._local = np.full(graph.num_facts, -1, np.int64)
        self._local[facts] = _position(self.own)
        heads = sample[graph.head]
        found = np.nonzero(heads >= 0)[0]
        order = np.argsort(heads[found].astype(np.int64) * (len(graph.rules) + 1) + graph.rule[found], kind="stable")
        self.groundings = found[order]
        self.grounding_starts = offsets(np.bincount(heads[found], minlength=count))
        self._lengths = np.diff(graph.body_start)[self.groundings].astype(np.int64)
        _, at = expand(graph.body_start[self.groundings].astype(np.int64), self._lengths)
        self._body, self._sign = graph.body[at], graph.sign[at]
        self._edge_sample = np.repeat(heads[self.groundings], self._lengths).astype(np.int64)
        self._edge = self._local[self._body]
        self._touch(facts)

    def _touch(self, own: Ids) -> None:
        """Number the shared facts that groundings touch, choices with all of their outcomes."""
        edges = np.nonzero(self.sample[self._body] < 0)[0]
        fact, sample = self._body[edges], self._edge_sample[edges]
        choice = self.graph.choice[fact].astype(np.int64)
        many = self.graph.num_facts + len(self.choices.group)
        item = np.where(choice >= 0, self.graph.num_facts + choice, fact)
        codes, met, inverse = np.unique(sample * many + item, return_index=True, return_inverse=True)
        order = np.argsort(met)  # sample by sample, as edges are
        items = codes[order] % many
        chosen = items >= self.graph.num_facts
        first, width = np.zeros(len(items), np.int64), np.ones(len(items), np.int64)
        numbers = items[chosen] - self.graph.num_facts
        first[chosen] = self.choices.starts[numbers]
        width[chosen] = self.choices.starts[numbers + 1] - first[chosen]
        of = codes[order] // many
        totals = np.bincount(of, width, self.count).astype(np.int64)
        begin = self.own[of] + np.cumsum(width) - width - (np.cumsum(totals) - totals)[of]
        place = np.empty(len(codes), np.int64)
        place[order] = begin
        self._edge[edges] = place[inverse.reshape(-1)] + np.where(choice >= 0, self.graph.outcome[fact], 0)
        which, at = expand(first, width)
        facts, leaf = items[which], chosen[which]
        facts[leaf] = self.choices.leaves[at[leaf]]
        samples = np.concatenate([self.sample[own], np.repeat(of, width)])
        arranged = np.argsort(samples, kind="stable")
        self.facts = np.concatenate([own, facts])[arranged].astype(np.int32)
        self.starts = offsets(self.own + totals)
        self._anchor = np.concatenate([self._anchors(own), np.where(leaf, begin[which], -1)])[arranged]

    def _anchors(self, own: Ids) -> Long:
        """For each of a sample's own leaves, where its choice begins, as a number in the sample; else -1."""
        result = np.full(len(own), -1, np.int64)
        leaf = np.nonzero(self.graph.choice[own] >= 0)[0]
        result[leaf] = self._local[self.choices.leaves[self.choices.starts[self.graph.choice[own[leaf]]]]]
        return result

    def _pinned(self, marks: NDArray[np.uint8]) -> Mask:
        """(F,) the shared facts whose identity matters."""
        graph = self.graph
        shared = self.sample < 0
        choices = np.zeros(len(self.choices.group), np.bool_)
        _, at = _bodies(graph, np.nonzero(shared[graph.head])[0])
        leaves = np.concatenate([graph.body[at], np.nonzero(shared & (marks > 0))[0]])
        leaves = leaves[graph.choice[leaves] >= 0]
        choices[graph.choice[leaves]] = True
        derived = shared & (graph.status != CERTAIN) & (graph.choice < 0)
        leaf = np.nonzero(shared & (graph.choice >= 0))[0]
        derived[leaf] = choices[graph.choice[leaf]]
        return derived | (shared & (marks > 0))

    def levels(self, marks: NDArray[np.uint8], derivations: bool) -> tuple[Level, ...]:
        """All that the structure of samples consists of.

        Args:
            marks: (F,) what else tells facts apart, such as what is asked.
            derivations: whether it matters how certain shared facts are derived, as where derivations are counted.
        """
        graph, facts = self.graph, self.facts
        pinned = self._pinned(marks)
        if derivations:
            derived = np.zeros(graph.num_facts, np.bool_)
            derived[graph.head] = True
            pinned |= derived & (self.sample < 0)
        columns = [graph.predicate[facts], graph.status[facts], graph.place[facts] >= 0]
        if len(self.choices.group):
            choice = graph.choice[facts]
            alike = np.where(
                choice >= 0, self.choices.alike[choice], -1
            )  # at -1 some other entry is read, and not used
            columns += [self._anchor, graph.outcome[facts], alike]
        if pinned.any():
            columns.append(np.where(pinned[facts], facts, -1))
        if marks.any():
            columns.append(marks[facts])
        lengths = np.diff(graph.absent_start)[self.groundings]
        groundings = (graph.rule[self.groundings], self._local[graph.head[self.groundings]], self._lengths, lengths)
        edges = offsets(np.bincount(self._edge_sample, minlength=self.count))
        return (
            Level(self.starts, tuple(columns)),
            Level(self.grounding_starts, groundings),
            Level(edges, (self._edge, self._sign.view(np.uint8))),
        )


def _bodies(graph: DerivationGraph, groundings: Long) -> tuple[Long, Long]:
    """Which grounding each body literal belongs to, and where it stands in the graph's column."""
    first = graph.body_start[groundings].astype(np.int64)
    return expand(first, graph.body_start[groundings + 1] - first)


def _position(counts: Long) -> Long:
    """0, 1, …, count - 1 for each count."""
    return expand(np.zeros(len(counts), np.int64), counts)[1]


def alike(levels: tuple[Level, ...], count: int) -> Long:
    """(n,) for each sample the first one with the same structure."""
    random = np.random.default_rng(0)
    hashes = np.zeros(count, np.uint64)
    for level in levels:
        counts = np.diff(level.starts)
        position = _position(counts)
        hashes += counts.astype(np.uint64) * _weights(random, 1)
        for column in level.columns:
            weights = _weights(random, int(counts.max(initial=0)))
            products = column.astype(np.int64).view(np.uint64) * weights[position]
            sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(products, dtype=np.uint64)])
            hashes += sums[level.starts[1:]] - sums[level.starts[:-1]]  # both wrap around alike
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    result = first[inverse.reshape(-1)]
    # equal hashes prove nothing
    other = np.nonzero(~_equal(levels, result))[0]
    known: dict[bytes, int] = {}
    for number in other.tolist():
        result[number] = known.setdefault(_content(levels, number), number)
    return result


def _weights(random: np.random.Generator, n: int) -> NDArray[np.uint64]:
    return random.integers(0, 2**64, n, np.uint64) | np.uint64(1)


def _equal(levels: tuple[Level, ...], other: Long) -> Mask:
    """(n,) whether each sample equals another one."""
    same = np.ones(len(other), np.bool_)
    for level in levels:
        counts = np.diff(level.starts)
        same &= counts == counts[other]
    for level in levels:
        counts = np.where(same, np.diff(level.starts), 0)
        which, at = expand(level.starts[:-1], counts)
        shift = (level.starts[other] - level.starts[:-1])[which]
        for column in level.columns:
            same[which[column[at] != column[at + shift]]] = False
    return same


def _content(levels: tuple[Level, ...], number: int) -> bytes:
    """All entries of a sample, and how many there are."""
    parts = [np.array([level.starts[number + 1] - level.starts[number] for level in levels])]
    for level in levels:
        part = slice(int(level.starts[number]), int(level.starts[number + 1]))
        parts += [column[part].astype(np.int64) for column in level.columns]
    return np.concatenate(parts).tobytes()
