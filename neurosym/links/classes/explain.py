"""What a predicted class rests on: rules with their instances, edges whose absence would change the encoder's word.

Each effect that is told is the difference between two runs of the model itself, with the edge and without it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import DataError
from neurosym.links.classes.labels import ClassGraph, Labels
from neurosym.links.classes.model import ClassModel, ClassScores, centred
from neurosym.links.classes.reasons import IRI, ClassExplanation, EdgeReason
from neurosym.links.explain import as_stored, edge_effects, labels_of, rule_reason
from neurosym.links.graph import Edge, Long, TripleGraph, both_ways
from neurosym.links.reasons import RuleReason
from neurosym.links.replay import ask_edges
from neurosym.links.rules import Applier

COPIED = 100_000  # triples of all copies of a neighbourhood that are encoded at once


def explain_class(
    model: ClassModel, task: ClassGraph, known: Labels, entity: int, answer: int | None = None, rules: int = 5,
    edges: int = 5, max_edges: int = 500, effects: int = 10,
) -> ClassExplanation:  # fmt: skip
    """Explain a class of an entity.

    Args:
        known: labels that the rules may read; the entity's own is not asked for.
        answer: which class; by default the one with the highest score.
        rules, edges: how many of each to tell at most.
        max_edges: that are left out in turn, those nearest to the entity first; `searched` says how many were.
        effects: how many edges that rules cite to leave out one at a time, those of the largest rules first.

    Raises:
        DataError: NS934, the graph has no such entity, or there is no such class.
    """
    graph, classes = task.graph, task.classes
    if not 0 <= entity < len(graph.entities) or (answer is not None and not 0 <= answer < len(classes)):
        raise DataError("the graph has no such entity, or there is no such class", code="NS934")
    asker = _Asker(model, task, known, entity)
    scores = asker.scores(())
    total = ClassScores(scores).total
    best = int(total.argmax()) if answer is None else answer
    fired, told = _rules(asker, best, rules)
    found, searched, reachable = _edges(asker, best, edges, max_edges)
    names = [graph.entities[c] for c in classes]
    own, score = graph.entities[entity], float(total[best])
    cited = [r.grounding for r in fired]
    named = [*(edge for edges in cited for edge in edges), *(e.edge for e in found)]
    label = graph.relations[task.relation]
    return ClassExplanation(
        own, names[best], score, float(total.double().softmax(0)[best]),
        {name: float(part[best]) for name, part in scores.items()},
        {names[c]: float(total[c]) for c in range(len(names)) if c != best},
        tuple(fired), tuple(found), {} if told is None else {"rules": told}, searched, reachable,
        labels_of(graph, named, [own, *names, label, *(n for r in fired for n in IRI.findall(r.rule))]), label,
        edge_effects(graph, cited, score, effects, lambda edge: asker.total([edge], best)),
    )  # fmt: skip


class _Asker:
    """The model, asked about one entity, with edges left out of everything that it reads."""

    def __init__(self, model: ClassModel, task: ClassGraph, known: Labels, entity: int) -> None:
        self.model, self.task, self.entity = model.eval(), task, entity
        others = known.take(known.entities != entity)
        self.known: TripleGraph = task.known(others)

    def scores(self, without: Sequence[Edge]) -> dict[str, Tensor]:
        """Part → (C,) scores."""
        entities, model = np.array([self.entity]), self.model
        known, graph = self.known, self.task.graph
        if without:
            known, graph = known.without(without), graph.without(without)
        fired = None if model.rules is None else model.rules.fired(known, self.task, entities)
        with torch.no_grad():
            scores = model(
                torch.from_numpy(graph.edges), torch.from_numpy(entities), fired, len(self.task.classes)
            )  # fmt: skip
        return {name: part[0] for name, part in scores.parts.items()}

    def total(self, without: Sequence[Edge], answer: int) -> float:
        """The score of a class without some edges."""
        return float(ClassScores(self.scores(without)).total[answer])


def _rules(asker: _Asker, answer: int, most: int) -> tuple[list[RuleReason], float | None]:
    """The rules that add most, each with an instance, and the share of the part that they restore."""
    rules, task = asker.model.rules, asker.task
    if rules is None or not most:
        return [], None
    fired, weights = rules.fired(asker.known, task, np.array([asker.entity])), rules.weights()
    rows = fired.rules[fired.column == answer].flatten()
    rows = rows[rows >= 0]
    rows = rows[torch.argsort(weights[rows], descending=True, stable=True)]
    applier, reasons = Applier(rules.rules, asker.known), []
    for row in rows[:most].tolist():
        edges = applier.instance(row, (asker.entity, task.relation), int(task.classes[answer]))
        assert edges is not None, "a rule that fires has an instance"
        ends = asker.entity, int(task.classes[answer])
        without = asker.total(edges, answer)
        reasons.append(rule_reason(rules.rules[row], float(weights[row]), asker.known, edges, ends, without))
    whole = float(weights[rows].sum())
    return reasons, sum(r.share for r in reasons) / whole if whole else None


def _edges(asker: _Asker, answer: int, most: int, max_edges: int) -> tuple[list[EdgeReason], int, int]:
    """The edges whose absence changes the encoder's score of a class most, how many were tried, how many there are."""
    encoder, graph = asker.model.encoder, asker.task.graph
    if encoder is None or not most:
        return [], 0, 0
    rows, entities = neighbourhood(graph, asker.entity, encoder.hops)
    tried = rows[:max_edges]
    effects = _effects(asker, graph.triples[rows], entities, len(tried), answer)
    order = torch.argsort(effects.abs(), descending=True, stable=True)[:most].tolist()
    reasons: list[EdgeReason] = []
    for i in order:
        if effects[i] != 0:
            edge = _edge(graph.triples[tried[i]])
            named = as_stored(graph, edge)
            reasons.append(EdgeReason(named, float(effects[i]), asker.total([edge], answer), ask_edges([named])))
    return reasons, len(tried), len(rows)


