"""From scores to probabilities: how likely is it that a link is true that the graph does not have?

A score says which answer comes first, and nothing of how many of the first are true. Platt's scaling (1999) maps the
logarithm of an answer's share of its query's softmax to a probability, with two numbers that are fitted on valid
triples, over all answers that are not known already. What is said is how likely a link is among as many hidden ones as
valid has: a true link that nobody has written down counts as false there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor, nn

from neurosym.errors import DataError
from neurosym.links.evaluation import KnownAnswers, some
from neurosym.links.graph import Long, both_ways
from neurosym.links.model import LinkModel
from neurosym.links.network.reach import Adjacency

BATCH = 32
MOST = 2_000  # valid triples that are looked at


class Calibration(nn.Module):
    """logit(probability) = slope · log(share of the softmax) + intercept, with a slope that is positive."""

    def __init__(self, slope: float = 1.0, intercept: float = 0.0) -> None:
        super().__init__()
        self.log_slope = nn.Parameter(torch.tensor(slope, dtype=torch.float64).log())
        self.intercept = nn.Parameter(torch.tensor(intercept, dtype=torch.float64))

    def forward(self, scores: Tensor) -> Tensor:
        """(B, N) logits of probabilities of (B, N) scores of all entities."""
        return self.log_slope.exp() * scores.double().log_softmax(1) + self.intercept


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
    """Fit the two numbers on valid triples.

    Args:
        graph: to reason over; valid: (m, 3) true triples that it does not have, of which `most` are looked at.
        known: answers that are known already, those of train; they are not asked about.

    Raises:
        DataError: NS932, there are no valid triples.
    """
    if not len(valid):
        raise DataError("there are no valid triples to calibrate by", code="NS932")
    shares, true = _shares(model, graph, valid, known, seed, most)
    # For each true answer, not for each answer: of a large graph nearly all are false, and slopes of their mean are so
    # small from the start that the search would take them for none, and stop where it begins.
    count = true.sum()

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = weights[0] * shares + weights[1]
        wrong = expit(logits) - true
        slopes = np.array([(wrong * shares).sum(), wrong.sum()]) / count
        return float((np.logaddexp(0, logits) - true * logits).sum() / count), slopes

    weights = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return Calibration(max(float(weights[0]), 1e-6), float(weights[1]))


def reliability(
    model: LinkModel, calibration: Calibration, graph: Adjacency, triples: Long, known: KnownAnswers,
    bins: int = 10, least: float = 0.01, seed: int = 0, most: int = MOST,
) -> Reliability:  # fmt: skip
    """Compare probabilities of at least `least` with what is true: the given triples, and no other answers."""
    shares, true = _shares(model, graph, triples, known, seed, most)
    with torch.no_grad():
        said = expit(calibration.log_slope.exp().item() * shares + calibration.intercept.item())
    kept = np.flatnonzero(said >= least)
    order = kept[np.argsort(said[kept], kind="stable")]
    parts = [p for p in np.array_split(order, bins) if len(p)]
    means, rates = [float(said[p].mean()) for p in parts], [float(true[p].mean()) for p in parts]
    counts = [len(p) for p in parts]
    error = sum(n * abs(m - r) for n, m, r in zip(counts, means, rates, strict=True)) / max(1, len(order))
    return Reliability(tuple(means), tuple(rates), tuple(counts), error)


def _shares(
    model: LinkModel, graph: Adjacency, triples: Long, known: KnownAnswers, seed: int, most: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) logarithms of the shares of all answers that are not known, and whether each is among the triples."""
    answers = KnownAnswers([triples], graph.num_relations)
    queries = np.unique(both_ways(some(triples, most, seed), graph.num_relations)[:, :2], axis=0)
    shares, true = [], []
    model.eval()
    for begin in range(0, len(queries), BATCH):
        part = queries[begin : begin + BATCH]
        with torch.no_grad():
            logs = model(graph, part).total.double().log_softmax(1).numpy()
        holds, asked = np.zeros(logs.shape), np.ones(logs.shape, bool)
        asked[known.of(part)] = False
        holds[answers.of(part)] = 1
        asked |= holds > 0
        shares.append(logs[asked])
        true.append(holds[asked])
    return np.concatenate(shares), np.concatenate(true)


__all__ = ["Calibration", "Reliability", "calibrate", "reliability"]
