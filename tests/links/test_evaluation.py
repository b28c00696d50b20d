"""Ranks against a ranking by hand, and PyKEEN's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosym.errors import DataError
from neurosym.links.evaluation import KnownAnswers, evaluate
from neurosym.links.graph import both_ways

N, R = 9, 3


def triples(draw: np.random.Generator, count: int) -> np.ndarray:
    return np.unique(draw.integers(0, [N, R, N], (count, 3)), axis=0)


@given(st.integers(0, 10_000))
def test_ranks_are_those_of_a_list_that_is_sorted_by_hand(seed):
    draw = np.random.default_rng(seed)
    train, test = triples(draw, 30), triples(draw, 8)
    table = draw.integers(-1, 3, (N, 2 * R, N)).astype(float)
    table[table < 0] = -np.inf  # an entity without a score
    found = evaluate(lambda q: table[q[:, 0], q[:, 1]], test, KnownAnswers([train, test], R), batch=5)
    true: dict[tuple[int, int], set[int]] = {}
    for h, r, t in both_ways(np.concatenate([train, test]), R).tolist():
        true.setdefault((h, r), set()).add(t)
    for k, (h, r, t) in enumerate(both_ways(test, R).tolist()):
        others = [table[h, r, e] for e in range(N) if e not in true[h, r]]
        own = table[h, r, t]
        best = 1 + sum(score > own for score in others)
        worst = best + sum(score == own for score in others)
        assert (found.best[k], found.worst[k], found.mean[k]) == (best, worst, (best + worst) / 2)
    assert found.mrr("worst") <= found.mrr() <= found.mrr("best")


def test_a_query_that_repeats_is_asked_once():
    draw = np.random.default_rng(2)
    test = np.column_stack([draw.integers(0, 2, 30), np.zeros(30, int), draw.integers(0, N, 30)])
    asked: list[tuple[int, int]] = []

    def scorer(queries: np.ndarray) -> np.ndarray:
        asked.extend((int(h), int(r)) for h, r in queries)
        return np.zeros((len(queries), N))

    seen: list[tuple[int, int]] = []
    found = evaluate(scorer, test, KnownAnswers([test], R), batch=4, progress=lambda *done: seen.append(done))
    assert sorted(asked) == sorted({(h, r) for h, r, _ in both_ways(test, R).tolist()})
    assert len(found.mean) == 60 and seen[-1] == (60, 60)


def test_answers_of_queries_that_were_never_asked_are_none():
    known = KnownAnswers([np.array([[0, 0, 1], [0, 0, 1], [0, 0, 2]])], R)
    rows, tails = known.of(np.array([[5, 0], [0, 0], [1, R], [8, 2 * R - 1]]))
    assert rows.tolist() == [1, 1, 2]
    assert tails.tolist() == [1, 2, 0]
    assert KnownAnswers([np.zeros((0, 3), np.int64)], R).of(np.array([[0, 0]]))[0].tolist() == []


def test_a_score_that_is_nan_is_an_error():
    test = np.array([[0, 0, 1]])
    with pytest.raises(DataError) as fault:
        evaluate(lambda q: np.full((len(q), N), np.nan), test, KnownAnswers([test], R))
    assert fault.value.code == "NS935"


def test_a_relation_has_figures_of_its_own():
    test = np.array([[0, 0, 1], [0, 1, 2]])
    table = np.zeros((N, 2 * R, N))
    table[0, 0, 1] = 1
    found = evaluate(lambda q: table[q[:, 0], q[:, 1]], test, KnownAnswers([test], R))
    assert found.of_relation(0, R).figures()["hits@1"] == 0.5  # the tail is first, the head ties with all
    assert found.of_relation(1, R).figures()["mrr_optimistic"] == 1


@pytest.mark.parametrize("kind", ["realistic", "optimistic", "pessimistic"])
def test_pykeen_counts_the_same(kind):
    pytest.importorskip("pykeen", reason="pykeen is not installed")
    import torch
    from pykeen.evaluation import RankBasedEvaluator

    draw = np.random.default_rng(4)
    train, test = triples(draw, 40), triples(draw, 12)
    table = draw.integers(0, 4, (N, 2 * R, N)).astype(float)
    known = KnownAnswers([train, test], R)
    mine = evaluate(lambda q: table[q[:, 0], q[:, 1]], test, known)
    theirs = RankBasedEvaluator(filtered=True)
    for target, queries in (("tail", test), ("head", both_ways(test, R)[len(test) :])):
        scores = table[queries[:, 0], queries[:, 1]].copy()
        at = (np.arange(len(queries)), queries[:, 2])
        own = scores[at].copy()
        scores[known.of(queries[:, :2])] = np.nan
        scores[at] = own
        hidden, answers = torch.from_numpy(scores).float(), torch.from_numpy(own[:, None]).float()
        theirs.process_scores_(torch.from_numpy(test), target, hidden, answers)  # pyright: ignore[reportArgumentType]
    result = theirs.finalize()
    ties = {"realistic": "mean", "optimistic": "best", "pessimistic": "worst"}[kind]
    assert mine.hits(1, ties) == pytest.approx(result.get_metric(f"both.{kind}.hits_at_1"), abs=1e-6)
    assert mine.mrr(ties) == pytest.approx(result.get_metric(f"both.{kind}.inverse_harmonic_mean_rank"), abs=1e-6)
