"""Learned weights: what they start as, what the loss is, and that they never do worse where they are chosen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosym.links.evaluation import KnownAnswers
from neurosym.links.rules import Applier, mine
from neurosym.links.rules.learned import RuleWeights, Weighing, learn_weights
from tests.links.rules.oracle import graph_of


@pytest.fixture
def applier() -> Applier:
    """r1 follows from r0 twice; r2 only looks as if it did."""
    random = np.random.default_rng(0)
    triples = {(i, 0, (i + 1) % 20) for i in range(20)} | {(i, 1, (i + 2) % 20) for i in range(20)}
    triples |= {(int(a), 2, int(b)) for a, b in random.integers(0, 20, (60, 2))}
    graph = graph_of(triples, 20, 3)
    return Applier(mine(graph), graph)


def test_they_start_as_noisy_or(applier: Applier) -> None:
    confidence = applier.rules.confidence
    weights = RuleWeights(confidence).weights().detach().numpy()
    assert np.allclose(weights, -np.log1p(-confidence), rtol=1e-3, atol=1e-4)
    found = applier.features(np.array([[0, 1]]))
    ranked = applier.rank(np.array([[0, 1]]))
    scores = RuleWeights(confidence)(torch.as_tensor(found.rules)).detach().numpy()
    assert np.allclose(sorted(scores, reverse=True), ranked.score, rtol=1e-3, atol=1e-3)


def test_learning_is_chosen_on_valid_queries_and_repeats(applier: Applier) -> None:
    train = applier.graph.edges
    known = KnownAnswers([applier.graph.triples], len(applier.graph.relations))
    target = applier.graph.edges[20:40]

    def valid(weights: np.ndarray) -> float:
        ranked = applier.rank(target, weights=weights)
        total = 0.0
        for i, answer in enumerate(target[:, 2].tolist()):
            place = np.flatnonzero(ranked.candidate[ranked.starts[i] : ranked.starts[i + 1]] == answer)
            total += 1 / (1 + place[0]) if len(place) else 0.0
        return total / len(target)

    losses: list[float] = []
    options = Weighing(epochs=4, patience=10, dropout=0.1, batch=16)

    def progress(epoch: int, loss: float, mrr: float) -> None:
        losses.append(loss)

    weights, mrr = learn_weights(applier, train, known, valid, options, seed=1, progress=progress)
    again, _ = learn_weights(applier, train, known, valid, options, seed=1)
    assert np.array_equal(weights, again)
    assert (weights >= 0).all()
    assert losses[-1] < losses[0]
    assert mrr == valid(weights) >= valid(-np.log1p(-applier.rules.confidence))


def test_a_weight_that_nothing_fires_stays_where_it_starts(applier: Applier) -> None:
    train = applier.graph.edges[:3]
    known = KnownAnswers([applier.graph.triples], len(applier.graph.relations))
    weights, _ = learn_weights(applier, train, known, None, Weighing(epochs=2, dropout=0.0, decay=0.0))
    start = RuleWeights(applier.rules.confidence).told().numpy()
    fired = np.unique(applier.features(train, 20).rules)
    unfired = np.setdiff1d(np.arange(len(start)), fired)
    assert len(unfired) and np.array_equal(weights[unfired], start[unfired])
    assert not np.allclose(weights, start)
