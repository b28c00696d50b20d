"""What a predicted link rests on, as data. Text, JSON and pages are views of it; nothing is computed for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

LINK_FORMAT = "neurosym-link/1"

Named = tuple[str, str, str]  # subject, relation, object, as the graph names and stores them


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
        share: what they add.
    """

    relation: str
    inverse: bool
    count: int
    share: float


@dataclass(frozen=True)
class RuleReason:
    """A rule that derives the prediction, and what it adds to the part `rules`.

    Attributes:
        rule: in short; grounding: (subject, relation, object) of the edges of one of its instances.
        share: what it adds; without: the whole score if that instance's edges were not in the graph.
        sparql: a query that is true of the graph (`to_rdf`) as long as the rule derives the prediction.
        text: the rule as a rule file spells it; support, body_count: pairs for which body and head hold, and those for
            which the body does, as mining counted them; both are 0 for a rule that was never counted.
        confidence: as mined, or as an expert has set it.
        because: a sentence that says what the instance says, where somebody wrote one.
        source: who says the rule, where it is not mined.
    """

    rule: str
    share: float
    grounding: tuple[tuple[str, str, str], ...]
    without: float
    sparql: str = ""
    text: str = ""
    support: int = 0
    body_count: int = 0
    confidence: float | None = None
    because: str = ""
    source: str = ""


@dataclass(frozen=True)
class EdgeEffect:
    """An edge that some reason cites, left out alone: the model was asked again over the graph without it.

    Attributes:
        edge: (subject, relation, object) names; without: the whole score then; cited: reasons that rest on it.
    """

    edge: tuple[str, str, str]
    without: float
    cited: int = 1


class AbstractReasons:
    """The views of an explanation; `format` says which data it is."""

    format: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        assert hasattr(self, "__dataclass_fields__"), "explanations are dataclasses"
        return asdict(self)  # type: ignore[call-overload]

    def to_json(self, indent: int | None = 2) -> str:
        """As JSON, full precision; see `neurosym.links.report.schema`."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The explanation that `to_dict` gave; strict.

        Raises:
            ExplanationError: NS860, it is not what the schema says; NS861, it has another format.
        """
        from neurosym.explain.views.typed import check_format, read_value

        check_format("the explanation", dict(data), cls.format)
        return read_value(dict(data), cls)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The explanation that `to_json` wrote; strict, as `from_dict`."""
        from neurosym.explain.views.typed import parse_object

        return cls.from_dict(parse_object(text))

    def to_html(self, path: str | None = None) -> str:
        """The explanation as a page that loads nothing and runs no script; written to `path` (atomically) if given.

        Raises:
            ExplanationError: NS830, the file cannot be written.
        """
        from neurosym.explain.report import write_page
        from neurosym.links.report import reasons_html

        page = reasons_html(self)  # type: ignore[arg-type]  # there are two kinds
        if path is not None:
            write_page(path, page)
        return page


def verdict_words(truth: bool | None, remark: str) -> str:
    """What is known of a prediction's truth: `right`, `WRONG: it is …`, or nothing."""
    known = "" if truth is None else "right" if truth else "WRONG"
    return ": ".join(filter(None, (known, remark)))


@dataclass(frozen=True)
class LinkExplanation(AbstractReasons):
    """What a predicted link rests on.

    Attributes:
        query: (head, relation, tail) names; inverse: whether the tail was given and the head asked for.
        score: the sum of the parts; parts: name → what it adds.
        rank: of the answer among all entities but the other true answers that were given, ties by their mean.
        paths, kinds, rules: the largest of each; told: part → share of it that these restore.
        labels: name → label, of the entities and relations that are mentioned.
        probability: calibrated; None where no calibration was given.
        observed: of other links with about this probability, the share that was true; None where nobody measured it.
        candidates: how many entities the answer was ranked among; 0 where that is not known.
        effects: cited edges, each left out alone, the one of the largest effect first.
        claim: the link as a sentence, where a task words it; notes: what its readers should know.
        truth: whether the link is known to be true; None where that is not known; remark: what is known, in words.
        format: name and version of this format.
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
    probability: float | None = None
    candidates: int = 0
    effects: tuple[EdgeEffect, ...] = ()
    claim: str = ""
    notes: tuple[str, ...] = ()
    truth: bool | None = None
    remark: str = ""
    observed: float | None = None
    format: str = LINK_FORMAT

    @property
    def head(self) -> str:
        """The entity that was given."""
        return self.query[2] if self.inverse else self.query[0]

    @property
    def answer(self) -> str:
        """The entity that was found."""
        return self.query[0] if self.inverse else self.query[2]

    def __str__(self) -> str:
        named = lambda name: self.labels.get(name, name)  # noqa: E731
        head, relation, tail = self.query
        said = "" if self.probability is None else f", p = {self.probability:.3f}"
        said += "" if self.observed is None else f" (of such, {self.observed:.0%} were true)"
        claim = self.claim or f"{named(head)} – {named(relation)} – {named(tail)}"
        lines = [f"{claim}: score {self.score:.3f}, rank {self.rank:g}{said}"]
        lines += [f"  {text}" for text in (verdict_words(self.truth, self.remark), *self.notes) if text]
        lines += [f"  {name}: {value:+.3f}" for name, value in self.parts.items()]
        for r in self.rules:
            lines.append(f"  {r.share:+.3f} rule {r.rule}" + (f" ({r.source})" if r.source else ""))
            instance = "; ".join(f"{named(s)} {named(p)} {named(o)}" for s, p, o in r.grounding)
            lines.append(f"         {r.because or instance}")
        for p in self.paths:
            text = "; ".join(f"{named(s)} {named(r)} {named(o)}" for s, r, o in p.edges) or "the head itself"
            lines.append(f"  {p.share:+.3f} {text}")
        for k in self.kinds:
            way = "is the object of" if k.inverse else "is the subject of"
            what = f"{way} {k.count} {named(k.relation)}" if k.relation else "is what was asked about"
            lines.append(f"  {k.share:+.3f} {named(self.answer)} {what}")
        for e in self.effects:
            s, r, o = map(named, e.edge)
            lines.append(f"  {e.without - self.score:+.3f} without {s} {r} {o}")
        return "\n".join(lines)


__all__ = [
    "LINK_FORMAT", "AbstractReasons", "EdgeEffect", "KindReason", "LinkExplanation", "Named", "PathReason",
    "RuleReason", "verdict_words",
]  # fmt: skip
