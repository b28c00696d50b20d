"""A predicted treatment told to a pharmacologist: the expert's sentences, and what is known of the two besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from neurosym.explain.words import fill
from neurosym.lang.printer import Printer
from neurosym.links.calibration import Calibration, calibrate, reliability
from neurosym.links.evaluation import KnownAnswers
from neurosym.links.explain import explain_link
from neurosym.links.model import LinkModel
from neurosym.links.network.reach import Adjacency
from neurosym.links.reasons import LinkExplanation, Named, RuleReason
from neurosym.links.rules import Rule, RulesRead
from tasks.repurposing.data import Hetionet

ALL = 10_000  # cited edges are left out one by one, however many they are
NOTES = (
    "A hypothesis for research, from a graph of public data; not for use on patients.",
    "The edges are Hetionet's: a part with up to 5,000 of each kind. What is much studied has more of them. "
    "“Resembles”, of two diseases, says that papers name them together more often than by chance.",
)


class Teller:
    """A trained model's predictions in words.

    Args:
        expert: the rules that were read from the knowledge file, whose sentences and sources are told.
        calibration: of the model's scores; fitted on dev by default.
    """

    def __init__(
        self, data: Hetionet, model: LinkModel, expert: RulesRead, calibration: Calibration | None = None
    ) -> None:
        self.data, self.model = data, model
        self.graph = data.split.graph
        self.adjacency = Adjacency.of(self.graph)
        self.known = KnownAnswers([self.graph.triples], len(self.graph.relations))
        valid, test = data.split.valid, data.split.test
        self.calibration = calibration or calibrate(model, self.adjacency, valid, self.known)
        before = KnownAnswers([self.graph.triples, valid], len(self.graph.relations))
        self.reliability = reliability(model, self.calibration, self.adjacency, test, before)
        self.origins = {str(rule): origin for rule, origin in zip(expert.rules, expert.origins, strict=True)}
        rules = [] if model.rules is None else model.rules.rules
        self.rules: dict[str, Rule] = {str(rule): rule for rule in rules}

    def tell(self, compound: int, disease: int, most: int = 5) -> LinkExplanation:
        """One prediction with its reasons.

        Args:
            most: reasons of each part.
        """
        why = explain_link(
            self.model, self.graph, self.adjacency, compound, self.data.treats, disease, most, most, most,
            known=self.known, calibration=self.calibration, effects=ALL,
        )  # fmt: skip
        head, _, tail = why.query
        triples = self.data.training
        treated = [self._name(self.graph.entities[t]) for t in triples[triples[:, 0] == compound][:, 2]]
        held_out = self._held_out(compound, disease)
        return replace(
            why, claim=f"{self._name(head)} may treat {self._name(tail)}", rules=tuple(map(self._rule, why.rules)),
            truth=True if held_out else None,
            observed=None if why.probability is None else self.reliability.observed(why.probability),
            remark=f"this pair was held out ({held_out}): Hetionet knows it as a treatment" if held_out else "",
            notes=(
                NOTES[0],
                f"{self._name(head)} is {_identifier(head)} in DrugBank, {self._name(tail)} is {_identifier(tail)} in "
                "the Disease Ontology.",
                f"Known to be treated by {self._name(head)}: {', '.join(treated) or 'nothing that was learned from'}.",
                *NOTES[1:],
            ),
        )  # fmt: skip

    def _name(self, entity: str) -> str:
        return self.graph.labels.get(entity, entity)

    def _held_out(self, compound: int, disease: int) -> str:
        for name, triples in (("dev", self.data.split.valid), ("test", self.data.split.test)):
            if ((triples[:, 0] == compound) & (triples[:, 2] == disease)).any():
                return name
        return ""

    def _rule(self, reason: RuleReason) -> RuleReason:
        """With the expert's sentence, source and statements, where the rule is the expert's."""
        origin = self.origins.get(reason.rule)
        if origin is None:
            return reason
        walk = _walk(self.rules[reason.rule], reason.grounding)
        told = [t for t in origin[1:] if t.statement.because] or [t for t in origin[:1] if t.statement.because]
        texts = [fill(t.statement.because or "", {v: self._name(walk[k]) for v, k in t.places.items()}) for t in told]
        source = f"expert rule {origin[0].statement.label}"
        source += f", {origin[0].statement.source}" if origin[0].statement.source else ", an assumption"
        written = "\n\n".join(dict.fromkeys(Printer().statement(t.statement) for t in origin))
        return replace(reason, because="; ".join(texts), source=source, text=written)


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
