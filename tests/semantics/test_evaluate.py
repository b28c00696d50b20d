"""Algebras by compiled loops: against torch, at ties and corners, in depth, in logarithms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import neurosym as ns
from neurosym.errors import SemanticsError
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang import parse_text
from neurosym.semantics import Evaluator
from neurosym.semantics.algebras.semirings import (
    COMPLEMENT,
    IDEMPOTENT,
    Goedel,
    Lukasiewicz,
    Product,
    Semiring,
    SumProduct,
    Viterbi,
)
from tests.oracles.engine import constant_inputs
from tests.semantics.test_semirings import RINGS, random_graph

SMOOTH = [Viterbi(), Goedel(), Product(), Lukasiewicz(), SumProduct()]
LOGS = [Viterbi(), Product(), SumProduct()]


def graph_of(text: str) -> DerivationGraph:
    return ground(parse_text(text, "test.rules"))


def evaluator_of(graph: DerivationGraph, ring: Semiring) -> Evaluator:
    return Evaluator(graph, np.arange(graph.num_facts, dtype=np.int32), ring)


def leaf_inputs(graph: DerivationGraph, seed: int, batch: int = 3, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand((batch, graph.num_facts), generator=generator, dtype=torch.float64)
    return (drawn * scale).requires_grad_()


def both(evaluator: Evaluator, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Tags and gradients by the compiled loops, and by torch."""
    weights = torch.linspace(0.5, 1.5, len(evaluator.part.roots), dtype=torch.float64)
    compiled, layered = evaluator(inputs), evaluator._layered(inputs)
    pair = [torch.autograd.grad((t * weights).sum(), inputs)[0] for t in (compiled, layered)]
    return compiled, layered, pair[0], pair[1]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), ring=st.sampled_from(SMOOTH))
def test_agrees_with_torch_without_cycles(seed: int, ring: Semiring) -> None:
    graph = random_graph(seed, cyclic=False, negation=True)
    a, b, left, right = both(evaluator_of(graph, ring), leaf_inputs(graph, seed))
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(left, right, rtol=1e-9, atol=1e-11)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), ring=st.sampled_from([Viterbi(), Goedel(), Product()]))
def test_agrees_with_torch_over_cycles(seed: int, ring: Semiring) -> None:
    graph = random_graph(seed, cyclic=True, negation=True)
    evaluator = evaluator_of(graph, ring)
    inputs = leaf_inputs(graph, seed, scale=0.7)
    a, b = evaluator(inputs), evaluator._layered(inputs)
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)
    (gradient,) = torch.autograd.grad(a.sum(), inputs)
    assert torch.isfinite(gradient).all()


CYCLE = "0.5 :: a. 0.4 :: b. 0.3 :: c. p :- a. p :- q, b. q :- p, c. q :- r. r :- q, b. s :- p, q. s :- \\+ c, r."


@pytest.mark.parametrize("ring", SMOOTH, ids=lambda r: r.name)
@pytest.mark.parametrize("text", [CYCLE, "0.4 :: a. 0.7 :: b. 0.2 :: c. p :- a, b, c, \\+ b. p :- c. q :- p, p, a."])
def test_gradients_by_differences(ring: Semiring, text: str) -> None:
    graph = graph_of(text)
    evaluator = evaluator_of(graph, ring)
    inputs = constant_inputs(graph).requires_grad_()
    assert torch.autograd.gradcheck(evaluator, (inputs,), atol=1e-6)
    if ring in LOGS:
        at = torch.nonzero((evaluator(inputs)[0] > 0).detach())[:, 0]
        assert torch.autograd.gradcheck(lambda x: evaluator.log(x)[:, at], (inputs,), atol=1e-6)


@pytest.mark.parametrize("ring", SMOOTH, ids=lambda r: r.name)
def test_finite_at_0_and_1(ring: Semiring) -> None:
    for seed in range(30):
        graph = random_graph(seed, cyclic=seed % 2 > 0 and ring.name != "sum-product", negation=True)
        corners = (leaf_inputs(graph, seed) > 0.5).double().requires_grad_()
        tags = evaluator_of(graph, ring)(corners)
        (gradient,) = torch.autograd.grad(tags.sum(), corners)
        assert torch.isfinite(gradient).all()
        logs = evaluator_of(graph, ring).log(corners) if ring.name in ("viterbi", "product") else torch.zeros(1)
        assert not torch.isnan(logs).any()


