"""Link prediction, measured: filtered ranks against all entities, ties by their mean rank.

The protocol: for each triple (h, r, t) the queries (h, r, ?) and (?, r, t), the second asked as (t, r⁻¹, ?); other true
answers of the same query, in train, valid or test, are taken out; the answer competes with all entities that are left.
Entities with equal scores share the mean of their ranks; the best and the worst rank that they could have had stand
beside it (Berrendorf et al., arXiv 2002.06914; PyKEEN calls them realistic, optimistic and pessimistic).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import DataError
from neurosym.grounding.columns import expand
from neurosym.links.graph import Long, both_ways

Floats = NDArray[np.float64]
# (B, 2) queries, head entity and relation (r, or R + r for the inverse of r), → (B, N) scores, higher is better
Scorer = Callable[[Long], Floats]


def some(triples: Long, most: int, seed: int) -> Long:
    """The triples, or where they are more than `most`, as many drawn from them."""
    return triples if len(triples) <= most else triples[np.random.default_rng(seed).permutation(len(triples))[:most]]


class KnownAnswers:
    """True answers of each query, in columns: what a filtered rank leaves out, and what a loss must not push down.

    Args:
        triples: (n, 3) arrays of head, relation, tail; a triple may occur in several.
        num_relations: R; the inverse of r is R + r.
    """

    def __init__(self, triples: Sequence[Long], num_relations: int) -> None:
        self.num_relations = num_relations
        rows = np.concatenate([both_ways(t, num_relations) for t in triples])
        rows = rows[np.lexsort((rows[:, 2], self._key(rows)))]
        rows = rows[np.append(True, (rows[1:] != rows[:-1]).any(1))] if len(rows) else rows
        keys = self._key(rows)
        begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(rows) else np.zeros(0, np.int64)
        # a last key that no query has, so that a search always finds a place
        self._keys = np.append(keys[begins], np.iinfo(np.int64).max)
        self._starts = np.append(begins, [len(rows), len(rows)])
        self._tails = rows[:, 2]

    def _key(self, rows: Long) -> Long:
        return rows[:, 0] * (2 * self.num_relations) + rows[:, 1]

    def of(self, queries: Long) -> tuple[Long, Long]:
        """For (B, 2) queries: (row, entity) of all their true answers, row by row."""
        keys = self._key(queries)
        at = np.searchsorted(self._keys, keys)
        counts = np.where(self._keys[at] == keys, self._starts[at + 1] - self._starts[at], 0)
        rows, places = expand(self._starts[at], counts)
        return rows, self._tails[places]


@dataclass(frozen=True)
class Ranks:
    """Ranks of the true answers, one for each query.

    Attributes:
        mean: (Q,) ranks, entities with the same score sharing their mean rank.
        best: (Q,) ranks if the answer came first among those with its score.
        worst: (Q,) ranks if it came last.
        queries: (Q, 3) head, relation, answer.
    """

    mean: Floats
    best: Floats
    worst: Floats
    queries: Long

    def mrr(self, ties: str = "mean") -> float:
        """Mean reciprocal rank, by `mean` (to be reported), `best` or `worst` rank."""
        return float((1 / self._of(ties)).mean())

    def hits(self, k: int, ties: str = "mean") -> float:
        """Share of queries whose answer has rank k or better."""
        return float((self._of(ties) <= k).mean())

    def _of(self, ties: str) -> Floats:
        return {"mean": self.mean, "best": self.best, "worst": self.worst}[ties]

    def figures(self) -> dict[str, float]:
        """MRR and hits at 1, 3 and 10, and the MRR that the kindest and the harshest treatment of ties would give."""
        found = {"mrr": self.mrr()} | {f"hits@{k}": self.hits(k) for k in (1, 3, 10)}
        return found | {"mrr_optimistic": self.mrr("best"), "mrr_pessimistic": self.mrr("worst")}

    def of_relation(self, relation: int, num_relations: int) -> Ranks:
        """The ranks of the queries about one relation, both ways."""
        mine = self.queries[:, 1] % num_relations == relation
        return Ranks(self.mean[mine], self.best[mine], self.worst[mine], self.queries[mine])


def ranks_of(scores: Floats, answers: Long, rows: Long, known: Long) -> tuple[Floats, Floats]:
    """Filtered (best, worst) ranks of one answer for each row of scores.

    Args:
        scores: (B, N), higher is better; overwritten.
        answers: (B,) the true answers.
        rows: (m,) and `known`: (m,) the places of all true answers; those of `answers` may be among them.

    Raises:
        DataError: a score is NaN.
    """
    if np.isnan(scores).any():
        raise DataError("a score is NaN", code="NS935", help="check the model: an answer without a score is -inf")
    at = np.arange(len(answers))
    own = scores[at, answers].copy()
    scores[rows, known] = -np.inf
    scores[at, answers] = own
    better = (scores > own[:, None]).sum(1)
    equal = (scores == own[:, None]).sum(1)
    # entities that were taken out compete with nobody, not even with an answer that has no score itself
    lowest = np.isneginf(own)
    if lowest.any():
        others = np.bincount(rows[known != answers[rows]], minlength=len(answers))
        equal = equal - np.where(lowest, others, 0)
    return (better + 1).astype(np.float64), (better + equal).astype(np.float64)


def evaluate(
    scorer: Scorer,
    triples: Long,
    known: KnownAnswers,
    batch: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> Ranks:
    """Ranks of the heads and tails of some triples.

    Args:
        scorer: the model; asked for `batch` queries at a time, for none twice.
        triples: (n, 3).
        known: all true answers, of train, valid and test.
        progress: called with the queries done and their number.
    """
    queries = both_ways(triples, known.num_relations)
    best, worst, done = np.empty(len(queries)), np.empty(len(queries)), 0
    for part, at, row in asked_once(queries, batch):
        scores = np.asarray(scorer(part), np.float64)
        for begin in range(0, len(at), batch):
            these, of = at[begin : begin + batch], row[begin : begin + batch]
            answered = queries[these]
            best[these], worst[these] = ranks_of(scores[of], answered[:, 2], *known.of(answered[:, :2]))
        done += len(at)
        if progress is not None:
            progress(done, len(queries))
    return Ranks((best + worst) / 2, best, worst, queries)


def asked_once(queries: Long, batch: int) -> Iterator[tuple[Long, Long, Long]]:
    """The distinct queries of (n, 3) head, relation, answer: of FB15k-237's test, half of them repeat another.

    Yields:
        (B, 2) queries, (m,) places of the rows that ask them, and (m,) which of the B each of these asks.
    """
    distinct, number = np.unique(queries[:, :2], axis=0, return_inverse=True)
    order = np.argsort(number, kind="stable")
    ends = np.searchsorted(number[order], np.arange(len(distinct) + 1))
    for begin in range(0, len(distinct), batch):
        end = min(begin + batch, len(distinct))
        at = order[ends[begin] : ends[end]]
        yield distinct[begin:end], at, number[at] - begin


__all__ = ["KnownAnswers", "Ranks", "Scorer", "asked_once", "evaluate", "ranks_of"]
