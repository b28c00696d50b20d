"""Explanations for the tests of the views: over RDF, of programs, with hostile strings."""

from __future__ import annotations

import json
import warnings

import rdflib

import neurosym as ns
from neurosym.lang import parse_files
from tests.test_programs import CASES

EX = "http://example.org/"
TYPE = ns.Iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
LABEL = ns.Iri("http://www.w3.org/2000/01/rdf-schema#label")
RDFLIB_FORMATS = {"turtle": "turtle", "nt": "nt", "trig": "trig", "nq": "nquads", "json-ld": "json-ld"}
CARE = """
@prefix ex: <http://example.org/> .
rule covered
  weight 0.8
  source "Guideline A (2021), section 2"
  if ex:Patient(?p) and ex:takes(?p, ?d) and not ex:stopped(?p, ?d)
  then ex:at_risk(?p)
  because "{p} takes {d}" .
rule grave
  weight 0.5
  source "https://example.org/guideline-b"
  if ex:at_risk(?p) and ex:Frail(?p)
  then ex:complication(?p, ex:Bleeding) .
rule told
  if ex:at_risk(?p)
  then tell(?p, yes) .
"""


def iri(name: str) -> ns.Iri:
    return ns.Iri(EX + name)


def care(*more: tuple) -> ns.Answers:
    """Two patients; only the first is frail."""
    triples = [(iri(p), TYPE, iri("Patient")) for p in ("ann", "bob")]
    triples += [(iri("ann"), TYPE, iri("Frail")), (iri("ann"), iri("takes"), iri("warfarin"))]
    triples += [(iri("ann"), iri("takes"), iri("aspirin")), (iri("bob"), iri("takes"), iri("aspirin"))]
    reasoner = ns.Reasoner(ns.Program.from_text(CARE, "care.rules"), ns.FactBase.from_triples([*triples, *more]))
    return reasoner.query("ex:at_risk(P)", "ex:complication(P, C)", "tell(P, yes)")


def of_program_answers(name: str, count: int = 2) -> ns.Answers:
    """The first answers of a case of tests/programs."""
    (folder,) = [c for c in CASES if c.name == name]
    facts = ns.FactBase()
    for path in sorted(folder.glob("*.ttl")):
        facts = facts + ns.FactBase.from_rdf(path)
    for path in sorted(folder.glob("*.csv")):
        facts = facts + ns.FactBase.from_csv(path)
    reasoner = ns.Reasoner(parse_files(folder.glob("program.*"), facts_predicates=list(facts.tables)), facts)
    asked = json.loads((folder / "expected.json").read_text("utf-8"))["answers"]
    return reasoner.query(*list(asked)[:count])


def of_program(name: str, count: int = 2) -> list[ns.Explanation]:
    """Explanations of the first answers of a case of tests/programs."""
    answers = of_program_answers(name, count)
    return [ns.explain(answers, atom, contributions=False) for atom in answers.atoms[:count]]


def load(text: str, format: str = "turtle") -> rdflib.Graph:
    graph = rdflib.Graph()
    graph.parse(data=text, format=format)
    return graph


def dataset(text: str, format: str) -> rdflib.Dataset:
    data = rdflib.Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of rdflib's own making
        data.parse(data=text, format=format)
    return data
