"""AIFB: a research institute as RDF, and whom each of its people belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosym.datasets import find
from neurosym.facts import FactBase
from neurosym.lang.terms import Iri, LangString
from neurosym.links.classes import ClassGraph, Labels, class_graph, read_labels
from neurosym.links.graph import TripleGraph
from neurosym.links.reading import GraphCheck, from_facts

SWRC = "http://swrc.ontoware.org/ontology#"
LABEL = f"{SWRC}affiliation"
FILES = ("aifb-fixed_complete.n3", "trainingSet.tsv", "testSet.tsv")
SHARED = 2  # literals that so many facts have are entities: a fax number says who shares an office

LITERALS = ("all", "told", "none")
UNTOLD = ('""', '"None"', '" "')


@dataclass(frozen=True, eq=False)
class Affiliations:
    """The task.

    Attributes:
        task: the graph without anybody's affiliation, and the four groups.
        train, test: people of the published split; check: what reading left out.
    """

    task: ClassGraph
    train: Labels
    test: Labels
    check: GraphCheck

    def name(self, entity: int) -> str:
        """What people call it."""
        graph = self.task.graph
        return graph.labels.get(graph.entities[entity], graph.entities[entity])


def read_aifb(published: bool = False, literals: str = "all") -> Affiliations:
    """Read the N3 file as it is.

    Args:
        literals: that become entities if several facts have them: `all`; those that are `told`, so not the empty phone
            number and the homepage `None`, which tell people of one group by how their records were kept; or `none`.
        published: take out no more than the literature does, the label and its declared inverse; then `member` and
            `head` still name the group of 78 people.

    Raises:
        DataError: NS941, the data are not there.
    """
    n3, train, test = (find("aifb", *FILES) / name for name in FILES)
    facts = FactBase.from_rdf(n3)
    graph, check = from_facts(facts, literals=None if literals == "none" else SHARED)
    triples = graph.triples
    if literals == "told":
        silent = [graph.entity_ids[name] for name in UNTOLD if name in graph.entity_ids]
        triples = triples[~np.isin(triples[:, 2], silent)]
        check.counts["facts with a literal that says nothing"] = len(graph.triples) - len(triples)
    graph = TripleGraph(graph.entities, graph.relations, triples, {**_titles(facts), **graph.labels})
    learned, classes = read_labels(train, graph)
    asked, _ = read_labels(test, graph, classes)
    return Affiliations(class_graph(graph, LABEL, classes, None if published else 0.9), learned, asked, check)


def _titles(facts: FactBase) -> dict[str, str]:
    """Names of people, groups and projects, titles of publications."""
    found: dict[str, str] = {}
    for relation in ("title", "name"):
        table = facts.tables.get((f"<{SWRC}{relation}>", 2))
        for subject, value in [] if table is None else table.rows.tolist():
            thing, text = facts.symbols.value(subject), facts.symbols.value(value)
            if isinstance(thing, Iri) and isinstance(text, str | LangString):
                found[thing.value] = text if isinstance(text, str) else text.text
    return found


def folds(labels: Labels, count: int, seed: int) -> list[tuple[Labels, Labels]]:
    """(learn, ask) parts for cross-validation, each class spread evenly."""
    generator = np.random.default_rng(seed)
    fold = np.empty(len(labels), np.int64)
    start = 0
    for kind in np.unique(labels.classes):
        rows = generator.permutation(np.flatnonzero(labels.classes == kind))
        fold[rows] = (start + np.arange(len(rows))) % count
        start += len(rows)
    return [(labels.take(fold != k), labels.take(fold == k)) for k in range(count)]
