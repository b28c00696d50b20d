"""The contract that every algebra of tags keeps, and `evaluate` against plain Python."""

from __future__ import annotations

import functools
import math
import random

import numpy as np
import pytest
import torch
from torch import Tensor

from neurosym.errors import FixpointError, SemanticsError
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang import parse_text
from neurosym.semantics.algebras.evaluate import evaluate
from neurosym.semantics.algebras.semirings import (
    ABSORPTIVE,
    COMPLEMENT,
    DIFFERENTIABLE,
    DISTRIBUTIVE,
    IDEMPOTENT,
    Boolean,
    Count,
    Goedel,
    Lukasiewicz,
    Product,
    Semiring,
    SumProduct,
    Viterbi,
)
from tests.oracles.engine import constant_inputs


class TropicalMinPlus(Semiring):
    """Cheapest derivation; a user's own algebra, whose zero is no number."""

    name = "min-plus"
    properties = frozenset({IDEMPOTENT, DISTRIBUTIVE, ABSORPTIVE})
    zero = math.inf
    one = 0.0

    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.minimum(a, b)

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b

    def lift(self, probability: Tensor) -> Tensor:
        return -torch.log(probability)


class ContractOfSemirings:
    """Laws of `Semiring`, for the properties that the algebra declares."""

    ring: Semiring
    samples: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 0.7, 0.95, 1.0)

    def tags(self) -> Tensor:
        return self.ring.lift(torch.tensor(self.samples, dtype=torch.float64))

    def triples(self) -> tuple[Tensor, Tensor, Tensor]:
        grid = torch.cartesian_prod(self.tags(), self.tags(), self.tags())
        return grid[:, 0], grid[:, 1], grid[:, 2]

    def test_always(self) -> None:
        a, b, c = self.triples()
        plus, times = self.ring.plus, self.ring.times
        zero, one = torch.full_like(a, self.ring.zero), torch.full_like(a, self.ring.one)
        same = functools.partial(torch.testing.assert_close, rtol=0, atol=1e-12)
        same(plus(a, b), plus(b, a))
        same(times(a, b), times(b, a))
        same(plus(plus(a, b), c), plus(a, plus(b, c)))
        same(times(times(a, b), c), times(a, times(b, c)))
        same(plus(a, zero), a)
        same(times(a, one), a)
        same(times(a, zero), zero)

    def test_declared(self) -> None:
        a, b, c = self.triples()
        plus, times = self.ring.plus, self.ring.times
        one, zero = torch.full_like(a, self.ring.one), torch.full_like(a, self.ring.zero)

        def same(x: Tensor, y: Tensor) -> bool:
            return torch.allclose(x, y, rtol=0, atol=1e-12)

        declared = self.ring.properties
        assert (IDEMPOTENT in declared) == same(plus(a, a), a)
        assert (ABSORPTIVE in declared) == same(plus(one, a), one)
        assert (DISTRIBUTIVE in declared) == same(times(a, plus(b, c)), plus(times(a, b), times(a, c)))
        if COMPLEMENT in declared:
            assert same(self.ring.negate(self.ring.negate(a)), a)
            assert same(self.ring.negate(one), zero)
            assert same(self.ring.negate(zero), one)
        else:
            with pytest.raises(NotImplementedError):
                self.ring.negate(a)

    def test_sum_folds_plus(self) -> None:
        generator = random.Random(5)
        for _ in range(30):
            size = generator.randint(1, 6)
            segments = sorted(generator.randrange(size) for _ in range(generator.randint(0, 20)))
            values = self.tags()[torch.randint(len(self.samples), (len(segments), 3), generator=_seed(generator))]
            result = self.ring.sum(values, torch.tensor(segments, dtype=torch.long), size)
            for segment in range(size):
                expected = torch.full((3,), self.ring.zero, dtype=torch.float64)
                for k, s in enumerate(segments):
                    if s == segment:
                        expected = self.ring.plus(expected, values[k])
                torch.testing.assert_close(result[segment], expected, rtol=0, atol=1e-12)

    def test_gradients(self) -> None:
        if DIFFERENTIABLE not in self.ring.properties:
            pytest.skip("tags are not differentiable")
        ring = self.ring
        # away from ties, and from the corners of the bounded sum
        a = torch.tensor([0.15, 0.35, 0.62], dtype=torch.float64, requires_grad=True)
        b = torch.tensor([0.73, 0.21, 0.88], dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(ring.plus, (a, b))
        assert torch.autograd.gradcheck(ring.times, (a, b))
        assert torch.autograd.gradcheck(ring.negate, (a,))
        segment = torch.tensor([0, 0, 2])
        assert torch.autograd.gradcheck(lambda x: ring.sum(x, segment, 3), (a,))

    def test_gradients_are_finite_at_0_and_1(self) -> None:
        if DIFFERENTIABLE not in self.ring.properties:
            pytest.skip("tags are not differentiable")
        corner = torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.float64, requires_grad=True)
        other = torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=torch.float64)
        segment = torch.tensor([0, 0, 1, 1])
        total = self.ring.plus(corner, other) + self.ring.times(corner, other) + self.ring.negate(corner)
        (total.sum() + self.ring.sum(corner, segment, 2).sum()).backward()
        assert corner.grad is not None and torch.isfinite(corner.grad).all()


