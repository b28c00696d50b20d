"""Certificates beside rules and facts: limits, older certificates, large tables, and what each code stands for."""

from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

import neurosym as ns
from neurosym.errors import ExplanationError
from neurosym.facts import FactRows
from neurosym.lang import Foreign, Iri, Symbol, Value
from neurosym.verify import Given, verify_certificate
from neurosym.verify.rules.data import LARGE
from tests.verify.tampering import PROGRAMS, collected, explained, settled

NEW = ("parts", "prefixes", "inputs", "triples", "closed")


def explain(text: str, claim: str, facts: ns.FactBase | None = None, **more: Any) -> ns.Explanation:
    program = ns.Program.from_text(text, "p.rules", facts_predicates=None if facts is None else list(facts.tables))
    return ns.explain(ns.Reasoner(program, facts, **more).query(claim), claim, contributions=False)


def code(certificate: dict[str, Any], given: Given) -> str:
    with pytest.raises(ExplanationError) as error:
        verify_certificate(certificate, given=given)
    assert error.value.code is not None
    return error.value.code


# ------------------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize("name", PROGRAMS)
def test_beyond_the_limit_the_steps_are_checked_and_it_is_said(name: str) -> None:
    certificate, given, _ = explained(name)
    short = replace(given, max_results=0) if name == "aggregates" else replace(given, max_work=2)
    found = verify_certificate(certificate, given=short)
    assert any("no grounding was left out" in text for text in found.unchecked)
    assert not any("none was left out" in text for text in found.checked)


def test_steps_that_no_rule_gives_are_found_beyond_the_limit() -> None:
    """One that is made up is refused even where nothing is derived; one that is missing cannot be found there."""
    text = "0.5 :: e(a, b). 0.4 :: e(b, c). 0.3 :: e(a, c).\np(X, Y) :- e(X, Y). p(X, Y) :- e(X, Z), p(Z, Y).\n"
    busy = "n(X) :- between(1, 5000, X). p(X, Y) :- e(X, Y), n(N), N > 5000.\n"
    why = explain(text + busy, "p(a, c)")
    assert why.origin is not None
    given = Given(why.origin.program, FactRows(why.origin.facts), (), max_work=4000)
    certificate = why.to_dict()["certificate"]
    assert any("left out" in text for text in verify_certificate(certificate, given=given).unchecked)
    made_up = copy.deepcopy(certificate)
    grounding = next(g for g in made_up["groundings"] if len(g["body"]) == 2)
    grounding["body"].pop()
    made_up = settled(collected(made_up))
    assert code(made_up, given) == "NS826"
    missing = copy.deepcopy(certificate)
    missing["groundings"].remove(next(g for g in missing["groundings"] if len(g["body"]) == 2))
    missing = settled(collected(missing))
    verify_certificate(missing, given=given)
    assert code(missing, replace(given, max_work=10_000_000)) == "NS827"


def test_a_thousand_groundings_take_well_under_a_second() -> None:
    edges = "\n".join(f"0.5 :: e({i}, {i + 1}). 0.2 :: e({i}, {i + 2})." for i in range(250))
    why = explain(f"{edges}\nhit(Y) :- e(X, Y), X < 250. 0.9 :: any :- hit(X), X > 0.", "any", semantics="viterbi")
    assert len(why.certificate.groundings) > 700
    begin = time.perf_counter()
    assert why.verify().unchecked == ()
    assert time.perf_counter() - begin < 3  # 0.2 s measured; the rest is for a machine at work


class Table:
    """A large table that finds rows by itself, and says if it is read as a whole."""

    def __init__(self, rows: list[tuple[Value, ...]]) -> None:
        self.rows = rows
        self.asked: list[Sequence[Value | None]] = []
        self.found: dict[Value, list[tuple[Value, ...]]] = {}
        for row in rows:
            self.found.setdefault(row[0], []).append(row)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Sequence[Value]]:
        raise AssertionError("the table is read as a whole")

    def lookup(self, args: Sequence[Value | None]) -> list[tuple[Value, ...]]:
        self.asked.append(args)
        rows = self.rows if args[0] is None else self.found.get(args[0], [])
        return [r for r in rows if all(a is None or a == v for a, v in zip(args, r, strict=True))]


