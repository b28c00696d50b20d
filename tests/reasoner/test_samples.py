"""Queries of many samples with facts of their own, against the same queries of each alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from neurosym.errors import DataError, GroundingError, NetworkError, RuleError, SemanticsError
from neurosym.explain import explain
from neurosym.grounding import Samples
from neurosym.lang import Program, Symbol, parse_text
from neurosym.neural import FeatureTable
from neurosym.reasoner import Reasoner, SampleAnswers
from tests.oracles.programs import LAYERS, Style, programs
from tests.oracles.samples import GivenFact, base_of, sample_lists

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
PROGRAMS = Style(constants=("1", "2", "3"), weights=("0.3", "0.5"), facts=6, rules=7, groups=True, evidence=True)
QUERIES = [f"{n}({', '.join('XY'[:k])})" if k else n for layer in LAYERS for n, k in layer]

DIGITS = """
neural digit(image: Image, d: 0..9) by net .
rule carry weight 0.8 learn if digit(?i, ?d) and extra(?n) and ?n + ?d > 9 then carries .
sum(Z) :- place(I), digit(I, A), extra(B), Z is A + B.
0.3 :: noise :- extra(X), X > 2.
first(D) :- digit(a, D).
loud :- noise, not carries.
"""


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(4, 10).double()
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.layer(x)


def digits(count: int = 4) -> list[list[tuple]]:
    return [[("place", (Symbol("a"),)), ("extra", (k,))] for k in range(count)]


def reasoner(text: str = DIGITS, **options) -> Reasoner:
    program = Program.from_text(text, facts_predicates=[("extra", 1), ("place", 1)])
    return Reasoner(program, networks={"net": Net()}, **options)


def images(count: int = 4) -> torch.Tensor:
    return torch.randn((count, 4), generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def check_alone(answers: SampleAnswers) -> None:
    for k in range(len(answers)):
        alone, mine = answers.alone(k).detach(), answers.of(k)
        assert mine == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize("demand", [True, False])
@pytest.mark.parametrize("query", ["sum(Z)", "sum(7)", "carries", "loud", "digit(a, D)", "extra(N)"])
def test_each_sample_as_if_alone(query: str, demand: bool) -> None:
    samples = digits()
    samples[2].append(("digit", (Symbol("a"), 7)))  # given: the network is not asked in this sample
    check_alone(reasoner(demand=demand).query_samples(query, samples=samples, inputs={"a": images()}))


@pytest.mark.parametrize("semantics", ["viterbi", "goedel", "sum-product", "product"])
def test_algebras(semantics: str) -> None:
    check_alone(reasoner(semantics=semantics).query_samples("carries", samples=digits(), inputs={"a": images()}))


def test_derivations_are_counted() -> None:
    # two ways to 1, one to 2: certain, shared, and of one shape unless derivations matter
    program = Program.from_text(
        "t(1) :- x. t(1) :- y. t(2) :- x. x. y. p(X) :- mine(X), t(X).", facts_predicates=[("mine", 1)]
    )
    samples = [[("mine", (k,))] for k in (1, 2, 1)]
    counting = Reasoner(program, semantics="count").query_samples("p(X)", samples=samples)
    assert [counting.of(k) for k in range(3)] == [{"p(1)": 2.0}, {"p(2)": 1.0}, {"p(1)": 2.0}]
    assert len(Reasoner(program).query_samples("p(X)", samples=samples).parts) == 1


def test_gradients_reach_networks_and_weights() -> None:
    made = reasoner()
    answers = made.query_samples("sum(Z)", "carries", samples=digits(), inputs={"a": images()})
    answers.nll([{"carries": True}, {"carries": True}, {"sum(3)": True, "sum(4)": False}, {}]).backward()
    with_samples = [p.grad.clone() for p in made.parameters() if p.grad is not None]
    made.zero_grad()
    losses = []
    for k, labels in ((0, {"carries": True}), (1, {"carries": True}), (2, {"sum(3)": True, "sum(4)": False})):
        losses.append(answers.alone(k).nll(labels, "none"))
    if any(not torch.isfinite(x).all() for x in losses):
        pytest.fail("infinite loss")
    torch.cat(losses).mean().backward()
    alone = [p.grad for p in made.parameters() if p.grad is not None]
    assert len(alone) == 3
    for one, other in zip(with_samples, alone, strict=True):
        torch.testing.assert_close(one, other)


def test_values_as_targets_and_best() -> None:
    made = reasoner()
    answers = made.query_samples("sum(Z)", samples=digits(), inputs={"a": images()})
    targets = [3, 4, 5, 6]
    expected = torch.stack([answers.alone(k)[f"sum({t})"][0] for k, t in enumerate(targets)])
    torch.testing.assert_close(answers.chosen(targets), expected)
    torch.testing.assert_close(answers.nll(torch.tensor(targets)), -expected.log().mean())
    assert answers.best() == [answers.alone(k).best()[0] for k in range(4)]
    with pytest.raises(DataError, match="sample 2 has no answer with the value 1") as caught:
        answers.nll([3, 4, 1, 6])
    assert caught.value.code == "NS612"


def test_the_network_is_called_once() -> None:
    made = reasoner()
    net = made.networks["net"]
    made.query_samples("sum(Z)", samples=digits(), inputs={"a": images()})
    assert net.calls == 1


def test_a_mini_batch() -> None:
    made, samples = reasoner(), Samples.of(digits(6))
    inputs = images(6)
    every = made.query_samples("sum(Z)", samples=samples, inputs={"a": inputs})
    some = made.query_samples("sum(Z)", samples=samples, inputs={"a": inputs[[5, 2]]}, only=[5, 2])
    assert [some.of(0), some.of(1)] == [pytest.approx(every.of(k)) for k in (5, 2)]
    assert len(made.sample_queries) == 1
    assert some.graphs is every.graphs  # grounded once
    with pytest.raises(DataError, match="1 inputs for 2 samples"):
        made.query_samples("sum(Z)", samples=samples, inputs={"a": inputs[:1]}, only=[5, 2])
    with pytest.raises(DataError, match="numbered from 0"):
        made.query_samples("sum(Z)", samples=samples, inputs={"a": inputs[:1]}, only=[6])


def test_entities_of_samples_share_a_shape() -> None:
    text = "neural risky(p: Person) by net .\nalarm :- member(P), risky(P).\n@prefix x: <http://x/> ."
    program = Program.from_text(text.replace("Person", "Tensor"), facts_predicates=[("member", 1)])
    net = torch.nn.Linear(4, 1).double()
    table = FeatureTable([f"p{k}" for k in range(5)], images(5), list("abcd"))
    made = Reasoner(program, networks={"net": net}, features={"Tensor": table})
    samples = [
        [("member", (Symbol(f"p{a}"),)), ("member", (Symbol(f"p{b}"),))] for a, b in ((0, 1), (1, 2), (3, 4), (4, 0))
    ]
    answers = made.query_samples("alarm", samples=samples)
    assert len(answers.parts) == 1
    check_alone(answers)


def test_evidence_holds_in_every_sample() -> None:
    text = "0.3 :: a(X) :- mine(X). 0.4 :: b(X) :- mine(X). c :- a(X). c :- b(X)."
    made = Reasoner(Program.from_text(text, facts_predicates=[("mine", 1)]))
    samples = [[("mine", (k,))] for k in (1, 2)] + [[("mine", (1,)), ("mine", (2,))]]
    answers = made.query_samples("a(X)", samples=samples, evidence={"c": True, "b(2)": False})
    check_alone(answers)
    assert len(answers.parts) == 3  # b(2) is there in the second and the third
    with pytest.raises(SemanticsError, match="sample 1") as caught:
        made.query_samples("c", samples=samples, evidence={"a(1)": True})
    assert caught.value.code == "NS502"


def test_explanations_of_one_sample() -> None:
    answers = reasoner().query_samples("carries", samples=digits(), inputs={"a": images()})
    why = explain(answers.alone(3), "carries")
    assert "extra(3)" in str(why)
    assert "sample 3" in str(why)
    assert why.claim.probability == pytest.approx(answers.of(3)["carries"])


def test_what_is_refused() -> None:
    made = reasoner()
    with pytest.raises(DataError, match="is unknown") as unknown:
        made.query_samples("total(X)", samples=digits(), inputs={"a": images()})
    assert unknown.value.code == "NS616"
    with pytest.raises(DataError) as missing:
        made.query_samples("first(D)", samples=digits())
    assert missing.value.code == "NS613"
    answers = made.query_samples("sum(Z)", samples=digits(), inputs={"a": images()})
    for targets, code in (([{"sum(99)": True}] * 4, "NS611"), ([{"carries": True}] * 4, "NS611")):
        with pytest.raises(DataError) as caught:
            answers.nll(targets)
        assert caught.value.code == code
    with pytest.raises(DataError, match="3 targets for 4"):
        answers.nll([1, 2, 3])
    setattr(made.networks["net"], "uses_graph", True)  # noqa: B010
    with pytest.raises(NetworkError) as graph:
        made.query_samples("sum(Z)", samples=digits(), inputs={"a": images()})
    assert graph.value.code == "NS606"


def check_program(
    statements: list[str], shared: list[GivenFact], samples: list[list[GivenFact]], queries: Sequence[str], demand: bool
) -> None:
    try:
        program = parse_text("\n".join(statements), "random.rules")
    except RuleError:
        assume(False)
        raise
    made = Reasoner(program, base_of(shared), demand=demand)
    one = Reasoner(program, base_of(shared))
    expected = []
    for sample in samples:
        try:
            expected.append(one.over(one.facts + base_of(sample)).query(*queries).detach())
        except (GroundingError, SemanticsError) as error:
            expected.append(error.code)
    try:
        answers = made.query_samples(*queries, samples=samples)
    except (GroundingError, SemanticsError) as error:
        assert error.code in expected
        return
    for number, wanted in enumerate(expected):
        found = answers.of(number)
        assert not isinstance(wanted, str)
        assert wanted.items() <= found.items() or found == pytest.approx(found | wanted, abs=1e-9)
        extra = found.keys() - wanted.keys()
        assert not extra or demand  # shared facts that another sample's question derived


@settings(max_examples=100, suppress_health_check=CHECKS)
@given(programs(PROGRAMS), sample_lists(), st.lists(st.sampled_from(QUERIES), min_size=1, max_size=3), st.booleans())
def test_random_programs(
    statements: list[str], facts: tuple[list[GivenFact], list[list[GivenFact]]], queries: list[str], demand: bool
) -> None:
    check_program(statements, *facts, queries, demand)


@pytest.mark.slow
@settings(max_examples=2000, suppress_health_check=CHECKS)
@given(programs(PROGRAMS), sample_lists(), st.lists(st.sampled_from(QUERIES), min_size=1, max_size=3), st.booleans())
def test_random_programs_often(
    statements: list[str], facts: tuple[list[GivenFact], list[list[GivenFact]]], queries: list[str], demand: bool
) -> None:
    check_program(statements, *facts, queries, demand)
