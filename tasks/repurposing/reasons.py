"""A predicted treatment told to a pharmacologist: names, sentences of rules, and what each edge matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosym.explain.words import fill
from neurosym.links.evaluation import KnownAnswers
from neurosym.links.explain import KindReason, LinkExplanation, PathReason, RuleReason, explain_link, score_without
from neurosym.links.model import LinkModel
from neurosym.links.network.reach import Adjacency
from neurosym.links.rules import Rule, RulesRead
from tasks.repurposing.data import Hetionet

Named = tuple[str, str, str]  # subject, relation, object, as the graph names them


@dataclass(frozen=True)
class Reason:
    """One reason for a prediction.

    Attributes:
        text: a sentence; share: what it adds to the score.
        without: the score if the edges were not in the graph, None where it speaks of no single edges.
        basis: who says that it is one, and how often it held in training.
        edges: that it rests on, in words.
    """

    text: str
    share: float
    without: float | None = None
    basis: str = ""
    edges: tuple[str, ...] = ()


@dataclass(frozen=True)
class EdgeEffect:
    """An edge that some reason cites, in words, and the score if this edge alone were not in the graph."""

    text: str
    kind: str
    without: float
    cited: int


@dataclass(frozen=True)
class Prediction:
    """A treatment that the graph does not know, and why it is predicted.

    Attributes:
        compound, disease: their names; compound_id, disease_id: DrugBank's and DOID's identifiers.
        probability: of this disease among all entities, by the model; not calibrated.
        score: the sum of `parts`; rank: of the disease among all that are not known to be treated by the compound.
        held_out: `dev` or `test` where the pair is one that was kept from learning, so that the prediction is right.
        rules, paths, kinds: the reasons, largest first; told: part → share of it that they restore.
    """

    compound: str
    disease: str
    compound_id: str
    disease_id: str
    probability: float
    score: float
    rank: float
    held_out: str
    parts: Mapping[str, float]
    rules: tuple[Reason, ...]
    paths: tuple[Reason, ...]
    kinds: tuple[Reason, ...]
    edges: tuple[EdgeEffect, ...]
    known: tuple[str, ...] = ()
    told: Mapping[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The claim as a sentence."""
        return f"{self.compound} may treat {self.disease}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        from dataclasses import asdict

        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"{self.title}: score {self.score:.3f}, rank {self.rank:g}, softmax {self.probability:.3g}",
            f"  {self.compound_id}, {self.disease_id}" + (f"; held out: {self.held_out}" if self.held_out else ""),
            f"  known to be treated by {self.compound}: {', '.join(self.known) or 'nothing'}",
        ]
        for name, reasons in (("rules", self.rules), ("paths", self.paths), ("prior", self.kinds)):
            if name in self.parts:
                lines.append(f"  {name}: {self.parts[name]:+.3f}")
            for r in reasons:
                less = "" if r.without is None else f" [without: {r.without:.3f}]"
                lines.append(f"    {r.share:+.3f} {r.text}{less}" + (f" ({r.basis})" if r.basis else ""))
        if self.edges:
            lines.append("  what each edge matters:")
        lines += [f"    {e.without - self.score:+.3f} without “{e.text}”" for e in self.edges]
        return "\n".join(lines)


