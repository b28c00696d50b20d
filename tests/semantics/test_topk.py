"""Bounds of `topk`: against the enumeration of all worlds, their convergence, gradients, and one large program."""

from __future__ import annotations

import random
import time

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from torch import Tensor

import neurosym as ns
from neurosym.errors import SemanticsError
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang import parse_text
from neurosym.semantics import ProofBounds, TopK
from neurosym.semantics.topk import search as searching
from tests.oracles.engine import constant_inputs, fact_of, observed, visible
from tests.oracles.programs import Style, programs, propositions
from tests.oracles.worlds import TooManyWorlds, probabilities
from tests.semantics.test_exact import PROGRAMS
from tests.semantics.test_worlds import SMALL, evidence_of, parse

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
CYCLES = Style(constants=("1", "2", "3"), weights=("0.1", "0.3", "0.5", "0.9"), facts=8, rules=8, arithmetic=False)
ROUNDING = 1e-9
ANSWERS = 8  # that are looked at in one program


def bounds(
    graph: DerivationGraph, roots: list[int], evidence: list[tuple[int, bool]], k: int
) -> tuple[list[float], list[float], ProofBounds] | str:
    """Lower and upper bounds from k proofs, or the code of a refusal."""
    made = ProofBounds(graph, roots, evidence, TopK(k=k, width=0, max_k=k))
    try:
        lower, upper = made.bounds(constant_inputs(graph))
    except SemanticsError as error:
        assert error.code in ("NS502", "NS532")
        return error.code
    return lower[0].tolist(), upper[0].tolist(), made


def check(statements: list[str], limit: int) -> None:
    """Bounds from 1, 2, 4, … proofs contain the probability, shrink, and meet."""
    program = parse(statements)
    try:
        expected = probabilities(program, evidence_of(program), limit)
    except TooManyWorlds:
        assume(False)
        raise
    graph = ground(program)
    evidence = observed(graph, program)
    if evidence is None:
        assert expected is None
        return
    roots = [f for f in visible(graph) if graph.choice[f] < 0][:ANSWERS]
    wanted = [0.0 if expected is None else expected.get(fact_of(graph, f), 0.0) for f in roots]
    before: tuple[list[float], list[float]] = ([0.0] * len(roots), [1.0] * len(roots))
    for k in (1, 2, 4, 8, 16, 1 << 20):
        try:
            found = bounds(graph, roots, evidence, k)
        except SemanticsError as error:  # a certain fact was observed to be false
            assert error.code == "NS502"
            assert expected is None
            return
        if expected is None:
            assert isinstance(found, str)
            assert found == "NS502" or k < 1 << 20
            continue
        if isinstance(found, str):
            assert found == "NS532"
            assert k < 1 << 20
            continue
        lower, upper, made = found
        for root, low, value, high, least, most in zip(roots, lower, wanted, upper, *before, strict=True):
            assert low - ROUNDING <= value <= high + ROUNDING, (fact_of(graph, root), k)
            assert least - ROUNDING <= low
            assert high <= most + ROUNDING
        before = lower, upper
        if k == 1 << 20:
            assert lower == pytest.approx(upper, abs=ROUNDING)
            assert all(
                m == "certain" or d.startswith("exact: all") for m, d in zip(made.methods, made.details, strict=True)
            )


@settings(max_examples=100, suppress_health_check=CHECKS)
@given(programs(SMALL))
def test_small_programs(statements: list[str]) -> None:
    check(statements, 300)


@settings(max_examples=60, suppress_health_check=CHECKS)
@given(propositions())
def test_shared_choices(statements: list[str]) -> None:
    check(statements, 300)


@settings(max_examples=60, suppress_health_check=CHECKS)
@given(programs(CYCLES))
def test_cycles(statements: list[str]) -> None:
    check(statements, 300)


@pytest.mark.slow
@settings(max_examples=3000, suppress_health_check=CHECKS)
@given(programs(SMALL))
def test_many_programs(statements: list[str]) -> None:
    check(statements, 1000)


