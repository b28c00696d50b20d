"""`fit`: what is learned, when it stops, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import neurosym as ns
from neurosym.errors import DataError
from neurosym.learning import Batch, batches
from neurosym.neural import MLP

PARITY = """
neural high(x: Tensor, h: {no, yes}) by net .
same(X, Y, yes) :- high(X, V), high(Y, V).
same(X, Y, no) :- high(X, V), high(Y, W), V \\= W.
"""


def net(model: ns.Reasoner, name: str) -> Any:
    """One of its networks."""
    return model.networks[name]


def samples(n: int, seed: int = 0) -> tuple[dict[str, Tensor], list[ns.Symbol]]:
    """Pairs of points, and whether both lie on the same side of 0."""
    random = torch.Generator().manual_seed(seed)
    left, right = torch.randn(n, 2, generator=random), torch.randn(n, 2, generator=random)
    same = (left[:, 0] > 0) == (right[:, 0] > 0)
    return {"a": left, "b": right}, [ns.Symbol("yes" if s else "no") for s in same.tolist()]


def reasoner(dropout: float = 0.0, seed: int = 0) -> ns.Reasoner:
    torch.manual_seed(seed)
    return ns.Reasoner(ns.Program.from_text(PARITY), networks={"net": MLP([2, 8, 2], dropout)})


def data(n: int = 64, size: int = 16, seed: int = 0) -> list[Batch]:
    inputs, targets = samples(n, seed)
    return batches("same(a, b, V)", inputs, targets, size)


def coin(text: str = "t(_) :: coin(X) :- toss(X).", n: int = 100, share: int = 70) -> tuple[ns.Reasoner, Batch]:
    facts = ns.FactBase.from_facts(("toss", [k]) for k in range(n))
    labels: dict[str, bool | None] = {f"coin({k})": k < share for k in range(n)}
    program = ns.Program.from_text(text, facts_predicates=facts.predicates)
    return ns.Reasoner(program, facts), Batch(("coin(X)",), labels)


def fit(model: ns.Reasoner, train: Batch | list[Batch], valid: list[Batch] | None = None, **options: object):
    return ns.fit(model, train, valid, progress=False, **options)  # pyright: ignore[reportArgumentType]


def numbers(model: ns.Reasoner) -> list[bytes]:
    return [t.numpy().tobytes() for t in model.state_dict().values()]


# --------------------------------------------------------------------------------------------------- what is learned


def test_a_network_learns_below_a_rule() -> None:
    model = reasoner()
    inputs, targets = samples(256, 1)
    result = fit(model, batches("same(a, b, V)", inputs, targets, 32), epochs=25, lr=0.02)
    found = model.query("same(a, b, V)", inputs=inputs).best()
    assert sum(f == t for f, t in zip(found, targets, strict=True)) > 240
    assert result.epochs[-1].loss < 0.3 < result.epochs[0].loss


def test_a_rule_weight_moves_to_the_frequency() -> None:
    model, batch = coin()
    fit(model, batch, epochs=150, lr=0.1)
    ((weight,),) = model.rule_weights().values()
    assert weight == pytest.approx(0.7, abs=0.02)


def test_a_learnable_disjunction_stays_a_distribution() -> None:
    text = "t(0.2) :: color(X, red); t(0.3) :: color(X, green) :- ball(X)."
    facts = ns.FactBase.from_facts(("ball", [k]) for k in range(10))
    model = ns.Reasoner(ns.Program.from_text(text, facts_predicates=facts.predicates), facts)
    ((red, green),) = model.rule_weights().values()
    assert (red, green) == pytest.approx((0.2, 0.3))
    seen = [ns.Symbol("red")] * 6 + [ns.Symbol("green")] * 3 + [None]
    labels: dict[str, bool | None] = {
        f"color({k}, {c})": None if s is None else s == ns.Symbol(c)
        for k, s in enumerate(seen)
        for c in ("red", "green")
    }
    # the last ball is neither: only then may the rest stay open
    labels |= {"color(9, red)": False, "color(9, green)": False}
    steps = []
    for _ in range(4):
        fit(model, Batch(("color(X, C)",), labels), epochs=40, lr=0.05)
        ((red, green),) = model.rule_weights().values()
        assert red > 0 and green > 0 and red + green < 1
        steps.append((red, green))
    assert steps[-1] == pytest.approx((0.6, 0.3), abs=0.05)


def test_frozen_rule_weights_stay() -> None:
    text = "t(0.4) :: lucky(X) :- sunny(X).\nneural sunny(x: Tensor) by net ."
    torch.manual_seed(0)
    model = ns.Reasoner(ns.Program.from_text(text), networks={"net": MLP([2, 1])})
    model.freeze_rules()
    before = net(model, "net").layers[0].weight.detach().clone()
    batch = Batch(("lucky(a)",), torch.tensor([[1.0], [0.0]]), {"a": torch.randn(2, 2)})
    fit(model, batch, epochs=5, lr=0.1)
    assert list(model.rule_weights().values()) == [[pytest.approx(0.4, abs=1e-12)]]
    assert not torch.equal(before, net(model, "net").layers[0].weight)
    model.freeze_rules(False)
    fit(model, batch, epochs=5, lr=0.1)
    assert list(model.rule_weights().values()) != [[pytest.approx(0.4, abs=1e-3)]]


def test_the_weight_of_a_batch_scales_its_gradient_and_not_the_loss_that_is_reported() -> None:
    reported = []
    for weight in (1.0, 3.0):
        model, batch = coin("t(0.2) :: coin(X) :- toss(X).")
        result = fit(model, Batch(batch.queries, batch.targets, weight=weight), [batch], epochs=1, lr=1e-9)
        reported.append(result.epochs[0].loss)
        assert result.epochs[0].loss == pytest.approx(result.epochs[0].valid_loss)
    assert reported[0] == pytest.approx(reported[1])


def test_a_batch_may_be_given_alone_and_its_query_as_text() -> None:
    model, batch = coin()
    single = Batch("coin(X)", batch.targets)  # pyright: ignore[reportArgumentType]
    assert single.queries == ("coin(X)",)
    assert len(fit(model, single, epochs=2).epochs) == 2


# ------------------------------------------------------------------------------------------------ when training stops


def test_early_stopping_restores_the_best_weights() -> None:
    model = reasoner()
    train, valid = data(32, 8), data(64, 64, seed=5)
    result = fit(model, train, valid, epochs=60, lr=0.1, patience=4)
    losses = [e.valid_loss for e in result.epochs]
    assert result.stopped_early and len(losses) < 60
    assert result.best_epoch == losses.index(min(losses)) == len(losses) - 1 - 4  # pyright: ignore[reportArgumentType]
    (batch,) = valid
    with torch.no_grad():
        now = float(model.query(*batch.queries, inputs=batch.inputs).nll(batch.targets))
    assert now == pytest.approx(result.best_loss, abs=1e-12)


def test_without_validation_the_last_weights_stay() -> None:
    result = fit(reasoner(), data(), epochs=3)
    assert result.best_epoch == 2 and result.best_loss == result.epochs[2].loss
    assert not result.stopped_early and result.epochs[0].valid_loss is None


def test_no_epochs_change_nothing() -> None:
    model = reasoner()
    before = numbers(model)
    result = fit(model, data(), epochs=0)
    assert result.epochs == () and result.best_loss == math.inf
    assert numbers(model) == before


def test_afterwards_the_reasoner_evaluates() -> None:
    model = reasoner(dropout=0.5)
    fit(model, data(), epochs=1)
    inputs, _ = samples(4)
    assert not model.training
    assert torch.equal(
        model.query("same(a, b, V)", inputs=inputs).tags, model.query("same(a, b, V)", inputs=inputs).tags
    )


# --------------------------------------------------------------------------------------------------- reproducibility


def test_equal_seeds_give_equal_bits() -> None:
    first, second, other = reasoner(0.3), reasoner(0.3), reasoner(0.3)
    fit(first, data(), epochs=3, lr=0.01, seed=7)
    torch.rand(5)  # the global random state must not matter
    fit(second, data(), epochs=3, lr=0.01, seed=7)
    fit(other, data(), epochs=3, lr=0.01, seed=8)
    assert numbers(first) == numbers(second) != numbers(other)


def test_the_global_random_state_is_left_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    fit(reasoner_without_touching := reasoner(), data(), epochs=1)
    torch.manual_seed(3)
    assert torch.equal(before, torch.get_rng_state())
    fit(reasoner_without_touching, data(), epochs=1)
    assert torch.equal(before, torch.get_rng_state())


# -------------------------------------------------------------------------------------------------- what is refused


def test_no_data() -> None:
    with pytest.raises(DataError) as caught:
        fit(reasoner(), [])
    assert caught.value.code == "NS620"


def test_nothing_to_train() -> None:
    model, batch = coin("0.5 :: coin(X) :- toss(X).")
    with pytest.raises(DataError) as caught:
        fit(model, batch)
    assert caught.value.code == "NS621"


def test_lengths_that_disagree() -> None:
    with pytest.raises(DataError, match="3 inputs `a` for 2 targets"):
        batches("p(a, V)", {"a": torch.zeros(3, 2)}, [1, 2])


def test_a_loss_that_is_no_number_names_epoch_and_batch() -> None:
    model = reasoner()
    calls = []

    def loss(answers: ns.Answers, batch: Batch) -> Tensor:
        calls.append(numbers(model))
        return answers.nll(batch.targets) * (math.nan if len(calls) == 7 else 1.0)

    with pytest.raises(DataError, match="the loss is nan in epoch 2, batch 3") as caught:
        fit(model, data(64, 16), epochs=5, loss=loss)
    assert caught.value.code == "NS622"
    assert numbers(model) == calls[-1]
    assert not model.training


def test_a_gradient_that_is_no_number_leaves_the_weights() -> None:
    model = reasoner()
    before = numbers(model)

    def loss(answers: ns.Answers, batch: Batch) -> Tensor:
        return answers.nll(batch.targets) + torch.sqrt(answers.tags.sum() * 0.0)  # 0, with a gradient of 0 / 0

    with pytest.raises(DataError, match="gradient is not finite in epoch 1, batch 1") as caught:
        fit(model, data(64, 16), epochs=5, loss=loss)
    assert caught.value.code == "NS622"
    assert numbers(model) == before


class Broken(nn.Module):
    """Gives NaN."""

    def forward(self, x: Tensor) -> Tensor:
        return x * math.nan


def test_a_network_that_gives_nan_is_named() -> None:
    model = ns.Reasoner(ns.Program.from_text(PARITY), networks={"net": Broken()})
    inputs, targets = samples(4)
    with pytest.raises(ns.NeurosymError, match="`net` gave a NaN") as caught:
        model.query("same(a, b, V)", inputs=inputs).nll(targets)
    assert caught.value.code == "NS603"


# -------------------------------------------------------------------------------------------------- the progress bar


def test_progress_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    model, batch = coin()
    ns.fit(model, batch, epochs=2, description="coins")
    assert capsys.readouterr().out == ""


def test_the_bar_also_tells_how_far_the_grounding_is() -> None:
    """While the bar is there, and unless the reasoner tells someone else."""
    told: list[object] = []

    def loss(answers: ns.Answers, batch: ns.Batch) -> torch.Tensor:
        assert answers.reasoner is not None
        told.append(answers.reasoner.progress)
        return answers.tags.sum()

    program = ns.Program.from_text("t(0.3) :: a(1). b(X) :- a(X).")
    batch = ns.Batch(("b(1)",), torch.tensor([[1.0]]))
    for progress, own in ((True, None), (False, None), (True, print)):
        reasoner = ns.Reasoner(program, progress=own)
        ns.fit(reasoner, batch, epochs=1, loss=loss, progress=progress)
        assert reasoner.progress is own
    assert callable(told[0]) and told[1:] == [None, print]
