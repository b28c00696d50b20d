"""Explanations as RDF: PROV-O that rdflib and pyoxigraph read, and that SPARQL can ask."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
import rdflib
from rdflib.compare import isomorphic

import neurosym as ns
from neurosym.explain.views import vocabulary
from neurosym.lang.terms import LangString
from tests.explain.samples import addition, diagnosis
from tests.explain.views.made import CARE, EX, LABEL, RDFLIB_FORMATS, TYPE, care, dataset, iri, load

PREFIXES = """
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX nsx: <urn:neurosym:explanation#>
"""


@pytest.fixture(scope="module")
def answers() -> ns.Answers:
    return care()


@pytest.fixture(scope="module")
def explanations(answers: ns.Answers) -> list[ns.Explanation]:
    return [ns.explain(answers, atom) for atom in answers.atoms]


def ask(graph: rdflib.Graph, query: str) -> set[tuple[str, ...]]:
    rows: Any = graph.query(PREFIXES + query)
    return {tuple(map(str, row)) for row in rows}


# --------------------------------------------------------------------------------------------------------- SPARQL

GUIDELINE = """
SELECT DISTINCT ?atom WHERE {
  ?rule dcterms:bibliographicCitation ?source . FILTER(CONTAINS(?source, "%s"))
  ?claim a nsx:Claim ; nsx:atom ?atom ;
    prov:wasDerivedFrom+/prov:wasGeneratedBy/prov:qualifiedAssociation/prov:hadPlan ?rule .
}
"""
RECORDS = """
SELECT DISTINCT ?atom ?place WHERE {
  ?claim nsx:atom "%s" ; a nsx:Claim ; prov:wasDerivedFrom+ ?fact .
  ?fact nsx:kind "data" ; nsx:atom ?atom ; nsx:place ?place .
}
"""


def test_which_predictions_used_a_rule_from_this_guideline(explanations: list[ns.Explanation]) -> None:
    graph = load(ns.to_rdf(explanations))
    by_a = {"ex:at_risk(ex:ann)", "ex:at_risk(ex:bob)", "ex:complication(ex:ann, ex:Bleeding)", "tell(ex:ann, yes)"}
    assert ask(graph, GUIDELINE % "Guideline A") == {(a,) for a in by_a | {"tell(ex:bob, yes)"}}
    assert ask(graph, GUIDELINE % "guideline-b") == {("ex:complication(ex:ann, ex:Bleeding)",)}
    assert ask(graph, GUIDELINE % "Guideline C") == set()
    assert ask(graph, "SELECT ?s { ?r dcterms:source ?s }") == {("https://example.org/guideline-b",)}


def test_on_which_records_does_this_claim_rest(explanations: list[ns.Explanation]) -> None:
    graph = load(ns.to_rdf(explanations))
    found = ask(graph, RECORDS % "ex:complication(ex:ann, ex:Bleeding)")
    records = (
        "ex:Patient(ex:ann)",
        "ex:Frail(ex:ann)",
        "ex:takes(ex:ann, ex:warfarin)",
        "ex:takes(ex:ann, ex:aspirin)",
    )
    assert found == {(r, "triples") for r in records}
    assert len(ask(graph, RECORDS % "ex:at_risk(ex:bob)")) == 2


def test_what_was_looked_for_and_absent(explanations: list[ns.Explanation]) -> None:
    graph = load(ns.to_rdf(explanations))
    found = ask(
        graph,
        """PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
        SELECT ?s ?o { ?f nsx:kind "absent" ; nsx:denies ?t . ?t rdf:subject ?s ; rdf:object ?o ;
          rdf:predicate <http://example.org/stopped> }""",
    )
    assert found == {(EX + "ann", EX + "warfarin"), (EX + "ann", EX + "aspirin"), (EX + "bob", EX + "aspirin")}