def test_noisy_or_of_ones_has_no_gradient_and_of_a_single_one_has() -> None:
    graph = graph_of("1.0 :: a. 0.5 :: b. 0.25 :: c. p :- a. p :- b. q :- b. q :- c.")
    inputs = torch.ones((1, graph.num_facts), dtype=torch.float64)
    leaves = {graph.atom(k): k for k in range(graph.num_facts)}
    inputs[0, leaves["b"]] = 0.5
    inputs.requires_grad_()
    tags = evaluator_of(graph, Product())(inputs)
    (gradient,) = torch.autograd.grad(tags[0, leaves["q"]], inputs)
    assert gradient[0, leaves["b"]] == 0.0  # beside a 1
    assert gradient[0, leaves["c"]] == 0.5


@pytest.mark.parametrize("ring", [Viterbi(), Goedel()], ids=lambda r: r.name)
def test_the_first_grounding_wins_a_tie(ring: Semiring) -> None:
    graph = graph_of("0.5 :: a. 0.5 :: b. 0.5 :: c. p :- a. p :- b. p :- c. q :- p. p :- q.")
    leaves = {graph.atom(k): k for k in range(graph.num_facts)}
    inputs = torch.full((1, graph.num_facts), 0.5, dtype=torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(evaluator_of(graph, ring)(inputs)[0, leaves["q"]], inputs)
    assert [float(gradient[0, leaves[x]]) for x in "abc"] == [1.0, 0.0, 0.0]
    acyclic = graph_of("0.5 :: a. 0.5 :: b. 0.5 :: c. p :- a. p :- b. p :- c. q :- p.")
    _, _, left, right = both(
        evaluator_of(acyclic, ring), torch.full((1, acyclic.num_facts), 0.5).double().requires_grad_()
    )
    torch.testing.assert_close(left, right)  # torch keeps the same convention


def test_a_winning_proof_never_goes_round() -> None:
    graph = graph_of("1.0 :: a. p :- q. q :- p. p :- r. r :- q. q :- a.")
    inputs = torch.ones((1, graph.num_facts), dtype=torch.float64).requires_grad_()
    leaf = next(k for k in range(graph.num_facts) if graph.atom(k) == "a")
    for ring in (Viterbi(), Goedel()):
        tags = evaluator_of(graph, ring)(inputs)
        for k in range(graph.num_facts):
            if graph.choice[k] < 0:
                (gradient,) = torch.autograd.grad(tags[0, k], inputs, retain_graph=True)
                assert gradient[0, leaf] == 1.0


def chain(length: int, semantics: str, probability: str = "0.5", **options: object) -> ns.Answers:
    text = f"pred e(a: int, b: int) . {probability} :: s(X, Y) :- e(X, Y). r(0). r(Y) :- r(X), s(X, Y)."
    facts = ns.FactBase.from_facts([("e", (k, k + 1)) for k in range(length)])
    reasoner = ns.Reasoner(ns.Program.from_text(text), facts, semantics=semantics, **options)  # pyright: ignore
    return reasoner.query(f"r({length})")


@pytest.mark.parametrize("semantics", ["viterbi", "product", "sum-product"])
def test_a_chain_of_20000_layers(semantics: str) -> None:
    answers = chain(20_000, semantics, "0.9999")
    assert float(answers.tags) == pytest.approx(0.9999**20_000, rel=1e-10)
    low = chain(20_000, semantics)
    assert float(low.tags) == 0.0
    assert float(low.log_tags) == pytest.approx(20_000 * math.log(0.5), rel=1e-12)
    assert float(low.nll({"r(20000)": True})) == pytest.approx(20_000 * math.log(2))


def test_gradients_of_a_tag_that_underflows() -> None:
    answers = chain(3000, "product")
    inputs = answers.leaf_tags.detach().clone().requires_grad_()
    evaluator = answers.grounded.evaluator(answers.facts, (), answers.algebra)
    assert isinstance(evaluator, Evaluator)
    (gradient,) = torch.autograd.grad(evaluator.log(inputs).sum(), inputs)
    leaves = torch.from_numpy(evaluator.part.facts[evaluator.part.leaf])
    torch.testing.assert_close(gradient[0, leaves], torch.full((3000,), 2.0, dtype=torch.float64))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), ring=st.sampled_from(LOGS), cyclic=st.booleans())
