"""Targets in all their forms, and the open loop: `answers.nll(…).backward()`."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import neurosym as ns
from neurosym.errors import DataError
from neurosym.neural import MLP

ALARM = "t(0.3) :: burglary. t(0.2) :: quake. alarm(yes) :- burglary. alarm(yes) :- quake. alarm(no) :- not burglary."
SUM = """
neural digit(x: Tensor, d: 0..2) by net .
t(0.9) :: honest.
total(X, Y, Z) :- digit(X, A), digit(Y, B), honest, Z is A + B.
total(X, Y, 0) :- digit(X, _), digit(Y, _), not honest.
"""


def net(model: ns.Reasoner, name: str) -> Any:
    """One of its networks."""
    return model.networks[name]


def alarm() -> ns.Answers:
    return ns.Reasoner(ns.Program.from_text(ALARM)).query("alarm(X)")


def adder(semantics: str = "exact") -> ns.Reasoner:
    torch.manual_seed(2)
    program = ns.Program.from_text(SUM)
    return ns.Reasoner(program, networks={"net": MLP([2, 4, 3]).double()}, semantics=semantics)


def inputs(n: int = 3) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(0)
    return {slot: torch.randn(n, 2, generator=random, dtype=torch.float64) for slot in ("a", "b")}


def test_labelled_atoms() -> None:
    answers = alarm()
    yes, no = 1 - 0.7 * 0.8, 0.7
    loss = answers.nll({"alarm(yes)": True, "alarm( no )": False}, "sum")
    assert float(loss.detach()) == pytest.approx(-math.log(yes) - math.log(1 - no))
    assert float(answers.nll({"alarm(yes)": True, "alarm(no)": False}).detach()) == pytest.approx(
        float(loss.detach()) / 2
    )
    assert float(answers.nll({"alarm(yes)": True, "alarm(no)": None}).detach()) == pytest.approx(-math.log(yes))


def test_a_tensor_of_labels_may_have_gaps() -> None:
    answers = adder().query("total(a, b, Z)", inputs=inputs(2))
    labels = torch.full(answers.tags.shape, math.nan)
    labels[0, 1], labels[1, 3] = 1.0, 0.0
    losses = answers.nll(labels, reduction="none")
    tags = answers.tags.detach()
    assert losses.detach().tolist() == pytest.approx([-math.log(tags[0, 1]), -math.log(1 - tags[1, 3])])


@pytest.mark.parametrize("form", [list, tuple, torch.tensor], ids=["list", "tuple", "tensor"])
def test_values_as_targets(form: type) -> None:
    answers = adder().query("total(a, b, Z)", inputs=inputs(3))
    losses = answers.nll(form([0, 3, 1]), reduction="none").detach()
    picked = [float(answers[f"total(a, b, {z})"][k].detach()) for k, z in enumerate([0, 3, 1])]
    assert losses.tolist() == pytest.approx([-math.log(p) for p in picked])


def test_symbols_as_targets() -> None:
    answers = alarm()
    assert float(answers.nll([ns.Symbol("no")]).detach()) == pytest.approx(-math.log(0.7))


def test_a_sure_mistake_has_a_finite_loss_and_gradient() -> None:
    model = ns.Reasoner(ns.Program.from_text("t(0.5) :: a(1). b(X) :- a(X), X > 1."))
    answers = model.query("a(1)", "b(1)")
    loss = answers.nll({"a(1)": True, "b(1)": True}, "sum")
    loss.backward()
    assert math.isfinite(float(loss.detach())) and float(loss.detach()) > 10
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


# -------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"alarm(perhaps)": True}, "not among the answers"),
        ({}, "no answer is labelled"),
        ({"alarm(yes)": None}, "no answer is labelled"),
        (torch.zeros(2, 2), r"labels of shape \(2, 2\) for answers of shape \(1, 2\)"),
        ([ns.Symbol("yes")] * 2, "2 targets for a batch of 1"),
    ],
)
def test_targets_that_do_not_fit(targets: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        alarm().nll(targets)  # pyright: ignore[reportArgumentType]


def test_a_value_that_cannot_be_derived() -> None:
    with pytest.raises(DataError, match="no answer has the value 7") as caught:
        adder().query("total(a, b, Z)", inputs=inputs(1)).nll([7])
    assert caught.value.code == "NS612"


@pytest.mark.parametrize("query", ["total(a, X, Y)", "total(a, b, 0)"])
def test_values_need_one_variable(query: str) -> None:
    answers = adder().query(query, inputs=inputs(1))
    with pytest.raises(DataError, match="exactly one variable"):
        answers.nll([0])
    with pytest.raises(DataError, match="exactly one variable"):
        answers.best()


def test_an_unknown_reduction() -> None:
    with pytest.raises(DataError, match="no reduction `median`"):
        alarm().nll({"alarm(yes)": True}, reduction="median")


# ------------------------------------------------------------------------------------------------------ the open loop


@pytest.mark.parametrize("semantics", ["exact", "product", "sum-product"])
def test_gradients_equal_finite_differences(semantics: str) -> None:
    model, given, targets = adder(semantics), inputs(3), [0, 3, 2]

    def loss() -> Tensor:
        return model.query("total(a, b, Z)", inputs=given).nll(targets)

    loss().backward()
    parameters: list[nn.Parameter] = [*model.weight_logits, *net(model, "net").parameters()]
    assert len(parameters) == 5
    for parameter in parameters:
        assert parameter.grad is not None and float(parameter.grad.abs().max()) > 1e-8
        flat, gradient = parameter.data.view(-1), parameter.grad.reshape(-1)
        for k in range(len(flat)):
            value, ends = float(flat[k]), []
            for step in (1e-6, -1e-6):
                flat[k] = value + step
                ends.append(float(loss().detach()))
            flat[k] = value
            assert float(gradient[k]) == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


def test_gradients_reach_the_inputs() -> None:
    model, given = adder(), inputs(2)
    given["a"].requires_grad_()
    model.query("total(a, b, Z)", inputs=given).nll([1, 2]).backward()
    assert given["a"].grad is not None and float(given["a"].grad.abs().max()) > 0


def test_a_loop_of_ones_own() -> None:
    model, given = adder(), inputs(3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = model.query("total(a, b, Z)", inputs=given).nll([0, 4, 2])
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert model.query("total(a, b, Z)", inputs=given).best() == [0, 4, 2]


def test_several_queries_at_once_are_labelled_together() -> None:
    model = adder()
    answers = model.query("total(a, b, 4)", "digit(a, 2)", inputs=inputs(2))
    assert answers.atoms == ("total(a, b, 4)", "digit(a, 2)")
    answers.nll(torch.tensor([[1.0, 1.0], [0.0, math.nan]])).backward()
    assert all(p.grad is not None for p in model.parameters())