@pytest.mark.slow
@settings(max_examples=3000, suppress_health_check=CHECKS)
@given(propositions())
def test_many_shared_choices(statements: list[str]) -> None:
    check(statements, 1000)


@pytest.mark.slow
@settings(max_examples=1000, suppress_health_check=CHECKS)
@given(programs(CYCLES))
def test_many_cycles(statements: list[str]) -> None:
    check(statements, 1000)


# ------------------------------------------------------------------------------------------------ what proofs say


def prepare(text: str, k: int, width: float = 0.0) -> tuple[DerivationGraph, ProofBounds]:
    program = parse_text(text, "topk.rules", "rules")
    graph = ground(program)
    roots = [f for q in program.queries for f in graph.matches(q.atom).tolist()]
    evidence = observed(graph, program)
    assert evidence is not None
    return graph, ProofBounds(graph, roots, evidence, TopK(k=k, width=width, max_k=k))


def test_a_loop_proves_failure_and_never_holding() -> None:
    text = "0.5 :: a. 0.3 :: b. p :- q. q :- p. p :- a, b. r :- \\+ p, \\+ q. query(p). query(r)."
    graph, made = prepare(text, 1)
    lower, upper = made.bounds(constant_inputs(graph))
    assert lower[0].tolist() == pytest.approx([0.15, 0.7])  # the loop fails as b does, whatever a is
    assert upper[0].tolist() == [1.0, 1.0]
    graph, made = prepare(text, 10)
    assert made(constant_inputs(graph))[0].tolist() == pytest.approx([0.15, 0.85])
    assert made.details == ["exact: all 3 proofs"] * 2


def test_the_best_proof_comes_first() -> None:
    chains = " ".join(f"0.{9 - n} :: a{n}. 0.{9 - n} :: b{n}. p :- a{n}, b{n}." for n in range(5))
    graph, made = prepare(f"{chains} query(p).", 1)
    assert float(made.bounds(constant_inputs(graph))[0]) == pytest.approx(0.81)


def test_proofs_of_one_choice_make_no_proof() -> None:
    graph, made = prepare("0.4 :: h; 0.6 :: t. 0.5 :: x. p :- h, t. p :- h, x. query(p).", 10)
    lower, upper = made.bounds(constant_inputs(graph))
    assert float(lower) == float(upper) == pytest.approx(0.2)


def test_stops_where_the_width_is_reached() -> None:
    text = large(10, 24)
    answers = ns.Reasoner(ns.Program.from_text(text), semantics=TopK(k=1, width=0.3)).query()
    assert 0 < float(answers.upper - answers.lower) <= 0.3
    assert answers.details[0].startswith("from ")
    more = ns.Reasoner(ns.Program.from_text(text), semantics=TopK(k=1, width=0.2)).query()
    assert float(answers.lower) <= float(more.lower) <= float(more.upper) <= float(answers.upper)


# ------------------------------------------------------------------------------------------ batches and gradients


@pytest.mark.parametrize("k", [2, 100])
@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients(name: str, k: int) -> None:
    graph, made = prepare(PROGRAMS[name], k)
    base = constant_inputs(graph).nan_to_num(0.0)
    at = torch.tensor([f for f in range(graph.num_facts) if graph.choice[f] >= 0])
    made(base)
    made.config = TopK(k=k, width=1.0, max_k=k)  # any width will do now: the proofs stay what they are

    def answers(values: Tensor) -> Tensor:
        return torch.cat([*made.bounds(base.index_copy(1, at, values)), made(base.index_copy(1, at, values))])

    assert torch.autograd.gradcheck(answers, (base[:, at].clone().requires_grad_(),))


@pytest.mark.parametrize("name", PROGRAMS)
def test_bounds_hold_in_every_row_of_a_batch(name: str) -> None:
    graph, made = prepare(PROGRAMS[name], 2)
    _, exact = prepare(PROGRAMS[name], 1 << 20)
    generator = torch.Generator().manual_seed(3)
    inputs = torch.rand((16, graph.num_facts), generator=generator, dtype=torch.float64) * 0.3  # sums stay below 1
    lower, upper = made.bounds(inputs)
    value = exact(inputs)
    assert bool((lower <= value + ROUNDING).all())
    assert bool((value <= upper + ROUNDING).all())


