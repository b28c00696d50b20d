"""Tables that nothing reads, and individuals that nothing mentions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import neurosym as ns
from neurosym.explain import explain
from neurosym.lang import Iri, Symbol, parse_text

EX = "http://e.example/"
VISITS = "pred visit(patient: symbol, dose: int, day: int) . overdose(P) :- visit(P, D, _), D > 100."


def reasoner(text: str, facts: ns.FactBase | None = None, **more: object) -> ns.Reasoner:
    base = ns.FactBase() if facts is None else facts
    program = parse_text(f"@prefix ex: <{EX}> .\n{text}", "a.rules", facts_predicates=base.predicates)
    return ns.Reasoner(program, base, **more)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("name", "text", "message", "help"),
    [
        ("visit.csv", "patient,day\nann,5\n", "gives `visit/2`; the rules declare `visit/3`", "one column for each"),
        ("visit.csv", "patient|dose\nann|5\n", "gives `visit/1`; the rules declare", "is `|` the separator?"),
        ("Visit.csv", "a,b,c\n", "facts of `Visit/3` are used by no rule", "did you mean `visit`?"),
        ("vists.csv", "a,b,c\nann,1,2\n", "facts of `vists/3` are used by no rule", "did you mean `visit`?"),
        ("x.csv", "a\n", "facts of `x/1` are used by no rule", "name is that of a predicate"),
    ],
)
def test_a_table_that_nothing_reads(tmp_path: Path, name: str, text: str, message: str, help: str) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    (found,) = reasoner(VISITS, ns.FactBase.from_csv(path)).query("overdose(P)").warnings
    assert (found.code, found.severity) == ("NS310", "warning")
    assert str(path) in found.message and message in found.message and help in found.help


def test_a_table_that_a_query_or_a_constraint_reads(tmp_path: Path) -> None:
    path = tmp_path / "seen.csv"
    path.write_text("who\nann\n", "utf-8")
    facts = ns.FactBase.from_csv(path)
    assert reasoner(VISITS, facts).query("seen(X)").warnings == ()
    assert reasoner(VISITS, facts).query("seen(X), overdose(ann)").warnings == ()
    assert reasoner(VISITS + " forbid seen(X), overdose(X) .", facts).query("overdose(ann)").warnings == ()


FACTS = ns.FactBase.from_facts([("late", (Iri(EX + "ada"),)), ("late", (Symbol("bob"),))])
RULES = """
    pred late(who: any) . pred mood(who: any, m: {sad, gay}) .
    evicted(P) :- late(P), P \\= carl.
    0.5::late(dora).
    sure(X) :- X = eve.
    mood(bob, sad).
    network(P) :- ex:Tenant(P).
"""


def names(queries: list[str], evidence: list[str] | None = None) -> dict[str, str]:
    answers = reasoner(RULES, FACTS).query(*queries, evidence=evidence)
    return {u.name: u.near for u in answers.unheard_of}


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ("evicted(ada)", {"ada": "ex:ada"}),
        ("evicted(ex:adda)", {"ex:adda": "ex:ada"}),
        ("evicted(<http://other.example/ada>)", {"<http://other.example/ada>": "ex:ada"}),
        ("evicted(Bob)", {}),  # a variable
        ("evicted(bobb)", {"bobb": "bob"}),
        ("\\+ evicted(bobb)", {"bobb": "bob"}),
        ("late(X), evicted(quentin)", {"quentin": ""}),
        *((f"evicted({there})", {}) for there in ("bob", "carl", "dora", "eve", "ex:ada", "gay", "'bob'", "7", '"x"')),
        ("ex:Tenant(bob)", {}),
        ("rdf:type(bob, ex:Tenant)", {}),
    ],
)
def test_an_individual_that_nothing_mentions(query: str, missing: dict[str, str]) -> None:
    assert names([query]) == missing


def test_an_individual_that_is_derived_or_observed_of_an_open_predicate_is_there() -> None:
    found = reasoner("seen(P) :- p(P), any(P). p(old). pred any(x: any) open .").query(
        "any(new)", evidence=["any(new)"]
    )
    assert found.unheard_of == ()
    (odd,) = reasoner(RULES, FACTS).query("evicted(dora)", evidence=["\\+ late(dorra)"]).unheard_of
    assert (odd.name, odd.near, odd.observed) == ("dorra", "dora", True)


def test_entities_of_features_and_inputs_are_there() -> None:
    text = "neural risky(p: ex:Patient) by net . alarm(P) :- ex:Patient(P), risky(P)."
    text += " neural digit(i: Tensor, d: 0..1) by net2 . sum(A, B, S) :- digit(A, X), digit(B, Y), S is X + Y."
    made = reasoner(
        text, features={"ex:Patient": ns.FeatureTable(["ex:p1", "p2"], torch.zeros(2, 3), ["a", "b", "c"])},
        networks={"net": torch.nn.Linear(3, 1), "net2": torch.nn.Linear(3, 2)},
    )  # fmt: skip
    inputs = {"a": torch.zeros(1, 3), "b": torch.zeros(1, 3)}
    assert made.query("risky(ex:p1)", "alarm(p2)").unheard_of == ()
    assert made.query("sum(a, b, 1)", inputs=inputs).unheard_of == ()


def test_explanations_say_so_of_their_own_claim_alone() -> None:
    answers = reasoner(RULES, FACTS).query("evicted(ada)", "evicted(bob)")
    said = "no fact or rule mentions `ada`; did you mean `ex:ada`?"
    assert said in explain(answers, "evicted(ada)").warnings
    assert said not in explain(answers, "evicted(bob)").warnings
    page = explain(answers, "evicted(ada)").to_text()
    assert "did you mean `ex:ada`?" in " ".join(page.split())
