"""What networks are asked: slots, entities, several arguments, and what is wrong with what they are given."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import neurosym as ns
from neurosym.errors import DataError, NetworkError, NeurosymError
from neurosym.neural import MLP, DigitNet

ADDITION = Path(__file__).parents[2] / "tasks" / "addition"
DIGITS = "neural digit(x: Tensor, d: 0..2) by net . total(X, Y, Z) :- digit(X, A), digit(Y, B), Z is A + B."
WARD = """
@prefix ex: <http://example.org/> .
neural risky(p: ex:Patient) by net .
watch(P) :- ex:Patient(P), risky(P).
"""


def net(model: ns.Reasoner, name: str) -> Any:
    """One of its networks."""
    return model.networks[name]


class Table(nn.Module):
    """Gives the logits that it is told, whatever it is asked."""

    def __init__(self, logits: list[list[float]]) -> None:
        super().__init__()
        self.logits = torch.tensor(logits, dtype=torch.float64)
        self.asked: list[tuple[int, ...]] = []

    def forward(self, *tensors: Tensor) -> Tensor:
        self.asked.append(tuple(tensors[0].shape))
        return self.logits[: len(tensors[0])]


def digits(network: nn.Module | None = None, text: str = DIGITS) -> ns.Reasoner:
    torch.manual_seed(0)
    return ns.Reasoner(ns.Program.from_text(text), networks={"net": network or nn.Linear(2, 3).double()})


def rows(n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ward(
    ids: list[str], table: ns.FeatureTable | None, key: str = "ex:Patient", network: nn.Module | None = None
) -> ns.Reasoner:
    patient = ns.Iri("http://example.org/Patient")
    kind = ns.Iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
    facts = ns.FactBase.from_triples((ns.Iri(f"http://example.org/{i}"), kind, patient) for i in ids)
    torch.manual_seed(0)
    network = network or nn.Linear(2, 1).double()
    return ns.Reasoner(ns.Program.from_text(WARD), facts, {"net": network}, {} if table is None else {key: table})


# ------------------------------------------------------------------------------------------------------------- slots


def test_slots_are_per_sample_inputs() -> None:
    model, a, b = digits(), rows(4), rows(4, 1)
    tags = model.query("total(a, b, Z)", inputs={"a": a, "b": b}).tags
    left, right = (torch.softmax(net(model, "net")(x), 1) for x in (a, b))
    expected = torch.zeros(4, 5, dtype=torch.float64)
    for i in range(3):
        for j in range(3):
            expected[:, i + j] += left[:, i] * right[:, j]
    assert torch.allclose(tags, expected, atol=1e-12) and torch.allclose(
        tags.sum(1), torch.ones(4, dtype=torch.float64)
    )


def test_one_slot_in_two_places_is_one_choice() -> None:
    model = digits()
    answers = model.query("total(a, a, Z)", inputs={"a": rows(3)})
    said = torch.softmax(net(model, "net")(rows(3)), 1)
    for k in range(3):
        assert torch.allclose(answers[f"total(a, a, {2 * k})"], said[:, k])
    for odd in (1, 3):
        assert torch.equal(answers[f"total(a, a, {odd})"], torch.zeros(3, dtype=torch.float64))


def test_free_slots_range_over_the_inputs() -> None:
    answers = digits().query("total(X, Y, 0)", inputs={"a": rows(2), "b": rows(2, 1)})
    assert set(answers.atoms) == {f"total({x}, {y}, 0)" for x in "ab" for y in "ab"}


def test_a_neural_predicate_may_be_asked_itself() -> None:
    model = digits()
    answers = model.query("digit(a, D)", inputs={"a": rows(3)})
    assert answers.atoms == ("digit(a, 0)", "digit(a, 1)", "digit(a, 2)")
    assert torch.allclose(answers.tags, torch.softmax(net(model, "net")(rows(3)), 1))


@pytest.mark.parametrize("query", ["total(a, b, Z)", "total(a, b, 3)", "total(b, b, Z)"])
def test_a_missing_slot(query: str) -> None:
    with pytest.raises(DataError, match="no input is given for `b`") as caught:
        digits().query(query, inputs={"a": rows(2)})
    assert caught.value.code == "NS613"


def test_no_slot_at_all() -> None:
    with pytest.raises(DataError) as caught:
        digits().query("total(a, b, Z)")
    assert caught.value.code == "NS613"


def test_a_missing_slot_behind_two_rules() -> None:
    text = (
        DIGITS + " even(X, Y) :- total(X, Y, Z), 0 is Z mod 2. odd(X, Y) :- not even(X, Y), digit(X, _), digit(Y, _)."
    )
    for query in ("even(a, b)", "odd(a, b)"):
        with pytest.raises(DataError) as caught:
            digits(text=text).query(query, inputs={"a": rows(2)})
        assert caught.value.code == "NS613"


def test_an_absent_constant_that_is_no_input_is_just_absent() -> None:
    answers = digits().query("total(a, b, 17)", inputs={"a": rows(2), "b": rows(2)})
    assert answers.tags.tolist() == [[0.0], [0.0]]


def test_networks_are_asked_last_about_what_facts_leave() -> None:
    """A network answers whatever it is asked, so it filters nothing; a slot that only facts rule out needs no input."""
    program = ns.Program.from_text(
        "neural sure(x: Tensor, v: {yes, no}) by net . slot(1, a). slot(2, b). slot(3, c). wanted(1). wanted(3). "
        "may(K) :- slot(K, X), sure(X, yes), wanted(K). both(K) :- slot(K, X), sure(X, yes), may(J), K = J + 2."
    )
    reasoner = ns.Reasoner(program, networks={"net": Table([[0.0, 0.0]] * 2)})
    inputs = {"a": torch.zeros(1, 1), "c": torch.zeros(1, 1)}
    answers = reasoner.query("may(K)", inputs=inputs)
    assert sorted(answers.atoms) == ["may(1)", "may(3)"] and net(reasoner, "net").asked == [(2, 1)]
    assert reasoner.query("both(3)", inputs=inputs).tags.tolist() == [[0.25]]


def test_batches_of_unlike_size() -> None:
    with pytest.raises(DataError, match="different batch sizes") as caught:
        digits().query("total(a, b, Z)", inputs={"a": rows(2), "b": rows(3)})
    assert "a: 2" in str(caught.value) and "b: 3" in str(caught.value)


# ---------------------------------------------------------------------------------------------------------- networks


def test_a_missing_network() -> None:
    model = ns.Reasoner(ns.Program.from_text(DIGITS), networks={"nett": nn.Linear(2, 3)})
    with pytest.raises(NetworkError, match="`net` is missing") as caught:
        model.query("total(a, a, Z)", inputs={"a": rows(1)})
    assert caught.value.code == "NS601" and "nett" in str(caught.value)


@pytest.mark.parametrize("network", [nn.Flatten(0), nn.Unflatten(1, (1, 2))])
def test_a_wrong_shape(network: nn.Module) -> None:
    with pytest.raises(NetworkError, match=r"digit/2 needs \(4, 3\)") as caught:
        digits(network).query("total(a, b, Z)", inputs={"a": rows(2), "b": rows(2)})
    assert caught.value.code == "NS602"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_logits_that_are_no_numbers(value: float) -> None:
    network = Table([[0.0, 1.0, 2.0], [0.0, value, 1.0]])
    with pytest.raises(NetworkError, match="`net` gave a NaN or an infinity") as caught:
        digits(network).query("total(a, a, Z)", inputs={"a": rows(2)})
    assert caught.value.code == "NS603" and "input 1 of 2" in str(caught.value)


def test_a_bernoulli_predicate_is_a_sigmoid() -> None:
    text = "neural on(x: Tensor) by net . off(X) :- not on(X), seen(X). seen(a)."
    for shape in ((2, 1), (2,)):
        network = Table([[0.5], [-2.0]])
        network.logits = network.logits.reshape(shape)
        answers = digits(network, text).query("on(a)", "off(a)", inputs={"a": rows(2)})
        on = torch.sigmoid(torch.tensor([0.5, -2.0], dtype=torch.float64))
        assert torch.allclose(answers["on(a)"], on) and torch.allclose(answers["off(a)"], 1 - on)


def test_one_network_behind_two_predicates() -> None:
    text = """
    neural left(x: Tensor, d: 0..2) by net .
    neural right(x: Tensor, d: 0..2) by net .
    same(X, Y) :- left(X, D), right(Y, D).
    """
    model = digits(text=text)
    answers = model.query("same(a, b)", inputs={"a": rows(2), "b": rows(2, 1)})
    said = [torch.softmax(net(model, "net")(rows(2, k)), 1) for k in (0, 1)]
    assert torch.allclose(answers.tags[:, 0], (said[0] * said[1]).sum(1))
    answers.tags.sum().backward()
    assert net(model, "net").weight.grad is not None


def test_a_network_of_two_images() -> None:
    class Pair(nn.Module):
        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            assert left.shape == right.shape and left.shape[1:] == (1, 4, 4)
            return (left - right).flatten(1).sum(1, keepdim=True)

    text = "neural brighter(x: Image, y: Image) by net . wins(X, Y) :- brighter(X, Y)."
    a, b = torch.rand(3, 1, 4, 4), torch.rand(3, 1, 4, 4)
    answers = digits(Pair(), text).query("wins(a, b)", inputs={"a": a, "b": b})
    expected = torch.sigmoid((a - b).flatten(1).sum(1).double())
    assert torch.allclose(answers.tags[:, 0], expected, atol=1e-6)


def test_a_network_of_an_entity_and_a_slot() -> None:
    class Match(nn.Module):
        def forward(self, person: Tensor, image: Tensor) -> Tensor:
            return (person * image).sum(1, keepdim=True)

    text = (
        "neural shows(p: symbol, x: Tensor) by net . person(ann). person(bob). found(X, P) :- person(P), shows(P, X)."
    )
    table = ns.FeatureTable(["ann", "bob"], torch.eye(2, dtype=torch.float64), ["u", "v"])
    model = ns.Reasoner(ns.Program.from_text(text), networks={"net": Match()}, features={"symbol": table})
    answers = model.query("found(a, P)", inputs={"a": rows(5)})
    assert answers.atoms == ("found(a, ann)", "found(a, bob)")
    assert torch.allclose(answers.tags, torch.sigmoid(rows(5)))


# ---------------------------------------------------------------------------------------------------------- features


@pytest.mark.parametrize("key", ["ex:Patient", "http://example.org/Patient", "<http://example.org/Patient>", "p"])
@pytest.mark.parametrize("name", ["ex:{}", "http://example.org/{}"])
def test_features_by_prefixed_name_or_iri(key: str, name: str) -> None:
    table = ns.FeatureTable([name.format(i) for i in ("q", "p", "r")], rows(3), ["u", "v"])
    model = ward(["p", "q"], table, key)
    answers = model.query("watch(P)")
    said = torch.sigmoid(net(model, "net")(rows(3)))[:, 0]
    assert answers.tags.shape == (1, 2)
    assert float(answers["watch(ex:q)"].detach()) == pytest.approx(float(said[0].detach()))
    assert float(answers["watch(ex:p)"].detach()) == pytest.approx(float(said[1].detach()))


def test_missing_features() -> None:
    with pytest.raises(DataError, match="no features are given for `ex:Patient`") as caught:
        ward(["p"], None).query("watch(P)")
    assert caught.value.code == "NS614"
    table = ns.FeatureTable(["ex:p"], rows(1), ["u", "v"])
    with pytest.raises(DataError, match="no features are given for ex:q") as caught:
        ward(["p", "q"], table).query("watch(P)")
    assert caught.value.code == "NS614"


def test_a_network_is_asked_once_for_all_its_questions() -> None:
    network = Table([[0.0]] * 3)
    table = ns.FeatureTable(["ex:p", "ex:q", "ex:r"], rows(3), ["u", "v"])
    ward(["p", "q", "r"], table, network=network).query("watch(P)")
    assert network.asked == [(3, 2)]


def test_features_and_a_batch_together() -> None:
    text = """
    neural digit(x: Tensor, d: 0..2) by net .
    neural likes(p: symbol) by taste .
    person(ann). person(bob).
    pick(P, X, D) :- person(P), likes(P), digit(X, D).
    """
    table = ns.FeatureTable(["ann", "bob"], rows(2, 5), ["u", "v"])
    torch.manual_seed(0)
    networks = {"net": nn.Linear(2, 3).double(), "taste": nn.Linear(2, 1).double()}
    model = ns.Reasoner(ns.Program.from_text(text), networks=networks, features={"symbol": table})
    answers = model.query("pick(P, a, 1)", inputs={"a": rows(6)})
    likes = torch.sigmoid(networks["taste"](rows(2, 5)))[:, 0]
    digit = torch.softmax(networks["net"](rows(6)), 1)[:, 1]
    assert torch.allclose(answers.tags, digit[:, None] * likes[None])


# -------------------------------------------------------------------------------------------------- new facts, modes


def test_prediction_on_new_entities() -> None:
    table = ns.FeatureTable(["ex:p"], rows(1), ["u", "v"])
    model = ward(["p"], table)
    fresh = ns.FeatureTable(["ex:new", "ex:newer"], rows(2, 7), ["u", "v"])
    answers = model.predict(ward(["new", "newer"], None).facts, "watch(P)", features={"ex:Patient": fresh})
    assert set(answers.atoms) == {"watch(ex:new)", "watch(ex:newer)"} and not answers.tags.requires_grad
    said = torch.sigmoid(net(model, "net")(rows(2, 7)))[:, 0]
    assert torch.allclose(answers["watch(ex:new)"], said[:1]) and torch.allclose(answers["watch(ex:newer)"], said[1:])
    assert set(model.query("watch(P)").atoms) == {"watch(ex:p)"}


def test_prediction_uses_the_weights_as_they_are_now() -> None:
    program = ns.Program.from_text("t(0.3) :: sick(P) :- coughs(P).", facts_predicates=[("coughs", 1)])
    model = ns.Reasoner(program, ns.FactBase.from_facts([("coughs", [ns.Symbol("ann")])]))
    model.set_rule_weight(model.learnable[0].label, 0.9)
    new = ns.FactBase.from_facts([("coughs", [ns.Symbol("bob")])])
    assert model.predict(new, "sick(X)").detach() == pytest.approx({"sick(bob)": 0.9})
    background = ns.FactBase.from_facts([("coughs", [ns.Symbol("eve")])])
    assert set(model.predict(new, "sick(X)", background=background).atoms) == {"sick(bob)", "sick(eve)"}


def test_the_state_holds_networks_and_rule_weights() -> None:
    text = DIGITS + " t(0.3) :: sure. t(0.1) :: c(1); t(0.2) :: c(2) :- sure."
    model = digits(text=text)
    state = model.state_dict()
    assert {k: tuple(v.shape) for k, v in state.items()} == {
        "networks.net.weight": (3, 2), "networks.net.bias": (3,), "weight_logits.0": (1,), "weight_logits.1": (3,),
    }  # fmt: skip
    other = digits(text=text)
    other.set_rule_weight(other.learnable[0].label, 0.8)
    other.load_state_dict(state)
    assert other.rule_weights() == model.rule_weights()
    assert other.weights_sha256() == model.weights_sha256()


@pytest.mark.parametrize("weights", [(1.2,), (-0.1,), (0.2, 0.3)])
def test_rule_weights_that_are_none(weights: tuple[float, ...]) -> None:
    model = ns.Reasoner(ns.Program.from_text("t(0.3) :: sure."))
    with pytest.raises(DataError):
        model.set_rule_weight(model.learnable[0].label, *weights)
    with pytest.raises(DataError, match="no learnable rule is called `other`"):
        model.set_rule_weight("other", 0.5)
    assert list(model.rule_weights().values()) == [[pytest.approx(0.3)]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_networks_of_either_precision(dtype: torch.dtype) -> None:
    table = ns.FeatureTable(["ex:p"], rows(1).float(), ["u", "v"])
    model = ward(["p"], table).to(dtype)
    tags = model.query("watch(P)").tags
    assert tags.dtype == torch.float64 and next(model.parameters()).dtype == dtype
    tags.sum().backward()
    adder = digits().to(dtype)
    wide = adder.query("total(a, b, Z)", inputs={"a": rows(2).float(), "b": rows(2, 1)})
    assert wide.tags.sum().item() == pytest.approx(2.0)


def test_tags_of_another_precision() -> None:
    program = ns.Program.from_text("0.1 :: a. t(0.2) :: b. c :- a. c :- b.")
    tags = ns.Reasoner(program, dtype=torch.float32).query("c").tags
    assert tags.dtype == torch.float32 and tags.item() == pytest.approx(0.28)


def test_facts_that_are_none() -> None:
    program = ns.Program.from_text("0.5 :: a.")
    with pytest.raises(DataError, match="the facts are a FactBase, and this is a str"):
        ns.Reasoner(program, "viterbi")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("semantics", ["exact", "product"])
def test_a_product_of_ten_thousand_factors_in_float32(semantics: str) -> None:
    text = "0.9997 :: ok(K) :- step(K). bad :- step(K), \\+ ok(K). fine :- \\+ bad. query(fine). "
    program = ns.Program.from_text(text + " ".join(f"step({k})." for k in range(10_000)), dialect="pl")
    double = ns.Reasoner(program, semantics=semantics).query().tags
    single = ns.Reasoner(program, semantics=semantics, dtype=torch.float32).query().tags
    assert single.dtype == torch.float32 and double.item() == pytest.approx(0.9997**10_000)
    assert single.item() == pytest.approx(double.item(), rel=1e-5)


def test_training_and_evaluation_modes() -> None:
    model = digits(MLP([2, 64, 3], dropout=0.5))
    given = {"a": rows(8)}

    def ask() -> Tensor:
        return model.query("digit(a, D)", inputs=given).tags

    model.train()
    assert not torch.equal(ask(), ask())
    model.eval()
    assert torch.equal(ask(), ask())
    assert not model.over(model.facts).training


# ------------------------------------------------------------------------------------------------------- DeepProbLog


def test_a_deepproblog_program_gives_the_same_tags() -> None:
    given = {"a": torch.rand(4, 1, 8, 8), "b": torch.rand(4, 1, 8, 8)}
    torch.manual_seed(0)
    network = DigitNet(8)
    answers = []
    for name in ("addition.rules", "addition.pl"):
        model = ns.Reasoner(ns.Program.from_file(ADDITION / name), networks={"net": network})
        answers.append(model.query("sum(a, b, Z)", inputs=given))
    assert [a.replace(" ", "") for a in answers[0].atoms] == list(answers[1].atoms) and len(answers[0]) == 19
    assert torch.equal(answers[0].tags, answers[1].tags)


def test_a_network_that_raises_is_not_swallowed() -> None:
    with pytest.raises((RuntimeError, NeurosymError), match=r"shapes|DigitNet"):
        digits().query("total(a, a, Z)", inputs={"a": torch.zeros(2, 5, dtype=torch.float64)})


# ------------------------------------------------------------------------------------------- facts given in its place


def test_given_facts_stand_for_what_a_network_would_say() -> None:
    """Free arguments range over the given inputs as well, and the network is asked about the others only."""
    network = Table([[0.0, 0.0, 0.0]])
    model = digits(network, DIGITS + " digit(g, 2). 0.5 :: digit(h, 1).")
    answers = model.query("total(a, g, Z)", inputs={"a": rows(1)})
    assert answers.detach() == pytest.approx({f"total(a, g, {z})": 1 / 3 for z in (2, 3, 4)})
    assert network.asked == [(1, 2)]
    alone = model.query("total(X, Y, Z)", closed_networks=True).detach()
    expected = {"total(g, g, 4)": 1.0, "total(g, h, 3)": 0.5, "total(h, g, 3)": 0.5, "total(h, h, 2)": 0.5}
    assert alone == pytest.approx(expected)