def test_gradients_are_finite_at_0_and_1() -> None:
    for name in ("circuit", "cycle", "circuit of disjunctions"):
        graph, made = prepare(PROGRAMS[name], 3)
        corners = torch.randint(0, 2, (20, graph.num_facts), generator=torch.Generator().manual_seed(1)).double()
        corners.requires_grad_()
        lower, upper = made.bounds(corners)
        (gradient,) = torch.autograd.grad((lower + upper).sum(), corners)
        assert torch.isfinite(gradient).all()


def test_a_value_without_weight_in_one_row_counts_in_another() -> None:
    program = ns.Program.from_text("t(0.5) :: a. 0.5 :: b. p :- a, b. query(p).")
    reasoner = ns.Reasoner(program, semantics=TopK(k=4, width=0))
    graph = reasoner.query().grounded.graph
    made = ProofBounds(graph, graph.matches(program.queries[0].atom).tolist(), (), TopK(k=4, width=0))
    leaves = torch.full((1, graph.num_facts), 0.0, dtype=torch.float64)
    assert made(leaves)[0].tolist() == [0.0]
    assert made(torch.full_like(leaves, 0.5))[0].tolist() == [0.25]


# ------------------------------------------------------------------------------------------------------- evidence


def test_impossible_evidence_is_refused() -> None:
    graph, made = prepare("0.4 :: a. b :- a, \\+ a. evidence(b). query(a).", 4)
    with pytest.raises(SemanticsError) as caught:
        made(constant_inputs(graph))
    assert caught.value.code == "NS502"


def test_impossible_evidence_elsewhere_is_refused() -> None:
    graph, made = prepare("0.4 :: a. b :- a, \\+ a. 0.5 :: c. evidence(b). query(c).", 4)
    with pytest.raises(SemanticsError) as caught:
        made(constant_inputs(graph))
    assert caught.value.code == "NS502"


def test_evidence_without_a_proof_so_far_is_refused() -> None:
    text = (
        "0.5 :: a(1). 0.5 :: a(2). 0.5 :: a(3). 0.5 :: a(4). n(N) :- N = count{ X : a(X) }. b :- n(4), \\+ a(1). "
        "b :- n(2), a(1), a(4), a(3). b :- n(2), a(1), a(3). 0.5 :: c. d :- c, b. evidence(b). query(d)."
    )
    graph, made = prepare(text, 1)
    with pytest.raises(SemanticsError) as caught:
        made.bounds(constant_inputs(graph))
    assert caught.value.code == "NS532"
    graph, made = prepare(text, 100)
    assert float(made(constant_inputs(graph))) == pytest.approx(0.5)


# --------------------------------------------------------------------------------------------------------- scale


def large(nodes: int, edges: int, seed: int = 1) -> str:
    """Reachability in a random graph."""
    draw = random.Random(seed)
    pairs: set[tuple[int, int]] = {(0, 2), (2, 1)}
    while len(pairs) < edges:
        a, b = draw.randrange(nodes), draw.randrange(nodes)
        if a != b:
            pairs.add((a, b))
    facts = " ".join(f"{draw.uniform(0.05, 0.5):.3f} :: e({a}, {b})." for a, b in sorted(pairs))
    return facts + " r(X) :- e(0, X). r(Y) :- r(X), e(X, Y). query(r(1))."


def test_a_large_graph() -> None:
    program = parse_text(large(300, 1000), "large.rules", "rules")
    graph = ground(program)
    (root,) = graph.matches(program.queries[0].atom).tolist()
    started = time.monotonic()
    before = (0.0, 1.0)
    for k in (1, 4, 16, 64, 256):
        lower, upper = ProofBounds(graph, [root], (), TopK(k=k, width=0, max_k=k)).bounds(constant_inputs(graph))
        now = (float(lower), float(upper))
        assert before[0] <= now[0] + ROUNDING <= now[1] + 2 * ROUNDING <= before[1] + 3 * ROUNDING
        before = now
    assert 0 < before[0] < before[1] < 0.7
    assert time.monotonic() - started < 60


