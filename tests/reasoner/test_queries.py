"""What is asked, how, and with which algebra."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import neurosym as ns
from neurosym.errors import ApproximationWarning, DataError, NeurosymError, SemanticsError
from neurosym.facts import FactBase
from neurosym.lang.ast import Arithmetic, Atom, Const, Var
from neurosym.semantics import ALGEBRAS
from neurosym.semantics.algebras.semirings import COMPLEMENT, DISTRIBUTIVE

PATHS = """
0.5 :: edge(a, b). 0.8 :: edge(b, c). 0.3 :: edge(a, c). edge(c, c).
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
lonely(X) :- node(X), not edge(X, X).
node(a). node(b). node(c).
"""


def paths(semantics: str | ns.Semiring = "exact") -> ns.Reasoner:
    return ns.Reasoner(ns.Program.from_text(PATHS), semantics=semantics)


# ---------------------------------------------------------------------------------------------------- what is asked


def test_a_pattern_gives_all_that_match() -> None:
    answers = paths().query("path(a, X)").detach()
    assert answers == pytest.approx({"path(a, b)": 0.5, "path(a, c)": 1 - 0.7 * (1 - 0.4)})


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("r(X, Y)", 1), ("<http://e/P>(X)", 1), ("<http://e/v>(X, Y)", 2), ("rdf:type(X, Y)", 1),
        ("triple(X, Y, Z)", 3), ("triple(X, <http://e/v>, Z)", 2), ("triple(<http://e/a>, Y, 3)", 1),
    ],
)  # fmt: skip
def test_facts_of_which_the_rules_do_not_speak_can_be_asked_for(query: str, number: int) -> None:
    a, v, of_class = (
        ns.Iri("http://e/a"),
        ns.Iri("http://e/v"),
        ns.Iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type"),
    )
    facts = ns.FactBase.from_triples([(a, v, 3), (a, v, 4), (a, of_class, ns.Iri("http://e/P"))])
    reasoner = ns.Reasoner(ns.Program.from_text("p(1)."), facts + ns.FactBase.from_facts([("r", (1, 2))]))
    assert reasoner.query("p(X)").detach() == {"p(1)": 1.0}  # grounded before
    assert list(reasoner.query(query).detach().values()) == [1.0] * number


def test_anonymous_variables_match_anything() -> None:
    assert set(paths().query("path(_, _)").atoms) == set(paths().query("path(X, Y)").atoms)
    assert len(paths().query("path(_, _)")) == 4


@pytest.mark.parametrize("demand", [True, False])
def test_expressions_in_queries_have_their_values(demand: bool) -> None:
    program = ns.Program.from_text("p(1). p(2). q(X, Y) :- p(X), Y is X * 10. evidence(p(3 - 1)). query(q(1 + 1, 20)).")
    reasoner = ns.Reasoner(program, demand=demand)
    assert reasoner.query().detach() == {"q(2, 20)": 1.0}
    assert reasoner.query("q(1, 5 + 5)", "q(X, 2 * 10)", "p(1 + 9)").detach() == {
        "q(1, 10)": 1.0, "q(2, 20)": 1.0, "p(10)": 0.0,
    }  # fmt: skip
    assert reasoner.query("p(1)", evidence={"p(0 + 2)": True}).detach() == {"p(1)": 1.0}


def test_expressions_without_a_value_or_with_a_variable_are_refused() -> None:
    reasoner = ns.Reasoner(ns.Program.from_text("p(1). p(2)."))
    for query, code in (("p(1 / 0)", "NS406"), ("p(9223372036854775807 + 1)", "NS405")):
        with pytest.raises(ns.NeurosymError) as caught:
            reasoner.query(query)
        assert caught.value.code == code
    with pytest.raises(ns.RuleError) as refused:
        reasoner.query("p(X + 1)")
    assert [d.code for d in refused.value.diagnostics] == ["NS234"]
    made = Atom("p", (Arithmetic("+", (Var("X"), Const(1))),))
    with pytest.raises(ns.NeurosymError) as caught:
        reasoner.query(made)
    assert caught.value.code == "NS234"


def test_a_repeated_variable_matches_equal_arguments_only() -> None:
    assert paths().query("path(X, X)").detach() == {"path(c, c)": 1.0}


def test_a_ground_atom_that_cannot_be_derived_is_there_with_0() -> None:
    answers = paths().query("path(c, a)", "path(a, b)", "path(a, nobody)")
    assert answers.detach() == pytest.approx({"path(c, a)": 0.0, "path(a, b)": 0.5, "path(a, nobody)": 0.0})
    assert answers.methods[0] == "certain" and answers.details[0] == "cannot be derived"
    assert answers.facts[0] == answers.facts[2] == -1


def test_a_pattern_that_matches_nothing_gives_no_answer() -> None:
    answers = paths().query("path(nobody, X)")
    assert len(answers) == 0 and answers.tags.shape == (1, 0)
    with pytest.raises(DataError, match="no answer"):
        answers.best()


def test_overlapping_queries_give_each_answer_once() -> None:
    answers = paths().query("path(a, X)", "path(X, c)", "path(a, c)")
    assert len(answers) == len(set(answers.atoms)) == 4
    assert [atom for atom, _ in answers] == list(answers.atoms)


def test_answers_are_found_however_they_are_spaced() -> None:
    answers = paths().query("path(a,X)")
    assert float(answers["path( a,b )"]) == 0.5
    with pytest.raises(DataError) as caught:
        answers["path(b, c)"]
    assert caught.value.code == "NS611"


def test_terms_of_unlike_type_are_unlike_answers() -> None:
    model = ns.Reasoner(ns.Program.from_text('p(1). 0.5 :: p(1.0). 0.25 :: p("1").'))
    assert model.query("p(1)").detach() == {"p(1)": 1.0}
    assert model.query("p(1.0)").detach() == {"p(1.0)": 0.5}
    assert model.query('p("1")').detach() == {'p("1")': 0.25}


def test_the_programs_own_queries_are_the_default() -> None:
    model = ns.Reasoner(ns.Program.from_text("0.5 :: p(1). 0.2 :: q(1). query(q(X))."))
    assert model.query().detach() == {"q(1)": 0.2}
    assert torch.equal(model(), model.query().tags) and torch.equal(model("p(X)"), model.query("p(X)").tags)


def test_nothing_asked() -> None:
    with pytest.raises(DataError) as caught:
        paths().query()
    assert caught.value.code == "NS615"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("paht(a, X)", "did you mean `path`?"),
        ("path(a)", "it has 2 arguments"),
        ("path(a, X, Y)", "it has 2 arguments"),
        ("zebra(a)", "no rule derives it and no fact has it"),
    ],
)
def test_an_unknown_predicate(query: str, shown: str) -> None:
    model = paths()
    for _ in range(2):  # the second time too
        with pytest.raises(DataError) as caught:
            model.query(query)
        assert caught.value.code == "NS616" and shown in str(caught.value)


def test_evidence_on_an_unknown_predicate() -> None:
    with pytest.raises(DataError) as caught:
        paths().query("path(a, X)", evidence={"egde(a, b)": True})
    assert caught.value.code == "NS616"


@pytest.mark.parametrize("query", ["path(a", "", "path(?)"])
def test_a_query_that_cannot_be_read(query: str) -> None:
    with pytest.raises(NeurosymError):
        paths().query(query)


# ---------------------------------------------------------------------------------------------------------- evidence


def test_evidence_conditions() -> None:
    model = paths()
    given = model.query("edge(a, b)", "edge(a, c)", evidence={"path(a, c)": True}).detach()
    total = 0.5 * 0.8 + 0.3 - 0.5 * 0.8 * 0.3
    assert given["edge(a, c)"] == pytest.approx(0.3 / total)
    assert given["edge(a, b)"] == pytest.approx((0.5 * 0.8 + 0.3 * 0.5 - 0.5 * 0.8 * 0.3) / total)
    assert model.query("edge(a, b)", evidence={"path(a, c)": False, "edge(b, c)": True}).detach() == {"edge(a, b)": 0.0}
    # and the question without it is as before
    assert model.query("edge(a, b)").detach() == {"edge(a, b)": 0.5}


def test_evidence_joins_the_programs_own() -> None:
    model = ns.Reasoner(ns.Program.from_text("0.5 :: a. 0.5 :: b. c :- a. c :- b. evidence(c)."))
    assert model.query("a").detach()["a"] == pytest.approx(2 / 3)
    assert model.query("a", evidence={"b": False}).detach()["a"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "evidence", [{"path(c, a)": True}, {"edge(c, c)": False}, {"path(a, b)": True, "edge(a, b)": False}]
)
def test_evidence_that_cannot_be(evidence: dict[str, bool]) -> None:
    with pytest.raises(SemanticsError) as caught:
        paths().query("path(a, X)", evidence=evidence)
    assert caught.value.code == "NS502"


def test_evidence_needs_exact() -> None:
    with pytest.raises(SemanticsError) as caught:
        paths().query("path(a, X)", evidence={"edge(a, b)": True}, semantics="viterbi")
    assert caught.value.code == "NS503"


# --------------------------------------------------------------------------------------------------------- semantics

ONE = "0.5 :: a. 0.8 :: b. 0.6 :: c. both(1) :- a, b. both(1) :- c."
EXPECTED = {
    "exact": 1 - 0.6 * 0.4, "boolean": 1.0, "count": 2.0, "viterbi": 0.6, "goedel": 0.6, "product": 1 - 0.6 * 0.4,
    "lukasiewicz": 0.9, "sum-product": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("name", ["exact", *(a.name for a in ALGEBRAS)])
def test_every_algebra_by_its_name(name: str) -> None:
    program = ns.Program.from_text(ONE)
    model = ns.Reasoner(program, semantics=name)
    answers = model.query("both(1)")
    assert answers.detach()["both(1)"] == pytest.approx(EXPECTED[name])
    assert answers.semantics == model.semantics_name == name
    asked_for = ns.Reasoner(program).query("both(1)", semantics=name)
    assert asked_for.detach() == answers.detach() and asked_for.semantics == name
    assert answers.method == ("algebra" if name != "exact" else "sum-product")
    row = answers.to_json()["answers"][0]
    assert row["atom"] == "both(1)" and row["probability"] == row["lower"] == row["upper"]


def test_every_algebra_is_covered_here() -> None:
    assert set(EXPECTED) == {"exact", *(a.name for a in ALGEBRAS)}


class Tempered(ns.Semiring):
    """An algebra with a parameter: products are raised to a power."""

    name = "tempered"
    properties = frozenset({DISTRIBUTIVE, COMPLEMENT})

    def __init__(self, power: float) -> None:
        self.power = power

    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.maximum(a, b)

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    def negate(self, a: Tensor) -> Tensor:
        return 1 - a

    def lift(self, probability: Tensor) -> Tensor:
        return probability**self.power


def test_an_algebra_of_ones_own() -> None:
    model = ns.Reasoner(ns.Program.from_text(ONE), semantics=Tempered(1.0))
    answers = model.query("both(1)")
    assert answers.semantics == model.semantics_name == "tempered" and answers.detach()["both(1)"] == pytest.approx(0.6)


def test_instances_of_one_algebra_are_kept_apart() -> None:
    model = ns.Reasoner(ns.Program.from_text(ONE))
    for power in (1.0, 2.0, 3.0):
        assert model.query("both(1)", semantics=Tempered(power)).detach()["both(1)"] == pytest.approx(0.6**power)


@pytest.mark.parametrize(("name", "code"), [("fuzzy", "NS505"), ("Exact", "NS505")])
def test_semantics_that_are_not_there(name: str, code: str) -> None:
    for ask in (lambda: paths(name), lambda: paths().query("path(a, X)", semantics=name)):
        with pytest.raises(SemanticsError) as caught:
            ask()
        assert caught.value.code == code and name in str(caught.value)


# ------------------------------------------------------------------------------------------------------ ground once


def test_the_graph_is_grounded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurosym.reasoner import reasoner as module

    calls = []
    original = module.ground
    monkeypatch.setattr(module, "ground", lambda *a, **k: calls.append(1) or original(*a, **k))
    program = ns.Program.from_text(
        "neural digit(x: Tensor, d: 0..2) by net . s(X, Y, Z) :- digit(X, A), digit(Y, B), Z is A + B."
    )
    model = ns.Reasoner(program, networks={"net": torch.nn.Linear(2, 3)}, demand=False)
    graphs = set()
    for size in (1, 5, 3):
        given = {"a": torch.randn(size, 2), "b": torch.randn(size, 2)}
        for query in ("s(a, b, Z)", "s(b, a, 2)", "s(X, Y, Z)"):
            answers = model.query(query, inputs=given)
            graphs.add(id(answers.grounded))
            assert len(answers.tags) == size
    assert len(calls) == 1 == len(graphs)
    model.query("s(a, b, Z)", inputs={"a": torch.randn(1, 2), "b": torch.randn(1, 2)}, semantics="viterbi")
    assert len(calls) == 1


def test_with_demand_each_question_has_its_graph() -> None:
    program = ns.Program.from_text(
        "neural digit(x: Tensor, d: 0..2) by net . s(X, Y, Z) :- digit(X, A), digit(Y, B), Z is A + B."
    )
    model = ns.Reasoner(program, networks={"net": torch.nn.Linear(2, 3)})
    given = {"a": torch.randn(4, 2), "b": torch.randn(4, 2), "c": torch.randn(4, 2)}
    one = model.query("s(a, b, Z)", inputs=given)
    assert model.query("s(a, b, Z)", inputs=given).grounded is one.grounded
    assert one.grounded.graph.num_groundings == 9  # the network is asked about this pair only
    other = model.query("s(X, c, 2)", inputs=given)
    assert len(other.atoms) == 3 and other.grounded is not one.grounded
    everything = ns.Reasoner(program, networks={"net": model.networks["net"]}, demand=False)
    assert torch.equal(everything.query("s(a, b, Z)", inputs=given).tags, one.tags)


def test_given_facts_count_where_no_rule_can_fire() -> None:
    program = ns.Program.from_text("b :- fail.")
    facts = FactBase.from_facts([("b", ())])
    for demand in (True, False):
        assert ns.Reasoner(program, facts, demand=demand).query("b").tags.tolist() == [[1.0]]


def test_other_literals_say_which_inputs_are_meant() -> None:
    for body in ("place(I), digit(I, Z)", "digit(I, Z), place(I)"):
        program = ns.Program.from_text(
            f"pred place(i: symbol) . neural digit(x: Tensor, d: 0..2) by net . s(Z) :- {body}."
        )
        facts = FactBase.from_facts([("place", (ns.Symbol("b"),))])
        model = ns.Reasoner(program, facts, networks={"net": torch.nn.Linear(2, 3)})
        with pytest.raises(DataError, match="no input is given for `b`"):
            model.query("s(Z)", inputs={"a": torch.randn(1, 2)})


def test_equal_questions_share_an_evaluator() -> None:
    model = paths()
    for _ in range(3):
        model.query("path(a, X)")
        model.query("path(a, X)", semantics="viterbi")
    (grounded,) = model._grounded.values()
    assert len(grounded._evaluators) == 2


def too_large() -> ns.Program:
    edges = " ".join(f"0.5 :: e({a}, {b})." for a in range(7) for b in range(7) if a != b)
    return ns.Program.from_text(edges + " r(X, Y) :- e(X, Y). r(X, Z) :- r(X, Y), e(Y, Z).")


def test_a_circuit_past_its_limit_becomes_bounds() -> None:
    reasoner = ns.Reasoner(too_large(), max_circuit=1000)
    with pytest.warns(ApproximationWarning, match="NS521"):
        answers = reasoner.query("r(0, 6)")
    assert (answers.semantics, answers.method) == ("exact", "bounds")
    assert 0 < float(answers.lower) < float(answers.tags) < float(answers.upper) <= 1
    assert answers.details[0].startswith("from ")


def test_or_stops() -> None:
    with pytest.raises(SemanticsError) as caught:
        ns.Reasoner(too_large(), max_circuit=1000, on_limit="stop").query("r(0, 6)")
    assert caught.value.code == "NS520"
