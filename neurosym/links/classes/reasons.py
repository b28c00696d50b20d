"""What a predicted class rests on, as data. Text, JSON and pages are views of it; nothing is computed for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from neurosym.links.reasons import AbstractReasons, EdgeEffect, RuleReason, verdict_words

CLASS_FORMAT = "neurosym-class/1"
IRI = re.compile(r"https?://[^\s(),]+")


@dataclass(frozen=True)
class EdgeReason:
    """An edge and what the score owes it.

    Attributes:
        edge: (subject, relation, object) names.
        encoder: by how much the part `encoder` falls if the edge is not in the graph; without: the whole score then.
        sparql: a query that is true of the graph as long as it has the edge.
    """

    edge: tuple[str, str, str]
    encoder: float
    without: float
    sparql: str = ""


@dataclass(frozen=True)
class ClassExplanation(AbstractReasons):
    """What a predicted class rests on.

    Attributes:
        entity, answer: names; score: the sum of the parts; probability: among the classes.
        parts: name → what it adds to the class's score; others: class → its score.
        rules: the largest of those that fire; edges: those of the largest effect on the encoder, for or against.
        told: part → share of it that the listed rules restore.
        searched, reachable: edges that were left out, one at a time, and those that the encoder could hear of.
        labels: name → label, of the entities and relations that are mentioned.
        relation: from entities to their classes, by name; empty where that is not known.
        effects: edges that rules cite, each left out alone, the one of the largest effect first.
        claim: the prediction as a sentence, where a task words it; notes: what its readers should know.
        truth: whether the class is known to be right; None where that is not known; remark: what is known, in words.
        format: name and version of this format.
    """

    entity: str
    answer: str
    score: float
    probability: float
    parts: dict[str, float]
    others: dict[str, float]
    rules: tuple[RuleReason, ...] = ()
    edges: tuple[EdgeReason, ...] = ()
    told: dict[str, float] = field(default_factory=dict)
    searched: int = 0
    reachable: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    relation: str = ""
    effects: tuple[EdgeEffect, ...] = ()
    claim: str = ""
    notes: tuple[str, ...] = ()
    truth: bool | None = None
    remark: str = ""
    format: str = CLASS_FORMAT

    def __str__(self) -> str:
        named = lambda name: self.labels.get(name) or _local(name)  # noqa: E731
        lines = [f"{named(self.entity)} → {named(self.answer)}: score {self.score:.3f}, p = {self.probability:.3f}"]
        lines += [f"  {text}" for text in (verdict_words(self.truth, self.remark), *self.notes) if text]
        lines += [f"  {name}: {value:+.3f}" for name, value in self.parts.items()]
        lines += [f"  against {named(c)}: {s:.3f}" for c, s in sorted(self.others.items(), key=lambda o: -o[1])]
        for r in self.rules:
            lines.append(f"  {r.share:+.3f} rule {IRI.sub(lambda found: named(found[0]), r.rule)}")
            instance = "; ".join(f"{named(s)} – {named(p)} – {named(o)}" for s, p, o in r.grounding)
            lines.append(f"         {r.because or instance} (score without: {r.without:.3f})")
        for e in self.edges:
            s, p, o = map(named, e.edge)
            effect = f"{e.encoder:+.3f} of the encoder's part"
            lines.append(f"  {effect}: {s} – {p} – {o} (score without: {e.without:.3f})")
        for e in self.effects:
            s, p, o = map(named, e.edge)
            lines.append(f"  {e.without - self.score:+.3f} without {s} – {p} – {o}")
        if self.searched < self.reachable:
            lines.append(f"  {self.searched:,} of {self.reachable:,} edges were left out in turn, the nearest first")
        return "\n".join(lines)


def _local(name: str) -> str:
    """The end of an IRI, for people to read; any other name as it is."""
    return re.split(r"[#/]", name.rstrip("#/"))[-1] if IRI.fullmatch(name) else name


__all__ = ["CLASS_FORMAT", "ClassExplanation", "EdgeReason"]
