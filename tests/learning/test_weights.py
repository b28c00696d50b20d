"""Priors, anchors, fixed weights and ranges: the closed form of a step, and what is refused."""

from __future__ import annotations

import math
import random

import pytest
import torch

import neurosym as ns
from neurosym.errors import DataError
from neurosym.learning import Anchor, Batch, Beta, Dirichlet, Fixed, Range, fit_interpretations
from neurosym.learning.weights import within


def model(text: str = "t(0.4) :: a.\nt(0.2) :: x; t(0.3) :: y.\nt(0.3) :: u; t(0.7) :: v.") -> ns.Reasoner:
    return ns.Reasoner(ns.Program.from_text(text))


def learned(reasoner: ns.Reasoner, rows: list[dict[str, bool]], **options) -> list[tuple[float, ...]]:
    found = fit_interpretations(reasoner, rows, progress=False, tolerance=1e-10, **options)
    return [w.probabilities for w in found.weights]


def test_within_is_the_best_distribution_in_its_ranges():
    draw = random.Random(0)
    for _ in range(200):
        size = draw.randint(2, 5)
        counts = [draw.choice([0.0, draw.random(), 10 * draw.random()]) for _ in range(size)]
        counts[0] += 0.1
        lower = [draw.random() / size for _ in range(size)]
        upper = [min(1.0, lo + draw.random()) for lo in lower]
        if sum(upper) < 1:
            continue
        found = within(counts, lower, upper)
        assert sum(found) == pytest.approx(1, abs=1e-9)
        assert all(lo - 1e-9 <= w <= hi + 1e-9 for w, lo, hi in zip(found, lower, upper, strict=True))

        def score(w, counts=counts):
            return sum(c * math.log(max(p, 1e-300)) for c, p in zip(counts, w, strict=True) if c)

        for _ in range(20):  # no small move from one to another is better
            i, j = draw.sample(range(size), 2)
            move = min(1e-3, upper[i] - found[i], found[j] - lower[j])
            if move > 0:
                other = [w + move * (k == i) - move * (k == j) for k, w in enumerate(found)]
                assert score(other) <= score(found) + 1e-9


def test_without_priors_weights_are_shares():
    rows = [{"a": True}] * 3 + [{"a": False}] + [{"x": True}] * 2 + [{"y": True}, {"x": False, "y": False}]
    assert learned(model(), rows) == [pytest.approx((0.75,)), pytest.approx((0.5, 0.25)), (0.3, 0.7)]


def test_priors_count_as_observations():
    rows = [{"a": True}] * 3 + [{"a": False}] + [{"x": True}]
    found = learned(model(), rows, priors={"a": Beta(3, 5), "x; y": Dirichlet((2, 1, 3))})
    assert found[:2] == [pytest.approx((5 / 10,)), pytest.approx((2 / 4, 0))]


def test_an_anchor_is_an_expert_with_so_many_observations():
    rows = [{"a": True}] * 5
    assert learned(model(), rows, priors={"a": Anchor(0.4, 20)})[0] == pytest.approx((13 / 25,))
    assert learned(model(), rows, priors={"a": Anchor(confidence=20)})[0] == pytest.approx((13 / 25,))  # the text's 0.4
    assert learned(model(), rows, priors={"a": Anchor(0.4, 0)})[0] == pytest.approx((1,))
    assert learned(model(), [{"x": True}], priors={"u; v": Anchor((0.9, 0.1), 5)})[2] == pytest.approx((0.9, 0.1))


def test_fixed_weights_stay():
    rows = [{"a": True}] * 5 + [{"x": True}]
    found = learned(model(), rows, limits={"a": Fixed(), "x; y": Fixed((0.5, 0.25))})
    assert found[:2] == [(0.4,), (0.5, 0.25)]
    frozen = model()
    frozen.freeze_rules()
    assert learned(frozen, rows)[0] == pytest.approx((0.4,))


def test_ranges_hold():
    rows = [{"a": True}] * 9 + [{"a": False}] + [{"x": True}] * 10
    found = learned(model(), rows, limits={"a": Range(at_most=0.6), "x; y": Range((0.0, 0.2), 0.7)})
    assert found[:2] == [(0.6,), pytest.approx((0.7, 0.2))]


def test_a_range_with_latent_choices_is_the_best_point_of_the_range():
    text = "t(0.5) :: a. t(0.5) :: b. c :- a. c :- b."
    rows = [{"c": True}] * 6 + [{"c": False}] * 4
    (a,), (b,) = learned(model(text.replace(". ", ".\n")), rows, limits={"a": Range(at_most=0.2)})
    assert a <= 0.2 + 1e-12
    assert 1 - (1 - a) * (1 - b) == pytest.approx(0.6, abs=1e-6)