def test_the_numbers_are_those_of_the_explanation(explanations: list[ns.Explanation]) -> None:
    why = next(e for e in explanations if e.claim.atom == "ex:complication(ex:ann, ex:Bleeding)")
    graph = load(why.to_rdf())
    rows = graph.query(
        PREFIXES + "SELECT ?p ?l ?u { ?c a nsx:Claim ; nsx:probability ?p ; nsx:lower ?l ; nsx:upper ?u }"
    )
    ((p, low, up),) = [tuple(v.toPython() for v in row) for row in rows]  # type: ignore[union-attr]
    assert (p, low, up) == (why.claim.probability,) * 3
    assert p == pytest.approx((1 - 0.2**2) * 0.5)
    proofs = graph.query(PREFIXES + "SELECT ?k ?p { ?e nsx:proof [ nsx:rank ?k ; nsx:probability ?p ] }")
    found = {k.toPython(): v.toPython() for k, v in proofs}  # type: ignore[misc]
    assert found == {k + 1: proof.probability for k, proof in enumerate(why.proofs)}
    about = ask(graph, "SELECT ?n { ?e nsx:contribution ?c . ?c nsx:about ?x ; rdfs:label ?n }")
    assert about == {(c.name,) for c in why.contributions}
    time = next(graph.objects(None, rdflib.PROV.generatedAtTime))
    assert isinstance(time, rdflib.Literal)
    assert time.datatype == rdflib.XSD.dateTime and time.toPython().isoformat() == why.provenance.time


# ------------------------------------------------------------------------------------------- derived triples, graphs


def test_derived_triples_are_stated_beside_their_provenance(explanations: list[ns.Explanation]) -> None:
    graph = load(ns.to_rdf(explanations))
    ann = rdflib.URIRef(EX + "ann")
    assert (ann, rdflib.RDF.type, rdflib.URIRef(EX + "at_risk")) in graph
    assert (ann, rdflib.URIRef(EX + "complication"), rdflib.URIRef(EX + "Bleeding")) in graph
    assert (ann, rdflib.URIRef(EX + "takes"), None) not in graph  # a record is described, and not stated again
    (statement,) = graph.subjects(rdflib.RDF.predicate, rdflib.URIRef(EX + "complication"))
    claims = set(graph.subjects(rdflib.URIRef(vocabulary.NS + "statement"), statement))
    assert rdflib.URIRef(vocabulary.NS + "Claim") in {t for c in claims for t in graph.objects(c, rdflib.RDF.type)}


def test_a_named_graph_holds_what_was_derived_and_nothing_else(explanations: list[ns.Explanation]) -> None:
    data = dataset(ns.to_rdf(explanations, graph="http://example.org/derived"), "trig")
    named = {(s, p, o) for s, p, o, g in data.quads() if str(g) == "http://example.org/derived"}
    a, x = rdflib.RDF.type, rdflib.URIRef
    assert named == {
        (x(EX + "ann"), a, x(EX + "at_risk")),
        (x(EX + "bob"), a, x(EX + "at_risk")),
        (x(EX + "ann"), x(EX + "complication"), x(EX + "Bleeding")),
    }
    rest = {(s, p, o) for s, p, o, g in data.quads() if str(g) != "http://example.org/derived"}
    assert not rest & named


@pytest.mark.parametrize(("threshold", "count"), [(None, 3), (0.5, 2), (0.9, 1), (1.0, 0)])
def test_the_threshold(explanations: list[ns.Explanation], threshold: float | None, count: int) -> None:
    text = ns.to_rdf(explanations, graph="http://example.org/g", threshold=threshold)
    assert len([*ox.parse(text.encode(), ox.RdfFormat.TRIG)]) > 100
    found = [q for q in ox.parse(text.encode(), ox.RdfFormat.TRIG) if q.graph_name != ox.DefaultGraph()]
    assert len(found) == count
    assert text.count("a prov:Entity , nsx:Claim") == 5  # all are described


def test_what_cannot_be_derived_is_not_stated(answers: ns.Answers) -> None:
    asked = answers.reasoner.query("ex:at_risk(ex:cy)") if answers.reasoner else answers
    text = ns.explain(asked, "ex:at_risk(ex:cy)").to_rdf()
    assert "a prov:Entity , nsx:Claim" in text and "ex:cy" in text
    assert not [*load(text).triples((rdflib.URIRef(EX + "cy"), None, None))]