class Teller:
    """A trained model's predictions in words.

    Args:
        expert: the rules that were read from the knowledge file, whose sentences and sources are told.
    """

    def __init__(self, data: Hetionet, model: LinkModel, expert: RulesRead) -> None:
        self.data, self.model = data, model
        self.graph = data.split.graph
        self.adjacency = Adjacency.of(self.graph)
        self.known = KnownAnswers([self.graph.triples], len(self.graph.relations))
        self.origins = {str(rule): origin for rule, origin in zip(expert.rules, expert.origins, strict=True)}
        rules = [] if model.rules is None else model.rules.rules
        self.rules: dict[str, Rule] = {str(rule): rule for rule in rules}

    def tell(self, compound: int, disease: int, probability: float, most: int = 5) -> Prediction:
        """One prediction with its reasons.

        Args:
            probability: as `candidates` gives it.
            most: reasons of each part.
        """
        why = explain_link(
            self.model, self.graph, self.adjacency, compound, self.data.treats, disease, most, most, most,
            known=self.known,
        )  # fmt: skip
        triples = self.data.training
        treated = triples[triples[:, 0] == compound][:, 2].tolist()
        return Prediction(
            self._name(why.query[0]), self._name(why.query[2]), _identifier(why.query[0]), _identifier(why.query[2]),
            probability, why.score, why.rank, self._held_out(compound, disease), why.parts,
            tuple(self._rule(r) for r in why.rules), tuple(self._path(p) for p in why.paths),
            tuple(self._kind(k, why.query[2]) for k in why.kinds), self._effects(why, compound, disease),
            tuple(self._name(self.graph.entities[t]) for t in treated), why.told,
        )  # fmt: skip

    def words(self, edge: Named) -> str:
        """An edge as a sentence: "Fluoxetine binds HTR2C"."""
        subject, relation, object_ = edge
        return f"{self._name(subject)} {self.data.edge_kinds[relation].words} {self._name(object_)}"

    def _name(self, entity: str) -> str:
        return self.graph.labels.get(entity, entity)

    def _held_out(self, compound: int, disease: int) -> str:
        for name, triples in (("dev", self.data.split.valid), ("test", self.data.split.test)):
            if ((triples[:, 0] == compound) & (triples[:, 2] == disease)).any():
                return name
        return ""

    def _rule(self, reason: RuleReason) -> Reason:
        rule = self.rules[reason.rule]
        edges = tuple(map(self.words, reason.grounding))
        origin = self.origins.get(reason.rule)
        if origin is None:
            basis = f"mined: {rule.support} of {rule.body_count} such pairs are known treatments"
            return Reason("; ".join(edges), reason.share, reason.without, basis, edges)
        walk = _walk(rule, reason.grounding)
        told = [t for t in origin[1:] if t.statement.because] or [t for t in origin[:1] if t.statement.because]
        texts = [fill(t.statement.because or "", {v: self._name(walk[k]) for v, k in t.places.items()}) for t in told]
        basis = f"expert rule {origin[0].statement.label}"
        basis += f", {origin[0].statement.source}" if origin[0].statement.source else ", an assumption"
        return Reason("; ".join(texts or edges), reason.share, reason.without, basis, edges)

    def _path(self, reason: PathReason) -> Reason:
        edges = tuple(map(self.words, reason.edges))
        return Reason("; ".join(edges) or "the compound itself", reason.share, reason.without, "", edges)

    def _kind(self, reason: KindReason, disease: str) -> Reason:
        kind, name = self.data.edge_kinds[reason.relation], self._name(disease)
        edges = f"{reason.count:,} edge{'' if reason.count == 1 else 's'}"
        words = f"{kind.source} {kind.words} {kind.target}".lower()
        return Reason(f"{name} has {edges} of the kind “{words}”", reason.share)

    def _effects(self, why: LinkExplanation, compound: int, disease: int) -> tuple[EdgeEffect, ...]:
        """Each cited edge, and the score without it alone: the model is asked again over the graph less that edge."""
        cited = [edge for r in why.rules for edge in dict.fromkeys(r.grounding)]
        cited += [edge for p in why.paths for edge in dict.fromkeys(p.edges)]
        query = np.array([[compound, self.data.treats]])
        effects: list[EdgeEffect] = []
        for edge in dict.fromkeys(cited):
            s, r, o = edge
            number = self.graph.entity_ids[s], self.graph.relation_ids[r], self.graph.entity_ids[o]
            without = score_without(self.model, self.graph, query, disease, [number])
            effects.append(EdgeEffect(self.words(edge), r.rsplit("#")[-1], without, cited.count(edge)))
        return tuple(sorted(effects, key=lambda e: e.without))


def candidates(data: Hetionet, model: LinkModel, batch: int = 32) -> list[tuple[int, int, float]]:
    """All pairs of compound and disease that training does not know, the most probable first.

    Returns:
        Compound, disease, and the softmax of the disease's score over all entities for the query (compound, treats, ?).
    """
    import torch

    graph, treats = data.split.graph, data.treats
    adjacency = Adjacency.of(graph)
    compounds, diseases = (np.flatnonzero(data.of_kind(name)) for name in ("Compound", "Disease"))
    shares: list[np.ndarray] = []
    with torch.no_grad():
        for begin in range(0, len(compounds), batch):
            part = compounds[begin : begin + batch]
            scores = model(adjacency, np.column_stack([part, np.full(len(part), treats)])).total
            shares.append(torch.softmax(scores.double(), 1)[:, torch.from_numpy(diseases)].numpy())
    found = np.concatenate(shares) if shares else np.zeros((0, len(diseases)))
    training = data.training
    row, column = np.full(len(graph.entities), -1), np.full(len(graph.entities), -1)
    row[compounds], column[diseases] = np.arange(len(compounds)), np.arange(len(diseases))
    found[row[training[:, 0]], column[training[:, 2]]] = -1.0
    order = np.argsort(-found, axis=None, kind="stable")[: found.size - len(training)]
    at, of = np.unravel_index(order, found.shape)
    return list(zip(compounds[at].tolist(), diseases[of].tolist(), found.ravel()[order].tolist(), strict=True))


def _walk(rule: Rule, grounding: Sequence[Named]) -> list[str]:
    """The entities along a rule's body, from X to Y."""
    walk: list[str] = []
    for (_, backwards), (subject, _, object_) in zip(rule.body, grounding, strict=True):
        ends = (object_, subject) if backwards else (subject, object_)
        walk = [*(walk or ends[:1]), ends[1]]
    return walk


def _identifier(entity: str) -> str:
    return entity.rsplit("/", 1)[-1]