def _seed(generator: random.Random) -> torch.Generator:
    return torch.Generator().manual_seed(generator.randrange(2**30))


class TestBoolean(ContractOfSemirings):
    ring = Boolean()
    samples = (0.0, 1.0)


class TestCount(ContractOfSemirings):
    ring = Count()

    def tags(self) -> Tensor:
        return torch.tensor([0.0, 1.0, 2.0, 5.0], dtype=torch.float64)

    samples = (0.0,) * 4


class TestViterbi(ContractOfSemirings):
    ring = Viterbi()


class TestGoedel(ContractOfSemirings):
    ring = Goedel()


class TestProduct(ContractOfSemirings):
    ring = Product()


class TestLukasiewicz(ContractOfSemirings):
    ring = Lukasiewicz()


class TestSumProduct(ContractOfSemirings):
    ring = SumProduct()


class TestTropicalMinPlus(ContractOfSemirings):
    ring = TropicalMinPlus()


RINGS = [Boolean(), Count(), Viterbi(), Goedel(), Product(), Lukasiewicz(), SumProduct(), TropicalMinPlus()]
IDEMPOTENT_RINGS = [r for r in RINGS if IDEMPOTENT in r.properties]


def random_graph(seed: int, cyclic: bool, negation: bool) -> DerivationGraph:
    """A propositional program over six leaves; rules read what was derived before, or anything."""
    pick = random.Random(seed)
    leaves = [f"l{k}" for k in range(6)]
    nodes = [f"n{k}" for k in range(8)]
    lines = [f"{pick.choice((0.0, 0.2, 0.5, 0.8, 1.0))} :: {leaf}." for leaf in leaves] + ["sure."]
    lines += [f"{n} :- fail." for n in nodes]
    for _ in range(pick.randint(4, 16)):
        head = pick.randrange(len(nodes))
        below = leaves + nodes[: len(nodes) if cyclic else head] + ["sure"]
        body = [pick.choice(below) for _ in range(pick.randint(1, 4))]
        if negation:
            body = [f"\\+ {b}" if b[0] == "l" and pick.random() < 0.3 else b for b in body]
        lines.append(f"{nodes[head]} :- {', '.join(body)}.")
    return ground(parse_text("\n".join(lines), "random.rules"))


def brute_force(graph: DerivationGraph, ring: Semiring, inputs: Tensor) -> list[float]:
    """Tags by rounds over all groundings, in plain Python."""

    def one(x: float) -> Tensor:
        return torch.tensor(x, dtype=torch.float64)

    status = graph.status.tolist()
    groundings: dict[int, list[int]] = {}
    for g, head in enumerate(graph.head.tolist()):
        groundings.setdefault(head, []).append(g)
    tags = [one(ring.zero)] * graph.num_facts
    for _ in range(200):
        new = list(tags)
        for fact in range(graph.num_facts):
            if graph.choice[fact] >= 0:
                new[fact] = ring.lift(inputs[fact])
                continue
            given = graph.place[fact] >= 0 or (status[fact] == 2 and ABSORPTIVE in ring.properties)
            total = one(ring.one if given else ring.zero)
            for g in groundings.get(fact, ()):
                value = one(ring.one)
                for literal, positive in zip(*graph.body_of(g), strict=True):
                    value = ring.times(value, tags[literal] if positive else ring.negate(tags[literal]))
                total = ring.plus(total, value)
            new[fact] = total
        if all(torch.equal(a, b) for a, b in zip(new, tags, strict=True)):
            break
        tags = new
    return [float(t) for t in tags]


