"""Rules learned from the data: walks through the graph, all rules of a neighbourhood counted at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from neurosym.grounding.columns import expand
from neurosym.grounding.compiled import load
from neurosym.links.graph import TripleGraph, inverse
from neurosym.links.rules.index import EdgeIndex, Ids, Long, index_edges
from neurosym.links.rules.prune import fewer, prune
from neurosym.links.rules.ruleset import CONSTANT, FREE, NONE, PATH, RuleSet, columns_of, concatenate


@dataclass(frozen=True)
class Mining:
    """What is searched, and what is kept.

    Attributes:
        max_length: of paths, 1 to 3.
        min_support: of every rule.
        min_confidence: of every rule, after smoothing.
        smoothing: added to the body's count (AnyBURL's pc).
        constants_per_head: rules kept for each h(X, c), those of the highest confidence.
        long_rules_per_head: paths of three and more relations kept for each head, those of the highest confidence.
        pruned: leave out rules with constants that gain nothing over a more general rule.
    """

    max_length: int = 3
    min_support: int = 2
    min_confidence: float = 0.001
    smoothing: float = 5.0
    constants_per_head: int = 100
    long_rules_per_head: int = 1000
    pruned: bool = True


def mine(
    graph: TripleGraph,
    targets: Sequence[int] | None = None,
    seconds: float = 60.0,
    seed: int = 0,
    options: Mining | None = None,
    progress: Callable[[float, int], bool | None] | None = None,
) -> RuleSet:
    """Learn rules from a graph: any time, the cheap kinds first.

    Args:
        graph: what is learned from; all of it counts as true, what is absent as false.
        targets: relations that get rules; all, if None.
        seconds: of processor time.
        seed: of the order in which the graph is walked.
        progress: called with the seconds used and the rules found; learning ends when it returns False.

    Returns:
        Rules by confidence, the highest first. Where the time was too short, long paths were counted from a sample of
        their first entities, drawn without replacement: `share` says of which part.

    Raises:
        ValueError: a length that is not mined.
    """
    if options is not None and not 1 <= options.max_length <= 3:
        raise ValueError(f"paths have 1 to 3 relations, not {options.max_length}")
    return _Miner(graph, targets, seconds, seed, options or Mining(), progress).run()


class _Miner:
    def __init__(self, graph, targets, seconds, seed, options: Mining, progress) -> None:
        self.graph, self.options, self.progress = graph, options, progress
        self.index: EdgeIndex = index_edges(graph)
        self.r = len(graph.relations)
        self.is_target = np.zeros(self.r, bool)
        self.is_target[list(range(self.r)) if targets is None else list(targets)] = True
        self.random = np.random.default_rng(seed)
        self.parts: list[RuleSet] = []
        self.kernels = load("neurosym.links.rules.counting")  # compiled once, which is not the search's time
        self.seconds, self.begin = seconds, time.process_time()
        self.stopped = False
        self.triples_of = np.bincount(np.repeat(self.index.relation, self.index.sizes), minlength=2 * self.r)

    def run(self) -> RuleSet:
        self.single()
        self.unary()
        if self.options.max_length >= 2:
            self.paths(deep=False)
        if self.options.max_length >= 3:
            self.paths(deep=True)
        rules = concatenate(self.parts)
        return fewer(prune(rules) if self.options.pruned else rules, self.options.long_rules_per_head).sorted()

    def left(self) -> float:
        return self.seconds - (time.process_time() - self.begin)

    def goes_on(self) -> bool:
        """Whether there is time left and nobody has said stop."""
        if self.progress is not None and not self.stopped:
            used = time.process_time() - self.begin
            self.stopped = self.progress(used, sum(map(len, self.parts))) is False
        return not self.stopped and self.left() > 0

    def keep(self, columns: dict[str, np.ndarray]) -> None:
        """Add rules that are good enough."""
        o = self.options
        confidence = columns["support"] / (columns["body_count"] + o.smoothing)
        coverage = columns["support"] / np.maximum(1, self.triples_of[columns["head"]])
        good = (columns["support"] >= o.min_support) & (confidence >= o.min_confidence)
        good &= self.is_target[columns["head"] % self.r]
        columns = columns | {"confidence": confidence, "coverage": coverage}
        found = RuleSet(self.graph.relations, self.graph.entities, **columns, smoothing=o.smoothing)
        self.parts.append(found.take(good))

    # h(X, Y) ← r(X, Y)
    def single(self) -> None:
        begins, target, relation = self.index.pairs
        entity = np.repeat(np.arange(self.index.n_entities), np.diff(begins))
        pair = entity * self.index.n_entities + target
        first = np.flatnonzero(np.concatenate([[True], pair[1:] != pair[:-1]])) if len(pair) else np.empty(0, int)
        size = np.diff(np.append(first, len(pair)))
        run = np.repeat(np.arange(len(first)), size)
        edge, other = expand(first[run], size[run])
        head, body = relation[other].astype(np.int64), relation[edge].astype(np.int64)
        wanted = (head < self.r) & (head != body)
        keys, support = np.unique(head[wanted] * 2 * self.r + body[wanted], return_counts=True)
        head, body = keys // (2 * self.r), keys % (2 * self.r)
        self.keep(columns_of(len(keys), PATH, head, [body], support, self.triples_of[body], self.options.max_length))

    def unary(self) -> None:
        """Rules with constants, counted exactly for all heads."""
        i, o = self.index, self.options
        lonely = self.kernels.count_lonely(*i.columns, i.mirror)
        sources = np.bincount(i.relation, minlength=2 * self.r).astype(np.int64)
        n_groups, step = len(i.relation), max(1, 2_000_000 // o.constants_per_head)
        for begin in range(0, n_groups, step):
            end = min(n_groups, begin + step)
            space = (end - begin) * min(o.constants_per_head, n_groups + 2 * self.r) + n_groups + 2 * self.r
            head, body, relation = (np.empty(space, np.int32) for _ in range(3))
            support, count = np.empty(space, np.int64), np.empty(space, np.int64)
            n = self.kernels.count_unary(
                *i.columns, i.mirror, sources, lonely, begin, end, o.min_support, o.min_confidence, o.smoothing,
                o.constants_per_head, head, body, relation, support, count,
            )  # fmt: skip
            for kind, rows in ((CONSTANT, body[:n] >= 0), (FREE, body[:n] < 0)):
                h, step_of = head[:n][rows], [relation[:n][rows]]
                figures = support[:n][rows], count[:n][rows]
                d = i.entity[body[:n][rows]] if kind == CONSTANT else NONE
                heads = inverse(i.relation[h], self.r)
                self.keep(columns_of(len(h), kind, heads, step_of, *figures, o.max_length, i.entity[h], d))
            if not self.goes_on():
                return

    def paths(self, deep: bool) -> None:
        """Bodies of two relations, or of three; their first entities come in random order, until the time is over."""
        i, r2 = self.index, 2 * self.r
        begins, groups = i.by_relation
        work = _Work(np.zeros(len(i.relation), np.int32), np.zeros(i.n_entities, np.int32))
        for done, r1 in enumerate(self.random.permutation(r2)):
            if not self.goes_on():
                return
            until = self.left() - self.left() / (r2 - done)
            own = self.random.permutation(groups[begins[r1] : begins[r1 + 1]])
            body2, support2 = np.zeros(r2, np.int64), np.zeros((r2, self.r), np.int64)
            body3 = np.zeros((r2, r2) if deep else (0, 0), np.int64)
            table = np.full(1024, -1, np.int64), np.zeros(1024, np.int64), 0
            at, step = 0, 1
            while at < len(own) and (at == 0 or self.left() > until):
                before = self.left()
                table = self.kernels.count_paths(
                    *i.columns, i.mirror, *i.pairs, own[at : at + step], self.r, int(deep), body2, support2, body3,
                    *table, *work.next(step, r2),
                )  # fmt: skip
                at += step
                step = min(1024, 2 * step) if before - self.left() < 0.02 else max(1, step // 2)
            share = min(1.0, at / max(1, len(own)))
            if deep:
                found = (table[0] >= 0) & (table[1] >= self.options.min_support)
                keys, support = table[0][found], table[1][found]
                bodies, head = keys // self.r, keys % self.r
                self._keep_paths(r1, [bodies // r2, bodies % r2], head, support, body3.ravel()[bodies], share)
            else:
                second, head = np.nonzero(support2 >= self.options.min_support)
                self._keep_paths(r1, [second], head, support2[second, head], body2[second], share)

    def _keep_paths(self, r1: int, rest: list[Long], head: Long, support: Long, count: Long, share: float) -> None:
        relations = [np.full(len(head), r1), *rest]
        length = self.options.max_length
        self.keep(columns_of(len(head), PATH, head, relations, support, count, length, share=share))


class _Work:
    """Stamps of the targets that a pass has seen, and what it links: work space of `count_paths`."""

    def __init__(self, stamps: Ids, linked: Ids) -> None:
        self.stamps, self.linked, self.stamp = stamps, linked, 0

    def next(self, groups: int, relations: int) -> tuple[Ids, Ids, int]:
        """Work space with stamps that are new for so many groups."""
        if self.stamp > 2**31 - 2 - groups * (1 + relations):
            self.stamps[:], self.stamp = 0, 0
        begin = self.stamp
        self.stamp += groups * (1 + relations)
        return self.stamps, self.linked, begin
