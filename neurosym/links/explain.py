"""Why a link is predicted: the parts of its score, and the rules, kinds of edges and paths behind each part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import numpy as np
import torch

from neurosym.errors import DataError
from neurosym.links.calibration import Calibration
from neurosym.links.evaluation import KnownAnswers, ranks_of
from neurosym.links.fit import scorer
from neurosym.links.graph import Edge, Long, TripleGraph
from neurosym.links.model import LinkModel
from neurosym.links.network.nearest import nearest
from neurosym.links.network.reach import Adjacency, reach
from neurosym.links.network.shares import Shares
from neurosym.links.reasons import EdgeEffect, KindReason, LinkExplanation, Named, PathReason, RuleReason
from neurosym.links.replay import ask_edges, ask_rule
from neurosym.links.rules.ruleset import Rule
from neurosym.links.rules.text import rule_text


class _Asker:
    """The model, asked one query, over the graph and over the graph less some edges; each question once."""

    def __init__(self, model: LinkModel, graph: TripleGraph, query: Long, answer: int) -> None:
        self.model, self.graph, self.query, self.answer = model, graph, query, answer
        self._asked: dict[frozenset[Named], float] = {}

    def without(self, edges: Sequence[Edge]) -> float:
        """The score of the answer without some edges."""
        key = frozenset(as_stored(self.graph, edge) for edge in edges)
        if key not in self._asked:
            self._asked[key] = score_without(self.model, self.graph, self.query, self.answer, edges)
        return self._asked[key]


def explain_link(
    model: LinkModel, graph: TripleGraph, adjacency: Adjacency, head: int, relation: int, answer: int,
    paths: int = 5, kinds: int = 5, rules: int = 5, max_steps: int = 100_000, known: KnownAnswers | None = None,
    calibration: Calibration | None = None, effects: int = 10,
) -> LinkExplanation:  # fmt: skip
    """Explain one answer of a query.

    The part `messages` is no sum of reasons: what it heeds is told by `effects`, among which are
    then the edges of the shortest paths to the answer.

    Args:
        relation: R + r asks for heads: then `head` is the object of the link.
        paths, kinds, rules: how many of each to tell at most.
        max_steps: of the search for paths; where it is cut, `told` says how much was found.
        known: true answers, which do not count before this one in its rank.
        calibration: of the model's scores; makes the probability.
        effects: how many cited edges to leave out one at a time, those of the largest reasons first; where there are
            messages, half of them are of the shortest paths, and those of the first one in any case.

    Raises:
        DataError: NS934, an entity or a relation that the graph has not.
    """
    size, count = adjacency.num_entities, adjacency.num_relations
    if not (0 <= head < size and 0 <= answer < size and 0 <= relation < 2 * count):
        raise DataError("the graph has no such entity or relation", code="NS934")
    query = np.array([[head, relation]])
    asker = _Asker(model, graph, query, answer)
    with torch.no_grad():
        scores = model(adjacency, query)
        total = scores.total[0]
        found = _paths(asker, adjacency, paths, max_steps)
        listed = _kinds(model, graph, adjacency, head, relation, answer, kinds)
        fired = _rules(asker, adjacency, rules)
        probability = None if calibration is None else float(calibration(total[None])[0, answer].sigmoid())
    parts = {name: float(part[0, answer]) for name, part in scores.parts.items()}
    others = np.zeros((0,), np.int64) if known is None else known.of(query)[1]
    best, worst = ranks_of(total[None].double().numpy(), np.array([answer]), np.zeros_like(others), others)
    told = {}
    if parts.get("paths"):
        told["paths"] = sum(p.share for p in found) / parts["paths"]
    if parts.get("rules"):
        told["rules"] = sum(r.share for r in fired) / parts["rules"]
    link = (head, relation, answer) if relation < count else (answer, relation - count, head)
    named = graph.entities[link[0]], graph.relations[link[1]], graph.entities[link[2]]
    reasons = sorted([*((r.share, r.grounding) for r in fired), *((p.share, p.edges) for p in found)], key=_share)
    heard = _heard(asker, adjacency, effects)
    # what leaving out does is all that there is to tell of messages, so that half of the edges are theirs
    first = _up_to(heard, effects // 2 if reasons else effects)
    cited = [*first, *(edges for _, edges in reasons), *heard[len(first) :]]
    return LinkExplanation(
        named, relation >= count, float(total[answer]), float(best[0] + worst[0]) / 2, parts, tuple(found),
        tuple(listed), tuple(fired), told, labels_of(graph, [named, *chain(*cited)], [k.relation for k in listed]),
        probability, size - len(np.setdiff1d(others, [answer])),
        edge_effects(graph, cited, float(total[answer]), effects, lambda edge: asker.without([edge])),
    )  # fmt: skip


def _share(reason: tuple[float, tuple[Named, ...]]) -> float:
    return -reason[0]


def labels_of(graph: TripleGraph, edges: Iterable[Named], others: Iterable[str] = ()) -> dict[str, str]:
    """The labels of all names in some edges, and of others."""
    names = dict.fromkeys(name for edge in edges for name in edge) | dict.fromkeys(others)
    return {name: graph.labels[name] for name in names if name in graph.labels}


def edge_effects(
    graph: TripleGraph, cited: Sequence[Sequence[Named]], score: float, most: int, without: Callable[[Edge], float]
) -> tuple[EdgeEffect, ...]:
    """The first edges of some reasons, and what the score is without each of them alone.

    Args:
        cited: the edges of each reason, those of the largest first; score: of the answer in the whole graph.
        without: the score in the graph less an edge.

    Returns:
        At most `most`, those whose absence changes the score most first.
    """
    counts = Counter(edge for edges in cited for edge in dict.fromkeys(edges))
    effects: list[EdgeEffect] = []
    for edge in list(dict.fromkeys(edge for edges in cited for edge in edges))[:most]:
        s, r, o = edge
        numbers = graph.entity_ids[s], graph.relation_ids[r], graph.entity_ids[o]
        effects.append(EdgeEffect(edge, without(numbers), counts[edge]))
    return tuple(sorted(effects, key=lambda e: -abs(e.without - score)))


def _paths(asker: _Asker, adjacency: Adjacency, most: int, max_steps: int) -> list[PathReason]:
    network, query, graph = asker.model.paths, asker.query, asker.graph
    if network is None or not most:
        return []
    passage = network(adjacency, query, reach(adjacency, query, network.rounds))
    found, _ = Shares(passage, asker.answer).largest(most, max_steps)
    reasons: list[PathReason] = []
    for path in found:
        edges = tuple(as_stored(graph, e) for e in path.edges)
        reasons.append(PathReason(edges, path.share, asker.without(path.edges), ask_edges(edges)))
    return reasons


def _heard(asker: _Asker, adjacency: Adjacency, most: int) -> list[tuple[Named, ...]]:
    """The shortest paths to the answer, where there are messages, which have no paths of their own."""
    network = asker.model.messages
    if network is None:
        return []
    found = nearest(reach(adjacency, asker.query, network.rounds), asker.answer, most)
    return [tuple(as_stored(asker.graph, edge) for edge in path) for path in found]


def _up_to(paths: Sequence[tuple[Named, ...]], most: int) -> list[tuple[Named, ...]]:
    """The first paths that have at most so many edges between them; the first one in any case."""
    kept: list[tuple[Named, ...]] = []
    for path in paths:
        if kept and len({edge for edges in (*kept, path) for edge in edges}) > most:
            break
        kept.append(path)
    return kept


def _rules(asker: _Asker, adjacency: Adjacency, most: int) -> list[RuleReason]:
    part, query, answer = asker.model.rules, asker.query, asker.answer
    if part is None or not most:
        return []
    applier, weights = part.applier(adjacency), part.weights()
    found = part.firings(adjacency, query, None)
    at = np.flatnonzero(found.candidate == answer)
    fired = [int(r) for r in found.rules[at[0]] if r >= 0] if len(at) else []
    reasons: list[RuleReason] = []
    for row in sorted(fired, key=lambda r: -float(weights[r]))[:most]:
        edges = applier.instance(row, (int(query[0, 0]), int(query[0, 1])), answer)
        assert edges is not None, "a rule that fires has an instance"
        head, relation = query[0].tolist()
        ends = (head, answer) if int(part.rules.head[row]) == relation else (answer, head)
        reasons.append(
            rule_reason(part.rules[row], float(weights[row]), asker.graph, edges, ends, asker.without(edges))
        )
    return reasons


def rule_reason(
    rule: Rule, share: float, graph: TripleGraph, edges: Sequence[Edge], ends: tuple[int, int], without: float
) -> RuleReason:
    """A rule with an instance, its counts, its text and the query that replays it.

    Args:
        ends: the entities that X and Y are, or the head's constant; without: the score without the instance.
    """
    return RuleReason(
        str(rule), share, tuple(as_stored(graph, e) for e in edges), without,
        ask_rule(rule, *(graph.entities[e] for e in ends)), rule_text(rule).strip(), rule.support, rule.body_count,
        rule.confidence,
    )  # fmt: skip


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