def test_large_tables_are_asked_for_rows() -> None:
    rows: list[tuple[Value, ...]] = [(Symbol(f"x{i}"), Symbol(f"x{i + 1}")) for i in range(LARGE + 2)]
    facts = ns.FactBase.from_facts([("next", row) for row in rows])
    why = explain("0.5 :: on(X, Y) :- next(X, Y). far :- on(x1, Y), on(Y, Z), not next(Z, x1).", "far", facts)
    assert why.origin is not None
    given = Given(why.origin.program, {("next", 2): Table(rows)}, (), hashes=why.origin.hashes, max_rows=10)
    certificate = why.to_dict()["certificate"]
    assert verify_certificate(certificate, given=given).unchecked == ()
    fewer = {("next", 2): Table([r for r in rows if r[0] != Symbol("x2")])}
    assert code(certificate, replace(given, facts=fewer)) in ("NS826", "NS828")


def test_rows_that_a_large_table_found_are_not_looked_up_again() -> None:
    rows: list[tuple[Value, ...]] = [(Symbol(f"x{i}"), Symbol(f"x{i + 1}")) for i in range(LARGE + 2)]
    why = explain("far :- next(x1, Y), next(Y, x3).", "far", ns.FactBase.from_facts([("next", row) for row in rows]))
    assert why.origin is not None
    table = Table(rows)
    given = Given(why.origin.program, {("next", 2): table}, (), hashes=why.origin.hashes)
    assert verify_certificate(why.to_dict()["certificate"], given=given).unchecked == ()
    assert table.asked == [[Symbol("x1"), None], [Symbol("x2"), Symbol("x3")]]


# ---------------------------------------------------------------------------------------------- older certificates


def test_an_older_certificate_is_verified_alone_and_refused_beside_rules() -> None:
    certificate, given, _ = explained("negation")
    old = {k: v for k, v in certificate.items() if k not in NEW}
    old["groundings"] = [{k: v for k, v in g.items() if k != "statement"} for g in old["groundings"]]
    assert verify_certificate(old).unchecked
    assert code(old, given) == "NS824"
    for key in NEW:
        assert code({k: v for k, v in certificate.items() if k != key}, given) == "NS824"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("parts", {"x": [0, "choice"]}),
        ("parts", {"x": [0, "choice", -1]}),
        ("parts", {"x": [0, "choice", 0], "y": [0, "choice", 0]}),
        ("parts", []),
        ("prefixes", {"ex": 3}),
        ("prefixes", {"rdf": "http://other.example/"}),
        ("inputs", "a"),
        ("triples", 1),
        ("closed", None),
    ],
)
def test_malformed_additions(key: str, value: Any) -> None:
    certificate, given, _ = explained("disjunction")
    assert code({**certificate, key: value}, given) == "NS824"


@pytest.mark.parametrize("statement", [-2, 1.0, True, None, "0"])
def test_malformed_statements(statement: Any) -> None:
    certificate, given, _ = explained("negation")
    changed = copy.deepcopy(certificate)
    changed["groundings"][0]["statement"] = statement
    assert code(changed, given) == "NS824"
    changed["groundings"][0]["statement"] = 10_000
    assert code(changed, given) == "NS826"


# -------------------------------------------------------------------------------------------------- what is caught


def test_what_nothing_derives() -> None:
    why = explain("p(X) :- q(X), not r(X). q(a). q(b). r(b). 0.5 :: s(a).", "p(b)")
    assert why.verify().unchecked == ()
    assert why.origin is not None
    certificate = why.to_dict()["certificate"]
    for atom in ("p(a)", "q(a)", "s(a)"):
        said = {**certificate, "facts": [{"atom": atom, "kind": "absent", "hidden": ""}]}
        assert code(said, Given(why.origin.program)) == "NS832"


def test_other_observations() -> None:
    certificate, given, _ = explained("evidence")
    assert code(certificate, replace(given, evidence=[("quake", True)])) == "NS833"
    without = settled(collected({**certificate, "evidence": certificate["evidence"][:1]}))
    assert code(without, given) == "NS833"
    program = ns.Program.from_text("0.5 :: a. 0.4 :: b. c :- a, b.", "p.rules")
    why = ns.explain(ns.Reasoner(program).query("c", evidence=["a"]), "c")
    assert why.verify().unchecked == ()
    alone = verify_certificate(why.to_dict()["certificate"], program=program)
    assert alone.unchecked == ("that a was observed as it says",)


def test_learned_weights_are_one_for_each_statement() -> None:
    why = explain("rule r weight 0.5 learn if q(?x) then p . q(a). q(b).", "p")
    assert why.verify().unchecked == ()
    assert why.origin is not None
    certificate = why.to_dict()["certificate"]
    given = Given(why.origin.program)
    assert verify_certificate(certificate, given=given).unchecked == ("what the learned weights are",)
    changed = copy.deepcopy(certificate)
    changed["choices"][0]["probabilities"] = [0.9]
    assert code(settled(changed), given) == "NS831"
    changed["choices"][1]["probabilities"] = [0.9]  # both: only who knows the weights can tell
    verify_certificate(settled(changed), given=given)
    assert code(settled(changed), replace(given, weights=why.origin.weights)) == "NS831"