@pytest.mark.parametrize("format", ["turtle", "nt"])
def test_a_named_graph_needs_a_format_that_has_them(answers: ns.Answers, format: str) -> None:
    why = ns.explain(answers, "ex:at_risk(ex:ann)")
    with pytest.raises(ns.NeurosymError, match="no named graphs") as caught:
        why.to_rdf(format=format, graph="http://example.org/g")
    assert caught.value.code == "NS862"


# ---------------------------------------------------------------------------------------------- sharing and names


def test_shared_parts_of_proofs_are_shared_nodes(answers: ns.Answers) -> None:
    whole, part = (ns.explain(answers, a) for a in ("ex:complication(ex:ann, ex:Bleeding)", "ex:at_risk(ex:ann)"))
    facts = [
        set(load(e.to_rdf()).subjects(rdflib.RDF.type, rdflib.URIRef(vocabulary.NS + "Fact"))) for e in (whole, part)
    ]
    assert facts[1] < facts[0]
    both = load(ns.to_rdf([whole, part]))
    for fact in facts[0]:  # nothing is said of a node twice, in two ways
        assert len(set(both.objects(fact, rdflib.URIRef(vocabulary.NS + "probability")))) == 1
    loaded = load(whole.to_rdf())
    loaded.parse(data=part.to_rdf(), format="turtle")
    assert isomorphic(loaded, both)
    assert not [n for n in both.all_nodes() if isinstance(n, rdflib.BNode)]


def test_the_same_atom_with_another_probability_is_another_node() -> None:
    why = ns.explain(care(), "ex:at_risk(ex:bob)")
    text = CARE.replace("weight 0.8", "weight 0.7")
    reasoner = ns.Reasoner(ns.Program.from_text(text, "care.rules"), care().grounded.leaves.facts)
    other = ns.explain(reasoner.query("ex:at_risk(P)"), "ex:at_risk(ex:bob)")
    names = [set(re.findall(r"<urn:neurosym:fact:\w+> a prov:Entity", e.to_rdf())) for e in (why, other)]
    assert len(names[0] & names[1]) == 3  # the two records and what is absent; not the choice, not the conclusion
    both = load(ns.to_rdf([why, other]))
    for claim in both.subjects(rdflib.RDF.type, rdflib.URIRef(vocabulary.NS + "Claim")):
        assert len([*both.objects(claim, rdflib.URIRef(vocabulary.NS + "probability"))]) == 1


def test_two_choices_of_one_rule_are_two_nodes(answers: ns.Answers) -> None:
    graph = load(ns.explain(answers, "ex:at_risk(ex:ann)").to_rdf())
    assert len([*graph.subjects(rdflib.URIRef(vocabulary.NS + "kind"), rdflib.Literal("choice"))]) == 2


def test_the_text_is_the_same_in_any_order(explanations: list[ns.Explanation]) -> None:
    for format in RDFLIB_FORMATS:
        assert ns.to_rdf(explanations, format=format) == ns.to_rdf(explanations[::-1], format=format)
    assert explanations[0].to_rdf() == ns.Explanation.from_json(explanations[0].to_json()).to_rdf()


# -------------------------------------------------------------------------------------------------------- formats


@pytest.mark.parametrize("format", RDFLIB_FORMATS)
def test_rdflib_and_pyoxigraph_load_the_same_triples(explanations: list[ns.Explanation], format: str) -> None:
    text = ns.to_rdf([*explanations, diagnosis(), addition()], format=format)
    data = dataset(text, RDFLIB_FORMATS[format])
    kinds = {"turtle": "TURTLE", "nt": "N_TRIPLES", "trig": "TRIG", "nq": "N_QUADS", "json-ld": "JSON_LD"}
    quads = list(ox.parse(text.encode(), getattr(ox.RdfFormat, kinds[format])))
    again = load("".join(f"{q.triple} .\n" for q in quads), "nt")
    assert len(quads) == len(again) > 300
    assert {tuple(t.n3() for t in triple) for triple in again} == {tuple(t.n3() for t in q[:3]) for q in data.quads()}


