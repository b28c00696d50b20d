"""Explanations of claims that rest on unknown atoms: what they assume is shown, and told from what is recorded."""

from __future__ import annotations

import json

import pytest

import neurosym as ns
from neurosym.explain import Explanation

LIKES = """
pred likes(a: symbol, b: symbol) label "{a} likes {b}" open .
person(ann). person(bob). likes(ann, bob).
rule joy weight 0.8 if person(?x) and person(?y) and likes(?x, ?y) then happy(?x) because "{x} likes {y}" .
sad(X) :- person(X), not likes(X, ann).
calm(X) :- person(X), not sad(X).
"""


def explain(atom: str, semantics: str = "exact", **evidence: bool) -> Explanation:
    answers = ns.Reasoner(ns.Program.from_text(LIKES), semantics=semantics).query(atom, evidence=evidence)
    return ns.explain(answers, atom)


def test_an_assumption_is_a_leaf_of_its_kind() -> None:
    why = explain("happy(bob)")
    assumed = [n for n in why.nodes.values() if n.kind == "assumption"]
    assert {n.atom for n in assumed} == {"likes(bob, ann)", "likes(bob, bob)"}
    assert all(n.label.startswith("bob likes") and "`likes` is open" in n.place for n in assumed)
    assert all(p.assumes and p.probability == pytest.approx(0.8) for p in why.proofs)


def test_what_is_recorded_comes_before_what_is_assumed() -> None:
    why = explain("happy(ann)")
    assert [p.assumes for p in why.proofs] == [False, True]
    assert "mainly because ann likes bob" in why.to_text()


def test_an_assumption_under_a_negation() -> None:
    why = explain("sad(bob)")
    (node,) = [n for n in why.nodes.values() if n.kind == "assumption"]
    assert node.atom == "not likes(bob, ann)"
    assert why.proofs[0].assumes


def test_a_negated_fact_that_rests_on_something_unknown() -> None:
    why = explain("calm(bob)")
    assert why.proofs[0].assumes
    assert why.proofs[0].probability == pytest.approx(1)


def test_text_html_and_json_say_so() -> None:
    why = explain("happy(bob)")
    text = why.to_text()
    assert "0% – 96.0%" in text
    assert "unknown:" in text
    assert "bob likes ann – assumed (open world), not in the facts, and `likes` is open" in text
    assert "if what it assumes is so" in text
    page = why.to_html()
    assert "Assumed, because it is unknown" in page
    assert "k-assumption" in page
    claim = json.loads(why.to_json())["claim"]
    assert (claim["method"], claim["lower"]) == ("bounds", 0)
    assert claim["upper"] == pytest.approx(0.96)


@pytest.mark.parametrize("semantics", ["exact", "viterbi", "goedel", "product", "lukasiewicz", "boolean"])
@pytest.mark.parametrize("atom", ["happy(ann)", "happy(bob)", "sad(ann)", "calm(bob)", "likes(bob, ann)"])
def test_they_verify_under_every_semantics(atom: str, semantics: str) -> None:
    why = explain(atom, semantics)
    why.verify()
    assert why.proofs
    own = {str(why.steps[k].rule) for proof in why.proofs for k in proof.steps}
    assert all((c.difference > -1e-9) == (c.reference in own) for c in why.contributions if c.kind == "rule")


def test_an_observed_atom_is_no_longer_unknown() -> None:
    answers = ns.Reasoner(ns.Program.from_text(LIKES)).query("happy(bob)", evidence={"likes(bob, ann)": True})
    why = ns.explain(answers, "happy(bob)")
    why.verify()
    assert (why.claim.lower, why.claim.upper) == pytest.approx((0.8, 0.96))
    assert "observed" in {n.place for n in why.nodes.values() if n.atom == "likes(bob, ann)"}


def test_what_is_unknown_has_no_percentage() -> None:
    text = """
    pred allergic(p: symbol) open .
    rule give weight 0.9 if needs(?p) and not allergic(?p) then treat(?p) .
    needs(ann).
    """
    why = ns.explain(ns.Reasoner(ns.Program.from_text(text)).query("treat(ann)"), "treat(ann)")
    nodes = {n.kind: n for n in why.nodes.values()}
    assert (nodes["assumption"].lower, nodes["assumption"].upper) == (0.0, 1.0)
    assert (nodes["derived"].lower, nodes["derived"].upper) == (0.0, pytest.approx(0.9))
    assert (nodes["data"].lower, nodes["data"].upper) == (None, None)
    shown = " ".join(why.to_text().split("Why not")[0].split())
    assert "treat(ann), 0% – 90.0% [give]" in shown
    assert "45.0%" not in shown and "midpoint" not in shown
    assert "The claim is an interval; what is said here is of its middle, 45.0%." in why.to_text()
    page = why.to_html()
    graph = page[page.index('<section id="graph"') : page.index('<section id="why-not"')]
    assert ">unknown</text>" in graph and ">0% – 90.0%</text>" in graph and "45.0%" not in graph
    assert Explanation.from_json(why.to_json()) == why
