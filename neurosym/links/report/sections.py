"""The parts of a score as sections of a page: each with its reasons, and what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neurosym.explain.report.wording import plural
from neurosym.links.reasons import KindReason, LinkExplanation, RuleReason
from neurosym.links.report.bars import Bar, bars
from neurosym.links.report.words import Reasons, Words, number, signed

MESSAGES = (
    "A network whose weights may be negative adds this much as a whole: it is no sum of reasons. What the score is "
    "without an edge of the shortest paths to the answer is told below."
)
LEAST = 0.0005  # a rest below this is what rounding leaves


@dataclass(frozen=True)
class Line:
    """A reason as the page tells it.

    Attributes:
        text: a sentence; bar: what it adds; sub: short remarks.
        edges: it rests on, where the sentence does not spell them; rule: in short; code: as rule file; sparql: replays.
    """

    text: str
    bar: Bar
    sub: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()
    rule: str = ""
    code: str = ""
    sparql: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the score: its reasons, and what the others of it add; empty where nothing is left."""

    id: str
    title: str
    note: str
    lines: tuple[Line, ...]
    rest: Bar | None = None


def sections(why: Reasons) -> list[Section]:
    """The parts that have anything to say."""
    words = Words(why.labels)
    found: list[Section] = []
    if "rules" in why.parts:
        found.append(_rules(why, words))
    if isinstance(why, LinkExplanation):
        if "paths" in why.parts:
            found.append(_paths(why, words))
        if "messages" in why.parts:
            found.append(_section(why, "messages", "Messages", MESSAGES, []))
        if "prior" in why.parts:
            found.append(_kinds(why, words))
    elif "encoder" in why.parts:
        found.append(_encoder(why, words))
    return [s for s in found if s.lines or s.rest]


def _section(
    why: Reasons, id: str, title: str, note: str, rows: Sequence[tuple[float, dict[str, Any]]]
) -> Section:  # fmt: skip
    """Reasons whose shares, with the rest, are a part of the score."""
    rest = why.parts[id] - sum(share for share, _ in rows)
    shares = [*(share for share, _ in rows), *([rest] if abs(rest) >= LEAST else [])]
    # on the scale of the whole score, so that bars of different parts compare
    drawn = bars([("", share, signed(share), "") for share in shares], scale=[why.score, *why.parts.values()])
    lines = tuple(Line(bar=bar, **about) for bar, (_, about) in zip(drawn, rows, strict=False))
    return Section(id, title, note, lines, drawn[-1] if len(shares) > len(rows) else None)


def _without(score: float) -> str:
    return f"score without these edges: {number(score)}"


def _restored(why: Reasons, part: str) -> str:
    told = why.told.get(part)
    return "" if told is None else f" Those listed restore {100 * told:.0f}% of this part."


def _rules(why: Reasons, words: Words) -> Section:
    def told(r: RuleReason) -> dict[str, Any]:
        edges = tuple(map(words.edge, dict.fromkeys(r.grounding))) if r.because else ()
        sub = tuple(filter(None, (words.basis(r), _without(r.without))))
        return {"text": words.because(r), "sub": sub, "edges": edges, "rule": words.rule(r), "code": r.text,
                "sparql": r.sparql}  # fmt: skip

    note = "Rules that derive the prediction; for each, one of its instances." + _restored(why, "rules")
    return _section(why, "rules", "Rules", note, [(r.share, told(r)) for r in why.rules])


def _paths(why: LinkExplanation, words: Words) -> Section:
    rows = [
        (p.share, {"text": words.edges(p.edges) or f"{words.name(why.head)} itself", "sub": (_without(p.without),),
                   "sparql": p.sparql if p.edges else ""})
        for p in why.paths
    ]  # fmt: skip
    note = "Paths of the graph that the network followed; its score is exactly the sum of all paths."
    return _section(why, "paths", "Paths", note + _restored(why, "paths"), rows)


def _kinds(why: LinkExplanation, words: Words) -> Section:
    answer = words.name(why.answer)
    rows = [(k.share, {"text": _kind(k, answer, words)}) for k in why.kinds]
    note = f"What the numbers of its edges of a kind add for {answer}, whoever is asked about."
    return _section(why, "prior", "The answer by itself", note, rows)


def _kind(kind: KindReason, answer: str, words: Words) -> str:
    if not kind.relation:
        return f"{answer} is what was asked about"
    way = "object" if kind.inverse else "subject"
    return f"{answer} is the {way} of {plural(kind.count, 'edge')} of the kind “{words.relation(kind.relation)}”"


def _encoder(why: Reasons, words: Words) -> Section:
    assert not isinstance(why, LinkExplanation)
    drawn = bars([("", e.encoder, signed(e.encoder), "") for e in why.edges])
    lines = tuple(
        Line(words.edge(e.edge), bar, (f"score without this edge: {number(e.without)}",), sparql=e.sparql)
        for e, bar in zip(why.edges, drawn, strict=True)
    )
    note = (
        "An encoder of the whole graph is no sum of reasons. Each edge was left out alone and the encoder run again: "
        "the number is by how much its part falls without the edge. The numbers need not add up."
    )
    if why.searched < why.reachable:
        note += f" {why.searched:,} of the {why.reachable:,} edges in reach were left out in turn, the nearest first."
    return Section("encoder", "Edges that the encoder heeds", note, lines)