def test_weights_that_a_body_calculates() -> None:
    why = explain("N / 10 :: p(X) :- w(X, N). any :- p(X). w(a, 3). w(b, 5).", "any")
    assert why.verify().unchecked == ()
    assert why.origin is not None
    changed = why.to_dict()["certificate"]
    changed["choices"][0]["probabilities"] = [0.31]
    assert code(settled(changed), Given(why.origin.program)) == "NS831"


def test_other_rules() -> None:
    why = explain("p(X) :- q(X). 0.5 :: q(a). 0.5 :: q(b).", "p(a)")
    other = ns.Program.from_text("p(X) :- q(X). 0.5 :: q(a). 0.6 :: q(b).", "p.rules")
    assert code(why.to_dict()["certificate"], Given(other)) == "NS825"


def test_proofs_that_are_counted() -> None:
    """Under `count`, each grounding matters, those that look alike and those of certain facts included."""
    text = "e(a, b). e(b, d). e(a, c). e(c, d). p(X, Y) :- e(X, Y). p(X, Y) :- e(X, Z), p(Z, Y). q :- between(1, 3, _)."
    for claim, value in (("p(a, d)", 2), ("q", 3)):
        why = explain(text, claim, semantics="count")
        assert why.claim.probability == value
        assert why.verify().unchecked == ()
        assert why.origin is not None
        for k in range(len(why.certificate.groundings)):
            fewer = why.to_dict()["certificate"]
            fewer["groundings"].pop(k)
            assert code(settled(collected(fewer)), Given(why.origin.program)) in ("NS813", "NS827", "NS834")


# --------------------------------------------------------------------------------------------------- data of kinds


def test_rdf_under_all_its_names() -> None:
    triples = [
        (Iri("http://e.org/a"), Iri("http://e.org/p"), Iri("http://e.org/b")),
        (Iri("http://e.org/a"), Iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type"), Iri("http://e.org/C")),
    ]
    facts = ns.FactBase.from_triples(triples)
    rules = (
        "@prefix ex: <http://e.org/> . pred link(s: any, o: any) from ex:p . 0.5 :: t(X) :- link(X, Y), ex:C(X).\n"
        "u(X) :- t(X), ex:p(X, Y)."
    )
    assert explain(rules, "u(ex:a)", facts).verify().unchecked == ()
    over = rules + " v(P) :- triple(X, P, Y), t(X)."
    assert explain(over, "v(ex:p)", facts).verify().unchecked == ()


def test_python_functions_are_asked_again() -> None:
    answers = {1: 10, 2: 20}
    foreign = Foreign("tenfold(+A, -B)", lambda column: [answers.get(a) for a in column])
    program = ns.Program.from_text("0.5 :: n(1). 0.4 :: n(2). p(B) :- n(A), tenfold(A, B).", foreign=[foreign])
    why = ns.explain(ns.Reasoner(program).query("p(20)"), "p(20)", contributions=False)
    assert why.verify().unchecked == ()
    answers[2] = 21
    with pytest.raises(ExplanationError) as error:
        why.verify()
    assert error.value.code == "NS826"


def test_inputs_of_a_sample() -> None:
    class Digits(torch.nn.Module):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return rows

    text = "neural digit(image: Tensor, d: 0..2) by net .\nsum(Z) :- digit(a, X), digit(b, Y), Z is X + Y.\n"
    program = ns.Program.from_text(text + "some(D) :- digit(I, D).", "sum.rules")
    reasoner = ns.Reasoner(program, networks={"net": Digits()})
    rows = {"a": torch.tensor([[0.1, 0.7, 0.3]]), "b": torch.tensor([[1.0, 0.2, 0.3]])}
    answers = reasoner.query("sum(2)", "some(1)", inputs=rows)
    for atom in ("sum(2)", "some(1)"):
        assert ns.explain(answers, atom, contributions=False).verify().unchecked == ("what the networks say",)


def test_an_explanation_that_was_copied_or_read_knows_no_rules() -> None:
    why = explain("0.5 :: a. b :- a.", "b")
    again = pickle.loads(pickle.dumps(why))
    assert again == why and again.origin is None
    assert len(again.verify().unchecked) == 2
    assert "origin" not in why.to_dict()