def _effects(asker: _Asker, triples: Long, entities: Long, tried: int, answer: int) -> Tensor:
    """(tried,) by how much the encoder's score of a class falls without each of the first triples.

    The neighbourhood holds all that the encoder hears of, so its word about the entity is the one that it has in the
    whole graph. Copies of it, each less a triple, lie side by side: one run answers for many of them.
    """
    places = np.full(len(asker.task.graph.entities), -1)
    places[entities] = np.arange(len(entities))
    here = np.column_stack([places[triples[:, 0]], triples[:, 1], places[triples[:, 2]]])
    count, own, encoder = len(asker.task.graph.relations), int(places[asker.entity]), asker.model.encoder
    assert encoder is not None

    def ask(lists: list[Long]) -> Tensor:
        shifted = [part + np.array([k * len(entities), 0, k * len(entities)]) for k, part in enumerate(lists)]
        edges = torch.from_numpy(both_ways(np.concatenate(shifted), count))
        found = encoder(edges, torch.from_numpy(np.tile(entities, len(lists))))
        return centred(found[own :: len(entities)])[:, answer]

    batch = max(1, COPIED // max(1, len(here)))
    with torch.no_grad():
        whole = ask([here])[0]
        parts = [
            ask([np.delete(here, k, 0) for k in range(begin, min(begin + batch, tried))])
            for begin in range(0, tried, batch)
        ]
    return whole - torch.cat(parts) if parts else whole.new_zeros(0)


def neighbourhood(graph: TripleGraph, entity: int, hops: int) -> tuple[Long, Long]:
    """The triples that messages of so many rounds can come from, the nearest first, and the entities of these.

    Returns:
        (n,) rows of the graph's triples; (m,) entities, the entity itself among them.
    """
    distance = np.full(len(graph.entities), hops + 1)
    distance[entity] = 0
    heads, tails = graph.triples[:, 0], graph.triples[:, 2]
    for step in range(1, hops + 1):
        reached = distance < step
        touched = np.concatenate([tails[reached[heads]], heads[reached[tails]]])
        distance[touched] = np.minimum(distance[touched], step)
    nearest = np.minimum(distance[heads], distance[tails])
    rows = np.flatnonzero(nearest < hops)
    rows = rows[np.argsort(nearest[rows], kind="stable")]
    return rows, np.unique(np.append(graph.triples[rows][:, [0, 2]].ravel(), entity))


def _edge(triple: Long) -> Edge:
    head, relation, tail = triple.tolist()
    return head, relation, tail
