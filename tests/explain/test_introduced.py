"""How an explanation calls what the engine introduced, and what it says was searched."""

from __future__ import annotations

import pytest

import neurosym as ns
from neurosym.explain.report.method import weight_words, weights_here

TENANCY = """
@prefix t: <http://t/> .
pred paid(tenant: t:Tenant) label "{tenant} has paid" .
rule payment weight 0.9 if default(?t) then cause(?t) because "{t} is in default" .
rule grace exception to payment if paid(?t) because "{t} paid everything in time" .
rule doubt exception to payment weight 0.5 if doubtful(?t) because "the debt of {t} is doubtful" .
rule heard if complaint(?t, ?w, ?c) then accused(?t, ?w) weight ?c because "{w} accuses {t}" .
rule nuisance weight 0.6 if default(?t) and ?n = count{ ?w : accused(?t, ?w) } and ?n >= 2 then cause(?t)
  because "{n} neighbours complain about {t}" .
rule out if cause(?t) and not hardship(?t) and not sick(?t) then evict(?t) because "there is good cause against {t}" .
rule ill if coughs(?t) then sick(?t) .
default(t:ada). default(t:bea). doubtful(t:bea). hardship(t:cem). coughs(t:cem).
complaint(t:ada, t:dora, 0.9). complaint(t:ada, emil, 0.6). complaint(t:ada, fritz, 0.4).
"""
LABELS = """
@prefix t: <http://t/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
t:ada rdfs:label "Ada Novak" . t:dora rdfs:label "Dora" .
"""


@pytest.fixture(scope="module")
def why() -> ns.Explanation:
    return explained("t:ada")


def explained(tenant: str) -> ns.Explanation:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = f"{folder}/labels.ttl"
        with open(path, "w") as stream:
            stream.write(LABELS)
        facts = ns.FactBase.from_rdf(path)
    answers = ns.Reasoner(ns.Program.from_text(TENANCY, "tenancy.rules"), facts).query(f"evict({tenant})")
    return ns.explain(answers, f"evict({tenant})", proofs=4)


def test_an_exception_is_told_by_its_sentence_and_its_rule_is_shown(why: ns.Explanation) -> None:
    (grace,) = [n for n in why.nodes.values() if "grace" in n.label]
    assert grace.kind == "absent"
    assert grace.label == "it is not so that Ada Novak paid everything in time (exception grace)"
    assert grace.atom == "not the exception grace applies (t = t:ada)"
    assert "grace" in [r.name for r in why.rules]


def test_a_weighted_exception_may_fail_although_its_conditions_hold() -> None:
    (doubt,) = [n for n in explained("t:bea").nodes.values() if "exception doubt" in n.label and n.kind == "not"]
    assert doubt.label == "it is not so that the exception doubt applies (its condition: the debt of bea is doubtful)"


def test_without_a_sentence_an_exception_is_told_by_its_conditions() -> None:
    text = 'rule r if p(?x) then q(?x) . rule e exception to r if v(?x, "age", ?n) and ?n > 3 . p(a). v(b, "age", 5).'
    why = ns.explain(ns.Reasoner(ns.Program.from_text(text, "e.rules")).query("q(a)"), "q(a)")
    (absent,) = [n for n in why.nodes.values() if n.kind == "absent"]
    assert absent.label == 'it is not so that v(a, "age", ?n) and ?n > 3 (exception e)'
    assert absent.place == "searched: e.rules"


def test_only_what_could_hold_an_absent_atom_was_searched(why: ns.Explanation) -> None:
    places = {n.atom: n.place for n in why.nodes.values() if n.kind == "absent"}
    assert places["not the exception grace applies (t = t:ada)"] == "no file holds any “paid” record"
    assert places["not hardship(t:ada)"] == "searched: tenancy.rules"
    assert places["not sick(t:ada)"] == "no rule for it fires: ill"


def test_firings_of_one_rule_are_told_apart(why: ns.Explanation) -> None:
    choices = [n for n in why.nodes.values() if n.kind == "choice" and "heard" in n.label]
    assert len({n.label for n in choices}) == len(choices) == 3
    assert "the rule heard holds here (t = Ada Novak, w = Dora, c = 0.9)" in [n.label for n in choices]


def test_atoms_are_spelled_by_identifiers(why: ns.Explanation) -> None:
    assert "not accused(t:ada, fritz)" in [n.atom for n in why.nodes.values()]
    assert not [n.atom for n in why.nodes.values() if "Ada" in n.atom or "Dora" in n.atom]


def test_each_node_is_used_and_has_its_own_probability(why: ns.Explanation) -> None:
    used = {b for s in why.steps for b in s.body} | {p.root for p in why.proofs}
    assert used == set(why.nodes)


def test_a_calculated_weight_is_no_certainty(why: ns.Explanation) -> None:
    number = [r.name for r in why.rules].index("heard")
    assert why.rules[number].given == "?c"
    assert weight_words(why.rules[number], weights_here(why)[number]) == "weight given by ?c, here 90.0%, 60.0%, 40.0%"
    assert "heard (weight given by ?c, here 90.0%, 60.0%, 40.0%)" in why.to_text()
    assert "weight given by ?c, here 90.0%" in why.to_html()


def test_other_reasons_are_called_by_where_they_part_from_the_first(why: ns.Explanation) -> None:
    from neurosym.explain.report.single import _headings

    headings = _headings(why)
    assert len(set(headings.values())) == len(headings)
    assert headings[2].endswith("neighbours complain about Ada Novak.")


def test_how_a_number_was_computed_is_said_in_words() -> None:
    why = ns.explain(ns.Reasoner(ns.Program.from_text("p(a). q(X) :- p(X).")).query("q(a)"), "q(a)")
    assert "exact: no uncertainty was involved" in " ".join(why.to_text().split())
    assert "exact: no uncertainty was involved" in why.to_html()
