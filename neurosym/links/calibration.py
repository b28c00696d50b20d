"""From scores to probabilities: how likely is it that a link is true that the graph does not have?

A score says which answer comes first, and nothing of how many of the first are true. A rising line of several pieces
maps the logarithm of an answer's share of its query's softmax to the logit of a probability. It is fitted on valid
triples, over all answers that are not known already; with one piece it would be Platt's scaling (1999), which few true
answers with hopeless scores flatten, and which promises too much at the top. What is said is how likely a link is among
as many hidden ones as valid has: a true link that nobody has written down counts as false there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor, nn

from neurosym.errors import DataError
from neurosym.links.evaluation import Floats, KnownAnswers, some
from neurosym.links.graph import Long, both_ways
from neurosym.links.model import LinkModel
from neurosym.links.network.reach import Adjacency

BATCH = 32
KNOTS = (0.02, 0.05, 0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95)  # where pieces begin: quantiles of the shares of true answers
WIDTH = 0.01  # shares that differ by less, in logarithms, are fitted as one
LEAST = 1e-6  # of a slope: a logarithm has to be kept
MOST = 2_000  # valid triples that are looked at


class Calibration(nn.Module):
    """The logit of a probability as a line of pieces over the logarithm of a share, rising everywhere.

    Args:
        knots: (K,) where the pieces begin, rising; the first one goes on below, the last one ends at a share of 1.
        slopes: (K,) of the pieces, positive.
        intercept: the logit at the first knot.
    """

    def __init__(
        self, knots: Sequence[float] = (0.0,), slopes: Sequence[float] = (1.0,), intercept: float = 0.0
    ) -> None:
        super().__init__()
        self.knots: Tensor
        self.register_buffer("knots", torch.tensor(knots, dtype=torch.float64))
        self.log_slopes = nn.Parameter(torch.tensor(slopes, dtype=torch.float64).log())
        self.intercept = nn.Parameter(torch.tensor(intercept, dtype=torch.float64))

    def forward(self, scores: Tensor) -> Tensor:
        """(B, N) logits of probabilities of (B, N) scores of all entities."""
        return self.logits(scores.double().log_softmax(1))

    def logits(self, shares: Tensor) -> Tensor:
        """Logits for logarithms of shares, of any shape."""
        endless = self.knots.new_tensor([torch.inf])
        begins, ends = torch.cat([-endless, self.knots[1:]]), torch.cat([self.knots[1:], endless])
        found = self.intercept.expand(shares.shape)
        for begin, end, knot, slope in zip(begins, ends, self.knots, self.log_slopes.exp(), strict=True):
            found = found + slope * (shares.clamp(begin, end) - knot)
        return found


@dataclass(frozen=True)
class Reliability:
    """How well probabilities hold, in bins of the same number of answers.

    Attributes:
        said: mean probability of each bin; true: share of its answers that are true; count: of its answers.
        error: expected calibration error, over answers with a probability of `least` or more.
    """

    said: tuple[float, ...]
    true: tuple[float, ...]
    count: tuple[int, ...]
    error: float

    def observed(self, probability: float) -> float | None:
        """The share that was true in the bin whose mean is nearest to a probability; None without bins."""
        if not self.said:
            return None
        return self.true[min(range(len(self.said)), key=lambda k: abs(self.said[k] - probability))]


def calibrate(
    model: LinkModel, graph: Adjacency, valid: Long, known: KnownAnswers, seed: int = 0, most: int = MOST
) -> Calibration:  # fmt: skip
    """Fit the line on valid triples.

    Args:
        graph: to reason over; valid: (m, 3) true triples that it does not have, of which `most` are looked at.
        known: answers that are known already, those of train; they are not asked about.

    Raises:
        DataError: NS932, there are no valid triples.
    """
    if not len(valid):
        raise DataError("there are no valid triples to calibrate by", code="NS932")
    return fitted(_shares(model, graph, valid, known, seed, most))


def fitted(batches: Iterable[tuple[Floats, Floats]]) -> Calibration:
    """The line under which what is true is most probable.

    Args:
        batches: each (n,) logarithms of shares, and (n,) whether the answers are true, 0 or 1. Only their counts are
            kept: of a large graph there are hundreds of millions.
    """
    trues, counts = [], []
    for shares, true in batches:
        trues.append(shares[true > 0])
        counts.append(_binned(shares, true))
    knots = np.unique(np.quantile(np.concatenate(trues), KNOTS))
    means, wrong, right = _joined(np.concatenate(counts))
    ends = [*knots[1:], np.inf]
    begins = [-np.inf, *knots[1:]]
    pieces = np.array([means.clip(b, e) - knot for b, e, knot in zip(begins, ends, knots, strict=True)])
    # For each true answer, not for each answer: of a large graph nearly all are false, and slopes of their mean are so
    # small from the start that the search would take them for none, and stop where it begins.
    count = right.sum()

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = weights[0] + weights[1:] @ pieces
        off = (expit(logits) * (wrong + right) - right) / count
        value = (np.logaddexp(0, logits) * (wrong + right) - right * logits).sum() / count
        return float(value), np.concatenate([[off.sum()], pieces @ off])

    begin = np.array([np.log(count / wrong.sum()) if wrong.sum() else 0.0, *np.full(len(knots), 0.5)])
    bounds = [(None, None), *[(LEAST, None)] * len(knots)]
    intercept, *slopes = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds).x.tolist()
    return Calibration(knots.tolist(), slopes, intercept)


def _binned(shares: Floats, true: Floats) -> Floats:
    """(K, 4): place, number of answers, of true ones, and sum of the shares, where these are nearly equal."""
    place = np.floor(shares / WIDTH).astype(np.int64)
    first = place.min(initial=0)
    count, right, total = (np.bincount(place - first, w).astype(np.float64) for w in (None, true, shares))
    there = np.flatnonzero(count)
    return np.stack([there + first, count[there], right[there], total[there]], 1)


def _joined(counts: Floats) -> tuple[Floats, Floats, Floats]:
    """(K,) mean share of each place, how many of its answers are false, and how many true."""
    places, at = np.unique(counts[:, 0], return_inverse=True)
    count, right, total = (np.bincount(at, column, len(places)).astype(np.float64) for column in counts.T[1:])
    return total / count, count - right, right


def reliability(
    model: LinkModel, calibration: Calibration, graph: Adjacency, triples: Long, known: KnownAnswers,
    bins: int = 10, least: float = 0.01, seed: int = 0, most: int = MOST,
) -> Reliability:  # fmt: skip
    """Compare probabilities of at least `least` with what is true: the given triples, and no other answers."""
    found: list[Floats] = []
    for shares, true in _shares(model, graph, triples, known, seed, most):
        with torch.no_grad():
            chances = calibration.logits(torch.from_numpy(shares)).sigmoid().numpy()
        # nearly all answers are promised next to nothing, and are not kept
        found.append(np.stack([chances, true])[:, chances >= least])
    said, true = np.concatenate(found, 1) if found else np.empty((2, 0))
    order = np.argsort(said, kind="stable")
    parts = [p for p in np.array_split(order, bins) if len(p)]
    means, rates = [float(said[p].mean()) for p in parts], [float(true[p].mean()) for p in parts]
    counts = [len(p) for p in parts]
    error = sum(n * abs(m - r) for n, m, r in zip(counts, means, rates, strict=True)) / max(1, len(order))
    return Reliability(tuple(means), tuple(rates), tuple(counts), error)


def _shares(
    model: LinkModel, graph: Adjacency, triples: Long, known: KnownAnswers, seed: int, most: int
) -> Iterator[tuple[Floats, Floats]]:
    """Of each batch, (n,) logarithms of the shares of answers that are not known, and which are of the triples."""
    answers = KnownAnswers([triples], graph.num_relations)
    queries = np.unique(both_ways(some(triples, most, seed), graph.num_relations)[:, :2], axis=0)
    model.eval()
    for begin in range(0, len(queries), BATCH):
        part = queries[begin : begin + BATCH]
        with torch.no_grad():
            logs = model(graph, part).total.double().log_softmax(1).numpy()
        holds, asked = np.zeros(logs.shape), np.ones(logs.shape, bool)
        asked[known.of(part)] = False
        holds[answers.of(part)] = 1
        asked |= holds > 0
        yield logs[asked], holds[asked]


__all__ = ["Calibration", "Reliability", "calibrate", "fitted", "reliability"]