def test_logarithms_are_those_of_the_tags(seed: int, ring: Semiring, cyclic: bool) -> None:
    graph = random_graph(seed, cyclic=cyclic and ring.name != "sum-product", negation=ring.name != "sum-product")
    evaluator = evaluator_of(graph, ring)
    inputs = leaf_inputs(graph, seed, scale=0.8)
    tags, logs = evaluator(inputs), evaluator.log(inputs)
    torch.testing.assert_close(torch.exp(logs), tags, rtol=1e-9, atol=0)
    some = tags.detach() > 0
    plain = torch.autograd.grad(torch.log(tags[some]).sum(), inputs)[0]
    torch.testing.assert_close(torch.autograd.grad(logs[some].sum(), inputs)[0], plain, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("ring", SMOOTH, ids=lambda r: r.name)
def test_float32_is_as_good_as_float64(ring: Semiring) -> None:
    graph = chain(10_000, "product").grounded.graph
    generator = torch.Generator().manual_seed(1)
    single = 1 - torch.rand((1, graph.num_facts), generator=generator) * 1e-4
    double = single.double().requires_grad_()
    single.requires_grad_()
    evaluator = evaluator_of(graph, ring)
    a, b = evaluator(single), evaluator(double)
    assert a.dtype == torch.float32
    torch.testing.assert_close(a.double(), b, rtol=1e-5, atol=0)
    left, right = torch.autograd.grad(a.sum(), single)[0], torch.autograd.grad(b.sum(), double)[0]
    torch.testing.assert_close(left.double(), right, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("ring", RINGS, ids=lambda r: r.name)
@pytest.mark.parametrize("value", [math.nan, -0.1, 1.1, math.inf])
def test_what_is_no_probability_is_refused_by_name(ring: Semiring, value: float) -> None:
    graph = graph_of("0.5 :: a.\n0.5 :: b.\np :- a. p :- b.")
    inputs = constant_inputs(graph).clone()
    inputs[0, next(k for k in range(graph.num_facts) if graph.atom(k) == "b")] = value
    with pytest.raises(SemanticsError, match=r"probability of b(.|\n)*test.rules:2") as caught:
        evaluator_of(graph, ring)(inputs)
    assert caught.value.code == "NS512"


def test_a_tag_without_end_names_its_rule() -> None:
    lines = ["0.5 :: a.", "p0 :- a."]
    lines += [f"p{k} :- p{k - 1}, p{k - 1}. p{k} :- a, p{k - 1}. p{k} :- a." for k in range(1, 20)]
    graph = graph_of("\n".join(lines))
    with pytest.raises(SemanticsError, match=r"p\d+ under `count`(.|\n)*rule") as caught:
        evaluator_of(graph, RINGS[1])(constant_inputs(graph))
    assert caught.value.code == "NS511"


def test_a_weight_that_is_no_number_is_named() -> None:
    reasoner = ns.Reasoner(ns.Program.from_text("t(0.5) :: a. p :- a."))
    with torch.no_grad():
        reasoner.weight_logits[0].fill_(math.nan)
    with pytest.raises(SemanticsError) as caught:
        reasoner.query("p")
    assert caught.value.code == "NS512"


def test_properties_that_the_loops_rely_on() -> None:
    assert all((IDEMPOTENT in r.properties) == (r.name in ("boolean", "viterbi", "goedel", "min-plus")) for r in RINGS)
    assert all(COMPLEMENT in r.properties for r in SMOOTH)
