"""Which class each entity has, and the graph that classes are predicted from: their own relation is not in it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from neurosym.errors import DataError, FactError
from neurosym.facts.tabular import text_file
from neurosym.links.classes.leakage import Withheld, withhold
from neurosym.links.graph import Long, TripleGraph


@dataclass(frozen=True, eq=False)
class Labels:
    """n labelled entities.

    Attributes:
        entities: (n,) numbers of the graph; classes: (n,) which of the C classes each has.
    """

    entities: Long
    classes: Long

    def __len__(self) -> int:
        return len(self.entities)

    def take(self, rows: np.ndarray) -> Labels:
        """Those of some rows."""
        return Labels(self.entities[rows], self.classes[rows])


@dataclass(frozen=True, eq=False)
class ClassGraph:
    """A graph without the label, and the classes.

    Attributes:
        withheld: the graph to predict from, and what was taken out of it.
        relation: number of the label's relation, which the graph has no triple of.
        classes: (C,) entities that are the classes.
    """

    withheld: Withheld
    relation: int
    classes: Long

    @property
    def graph(self) -> TripleGraph:
        """Without a label of anybody: what an encoder reads."""
        return self.withheld.graph

    @cached_property
    def column(self) -> Long:
        """(N,) which class an entity is; -1 for those that are none."""
        found = np.full(len(self.graph.entities), -1)
        found[self.classes] = np.arange(len(self.classes))
        return found

    def known(self, labels: Labels) -> TripleGraph:
        """With these labels and no others as triples of the label's relation: what rules are learned from and read."""
        return _with_labels(self.graph, self.relation, labels, self.classes)


def _with_labels(graph: TripleGraph, relation: int, labels: Labels, classes: Long) -> TripleGraph:
    said = np.column_stack([labels.entities, np.full(len(labels), relation), classes[labels.classes]])
    return TripleGraph(
        graph.entities, graph.relations, np.concatenate([graph.triples, said.astype(np.int64)]), graph.labels
    )  # fmt: skip


def class_graph(
    graph: TripleGraph, label: str, classes: Sequence[str], restating: float | None = 0.9
) -> ClassGraph:  # fmt: skip
    """Take the label out of a graph.

    Args:
        label: relation from entities to their classes; restating: see `withhold`.
        classes: names of the classes to choose from.

    Raises:
        DataError: NS934, the graph has no such relation or class.
    """
    return ClassGraph(
        withhold(graph, label, restating), graph.relation_ids[label], _numbers(graph, classes, "the list of classes")
    )  # fmt: skip


def read_labels(
    path: str | Path, graph: TripleGraph, classes: Sequence[str] | None = None, entity: str = "person",
    label: str = "label_affiliation",
) -> tuple[Labels, tuple[str, ...]]:  # fmt: skip
    """Labelled entities of a tab-separated file with a header.

    Args:
        classes: names by number; by default those that the file has, sorted.
        entity, label: the columns of the entity's name and of its class's.

    Returns:
        The labels, and the classes' names by number.

    Raises:
        FactError: NS301, the file cannot be read; NS303, it lacks a column.
        DataError: NS934, the graph or the list of classes lacks a name.
    """
    with text_file(path) as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    if not rows or entity not in rows[0] or label not in rows[0]:
        raise FactError(f"{path} has no rows with the columns `{entity}` and `{label}`", code="NS303")
    names = tuple(sorted({row[label] for row in rows})) if classes is None else tuple(classes)
    numbers = {name: i for i, name in enumerate(names)}
    for row in rows:
        if row[label] not in numbers:
            raise DataError(f"{path}: {row[label]} is not among the classes", code="NS934")
    entities = _numbers(graph, [row[entity] for row in rows], str(path))
    return Labels(entities, np.array([numbers[row[label]] for row in rows], np.int64)), names


def _numbers(graph: TripleGraph, names: Sequence[str], where: str) -> Long:
    missing = [name for name in names if name not in graph.entity_ids]
    if missing:
        raise DataError(f"{where}: the graph has no entity {missing[0]}", code="NS934")
    return np.array([graph.entity_ids[name] for name in names], np.int64)
