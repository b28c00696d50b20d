"""The contracts of `exact`, `topk` and `bounds`, which are no semirings: see architecture.md and docs/explanation.

What all three promise is in `Contract`; each adds what it says of itself. The contract of algebras is in
test_semirings, that of the printed JSON in tests/cli/test_contract.py.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

import neurosym as ns
from neurosym.errors import SemanticsError
from neurosym.grounding import ground
from neurosym.lang import parse_text
from neurosym.semantics.exact import Exact
from tests.oracles.engine import constant_inputs, fact_of, observed, visible
from tests.oracles.worlds import probabilities
from tests.semantics.test_exact import PROGRAMS
from tests.semantics.test_worlds import evidence_of

METHODS = {"certain", "sum-product", "circuit", "bounds", "algebra"}
CASES = {
    **PROGRAMS,
    "certain and absent": "a. 0.5 :: b. p :- a. q :- b, c. 0.5 :: c :- fail. query(p). query(q). query(b).",
    "chain of derived choices": (
        "0.8 :: w(0, s); 0.2 :: w(0, r). n(0, 1). n(1, 2). 0.9 :: w(T, s); 0.1 :: w(T, r) :- n(S, T), w(S, s). "
        "0.4 :: w(T, s); 0.6 :: w(T, r) :- n(S, T), w(S, r). 0.2 :: u(T) :- w(T, s). 0.9 :: u(T) :- w(T, r). "
        "evidence(u(1)). evidence(u(2), false). query(w(2, X)). query(u(0))."
    ),
    "negated cycle below": (
        "0.5 :: e(1, 2). 0.4 :: e(2, 1). 0.3 :: s(1). 0.6 :: s(2). r(X) :- s(X). r(Y) :- r(X), e(X, Y). "
        "n(X) :- s(X), \\+ r(1). f :- \\+ r(1), \\+ r(2). query(n(X)). query(f). query(r(X))."
    ),
    "weights of 0 and 1": "0.0 :: a. 1.0 :: b. 0.5 :: c. p :- a. p :- b, c. q :- \\+ a, c. query(p). query(q).",
}
ROUNDING = 1e-12
STEP = 1e-5  # of finite differences
EVIDENCE = re.compile(r"evidence\((\w+(?:\(\w+\))?)(, false)?\)\.")


def program_of(text: str) -> ns.Program:
    return parse_text(text, "case.rules", "rules")


def worlds_of(program: ns.Program, evidence: bool = True) -> dict[str, float]:
    """Atom → probability, by listing the worlds; atoms that hold in none are missing."""
    graph = ground(program)
    expected = probabilities(program, evidence_of(program) if evidence else [])
    assert expected is not None
    return {graph.atom(f): expected[fact_of(graph, f)] for f in visible(graph) if fact_of(graph, f) in expected}


def rows(answers: ns.Answers) -> tuple[Tensor, Tensor, Tensor]:
    return answers.lower, answers.tags, answers.upper


class Contract(ABC):
    """What holds of each of the three, for every case."""

    cases: ClassVar[dict[str, str]] = CASES
    methods: ClassVar[set[str]]

    @abstractmethod
    def semantics(self) -> Any:
        """A new one, as it is handed to a reasoner."""

    def reasoner(self, text: str) -> ns.Reasoner:
        return ns.Reasoner(program_of(text), semantics=self.semantics())

    def test_shapes_methods_and_order(self, case: str) -> None:
        answers = self.reasoner(self.cases[case]).query()
        count = len(answers.atoms)
        for values in rows(answers):
            assert values.shape == (1, count) and values.dtype == torch.float64
        assert len(answers.methods) == len(answers.details) == count
        assert set(answers.methods) <= self.methods <= METHODS
        assert bool((answers.lower <= answers.tags + ROUNDING).all())
        assert bool((answers.tags <= answers.upper + ROUNDING).all())

    def test_deterministic(self, case: str) -> None:
        """The same program and weights give the same numbers, to the last bit, and the same words."""
        one, two = (self.reasoner(self.cases[case]).query() for _ in range(2))
        assert (one.atoms, one.methods, list(one.details)) == (two.atoms, two.methods, list(two.details))
        for left, right in zip(rows(one), rows(two), strict=True):
            assert torch.equal(left, right)

    def test_asking_one_by_one_changes_nothing(self, case: str) -> None:
        reasoner = self.reasoner(self.cases[case])
        together = reasoner.query()
        for k, atom in enumerate(together.atoms):
            alone = reasoner.query(atom)
            for left, right in zip(rows(together), rows(alone), strict=True):
                torch.testing.assert_close(left[:, k], right[:, 0], rtol=0, atol=self.tolerance)

    tolerance: ClassVar[float] = 1e-12


@pytest.mark.parametrize("case", CASES)
class TestExact(Contract):
    """The probability under the distribution semantics, given the evidence."""

    methods: ClassVar[set[str]] = {"certain", "sum-product", "circuit"}

    def semantics(self) -> str:
        return "exact"

    def evaluator(self, text: str, evidence: bool = True) -> tuple[Exact, Tensor, Tensor]:
        """An evaluator of the queries, its inputs, and the leaves among them."""
        program = program_of(text)
        graph = ground(program)
        roots = [f for q in program.queries for f in graph.matches(q.atom).tolist()]
        seen = observed(graph, program)
        assert seen is not None
        leaves = torch.tensor([f for f in range(graph.num_facts) if graph.choice[f] >= 0])
        return Exact(graph, roots, seen if evidence else ()), constant_inputs(graph).nan_to_num(0.0), leaves

    def test_equals_the_enumeration_of_worlds(self, case: str) -> None:
        expected = worlds_of(program_of(CASES[case]))
        answers = self.reasoner(CASES[case]).query()
        for atom, value in answers.detach().items():
            assert value == pytest.approx(expected.get(atom, 0.0), abs=1e-12), atom
        assert torch.equal(answers.lower, answers.tags) and torch.equal(answers.upper, answers.tags)

    def test_gradients_are_finite_differences(self, case: str) -> None:
        """Of all leaves, each by itself: an outcome of a disjunction may be moved without the others."""
        exact, inputs, leaves = self.evaluator(CASES[case])
        inside = inputs.clone()
        inside[:, leaves] = inputs[:, leaves].clamp(2 * STEP, 1 - 2 * STEP)
        slopes: Any = torch.autograd.functional.jacobian(exact, inside)
        jacobian = slopes[0, :, 0]  # (r, F)
        for leaf in leaves.tolist():
            more, less = inside.clone(), inside.clone()
            more[0, leaf] += STEP
            less[0, leaf] -= STEP
            slope = (exact(more) - exact(less))[0] / (2 * STEP)
            torch.testing.assert_close(jacobian[:, leaf], slope, rtol=1e-6, atol=1e-7)

    def test_a_batch_is_its_rows(self, case: str) -> None:
        exact, inputs, leaves = self.evaluator(CASES[case])
        batch = inputs.repeat(5, 1)
        random = torch.rand((5, len(leaves)), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        batch[:, leaves] = 0.01 + 0.3 * random  # disjunctions of three outcomes stay below 1
        together = exact(batch)
        for k in range(5):
            torch.testing.assert_close(together[k : k + 1], exact(batch[k : k + 1]), rtol=0, atol=1e-14)

    def test_evidence_is_a_division(self, case: str) -> None:
        """P(q | e) = P(q and e) / P(e), each asked without evidence; and P(e) is what `log_evidence` gives."""
        text = CASES[case]
        program = program_of(text)
        seen = [f"\\+ {atom}" if no else atom for atom, no in EVIDENCE.findall(text)]
        assert len(seen) == len(program.evidence)
        exact, inputs, _ = self.evaluator(text)
        if not seen:
            assert exact.log_evidence(inputs).tolist() == [0.0]
            return
        reasoner = ns.Reasoner(program_of(EVIDENCE.sub("", text)))
        given = reasoner.query(", ".join(seen))
        assert exact.log_evidence(inputs).item() == pytest.approx(given.log_tags.item(), abs=1e-12)
        for atom, value in ns.Reasoner(program).query().detach().items():
            both = reasoner.query(", ".join([atom, *seen])).tags.item()
            assert value == pytest.approx(both / given.tags.item(), abs=1e-12)

    def test_logarithms(self, case: str) -> None:
        answers = self.reasoner(CASES[case]).query()
        for tag, log in zip(answers.tags[0].tolist(), answers.log_tags[0].tolist(), strict=True):
            assert log == pytest.approx(math.log(tag) if tag else -math.inf, abs=1e-12)

    def test_a_fact_and_its_negation_make_1(self, case: str) -> None:
        reasoner = self.reasoner(CASES[case])
        for atom, value in reasoner.query().detach().items():
            assert reasoner.query(f"\\+ {atom}").tags.item() == pytest.approx(1 - value, abs=1e-12)

    def test_certain_is_said_of_what_is(self, case: str) -> None:
        """What is called certain is 0 or 1, whatever the weights."""
        exact, inputs, leaves = self.evaluator(CASES[case])
        certain = [k for k, m in enumerate(exact.methods) if m.name == "certain"]
        before = exact(inputs)[0, certain]
        inputs[:, leaves] = 0.25
        assert torch.equal(before, exact(inputs)[0, certain])
        assert set(before.tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("case", CASES)
class TestTopK(Contract):
    """A lower and an upper bound on the probability, from the k best proofs."""

    methods: ClassVar[set[str]] = {"certain", "bounds"}
    tolerance: ClassVar[float] = 1.0  # asked together, answers may share a better search; what holds is tested below

    def semantics(self) -> ns.TopK:
        return ns.TopK(k=4, width=0.1)

    def bounds(self, case: str, k: int) -> tuple[list[float], list[float], ns.Answers] | None:
        """From k proofs; None if there is no lower bound on the evidence yet."""
        reasoner = ns.Reasoner(program_of(CASES[case]), semantics=ns.TopK(k=k, width=0, max_k=k))
        try:
            answers = reasoner.query()
        except SemanticsError as error:
            assert error.code == "NS532"
            return None
        return answers.lower[0].tolist(), answers.upper[0].tolist(), answers

    def test_contains_the_probability_shrinks_and_ends_there(self, case: str) -> None:
        exact = ns.Reasoner(program_of(CASES[case])).query().tags[0].tolist()
        least, most = [0.0] * len(exact), [1.0] * len(exact)
        for k in (1, 2, 3, 4, 8, 16, 1 << 16):
            found = self.bounds(case, k)
            if found is None:
                assert k < 1 << 16
                continue
            lower, upper, _ = found
            for value, low, high, before, after in zip(exact, lower, upper, least, most, strict=True):
                assert low - 1e-9 <= value <= high + 1e-9
                assert before - 1e-9 <= low and high <= after + 1e-9
            least, most = lower, upper
        assert least == pytest.approx(exact, abs=1e-9)
        assert most == pytest.approx(exact, abs=1e-9)

    def test_tags_are_midpoints(self, case: str) -> None:
        answers = self.reasoner(CASES[case]).query()
        torch.testing.assert_close(answers.tags, (answers.lower + answers.upper) / 2, rtol=0, atol=1e-15)

    def test_within_the_width_that_was_asked_for(self, case: str) -> None:
        answers = self.reasoner(CASES[case]).query()
        assert float((answers.upper - answers.lower).max()) <= 0.1

    def test_each_answer_says_its_proofs(self, case: str) -> None:
        found = self.bounds(case, 1 << 16)
        assert found is not None
        for method, detail in zip(found[2].methods, found[2].details, strict=True):
            assert method != "certain" or detail in ("", "cannot be derived")
            assert method == "certain" or detail.startswith("exact: all")


THEORY = "".join(f"pred {x} open . " for x in "abcde") + (
    "constraint one : a implies (b or c) . constraint two weight 0.9 : d implies not b . "
    "constraint three : (a and d) implies e . constraint four weight 0.7 : not (c and e) or b . "
)
THEORIES = {
    "nothing told": THEORY,
    "told": f"{THEORY} 0.9 :: a. 0.8 :: d.",
    "rules": "0.8 :: f. 0.6 :: c. 0.7 :: s. p :- f, c. p :- f, s. q :- \\+ p. r :- q, c. r :- s.",
    "cycle": "0.5 :: e(1, 2). 0.6 :: e(2, 1). 0.7 :: s(1). r(X) :- s(X). r(Y) :- r(X), e(X, Y).",
    "certain": "a. b :- a. 0.5 :: c. d :- b, c. n(X) :- m(X), \\+ d. m(1).",
    "guarded": (
        "pred sick(x: any) open . n(1). n(2). 0.9 :: hot(1). 0.2 :: hot(2). "
        "constraint c weight 0.8 : forall X: hot(X) implies sick(X) . constraint s : exists X: (n(X) and not sick(X)) ."
    ),
}
ASKED = {
    "nothing told": "abcde", "told": "abcde", "rules": "pqr", "cycle": ("r(1)", "r(2)"), "certain": ("b", "d", "n(1)"),
    "guarded": ("sick(1)", "sick(2)"),
}  # fmt: skip


@pytest.mark.parametrize("case", THEORIES)
class TestBounds(Contract):
    """An interval of truth for each atom, from rules and constraints in both directions."""

    cases: ClassVar[dict[str, str]] = {
        name: text + "".join(f" query({atom})." for atom in ASKED[name]) for name, text in THEORIES.items()
    }
    methods: ClassVar[set[str]] = {"certain", "bounds"}
    tolerance: ClassVar[float] = 1e-6

    def semantics(self) -> str:
        return "bounds"

    def test_consistent_and_within_0_and_1(self, case: str) -> None:
        answers = self.reasoner(self.cases[case]).query()
        assert answers.contradictions == ()
        assert bool(((answers.lower >= 0) & (answers.upper <= 1)).all())
        torch.testing.assert_close(answers.tags, (answers.lower + answers.upper) / 2, rtol=0, atol=1e-12)

    def test_more_facts_never_widen(self, case: str) -> None:
        """What was known stays known: each further constraint leaves every interval as it is, or narrows it."""
        text, asked = THEORIES[case], ASKED[case]
        before = ns.Reasoner(program_of(text), semantics="bounds").query(*asked)
        for atom, low, high in zip(asked, before.lower[0].tolist(), before.upper[0].tolist(), strict=True):
            for least in (low, (low + high) / 2, high):
                if not 0 < least < 1:
                    continue
                more = f"{text} constraint further weight {least} : {atom} ."
                after = ns.Reasoner(program_of(more), semantics="bounds").query(*asked)
                if after.contradictions:  # a degree that these formulas do not allow together: then it is named
                    assert least > low
                    continue
                assert bool((after.lower >= before.lower - 1e-6).all()), (atom, least)
                assert bool((after.upper <= before.upper + 1e-6).all()), (atom, least)

    def test_fuzzy_value_lies_within(self, case: str) -> None:
        """Without unknown atoms, Łukasiewicz's tags satisfy rules and their completion, so no bound leaves them out."""
        if "open" in THEORIES[case]:
            pytest.skip("what is unknown has no tag")
        bounds = self.reasoner(self.cases[case]).query()
        tags = ns.Reasoner(program_of(self.cases[case]), semantics="lukasiewicz").query().tags
        assert bool(((bounds.lower <= tags + 1e-6) & (tags <= bounds.upper + 1e-6)).all())

    def test_contradictions_are_named(self, case: str) -> None:
        """Two formulas against each other, and no others, are blamed; what they do not touch keeps its bounds."""
        text = f"pred z open . {THEORIES[case]} constraint yes : z . constraint no : not z ."
        answers = ns.Reasoner(program_of(text), semantics="bounds").query("z", *ASKED[case])
        (found,) = answers.contradictions
        assert set(found.formulas) == {"constraint yes", "constraint no"}
        assert found.diagnostic().code == "NS541"
        assert "z" in str(found)
        before = self.reasoner(self.cases[case]).query()
        torch.testing.assert_close(answers.lower[:, 1:], before.lower, rtol=0, atol=1e-6)
        torch.testing.assert_close(answers.upper[:, 1:], before.upper, rtol=0, atol=1e-6)