def test_a_long_chain() -> None:
    edges = " ".join(f"0.999 :: e({n}, {n + 1})." for n in range(400))
    graph, made = prepare(f"{edges} r(0). r(Y) :- r(X), e(X, Y). query(r(400)).", 1000)
    assert float(made(constant_inputs(graph))) == pytest.approx(0.999**400)


# ------------------------------------------------------------------------------------------------------ the reasoner


def test_the_reasoner_says_how_many_proofs() -> None:
    program = ns.Program.from_text(
        "0.5 :: e(a, b). 0.6 :: e(b, c). 0.4 :: e(a, c). 0.5 :: e(c, d). p(X, Y) :- e(X, Y). "
        "p(X, Z) :- p(X, Y), e(Y, Z). query(p(a, X)). query(p(d, a))."
    )
    answers = ns.Reasoner(program).query(semantics=TopK(k=2, width=1))
    assert answers.semantics == "topk"
    assert answers.method == "bounds"
    assert answers.details[answers.position("p(a, d)")] == "from 2 proofs"
    assert answers.details[answers.position("p(d, a)")] == "cannot be derived"
    torch.testing.assert_close(answers.tags, (answers.lower + answers.upper) / 2)
    row = next(r for r in answers.to_json()["answers"] if r["atom"] == "p(a, d)")
    assert row["lower"] <= 0.29 <= row["upper"]
    exact = ns.Reasoner(program, semantics="topk").query()
    assert exact["p(a, d)"].tolist() == pytest.approx([(1 - 0.7 * 0.6) * 0.5], abs=0.006)


def test_weights_are_learned_from_bounds() -> None:
    reasoner = ns.Reasoner(ns.Program.from_text("t(0.5) :: a. 0.9 :: b. p :- a, b. query(p)."), semantics="topk")
    answers = reasoner.query()
    answers.nll({"p": True}).backward()
    (weight,) = reasoner.weight_logits
    assert weight.grad is not None
    assert float(weight.grad) < 0


def test_many_samples_are_refused() -> None:
    reasoner = ns.Reasoner(
        ns.Program.from_text("0.5 :: p(X) :- q(X). pred q(x: symbol). query(p(a))."), semantics="topk"
    )
    with pytest.raises(SemanticsError) as caught:
        reasoner.query_samples(samples=[[("q", ("a",))]])
    assert caught.value.code == "NS533"


def test_numbers_that_make_no_sense_are_refused() -> None:
    for wrong in ({"k": 0}, {"width": -0.1}, {"width": 2.0}):
        with pytest.raises(SemanticsError) as caught:
            TopK(**wrong)  # pyright: ignore[reportArgumentType]
        assert caught.value.code == "NS530"


def test_disjunctions_that_grow_too_large_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    text = large(60, 200)
    graph, made = prepare(text, 64)
    united = made.bounds(constant_inputs(graph))
    monkeypatch.setattr(searching, "union", lambda layout, proofs: None)
    graph, made = prepare(text, 64)
    cells = made.bounds(constant_inputs(graph))
    assert float(cells[0]) <= float(united[0]) <= float(united[1]) <= float(cells[1])
    assert float(united[1] - united[0]) < float(cells[1] - cells[0]) - 0.01  # a proof says more than in its own cell


def test_explanations_say_the_bounds() -> None:
    text = "0.5 :: a. 0.6 :: b. 0.7 :: c. p :- a, b. p :- b, c. query(p)."
    answers = ns.Reasoner(ns.Program.from_text(text), semantics=TopK(k=1, width=1)).query()
    why = ns.explain(answers, "p")
    assert why.claim.lower < why.claim.probability < why.claim.upper
    assert "between these bounds" in str(why)
    assert "whether the probability lies between the bounds" in " ".join(str(why).split())
    assert "between these bounds" in why.to_html()
    assert any("lies between its bounds" in line for line in why.verify().checked)