def test_it_is_written_by_the_suffix_whole_or_not_at_all(tmp_path: Path) -> None:
    why = ns.explain(care(), "ex:at_risk(ex:ann)")
    for suffix, format in {"ttl": "turtle", "trig": "trig", "nt": "nt", "nq": "nquads", "jsonld": "json-ld"}.items():
        path = tmp_path / f"why.{suffix}"
        text = why.to_rdf(str(path))
        assert path.read_text("utf-8") == text
        assert len([*dataset(text, format).quads()]) > 50
    with pytest.raises(ns.NeurosymError) as caught:
        why.to_rdf(str(tmp_path / "none" / "why.ttl"))
    assert caught.value.code == "NS830"
    with pytest.raises(ns.NeurosymError) as caught:
        why.to_rdf(format="rdfxml")
    assert caught.value.code == "NS862" and "turtle" in caught.value.help
    assert sorted(p.name for p in tmp_path.iterdir()) == ["why.jsonld", "why.nq", "why.nt", "why.trig", "why.ttl"]


def test_what_was_written_is_a_fact_base_again(tmp_path: Path) -> None:
    path = tmp_path / "why.ttl"
    ns.explain(care(), "ex:complication(ex:ann, ex:Bleeding)").to_rdf(str(path))
    program = ns.Program.from_text(
        "@prefix prov: <http://www.w3.org/ns/prov#> . @prefix nsx: <urn:neurosym:explanation#> .\n"
        "rests(C, F) :- nsx:Claim(C), prov:wasDerivedFrom(C, F).\n"
        "rests(C, F) :- rests(C, G), prov:wasDerivedFrom(G, F).\n"
        'record(A) :- rests(_, F), nsx:kind(F, "data"), nsx:atom(F, A). query(record(A)).'
    )
    answers = ns.Reasoner(program, ns.FactBase.from_rdf(path)).query()
    assert len(answers.atoms) == 4


def test_blank_nodes_of_the_data_are_the_same_nodes_again(tmp_path: Path) -> None:
    (tmp_path / "ward.ttl").write_text("@prefix ex: <http://example.org/> . [] a ex:Patient ; ex:takes ex:aspirin .")
    facts = ns.FactBase.from_rdf(tmp_path / "ward.ttl")
    answers = ns.Reasoner(ns.Program.from_text(CARE), facts).query("ex:at_risk(P)")
    ns.to_rdf([ns.explain(answers, answers.atoms[0])], tmp_path / "derived.ttl")
    both = facts + ns.FactBase.from_rdf(tmp_path / "derived.ttl")
    assert both.lookup(f"<{EX}at_risk>", (None,)) == facts.lookup(f"<{EX}Patient>", (None,))


# ----------------------------------------------------------------------------------------------------- vocabulary


def test_the_page_of_the_vocabulary_has_every_term_and_no_other(explanations: list[ns.Explanation]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "rdf.md").read_text("utf-8")
    rows = re.findall(r"^\| `nsx:(\w+)` \|", page, re.M)
    assert sorted(rows) == sorted({*vocabulary.CLASSES, *vocabulary.PROPERTIES})
    used = set(re.findall(r"\bnsx:(\w+)", ns.to_rdf([*explanations, diagnosis(), addition()])))
    assert used <= set(rows)


def test_labels_of_facts_are_those_of_the_explanation() -> None:
    answers = care((iri("ann"), LABEL, LangString('Anna "A"', "de")), (iri("ann"), TYPE, iri("Person")))
    why = ns.explain(answers, "ex:at_risk(ex:ann)", language="de")
    labels = {str(o) for o in load(why.to_rdf()).objects(None, rdflib.RDFS.label)}
    assert labels >= {n.label for n in why.nodes.values()} and 'Anna "A" takes warfarin' in labels
