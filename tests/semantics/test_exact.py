"""Gradients, batches and shared solutions of the exact semantics. Its values are tested in test_worlds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurosym.errors import SemanticsError
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang import Program, parse_atom, parse_text
from neurosym.semantics.exact import Exact
from tests.oracles.engine import constant_inputs, observed

PROGRAMS = {
    "sum-product": "0.3 :: v(0); 0.7 :: v(1). 0.4 :: w(0); 0.6 :: w(1). s(Z) :- v(X), w(Y), Z is X + Y. query(s(Z)).",
    "noisy-or": "0.3 :: a. 0.6 :: b. 0.2 :: c. p :- a. p :- b. p :- c. q :- \\+ p. query(p). query(q).",
    "circuit": "0.3 :: a. 0.6 :: b. 0.2 :: c. p :- a, b. p :- b, c. p :- a, c. q :- \\+ p, b. query(p). query(q).",
    "circuit of disjunctions": (
        "0.2 :: v(0); 0.3 :: v(1). 0.3 :: m(0); 0.7 :: m(1). 0.5 :: x. p :- v(0), m(1). p :- v(1), x. p :- m(1), x. "
        "p :- \\+ v(0), \\+ m(0), x. query(p)."
    ),
    "cycle": (
        "0.5 :: e(s, 1). 0.4 :: e(s, 2). 0.3 :: e(1, 2). 0.6 :: e(2, 1). "
        "r(X) :- e(s, X). r(Y) :- r(X), e(X, Y). query(r(X))."
    ),
    "evidence": "0.3 :: a. 0.6 :: b. 0.2 :: c. p :- a. p :- b, c. evidence(p). evidence(c, false). query(a). query(b).",
    "count": (
        "0.3 :: h(1). 0.6 :: h(2). 0.2 :: h(3). n(N) :- N = count{ X : h(X) }. m(N) :- N = max{ X : h(X) }. "
        "query(n(N)). query(m(N))."
    ),
}


def prepare(text: str) -> tuple[Program, DerivationGraph, Exact]:
    program = parse_text(text, "exact.pl", "rules")
    graph = ground(program)
    roots = [f for q in program.queries for f in graph.matches(q.atom).tolist()]
    evidence = observed(graph, program)
    assert evidence is not None
    return program, graph, Exact(graph, roots, evidence)


def fact(graph: DerivationGraph, atom: str) -> int:
    return int(graph.matches(parse_atom(atom))[0])


def leaves(graph: DerivationGraph) -> Tensor:
    return torch.tensor([f for f in range(graph.num_facts) if graph.choice[f] >= 0])


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients(name: str) -> None:
    _, graph, exact = prepare(PROGRAMS[name])
    base, at = constant_inputs(graph).nan_to_num(0.0), leaves(graph)

    def answers(values: Tensor) -> Tensor:
        return exact(base.index_copy(1, at, values))

    assert torch.autograd.gradcheck(answers, (base[:, at].clone().requires_grad_(),))


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_finite_at_0_and_1(name: str) -> None:
    program, graph, exact = prepare(PROGRAMS[name])
    generator = torch.Generator().manual_seed(1)
    corners = torch.randint(0, 2, (40, graph.num_facts), generator=generator).double()
    if program.evidence:  # corners at which the evidence is possible
        corners[:, fact(graph, "a")] = 1.0
        corners[:, fact(graph, "c")] = 0.0
    corners.requires_grad_()
    (gradient,) = torch.autograd.grad(exact(corners).sum(), corners)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("name", PROGRAMS)
def test_batches(name: str, batch: int) -> None:
    _, graph, exact = prepare(PROGRAMS[name])
    inputs = torch.rand((batch, graph.num_facts), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    together = exact(inputs)
    assert together.shape == (batch, exact.count)
    torch.testing.assert_close(together, torch.cat([exact(inputs[k : k + 1]) for k in range(batch)]))


@pytest.mark.parametrize("name", PROGRAMS)
def test_float32(name: str) -> None:
    _, graph, exact = prepare(PROGRAMS[name])
    small = exact(constant_inputs(graph, dtype=torch.float32))
    assert small.dtype == torch.float32
    torch.testing.assert_close(small.double(), exact(constant_inputs(graph)), rtol=0, atol=1e-6)


def test_methods() -> None:
    for name, method in (
        ("sum-product", "sum-product"),
        ("noisy-or", "sum-product"),
        ("circuit", "circuit"),
        ("cycle", "circuit"),
    ):
        _, _, exact = prepare(PROGRAMS[name])
        assert {m.name for m in exact.methods} == {method}, name
    _, _, exact = prepare("a. 0.5 :: b. query(a). query(b).")
    assert [m.name for m in exact.methods] == ["certain", "sum-product"]


def test_equal_parts_with_and_without_evidence() -> None:
    people = " ".join(f"person(p{k})." for k in range(30))
    text = people + (
        " 0.3 :: a(X) :- person(X). 0.6 :: b(X) :- person(X). 0.2 :: c(X) :- person(X)."
        " p(X) :- a(X), b(X). p(X) :- b(X), c(X). query(p(X)). evidence(p(p3)). "
    )
    _, graph, exact = prepare(text)
    inputs = torch.rand((3, graph.num_facts), dtype=torch.float64)
    # each weighted rule has one grounding for the person, whose last body fact is the leaf of its choice
    groundings = [int((graph.head == fact(graph, f"{n}(p7)")).nonzero()[0][0]) for n in "abc"]
    a, b, c = (inputs[:, graph.body_of(g)[0][-1]] for g in groundings)
    torch.testing.assert_close(exact(inputs)[:, 7], b * (1 - (1 - a) * (1 - c)))


def test_roots_may_repeat_and_be_leaves() -> None:
    program = parse_text("0.5 :: a. 0.4 :: b. p :- a, b. query(p). query(a).", "t.rules")
    graph = ground(program)
    p, a = fact(graph, "p"), fact(graph, "a")
    exact = Exact(graph, [p, a, p, a])
    assert exact(constant_inputs(graph))[0].tolist() == pytest.approx([0.2, 0.5, 0.2, 0.5])
    assert Exact(graph, [])(constant_inputs(graph)).shape == (1, 0)


def test_evidence_of_probability_zero() -> None:
    with pytest.raises(SemanticsError) as caught:  # whatever the probabilities
        prepare("0.5 :: a. p :- a. q :- \\+ a. evidence(p). evidence(q). query(a).")
    assert caught.value.code == "NS502"
    _, graph, exact = prepare("0.0 :: a. 0.5 :: b. p :- a. p :- a, b. evidence(p). query(b).")
    with pytest.raises(SemanticsError) as caught:
        exact(constant_inputs(graph))
    assert caught.value.code == "NS502"


def test_equal_islands_are_compiled_once() -> None:
    nodes = " ".join(f"node(g{k}, {x})." for k in range(5) for x in range(4))
    text = nodes + (
        " 0.4 :: e(G, X, Y) :- node(G, X), node(G, Y), X \\= Y. r(G, X, Y) :- e(G, X, Y)."
        " r(G, X, Z) :- r(G, X, Y), e(G, Y, Z). query(r(G, 0, 3))."
    )
    program = parse_text(text, "t.rules")
    graph = ground(program, queries=[parse_atom("r(G, 0, 3)")], demand=True)
    solutions: dict = {}
    exact = Exact(graph, graph.matches(program.queries[0].atom).tolist(), solutions=solutions)
    assert len(solutions) == 1
    values = exact(constant_inputs(graph))[0]
    assert exact.count == 5 and (values == values[0]).all()


def test_a_choice_that_a_body_reads_itself_is_in_no_module() -> None:
    """As far as r3 goes, `hit` alone reads v, but the body of `p` reads it too: 0.4 · 0.7 · 0.4 · P(v(0))."""
    _, graph, exact = prepare(
        "0.25 :: v(0); 0.15 :: v(1); 0.6 :: v(2). 0.4 :: h. 0.7 :: e12. 0.2 :: e21. 0.4 :: e23. hit :- h, \\+ v(1). "
        "r1 :- hit. r2 :- r1, e12. r1 :- r2, e21. r3 :- r2, e23. p :- r3, \\+ v(2). query(p)."
    )
    assert exact(constant_inputs(graph).nan_to_num(0.0)).item() == pytest.approx(0.028, abs=1e-12)


def test_certain_fact_observed_false() -> None:
    with pytest.raises(SemanticsError) as caught:
        prepare("a. 0.5 :: b. evidence(\\+ a). query(b).")
    assert caught.value.code == "NS502"


def test_a_circuit_too_large_is_refused() -> None:
    edges = " ".join(f"0.5 :: e({a}, {b})." for a in range(7) for b in range(7) if a != b)
    program = parse_text(edges + " r(X, Y) :- e(X, Y). r(X, Z) :- r(X, Y), e(Y, Z). query(r(0, 6)).", "t.rules")
    graph = ground(program)
    with pytest.raises(SemanticsError) as caught:
        Exact(graph, graph.matches(program.queries[0].atom).tolist(), max_circuit=1000)
    assert caught.value.code == "NS520"
