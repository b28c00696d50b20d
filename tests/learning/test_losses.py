"""Several losses at once: what each is, what it teaches, and how it is reported."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import neurosym as ns
from neurosym.errors import DataError
from neurosym.learning import (
    Batch,
    ClassBalance,
    Entropy,
    Reconstruction,
    Term,
    batches,
    concept_nll,
    nll,
)
from neurosym.neural import MLP

# from the parity alone a network cannot know which class is which, nor that there are two
PARITY = """
neural high(x: Tensor, h: {no, yes}) by net .
same(X, Y, yes) :- high(X, V), high(Y, V).
same(X, Y, no) :- high(X, V), high(Y, W), V \\= W.
constraint different : not (high(a, yes) and high(b, yes)) .
"""
ODD = "neural odd(x: Tensor) by net . found(X) :- odd(X)."
YES, NO = ns.Symbol("yes"), ns.Symbol("no")


def reasoner(text: str = PARITY, outputs: int = 2) -> ns.Reasoner:
    torch.manual_seed(0)
    return ns.Reasoner(ns.Program.from_text(text), networks={"net": MLP([2, 8, outputs])})


def points(n: int = 48, seed: int = 0) -> tuple[dict[str, Tensor], list[ns.Symbol], list[ns.Symbol]]:
    """Pairs of points, whether they lie on the same side, and on which side the left one lies."""
    random = torch.Generator().manual_seed(seed)
    left, right = torch.randn(n, 2, generator=random), torch.randn(n, 2, generator=random)
    same = ((left[:, 0] > 0) == (right[:, 0] > 0)).tolist()
    return {"a": left, "b": right}, [YES if s else NO for s in same], [YES if v > 0 else NO for v in left[:, 0]]


def probabilities(model: ns.Reasoner, inputs: dict[str, Tensor], name: str = "a") -> Tensor:
    return torch.softmax(model.networks["net"](inputs[name]).double(), dim=1)


# ------------------------------------------------------------------------------------------------------- what was said


def test_what_networks_said_has_its_gradients() -> None:
    model = reasoner()
    inputs, _, _ = points(5)
    answers = model.query("same(a, b, V)", inputs=inputs)
    (said,) = answers.said()
    assert said.predicate == "high/2" and said.network == "net" and said.values == (NO, YES)
    for name in ("a", "b"):
        rows = said.question == said.questions.index((ns.Symbol(name),))
        assert torch.equal(said.sample[rows], torch.arange(5))
        assert torch.allclose(said.probabilities[rows], probabilities(model, inputs, name))
        assert torch.equal(said.inputs()[0][rows], inputs[name])
    said.probabilities[0, 0].backward()
    assert all(p.grad is not None for p in model.networks.parameters())


def test_samples_with_facts_say_it_as_well() -> None:
    text = "neural high(x: Tensor, h: {no, yes}) by net . pred asked(x: symbol) . side(V) :- asked(X), high(X, V)."
    model = reasoner(text)
    inputs, _, _ = points(4)
    facts = [[("asked", (ns.Symbol(x),))] for x in "abba"]
    (batch,) = batches("side(V)", inputs, [YES] * 4, samples=facts, concepts={"high(a, V)": [YES, None, None, NO]})
    answers = batch.ask(model)
    (said,) = answers.said()
    assert len(said.question) == 4  # one for each sample: nobody asks about the other input
    right = probabilities(model, inputs)
    expected = -(torch.log(right[0, 1]) + torch.log(right[3, 0])) / 2
    value = concept_nll(answers, batch)
    assert value is not None and torch.allclose(value, expected)


def test_what_rests_on_entities_is_said_once() -> None:
    table = ns.FeatureTable(["p0", "p1"], torch.randn(2, 2), ["u", "v"])
    text = "neural high(x: symbol, h: {no, yes}) by net . both(V) :- person(X), high(X, V)."
    program = ns.Program.from_text(text, facts_predicates=[("person", 1)])
    facts = ns.FactBase.from_facts([("person", [ns.Symbol("p0")]), ("person", [ns.Symbol("p1")])])
    torch.manual_seed(0)
    model = ns.Reasoner(program, facts, networks={"net": MLP([2, 8, 2])}, features={"symbol": table})
    (said,) = model.query("both(V)").said()
    assert said.sample.tolist() == [0, 0] and said.probabilities.shape == (2, 2)


# --------------------------------------------------------------------------------------------------- labels on concepts


def test_labels_on_concepts_say_which_class_is_which() -> None:
    """The labels on pairs are the same if all classes are swapped; a few labels on concepts are not."""
    inputs, same, sides = points(96)
    sides[8:] = [None] * 88  # pyright: ignore[reportCallIssue, reportArgumentType]
    data = batches("same(a, b, V)", inputs, same, 16, concepts={"high(a, V)": sides})
    for swapped in (False, True):
        given = data
        if swapped:
            other = [None if s is None else NO if s == YES else YES for s in sides]
            given = batches("same(a, b, V)", inputs, same, 16, concepts={"high(a, V)": other})
        model = reasoner()
        loss = [Term("labels", nll), Term("concepts", concept_nll, 0.5)]
        result = ns.fit(model, given, loss=loss, epochs=25, lr=0.03, progress=False)
        right = (probabilities(model, inputs).argmax(1) == (inputs["a"][:, 0] > 0)).double().mean()
        assert float(right) > 0.9 if not swapped else float(right) < 0.1
        last = result.epochs[-1]
        assert set(last.losses) == {"labels", "concepts"} and last.losses["concepts"] < 0.3


def test_the_sum_is_weighted_and_the_parts_are_not() -> None:
    inputs, same, sides = points(8)
    (batch,) = batches("same(a, b, V)", inputs, same, 8, concepts={"high(a, V)": sides})
    loss = [Term("labels", nll), Term("concepts", concept_nll, 0.5), Term("decided", Entropy(), 0.0)]
    (epoch,) = ns.fit(reasoner(), batch, [batch], loss=loss, epochs=1, lr=1e-12, progress=False).epochs
    assert epoch.loss == pytest.approx(epoch.losses["labels"] + 0.5 * epoch.losses["concepts"])
    assert epoch.valid_losses == pytest.approx(epoch.losses)
    assert set(epoch.losses) == {"labels", "concepts", "decided"}


def test_a_loss_is_averaged_over_the_batches_it_speaks_about() -> None:
    inputs, same, sides = points(8)
    data = batches("same(a, b, V)", inputs, same, 4, concepts={"high(a, V)": [*sides[:4], *[None] * 4]})
    half = Batch(data[0].queries, data[0].targets, data[0].inputs, concepts=data[0].concepts)
    loss = [Term("labels", nll), Term("concepts", concept_nll)]

    def told(given: list[Batch]) -> Any:
        # told about in validation, whose batches are not mixed
        return ns.fit(reasoner(), data, given, loss=loss, epochs=1, lr=1e-12, progress=False).epochs[0].valid_losses

    assert told(data)["concepts"] == pytest.approx(told([half])["concepts"])
    assert told(data)["labels"] != pytest.approx(told([half])["labels"])


def test_concepts_that_are_true_or_false() -> None:
    model = reasoner(ODD, 1)
    inputs, _, _ = points(4)
    labels = torch.tensor([[1.0]] * 4)
    truth = torch.tensor([1.0, math.nan, 0.0, math.nan])
    batch = Batch(("found(a)",), labels, {"a": inputs["a"]}, concepts={"odd(a)": truth})
    value = concept_nll(batch.ask(model), batch)
    p = torch.sigmoid(model.networks["net"](inputs["a"]).double())[:, 0]
    assert value is not None and torch.allclose(value, -(torch.log(p[0]) + torch.log(1 - p[2])) / 2)


@pytest.mark.parametrize(
    ("concepts", "message"),
    [
        ({"high(c, V)": [YES]}, r"high\(c, V\), and no network"),
        ({"high(X, V)": [YES]}, "no network was asked"),
        ({"low(a, V)": [YES]}, "no network was asked"),
        ({"high(a, V)": [ns.Symbol("maybe")]}, "no value of high/2"),
    ],
)
def test_concepts_that_do_not_fit(concepts: dict[str, Any], message: str) -> None:
    inputs, same, _ = points(1)
    batch = Batch(("same(a, b, V)",), same, inputs, concepts=concepts)
    with pytest.raises(DataError, match=message) as caught:
        concept_nll(batch.ask(reasoner()), batch)
    assert caught.value.code == "NS626"


# ---------------------------------------------------------------------------------------------------- networks' outputs


def test_entropy_and_balance_by_hand() -> None:
    model = reasoner()
    inputs, same, _ = points(6)
    (batch,) = batches("same(a, b, V)", inputs, same)
    answers = batch.ask(model)
    p = torch.cat([probabilities(model, inputs, n) for n in "ab"])
    each = -(p * torch.log2(p)).sum(1)
    mean = p.mean(0)
    for loss, expected in ((Entropy(), each.mean()), (ClassBalance(), 1 + (mean * torch.log2(mean)).sum())):
        value = loss(answers, batch)
        assert value is not None and torch.allclose(value, expected)
        named = type(loss)(("high/2",))(answers, batch)
        assert named is not None and torch.equal(named, value)
        with pytest.raises(DataError, match="`low/1` is no neural predicate") as caught:
            type(loss)(("low/1",))(answers, batch)
        assert caught.value.code == "NS626"


@pytest.mark.parametrize("loss", [Entropy(), ClassBalance()])
def test_gradients_are_finite_where_a_network_is_certain(loss: Any) -> None:
    class Certain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(1e6))

        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x[:, 0] * 0 + self.scale, x[:, 0] * 0 - self.scale], dim=1)

    model = ns.Reasoner(ns.Program.from_text(PARITY), networks={"net": Certain()})
    inputs, same, _ = points(3)
    (batch,) = batches("same(a, b, V)", inputs, same)
    loss(batch.ask(model), batch).backward()
    assert math.isfinite(float(next(model.networks.parameters()).grad))  # pyright: ignore[reportArgumentType]


def test_balance_keeps_the_classes_apart_that_a_shortcut_merges() -> None:
    """Every pair is labelled as the same: to say one class always is as good as to tell them apart, for the labels."""
    inputs, _, _ = points(64)
    inputs["b"] = inputs["a"]
    data = batches("same(a, b, V)", inputs, [YES] * 64, 32)
    spread = []
    for weight in (0.0, 2.0):
        model = reasoner()
        loss = [Term("labels", nll), Term("balance", ClassBalance(), weight)]
        ns.fit(model, data, loss=loss, epochs=40, lr=0.03, progress=False)
        spread.append(float(probabilities(model, inputs).detach().mean(0).min()))
    assert spread[0] < 0.1 and spread[1] > 0.4


def test_a_decoder_is_trained_with_the_rest_and_kept(tmp_path: Any) -> None:
    inputs, same, _ = points(32)
    data = batches("same(a, b, V)", inputs, same, 8)

    def run(epochs: int, path: Any = None) -> tuple[ns.Reasoner, Reconstruction, ns.FitResult]:
        model = reasoner()
        torch.manual_seed(1)
        told = Reconstruction("high/2", nn.Linear(2, 2))
        loss = [Term("labels", nll), Term("given back", told, 0.3)]
        done = ns.fit(model, data, loss=loss, epochs=epochs, lr=0.02, checkpoint=path, progress=False)
        return model, told, done

    model, told, result = run(6)
    assert result.epochs[-1].losses["given back"] < result.epochs[0].losses["given back"]
    run(2, tmp_path / "c")
    again, other, resumed = run(6, tmp_path / "c")
    assert resumed.resumed
    assert again.weights_sha256() == model.weights_sha256()
    assert torch.equal(other.decoder.weight, told.decoder.weight)  # pyright: ignore
    # the weights of the reasoner can be had without the decoder
    alone = reasoner()
    ns.learning.load_weights(tmp_path / "c", alone)  # pyright: ignore[reportAttributeAccessIssue]
    assert alone.weights_sha256() == model.weights_sha256()


def test_a_decoder_for_what_is_true_or_false_sees_two_probabilities() -> None:
    model = reasoner(ODD, 1)
    inputs, _, _ = points(4)
    batch = Batch(("found(a)",), torch.ones(4, 1), {"a": inputs["a"]})
    value = Reconstruction("odd/1", nn.Linear(2, 2))(batch.ask(model), batch)
    assert value is not None and value.dim() == 0


# ------------------------------------------------------------------------------------------------------------ together


def test_constraints_are_a_loss_of_their_own() -> None:
    inputs, same, _ = points(8)
    (batch,) = batches("same(a, b, V)", inputs, same)
    both = ns.fit(
        reasoner(), batch, epochs=1, lr=1e-12, constraints=ns.Constraints(weight=0.25), progress=False
    ).epochs[0]  # fmt: skip
    assert set(both.losses) == {"loss", "constraints"}
    assert both.loss == pytest.approx(both.losses["loss"] + 0.25 * both.losses["constraints"])
    cost = reasoner().constraint_loss(inputs=inputs).loss
    assert both.losses["constraints"] == pytest.approx(float(cost.detach()))


def test_unlabelled_samples_learn_from_constraints_alone() -> None:
    inputs, _, _ = points(32)
    inputs["b"] = inputs["a"] + 0.0
    data = batches("same(a, b, V)", inputs, [None] * 32, 16)
    model = reasoner()
    ns.fit(model, data, epochs=30, lr=0.03, constraints="semantic", progress=False)
    assert float(probabilities(model, inputs).detach()[:, 1].max()) < 0.3


def test_constraints_do_not_see_the_facts_of_samples() -> None:
    inputs, same, _ = points(2)
    data = batches("same(a, b, V)", inputs, same, samples=[[], []])
    with pytest.raises(DataError, match="facts of their own") as caught:
        ns.fit(reasoner(), data, constraints="semantic", progress=False)
    assert caught.value.code == "NS626"


@pytest.mark.parametrize(
    "loss",
    [[], [Term("x", nll), Term("x", nll)], [Term("x", nll, -1.0)], [Term("x", nll, math.nan)]],
    ids=["none", "twice", "negative", "nan"],
)
def test_losses_that_do_not_fit(loss: Any) -> None:
    inputs, same, _ = points(2)
    with pytest.raises(DataError) as caught:
        ns.fit(reasoner(), batches("same(a, b, V)", inputs, same), loss=loss, progress=False)
    assert caught.value.code == "NS625"


def test_the_loss_that_is_no_number_is_named() -> None:
    inputs, same, _ = points(2)
    loss = [Term("labels", nll), Term("odd", lambda answers, batch: answers.tags.sum() * math.nan, 0.1)]
    with pytest.raises(DataError, match="the loss `odd` is nan in epoch 1, batch 1") as caught:
        ns.fit(reasoner(), batches("same(a, b, V)", inputs, same), loss=loss, progress=False)
    assert caught.value.code == "NS622"
