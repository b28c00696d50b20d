"""Open predicates through the reasoner: bounds, gradients, batches, evidence, algebras, tests in rule files."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

import neurosym as ns
from neurosym.errors import SemanticsError
from neurosym.reasoner.tests_of import run_tests
from neurosym.semantics import SumProduct

LIKES = """
pred likes(a: symbol, b: symbol) open .
person(ann). person(bob). likes(ann, bob).
0.8 :: happy(X) :- person(X), person(Y), likes(X, Y).
"""


def query(text: str, *atoms: str, semantics: object = "exact", **evidence: bool) -> ns.Answers:
    return ns.Reasoner(ns.Program.from_text(text), semantics=semantics).query(*atoms, evidence=evidence)  # type: ignore


def bounds(text: str, *atoms: str, semantics: object = "exact") -> list[tuple[float, float]]:
    answers = query(text, *atoms, semantics=semantics)
    return list(zip(answers.lower[0].tolist(), answers.upper[0].tolist(), strict=True))


def test_an_answer_is_the_midpoint_of_its_bounds() -> None:
    answers = query(LIKES, "happy(ann)", "likes(X, Y)", "person(ann)")
    row = answers.to_json()["answers"][0]
    assert (row["lower"], row["upper"]) == pytest.approx((0.8, 0.96))
    assert row["probability"] == pytest.approx(0.88)
    assert (row["method"], row["detail"]) == ("bounds", "unknown: likes(ann, ann)")
    assert answers.method == "bounds"
    assert answers.methods[answers.position("person(ann)")] == "certain"
    assert answers.methods[answers.position("likes(ann, bob)")] == "certain"


def test_without_unknown_atoms_the_bounds_are_the_tags() -> None:
    answers = query("0.3 :: p(a).", "p(X)")
    assert answers.bounds is None
    assert answers.lower is answers.tags
    assert answers.upper is answers.tags


def test_a_query_for_an_absent_atom_is_unknown_whoever_asked_before() -> None:
    reasoner = ns.Reasoner(ns.Program.from_text(LIKES))
    reasoner.query("happy(ann)")
    answers = reasoner.query("likes(zoe, ann)", "person(zoe)")
    assert answers.upper.tolist() == [[1.0, 0.0]]


def test_the_iri_of_a_declared_predicate_is_the_same_predicate() -> None:
    text = "@prefix ex: <http://e.org/> . pred knows(a: any, b: any) from ex:knows open . n(a)."
    text += " r(X) :- n(X), ex:knows(X, b)."
    assert bounds(text, "r(a)", "<http://e.org/knows>(c, d)") == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    ("semantics", "expected"),
    [
        ("viterbi", (0.8, 0.8)),
        ("goedel", (0.8, 0.8)),
        ("product", (0.8, 0.96)),
        ("lukasiewicz", (0.8, 1.0)),
        ("boolean", (1, 1)),
        ("count", (1, 2)),
        ("sum-product", (0.8, 1.6)),
    ],
)
def test_the_bounds_of_the_algebras(semantics: str, expected: tuple[float, float]) -> None:
    assert bounds(LIKES, "happy(ann)", semantics=semantics) == [pytest.approx(expected)]


class Mine(SumProduct):
    """An algebra of a user's, of which nothing is known."""

    name: ClassVar[str] = "mine"

    def negate(self, a: Tensor) -> Tensor:
        return (1 - 2 * a) ** 2


def test_of_an_unknown_algebra_all_truth_values_are_tried() -> None:
    text = "pred u(x: symbol) open . 0.5 :: a. 0.5 :: b. s :- a. s :- b, u(k). r :- not s."
    assert bounds(text, "r", semantics=Mine()) == [pytest.approx((0, 1))]
    many = "pred c(x: 1..12) open . r :- c(_)."
    with pytest.raises(SemanticsError) as caught:
        query(many, "r", semantics=Mine())
    assert caught.value.code == "NS506"


def test_sums_of_products_under_a_negation_are_enumerated() -> None:
    # not monotone: s is 0.5, 1, 1.5 or 2, and t is 1 − s, so that r = t * (1 - v) changes its direction
    text = "pred u(x: 1..2) open . 0.5 :: a. 0.5 :: b. s :- a. s :- b. s :- u(1). t :- not s. r :- t, u(2)."
    assert bounds(text, "t", "r", semantics="sum-product") == [pytest.approx((-1, 0)), pytest.approx((-1, 0))]


def test_an_unknown_atom_positive_for_one_answer_and_negative_for_another() -> None:
    text = "pred u(x: 1..30) open . 0.4 :: a. p :- a, u(_). q :- a, not u(_). r :- a, u(1)."
    assert bounds(text, "p", "q", "r") == [pytest.approx((0, 0.4))] * 3


