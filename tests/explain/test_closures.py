"""Explanations of closures: proofs are rebuilt where only facts were kept, and go down to what was recorded."""

from __future__ import annotations

import pytest

import neurosym as ns
from neurosym.explain import Explanation

EX = "http://example.org/"
RDF, RDFS = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
OWL_RL = """
rule cax_sco if triple(?c, rdfs:subClassOf, ?d) and triple(?x, rdf:type, ?c) then triple(?x, rdf:type, ?d) .
rule scm_sco
  if triple(?a, rdfs:subClassOf, ?b) and triple(?b, rdfs:subClassOf, ?c) then triple(?a, rdfs:subClassOf, ?c) .
rule prp_dom if triple(?p, rdfs:domain, ?c) and triple(?x, ?p, ?y) then triple(?x, rdf:type, ?c) .
rule prp_trp
  if triple(?p, rdf:type, owl:TransitiveProperty) and triple(?x, ?p, ?y) and triple(?y, ?p, ?z)
  then triple(?x, ?p, ?z) .
"""
PATH = """
pred edge(x: any, y: any) .
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
"""


def iri(name: str) -> ns.Iri:
    return ns.Iri(name if name.startswith("http") else EX + name)


def ontology() -> ns.FactBase:
    triples = [
        ("part", RDF + "type", OWL + "TransitiveProperty"), ("part", RDFS + "domain", "Part"),
        ("Part", RDFS + "subClassOf", "Thing"), ("Thing", RDFS + "subClassOf", "Entity"),
        *((f"n{i}", "part", f"n{i + 1}") for i in range(8)),
    ]  # fmt: skip
    return ns.FactBase.from_triples([(iri(s), iri(p), iri(o)) for s, p, o in triples])


def chain(length: int) -> ns.FactBase:
    return ns.FactBase.from_facts([("edge", (ns.Symbol(f"n{i}"), ns.Symbol(f"n{i + 1}"))) for i in range(length)])


def grounded_in_facts(why: Explanation) -> set[str]:
    """The recorded facts of the proofs; whatever else stands at an end of a proof is a fault."""
    bodies = {s.node: s.body for s in why.steps}
    ends = [why.nodes[n] for n in why.nodes if n not in bodies]
    assert why.proofs
    assert all(n.kind in ("data", "choice", "absent", "not") for n in ends)
    assert all(n.place for n in ends if n.kind == "data")
    why.verify()
    return {n.atom for n in ends if n.kind == "data"}


@pytest.mark.parametrize("demand", [True, False])
@pytest.mark.parametrize("semantics", ["boolean", "exact"])
def test_an_ontology(semantics: str, demand: bool) -> None:
    reasoner = ns.Reasoner(ns.Program.from_text(OWL_RL), ontology(), semantics=semantics, demand=demand)
    answers = reasoner.query(f"<{EX}Entity>(<{EX}n0>)", f"<{EX}part>(<{EX}n0>, <{EX}n8>)")
    assert (answers.grounded.graph.engine is not None) == (semantics == "boolean")  # facts alone are kept
    assert answers.tags[0].tolist() == [1.0, 1.0]
    whole = grounded_in_facts(ns.explain(answers, answers.atoms[1], contributions=False))
    assert {a for a in whole if "part>(" in a} == {f"<{EX}part>(<{EX}n{i}>, <{EX}n{i + 1}>)" for i in range(8)}
    classes = grounded_in_facts(ns.explain(answers, answers.atoms[0], contributions=False))
    assert sum("subClassOf" in a for a in classes) == 2


@pytest.mark.parametrize("demand", [True, False])
@pytest.mark.parametrize("semantics", ["boolean", "exact"])
def test_a_transitive_closure_with_negation_and_counts(semantics: str, demand: bool) -> None:
    rules = (
        PATH
        + """
    node(X) :- edge(X, _).
    node(Y) :- edge(_, Y).
    loose(X, Y) :- node(X), node(Y), not path(X, Y).
    reaches(X, N) :- node(X), N = count{ Y : path(X, Y) }.
    """
    )
    reasoner = ns.Reasoner(ns.Program.from_text(rules), chain(20), semantics=semantics, demand=demand)
    for query, needed in (("path(n0, n20)", 20), ("loose(n3, n2)", 1), ("reaches(n17, 3)", 3)):
        why = ns.explain(reasoner.query(query), query, contributions=False)
        assert why.claim.probability == 1 and len(grounded_in_facts(why)) >= needed


def test_a_weighted_rule_on_top_rests_on_the_whole_closure() -> None:
    rules = PATH + "rule risky weight 0.3 if path(?x, ?y) and bad(?y) then risk(?x) .\nbad(n30)."
    answers = ns.Reasoner(ns.Program.from_text(rules), chain(30)).query("risk(n0)")
    why = ns.explain(answers, "risk(n0)", contributions=False)
    assert why.claim.probability == pytest.approx(0.3)
    assert grounded_in_facts(why) == {"bad(n30)", *(f"edge(n{i}, n{i + 1})" for i in range(30))}


def test_after_an_update_and_why_not_in_a_closure() -> None:
    reasoner = ns.Reasoner(ns.Program.from_text(PATH), chain(10), semantics="boolean", demand=False)
    reasoner.query("path(n0, n10)")
    first = ns.FactBase.from_facts([("edge", (ns.Symbol("n0"), ns.Symbol("n1")))])
    reasoner.update(removed=first)
    answers = reasoner.query("path(n0, n10)")
    why = ns.explain(answers, "path(n0, n10)", contributions=False, changeable=["edge/2"])
    assert why.claim.probability == 0 and why.proofs == ()
    assert why.why_not and all(not n.fires for n in why.why_not)
    assert "edge(n0, n1) is so" in {m.label for c in why.changes for m in c.moves}
    reasoner.update(added=first)
    why = ns.explain(reasoner.query("path(n0, n10)"), "path(n0, n10)", contributions=False)
    assert len(grounded_in_facts(why)) == 10
