"""Small graphs, models and explanations that several tests ask about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import rdflib

from neurosym.links.classes import ClassGraph, ClassModel, ClassRecipe, ClassRules, Labels, fit_classes
from neurosym.links.graph import TripleGraph
from neurosym.links.replay import to_rdf
from neurosym.links.rules import mine
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
