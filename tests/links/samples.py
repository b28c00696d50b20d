"""Small graphs, models and explanations that several tests ask about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import rdflib

from neurosym.links.classes import ClassGraph, ClassModel, ClassRecipe, ClassRules, Labels, fit_classes
from neurosym.links.classes.reasons import ClassExplanation, EdgeReason
from neurosym.links.fit import Recipe, fit
from neurosym.links.graph import TripleGraph
from neurosym.links.model import LinkModel
from neurosym.links.network.paths import PathNetwork
from neurosym.links.network.reach import Adjacency
from neurosym.links.priors import SignaturePrior
from neurosym.links.reasons import EdgeEffect, KindReason, LinkExplanation, PathReason, RuleReason
from neurosym.links.replay import to_rdf
from neurosym.links.rules import mine
from neurosym.links.rules.part import RuleScores
from neurosym.neural.encoders import CompGCNEncoder, RGCNEncoder

OWL = "http://www.w3.org/2002/07/owl#"
SUB = "http://www.w3.org/2000/01/rdf-schema#subPropertyOf"
PEOPLE, CLASSES = 12, ("red", "blue")
Row = tuple[str, str, str]


def loaded(graph: TripleGraph) -> rdflib.Graph:
    """The graph as rdflib has it."""
    return rdflib.Graph().parse(data=to_rdf(graph), format="nt")


def named_graph(rows: Sequence[Row]) -> TripleGraph:
    """A graph of (subject, relation, object) names."""
    entities = tuple(dict.fromkeys(n for h, _, t in rows for n in (h, t)))
    relations = tuple(dict.fromkeys(r for _, r, _ in rows))
    numbers = [(entities.index(h), relations.index(r), entities.index(t)) for h, r, t in rows]
    return TripleGraph(entities, relations, np.array(numbers, np.int64), {"p0": "Person zero"})


def rows() -> list[Row]:
    """Two groups of six; each works on its group's project, but p5, who is on both; `staff` says the label again."""
    found = [("works_in", "sub", "in"), ("has", f"{OWL}inverseOf", "in"), ("in", SUB, "near")]
    for k in range(PEOPLE):
        mine = CLASSES[k % 2]
        found += [(f"p{k}", "in", mine), (mine, "has", f"p{k}"), (mine, "staff", f"p{k}")]
        found += [(f"p{k}", "works", f"{mine}_project"), (f"p{k}", "near", CLASSES[k % 3 % 2])]
        found += [(f"p{k}", "knows", f"p{(k + 2) % PEOPLE}")]
    found += [("p5", "works", "red_project"), ("red", "staff", "club"), ("red_project", "by", "red")]
    return [*found, ("blue_project", "by", "blue")]


def groups(more: Sequence[Row] = ()) -> TripleGraph:
    """The graph of `rows`, and of more."""
    return named_graph([*rows(), *more])


def known_labels(task: ClassGraph) -> Labels:
    """The labels of the first eight people."""
    people = np.array([task.graph.entity_ids[f"p{k}"] for k in range(8)])
    return Labels(people, np.arange(8) % 2)


def learned_classes(
    task: ClassGraph, known: Labels, encoder: RGCNEncoder | CompGCNEncoder | None, epochs: int = 20
) -> ClassModel:
    """Rules and an encoder, trained."""
    rules = mine(task.known(known), [task.relation])
    made = ClassModel(ClassRules(rules.take(rules.head == task.relation)), encoder)
    losses = fit_classes(made, task, known, ClassRecipe(epochs=epochs))
    assert losses[-1] < losses[0]
    return made


def kin(people: int = 20) -> TripleGraph:
    """Parents, brothers and the uncles that follow from both."""
    triples = [(k, 0, k + 10) for k in range(people)]
    triples += [(k, 1, k + 1) for k in range(0, people, 2)]
    triples += [(k, 2, k + 11) for k in range(0, people, 2)]
    return TripleGraph(tuple(f"p{k}" for k in range(people + 11)), ("parent", "brother", "uncle"), np.array(triples))


def learned_links(graph: TripleGraph, epochs: int = 4) -> LinkModel:
    """All three parts, trained a little."""
    size = len(graph.relations)
    network = PathNetwork(size, channels=6, rank=3, rounds=2, members=2)
    model = LinkModel(network, SignaturePrior(size), RuleScores(mine(graph, seconds=5)))
    fit(model, Adjacency.of(graph), graph.triples, recipe=Recipe(epochs=epochs, batch=8, seed=3), progress=False)
    return model


def a_link() -> LinkExplanation:
    """A link whose parts, reasons and effects fit together, made by hand: pages and schemas need no model."""
    iri = "http://data.example/"
    binds, treats, assoc = f"{iri}rel#binds", f"{iri}rel#treats", f"{iri}rel#associates"
    drug, gene, disease, other = (f"{iri}node/{n}" for n in ("DB1", "G7", "D3", "DB2"))
    first = ((drug, binds, gene), (disease, assoc, gene))
    second = ((other, treats, disease), (other, f"{iri}rel#resemblesMuch", drug))
    ask = f"ASK {{ <{drug}> <{binds}> ?v1 . <{disease}> <{assoc}> ?v1 . }}"
    rules = (
        RuleReason(
            f"{treats}(X, Y) <= {binds}(X, A), {assoc}(Y, A)", 2.125, first, 1.5, ask,
            "body_1(X, Y) :- binds(X, V1), associates(Y, V1) .", 12, 40, 0.267,
        ),
        RuleReason(f"{treats}(X, Y) <= resembles(A, X), {treats}(A, Y)", 0.5, second[::-1], 3.0, ask, "…", 3, 9, 0.2,
                   "Cortisone resembles Hydrocortisone, which treats asthma", "expert rule similar"),
    )  # fmt: skip
    return LinkExplanation(
        (drug, treats, disease), False, 3.5, 2.0, {"rules": 2.75, "prior": -0.25, "paths": 1.0},
        (PathReason(first, 0.75, 2.0, "ASK { }"), PathReason((), 0.125, 3.5)),
        (KindReason(assoc, False, 120, -0.25),), rules, {"rules": 0.955, "paths": 0.875},
        {drug: "Cortisone", gene: "NR3C1", disease: "asthma", other: "Hydrocortisone", binds: "binds", treats: "treats",
         assoc: "associates"},
        0.125, 136, (EdgeEffect(first[0], 1.5, 2), EdgeEffect(second[0], 3.75, 1)), notes=("Not for use on patients.",),
        truth=True, remark="kept from learning",
    )  # fmt: skip


def a_class() -> ClassExplanation:
    """A predicted class, made by hand."""
    works, project = ("ann", "worksAt", "project 7"), ("project 7", "run_by", "red")
    rule = RuleReason("in(X, red) <= worksAt(X, project 7)", 1.5, (works,), 0.25, "ASK { }", "…", 5, 6, 0.45)
    return ClassExplanation(
        "ann", "red", 1.25, 0.55, {"rules": 1.5, "encoder": -0.25}, {"blue": 1.0, "green": -2.0}, (rule,),
        (EdgeReason(works, 0.75, 0.5, "ASK { }"), EdgeReason(project, -0.125, 1.375, "ASK { }")), {"rules": 1.0}, 2, 9,
        {"ann": "Ann Example", "red": "Group Red"}, "in", (EdgeEffect(works, 0.25),), truth=False, remark="it is blue",
    )  # fmt: skip
