"""One explanation of a link or of a class as a self-contained HTML page, made to be read by an expert of the domain."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment

from neurosym.explain.report.page import environment
from neurosym.explain.report.wording import percent, plural
from neurosym.links.reasons import LinkExplanation
from neurosym.links.report.bars import Bar, bars
from neurosym.links.report.picture import draw
from neurosym.links.report.sections import sections
from neurosym.links.report.words import Reasons, Words, claim_of, main_reason, number, signed
from neurosym.version import version


def reasons_html(why: Reasons) -> str:
    """The explanation as a page: no network, no script; every string in it is escaped."""
    drawn = draw(why)
    told = sections(why)
    return templates().get_template("reasons.html").render(
        e=why,
        title=claim_of(why),
        over=f"Predicted {'link' if isinstance(why, LinkExplanation) else 'class'} and its reasons",
        lead=main_reason(why),
        figure=figure(why),
        measure=_measure(why),
        gauge=why.probability,
        verdict=verdict(why),
        parts=_parts(why),
        sections=told,
        effects=_effects(why),
        others=_others(why),
        drawing=drawn[0] if drawn else None,
        left_out=drawn[1] if drawn else 0,
        names=_names(why),
        method=_method(why),
        replayed=any(line.sparql for s in told for line in s.lines),
        version=version(),
    )  # fmt: skip


def templates() -> Environment:
    """Those of the reports, and this room's own."""
    return environment(Path(__file__).with_name("templates"))


def figure(why: Reasons) -> str:
    """The number on top: a probability where there is one, else the score."""
    if why.probability is None:
        return number(why.score)
    return percent(min(max(why.probability, 1e-12), 1 - 1e-12))  # no score makes certain; a float may be 1


def verdict(why: Reasons) -> tuple[str, str]:
    """`right`, `wrong` or `unknown`, and what is known in words."""
    kind = "unknown" if why.truth is None else "right" if why.truth else "wrong"
    return kind, why.remark


def rank_words(why: LinkExplanation) -> str:
    """The rank, and among how many."""
    return f"rank {why.rank:g}" + (f" of {why.candidates:,}" if why.candidates else "")


def _measure(why: Reasons) -> str:
    if not isinstance(why, LinkExplanation):
        count = len(why.others) + 1
        return f"probability among {count:,} class{'' if count == 1 else 'es'}; score {number(why.score)}"
    if why.probability is None:
        return f"score, {rank_words(why)}"
    such = "" if why.observed is None else f", of such {percent(why.observed)} were true elsewhere"
    return f"calibrated probability{such}; score {number(why.score)}, {rank_words(why)}"


PARTS = {
    "rules": "rules that derive it", "prior": "the answer by itself", "paths": "paths that join the two",
    "messages": "what a network of any weights makes of the graph", "encoder": "what the encoder makes of the graph",
}  # fmt: skip


def _parts(why: Reasons) -> list[Bar]:
    """Each part of the score, and their sum."""
    rows = [(PARTS.get(name, name), value, signed(value), "") for name, value in why.parts.items()]
    return bars([*rows, ("score", why.score, number(why.score), "")], strong=len(rows))


def _effects(why: Reasons) -> list[Bar]:
    """Cited edges, each left out alone."""
    words = Words(why.labels)
    return bars([
        (words.edge(e.edge), e.without - why.score, signed(e.without - why.score),
         f"cited by {plural(e.cited, 'reason')}; score without it: {number(e.without)}")
        for e in why.effects
    ])  # fmt: skip


def _others(why: Reasons) -> list[Bar]:
    """All classes by their scores."""
    if isinstance(why, LinkExplanation):
        return []
    words = Words(why.labels)
    scores = sorted({why.answer: why.score, **why.others}.items(), key=lambda pair: -pair[1])
    at = next(k for k, (name, _) in enumerate(scores) if name == why.answer)
    return bars([(words.name(name), score, number(score), "") for name, score in scores], at)


def _names(why: Reasons) -> list[tuple[str, str]]:
    """The claim as the graph names it."""
    if isinstance(why, LinkExplanation):
        head, relation, tail = why.query
        return [
            ("Head", head),
            ("Relation", relation),
            ("Tail", tail),
            ("Asked for", "head" if why.inverse else "tail"),
        ]
    return [("Entity", why.entity), ("Relation", why.relation), ("Class", why.answer)]


def _method(why: Reasons) -> list[str]:
    if not isinstance(why, LinkExplanation):
        return [
            "The score of a class is the sum of its parts, which were trained together; a softmax over the classes "
            "makes the probability. It is as the model gives it, and was not calibrated.",
            "The relation of the classes itself, and what says the same by another name, is not in the graph that is "
            "reasoned from. Rules may read the labels that are known of others: questions about rules are asked of the "
            "graph with these labels.",
        ]
    sentences = [
        "The score is the sum of its parts, and each part is the sum of its reasons. The rank is the place of the "
        "score among all entities that are not known answers already.",
        "An edge that is missing from the graph is no evidence against anything.",
    ]
    if "messages" in why.parts:
        sentences.append(
            "To the network of messages an edge may speak against a link, even one that a reason cites: the score is "
            "higher without it then."
        )
    if why.probability is not None:
        sentences.append(
            "The probability is calibrated on links that were kept from learning: it says how likely this link is, "
            "among as many hidden ones as there were. A true link that nobody has written down counts as false there."
        )
    if why.observed is not None:
        sentences.append(
            "Beside it stands what such probabilities were worth on other links, which nothing was learned from: of "
            "those with about this one, the share that was true. Where the two differ, believe that share."
        )
    return sentences