@pytest.mark.parametrize("ring", RINGS, ids=lambda r: r.name)
def test_acyclic_graphs(ring: Semiring) -> None:
    for seed in range(25):
        graph = random_graph(seed, cyclic=False, negation=COMPLEMENT in ring.properties)
        inputs = constant_inputs(graph)
        np.testing.assert_allclose(
            evaluate(graph, inputs, ring)[0].numpy(), brute_force(graph, ring, inputs[0]), atol=1e-12
        )


@pytest.mark.parametrize("ring", IDEMPOTENT_RINGS, ids=lambda r: r.name)
def test_cycles(ring: Semiring) -> None:
    for seed in range(25):
        graph = random_graph(seed, cyclic=True, negation=COMPLEMENT in ring.properties)
        inputs = constant_inputs(graph)
        np.testing.assert_allclose(
            evaluate(graph, inputs, ring)[0].numpy(), brute_force(graph, ring, inputs[0]), atol=1e-12
        )


def test_counts_of_paths() -> None:
    text = "e(1, 2). e(1, 3). e(2, 4). e(3, 4). e(4, 5). p(X, Y) :- e(X, Y). p(X, Z) :- p(X, Y), e(Y, Z)."
    program = parse_text(text + " query(p(1, 5)).", "paths.rules")
    graph = ground(program)
    tags = evaluate(graph, constant_inputs(graph), Count())[0]
    assert tags[graph.matches(program.queries[0].atom)].tolist() == [2.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_count_over_a_cycle_does_not_settle(dtype: torch.dtype) -> None:
    graph = ground(parse_text("0.5 :: a. p :- a. p :- q. q :- p. p :- q, a.", "cycle.rules"))
    with pytest.raises(FixpointError, match=r"count.*p, q") as caught:
        evaluate(graph, constant_inputs(graph, dtype=dtype), Count(), max_rounds=3000)
    assert caught.value.code == "NS510"


def test_sum_product_over_a_cycle_settles() -> None:
    program = parse_text("0.5 :: a. 0.5 :: b. p :- a. p :- q. q :- p, b. query(p).", "cycle.rules")
    graph = ground(program)
    tags = evaluate(graph, constant_inputs(graph), SumProduct())[0]
    assert tags[graph.matches(program.queries[0].atom)].tolist() == pytest.approx([1.0])  # 0.5 / (1 - 0.5)


def test_negation_needs_a_complement() -> None:
    graph = ground(parse_text("0.5 :: a. p :- not a.", "negation.rules"))
    with pytest.raises(SemanticsError) as caught:
        evaluate(graph, constant_inputs(graph), Count())
    assert caught.value.code == "NS501"


def test_batches_and_gradients() -> None:
    graph = random_graph(3, cyclic=False, negation=True)
    inputs = torch.rand((5, graph.num_facts), dtype=torch.float64, requires_grad=True)
    for ring in (Viterbi(), Goedel(), Product(), SumProduct()):
        together = evaluate(graph, inputs, ring)
        single = torch.cat([evaluate(graph, inputs[k : k + 1], ring) for k in range(5)])
        torch.testing.assert_close(together, single)
        (gradient,) = torch.autograd.grad(together.sum(), inputs)
        assert torch.isfinite(gradient).all()


def test_a_body_that_becomes_empty_counts_as_one() -> None:
    """`q(a)` is absent, so the body of `r(a)` has no edge left; it stays in the graph where certain facts count."""
    import neurosym as ns

    program = ns.Program.from_text("0.3 :: q(b). q(c) :- q(b). r(a) :- not q(a).")
    assert ns.Reasoner(program, semantics="count").query("r(a)").detach() == {"r(a)": 1.0}
