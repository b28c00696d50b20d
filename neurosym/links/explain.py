"""Why a link is predicted: the parts of its score, and the rules, kinds of edges and paths behind each part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from neurosym.errors import DataError
from neurosym.links.evaluation import KnownAnswers, ranks_of
from neurosym.links.fit import scorer
from neurosym.links.graph import Edge, Long, TripleGraph
from neurosym.links.model import LinkModel
from neurosym.links.network.reach import Adjacency, reach
from neurosym.links.network.shares import Shares
from neurosym.links.replay import ask_edges, ask_rule


@dataclass(frozen=True)
class PathReason:
    """A path and what it adds.

    Attributes:
        edges: (subject, relation, object) names, each as it stands in the graph, in the order of the path.
        share: of the part `paths`; without: the whole score if the path's edges were not in the graph.
        sparql: a query that is true of the graph (`to_rdf`) as long as the reason holds.
    """

    edges: tuple[tuple[str, str, str], ...]
    share: float
    without: float
    sparql: str = ""


@dataclass(frozen=True)
class KindReason:
    """Edges of one kind at the answer, and what they add to the part `prior`.

    Attributes:
        relation: name; inverse: whether the answer is the object of these edges; count: how many there are. The name
            is empty for being the very entity that was asked about.
    """

    relation: str
    inverse: bool
    count: int
    share: float


@dataclass(frozen=True)
class RuleReason:
    """A rule that derives the link, and what it adds to the part `rules`.

    Attributes:
        rule: as a rule file spells it; grounding: (subject, relation, object) of the edges of one of its instances.
        without: the whole score if that instance's edges were not in the graph.
        sparql: a query that is true of the graph (`to_rdf`) as long as the rule derives the link.
    """

    rule: str
    share: float
    grounding: tuple[tuple[str, str, str], ...]
    without: float
    sparql: str = ""


@dataclass(frozen=True)
class LinkExplanation:
    """What a predicted link rests on.

    Attributes:
        query: (head, relation, tail) names; with `inverse`, the tail was given and the head asked for.
        score: the sum of the parts; parts: name → what it adds.
        rank: of the answer among all entities but the other true answers that were given, ties by their mean.
        paths, kinds, rules: the largest of each; `told`: part → share of it that these restore.
        labels: name → label, of those that are mentioned.
    """

    query: tuple[str, str, str]
    inverse: bool
    score: float
    rank: float
    parts: dict[str, float]
    paths: tuple[PathReason, ...] = ()
    kinds: tuple[KindReason, ...] = ()
    rules: tuple[RuleReason, ...] = ()
    told: dict[str, float] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        from dataclasses import asdict

        return asdict(self)

    def __str__(self) -> str:
        named = lambda name: self.labels.get(name, name)  # noqa: E731
        head, relation, tail = self.query
        lines = [f"{named(head)} – {relation} – {named(tail)}: score {self.score:.3f}, rank {self.rank:g}"]
        lines += [f"  {name}: {value:+.3f}" for name, value in self.parts.items()]
        for r in self.rules:
            lines.append(f"  {r.share:+.3f} rule {r.rule}")
            lines.append("         " + "; ".join(f"{named(s)} {p} {named(o)}" for s, p, o in r.grounding))
        for p in self.paths:
            text = "; ".join(f"{named(s)} {r} {named(o)}" for s, r, o in p.edges) or "the head itself"
            lines.append(f"  {p.share:+.3f} {text}")
        for k in self.kinds:
            way = "is the object of" if k.inverse else "is the subject of"
            what = f"{way} {k.count} {k.relation}" if k.relation else "is what was asked about"
            lines.append(f"  {k.share:+.3f} {named(tail if not self.inverse else head)} {what}")
        return "\n".join(lines)


def explain_link(
    model: LinkModel, graph: TripleGraph, adjacency: Adjacency, head: int, relation: int, answer: int,
    paths: int = 5, kinds: int = 5, rules: int = 5, max_steps: int = 100_000, known: KnownAnswers | None = None,
) -> LinkExplanation:  # fmt: skip
    """Explain one answer of a query.

    Args:
        relation: R + r asks for heads: then `head` is the object of the link.
        paths, kinds, rules: how many of each to tell at most.
        max_steps: of the search for paths; where it is cut, `told` says how much was found.
        known: true answers, which do not count before this one in its rank.

    Raises:
        DataError: NS934, an entity or a relation that the graph has not.
    """
    size, count = adjacency.num_entities, adjacency.num_relations
    if not (0 <= head < size and 0 <= answer < size and 0 <= relation < 2 * count):
        raise DataError("the graph has no such entity or relation", code="NS934")
    query = np.array([[head, relation]])
    with torch.no_grad():
        scores = model(adjacency, query)
        total = scores.total[0]
        found = _paths(model, graph, adjacency, query, answer, paths, max_steps)
        listed = _kinds(model, graph, adjacency, head, relation, answer, kinds)
        fired = _rules(model, graph, adjacency, query, answer, rules)
    parts = {name: float(part[0, answer]) for name, part in scores.parts.items()}
    own = total[answer]
    others = np.zeros((0,), np.int64) if known is None else known.of(query)[1]
    best, worst = ranks_of(total[None].double().numpy(), np.array([answer]), np.zeros_like(others), others)
    rank = float(best[0] + worst[0]) / 2
    told = {}
    if parts.get("paths"):
        told["paths"] = sum(p.share for p in found) / parts["paths"]
    if parts.get("rules"):
        told["rules"] = sum(r.share for r in fired) / parts["rules"]
    link = (head, relation, answer) if relation < count else (answer, relation - count, head)
    edges = [e for p in found for e in p.edges] + [e for r in fired for e in r.grounding]
    names = {n for s, _, o in edges for n in (s, o)} | {graph.entities[link[0]], graph.entities[link[2]]}
    return LinkExplanation(
        (graph.entities[link[0]], graph.relations[link[1]], graph.entities[link[2]]), relation >= count, float(own),
        rank, parts, tuple(found), tuple(listed), tuple(fired), told,
        {n: graph.labels[n] for n in names if n in graph.labels},
    )  # fmt: skip


def _paths(
    model: LinkModel, graph: TripleGraph, adjacency: Adjacency, query: Long, answer: int, most: int, max_steps: int
) -> list[PathReason]:
    if model.network is None or not most:
        return []
    passage = model.network(adjacency, query, reach(adjacency, query, model.network.rounds))
    found, _ = Shares(passage, answer).largest(most, max_steps)
    reasons: list[PathReason] = []
    for path in found:
        score = score_without(model, graph, query, answer, path.edges)
        edges = tuple(as_stored(graph, e) for e in path.edges)
        reasons.append(PathReason(edges, path.share, score, ask_edges(edges)))
    return reasons


def _rules(
    model: LinkModel, graph: TripleGraph, adjacency: Adjacency, query: Long, answer: int, most: int
) -> list[RuleReason]:
    if model.rules is None or not most:
        return []
    applier, weights = model.rules.applier(adjacency), model.rules.weights()
    found = model.rules.firings(adjacency, query, None)
    at = np.flatnonzero(found.candidate == answer)
    fired = [int(r) for r in found.rules[at[0]] if r >= 0] if len(at) else []
    reasons: list[RuleReason] = []
    for row in sorted(fired, key=lambda r: -float(weights[r]))[:most]:
        edges = applier.instance(row, (int(query[0, 0]), int(query[0, 1])), answer)
        assert edges is not None, "a rule that fires has an instance"
        score = score_without(model, graph, query, answer, edges)
        grounding = tuple(as_stored(graph, e) for e in edges)
        rule, (head, relation) = model.rules.rules[row], query[0].tolist()
        ends = (head, answer) if int(model.rules.rules.head[row]) == relation else (answer, head)
        asked = ask_rule(rule, *(graph.entities[e] for e in ends))
        reasons.append(RuleReason(str(rule), float(weights[row]), grounding, score, asked))
    return reasons


def _kinds(
    model: LinkModel, graph: TripleGraph, adjacency: Adjacency, head: int, relation: int, answer: int, most: int
) -> list[KindReason]:
    if model.prior is None or not most:
        return []
    terms = model.prior.terms(adjacency, relation, answer)
    largest = torch.argsort(terms.abs(), descending=True)[:most].tolist()
    count = len(graph.relations)
    own = [KindReason("", False, 1, float(model.prior.itself[relation].detach()))] if head == answer else []
    return own + [
        KindReason(graph.relations[k % count], k >= count, int(adjacency.signatures[answer, k]), float(terms[k]))
        for k in largest
        if terms[k] != 0
    ]


def score_without(model: LinkModel, graph: TripleGraph, query: Long, answer: int, edges: Sequence[Edge]) -> float:
    """The score of an answer of a (1, 2) query over the graph less some edges: the model is asked again."""
    return float(scorer(model, Adjacency.of(graph.without(edges)))(query)[0, answer])


def as_stored(graph: TripleGraph, edge: Edge) -> tuple[str, str, str]:
    """The names of an edge as it stands in the graph, which it may run backwards."""
    head, relation, tail = edge
    if relation >= len(graph.relations):
        head, relation, tail = tail, relation - len(graph.relations), head
    return graph.entities[head], graph.relations[relation], graph.entities[tail]