@pytest.mark.parametrize(
    ("priors", "limits"),
    [
        ({"nobody": Beta(2, 2)}, {}),
        ({"a": Beta(0.5, 1)}, {}),
        ({"a": Dirichlet((1, 2, 3))}, {}),
        ({"x; y": Beta(1, 2)}, {}),
        ({"a": Anchor(1.5)}, {}),
        ({"a": Anchor(0.5, -1)}, {}),
        ({"u; v": Anchor((0.2, 0.2))}, {}),
        ({}, {"a": Range(0.7, 0.6)}),
        ({}, {"x; y": Range(at_least=0.6)}),
        ({}, {"u; v": Range(at_most=0.4)}),
        ({}, {"a": Fixed((0.1, 0.2))}),
    ],
)
def test_what_does_not_fit_is_refused(priors, limits):
    with pytest.raises(DataError) as error:
        learned(model(), [{"a": True}], priors=priors, limits=limits)
    assert error.value.code == "NS642"


def test_names_of_several_statements_are_refused():
    with pytest.raises(DataError, match="several"):
        learned(model("t(_)::a(1). t(_)::a(1)."), [{"a(1)": True}], priors={"a(1)": Beta(2, 2)})


def test_an_anchor_needs_a_weight():
    with pytest.raises(DataError, match="no weight to be anchored at"):
        learned(model("t(_) :: a."), [{"a": True}], priors={"a": Anchor()})


# ------------------------------------------------------------------------------------------------- by gradient

COIN = "t(0.5) :: coin(X) :- toss(X)."


def coins(n: int = 10, heads: int = 8) -> tuple[ns.Reasoner, Batch]:
    text = "\n".join([COIN, *(f"toss({k})." for k in range(n))])
    return model(text), Batch(("coin(X)",), {f"coin({k})": k < heads for k in range(n)})


def fitted(reasoner: ns.Reasoner, batch: Batch, **options) -> list[float]:
    ns.fit(reasoner, batch, epochs=400, lr=0.05, progress=False, **options)
    return next(iter(reasoner.rule_weights().values()))


def test_fit_takes_the_same_priors():
    assert fitted(*coins(), priors={"coin(X)": Beta(4, 8)}) == [pytest.approx(11 / 20, abs=1e-3)]
    assert fitted(*coins(), priors={"<text>:1": Anchor(0.3, 10)}) == [pytest.approx(11 / 20, abs=1e-3)]


def test_a_prior_counts_once_whatever_the_batches():
    reasoner, batch = coins()
    assert isinstance(batch.targets, dict)
    pairs = list(batch.targets.items())
    halves = [Batch(("coin(X)",), dict(pairs[::2])), Batch(("coin(X)",), dict(pairs[1::2]))]
    ns.fit(reasoner, halves, epochs=400, lr=0.02, priors={"coin(X)": Beta(4, 8)}, progress=False)
    assert reasoner.rule_weights()["<text>:1"] == [pytest.approx(11 / 20, abs=1e-2)]


def test_fit_keeps_ranges_and_fixed_weights():
    assert fitted(*coins(), limits={"coin(X)": Range(at_most=0.6)}) == [pytest.approx(0.6, abs=1e-6)]
    assert fitted(*coins(), limits={"coin(X)": Fixed()}) == [pytest.approx(0.5, abs=1e-9)]


def test_a_learnable_disjunction_stays_a_distribution_under_fit():
    text = "t(_) :: red(X); t(_) :: blue(X) :- ball(X).\n" + "\n".join(f"ball({k})." for k in range(10))
    reasoner = model(text)
    labels = {f"red({k})": k < 5 for k in range(10)} | {f"blue({k})": 5 <= k < 8 for k in range(10)}
    red, blue = fitted(reasoner, Batch(("red(X)", "blue(X)"), labels))
    assert red + blue < 1
    assert (red, blue) == (pytest.approx(0.5, abs=0.01), pytest.approx(0.3, abs=0.01))
    red, blue = fitted(model(text), Batch(("red(X)", "blue(X)"), labels), limits={"red(X); blue(X)": Range(0.4)})
    assert (red, blue) == (pytest.approx(0.5, abs=0.02), pytest.approx(0.4, abs=1e-6))


def test_a_range_on_a_network_free_program_survives_a_checkpoint(tmp_path):
    reasoner, batch = coins()
    options = {"lr": 0.05, "progress": False, "limits": {"coin(X)": Range(at_most=0.6)}}
    ns.fit(reasoner, batch, epochs=50, checkpoint=tmp_path / "c", **options)
    other, _ = coins()
    ns.fit(other, batch, epochs=100, checkpoint=tmp_path / "c", **options)
    assert float(other.weights(0).detach()) <= 0.6 + 1e-9
    assert torch.isfinite(other.weight_logits[0]).all()