def test_gradients_are_finite_and_those_of_the_bounds() -> None:
    program = ns.Program.from_text(LIKES.replace("0.8", "t(0.8)"))
    reasoner = ns.Reasoner(program)
    answers = reasoner.query("happy(ann)")
    (answers.upper - answers.lower).sum().backward()
    (gradient,) = [p.grad for p in reasoner.parameters()]
    # lower p, upper 1 - (1 - p)², at p = 0.8 and through the logit
    assert gradient is not None
    assert float(gradient) == pytest.approx((2 * 0.2 - 1) * 0.16)
    reasoner.zero_grad()
    reasoner.query("happy(X)").nll({"happy(ann)": True, "happy(bob)": False}).backward()
    assert all(torch.isfinite(p.grad).all() for p in reasoner.parameters() if p.grad is not None)


def test_gradients_under_evidence_that_some_assignments_exclude() -> None:
    text = "pred u(x: symbol) open . t(0.2) :: a. e :- a, u(k). query(a)."
    reasoner = ns.Reasoner(ns.Program.from_text(text))
    answers = reasoner.query("a", evidence={"e": True})
    assert answers.lower.tolist() == answers.upper.tolist() == [[1.0]]
    answers.tags.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in reasoner.parameters() if p.grad is not None)


class Net(nn.Module):
    """A yes-or-no network of one number."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def test_a_batch_through_a_network() -> None:
    text = """
    neural good(x: Tensor) by net .
    pred allowed(x: symbol) open .
    go :- good(a), allowed(a).
    query(go).
    """
    reasoner = ns.Reasoner(ns.Program.from_text(text), networks={"net": Net()})
    rows = torch.tensor([[-1.0], [0.0], [2.0]], dtype=torch.float64)
    answers = reasoner.query("go", inputs={"a": rows})
    assert torch.allclose(answers.upper, torch.sigmoid(rows))
    assert not answers.lower.any()
    answers.tags.sum().backward()
    assert bool(torch.isfinite(reasoner.networks["net"].scale.grad))  # type: ignore[arg-type]


def test_evidence_elsewhere_leaves_an_answer_alone() -> None:
    """Each person's evidence rests on one unknown atom; together they would be too many to enumerate."""
    people = " ".join(f"person(p{k})." for k in range(14))
    rules = "pred u(x: symbol) open . 0.3 :: a(X) :- person(X). e(X) :- a(X). e(X) :- person(X), u(X)."
    observed = " ".join(f"evidence(e(p{k}))." for k in range(14))
    answers = query(f"{rules} {people} {observed}", "a(p0)", "a(p13)")
    assert answers.lower[0].tolist() == pytest.approx([0.3, 0.3])
    assert answers.upper[0].tolist() == pytest.approx([1, 1])


def test_impossible_evidence_elsewhere_is_found() -> None:
    text = "pred u(x: symbol) open . 0.3 :: a. 0.5 :: b. e :- b, u(k), not u(k). evidence(e)."
    with pytest.raises(SemanticsError) as caught:
        query(text, "a")
    assert caught.value.code == "NS502"


def test_evidence_under_an_algebra_is_refused() -> None:
    with pytest.raises(SemanticsError) as caught:
        ns.Reasoner(ns.Program.from_text(LIKES), semantics="goedel").query("happy(ann)", evidence={"happy(bob)": True})
    assert caught.value.code == "NS503"


def test_too_many_names_the_number_and_what_to_do() -> None:
    with pytest.raises(SemanticsError) as caught:
        query("pred c(x: 1..12) open . n(N) :- N = count{ X : c(X) }.", "n(3)")
    assert caught.value.code == "NS506"
    assert "12 unknown atoms" in caught.value.message
    assert "facts" in caught.value.help


def test_an_expectation_on_something_unknown_fails() -> None:
    text = LIKES + 'test "t" : given person(cem) expect happy(cem) = 0.48 expect happy(ann) = 0.8 expect person(cem) .'
    (result,) = run_tests(ns.Program.from_text(text))
    assert [check.passed for check in result.checks] == [False, False, True]
    assert "between 0 and" in result.checks[0].reason
    assert "likes(cem" in result.checks[0].reason


def test_saved_and_loaded(tmp_path) -> None:  # type: ignore[no-untyped-def]
    reasoner = ns.Reasoner(ns.Program.from_text(LIKES))
    reasoner.save(tmp_path / "model")
    again = ns.Reasoner.load(tmp_path / "model").query("happy(ann)")
    assert float(again.upper.detach()) == pytest.approx(0.96)
