"""An audit as a few tables with a sentence each: what the terminal and the page both show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from neurosym.explain.audit.model import Audit, ConceptValues, RuleUse, Shortcuts

MANY = 10**6  # readings that are written out
# a verdict, and its plural
IN_DOUBT = (("never fires", "never fire"), ("changes nothing", "change nothing"), ("mostly errs", "mostly err"))
SHOWN = 10  # conflicts
NAMED = 2  # rules of a conflict that are otherwise the same
_COLUMNS = (
    "Firings are the instances of the rule itself. Of the answers that it moves, some go towards their label and some "
    "away from it. It saves answers that are decided rightly because of it, and spoils those that are decided wrongly "
    "because of it. Gain is what the rule adds to the logarithm of the probability that a label gets, on average over "
    "the labels: +0.7 is twice as probable, 0 no difference; where it is beyond ±10, some label was held impossible, "
    "with the rule or without it."
)


@dataclass(frozen=True)
class Section:
    """A table.

    Attributes:
        name: of the part, for links; `title`; `lead`: a sentence or two above it.
        head: names of the columns; `rows`: cells as text; the first `left` columns are words, the others numbers.
        doubtful: rows that a reader should look at; more: what the columns mean, for the page.
    """

    name: str
    title: str
    lead: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    left: int = 1
    doubtful: tuple[int, ...] = ()
    more: str = ""


def sections(audit: Audit) -> Iterator[Section]:
    """The parts of an audit, in the order in which they are read."""
    yield _rules(audit)
    yield _conflicts(audit)
    if audit.broken:
        rows = tuple((b.constraint, b.example, b.because, f"{b.instances}", f"{b.worst:.3f}") for b in audit.broken)
        yield Section(
            "constraints", "Violated constraints", "Predictions that the file's constraints forbid.",
            ("constraint", "such as", "because", "instances", "worst"), rows, 3, tuple(range(len(rows))),
        )  # fmt: skip
    if audit.concepts:
        rows = tuple(
            (
                c.concept, c.network, "; ".join(f"{a} read as {b}, {n} times" for a, b, n in c.confused) or "–",
                f"{c.labelled}", f"{100 * c.accuracy:.1f} %", f"{100 * c.mean:.1f} %",
            )
            for c in audit.concepts
        )  # fmt: skip
        yield Section(
            "concepts", "Concepts against their labels",
            "How often a network says the labelled value, and what probability it gives it on average.",
            ("concept", "network", "most confused", "labels", "right", "mean probability"), rows, 3,
        )  # fmt: skip
    if audit.shortcuts is not None:
        yield _shortcuts(audit.shortcuts)


def summary(audit: Audit) -> str:
    """What was audited, in a sentence."""
    text = f"{_count(audit.answers, 'answer')} under `{audit.semantics}`"
    if audit.labelled:
        text += (
            f", {audit.labelled} labelled, {audit.right} of these right ({100 * audit.right / audit.labelled:.1f} %)"
        )
    return text + "."


def _rules(audit: Audit) -> Section:
    doubtful = tuple(k for k, r in enumerate(audit.rules) if r.doubtful)
    verdicts = [r.verdict for r in audit.rules]
    counts = ((v, many, verdicts.count(v)) for v, many in IN_DOUBT)
    said = [f"{n} {verdict if n == 1 else many}" for verdict, many, n in counts if n]
    lead = (
        f"Each rule left out alone, everything computed again. It moves an answer if that changes its probability by "
        f"{audit.least:g} or more, and never fires if nothing that was asked can rest on it. Of "
        f"{_count(len(audit.rules), 'rule')}, {', '.join(said) or 'none is in doubt'}."
    )
    head = ("rule", "verdict", "firings", "moves", "towards truth", "away", "saves", "spoils", "gain")
    return Section("rules", "What the rules do", lead, head, tuple(map(_rule, audit.rules)), 2, doubtful, _COLUMNS)


def _rule(rule: RuleUse) -> tuple[str, ...]:
    if rule.moved is None:
        return (rule.name, rule.verdict, f"{rule.firings}", "", "", "", "", "", "")
    known = rule.gain is not None
    numbers = (rule.right, rule.wrong, rule.saves, rule.spoils)
    return (
        rule.name, rule.verdict, f"{rule.firings}", f"{rule.moved}", *(f"{n}" if known else "" for n in numbers),
        "" if rule.gain is None else f"{rule.gain:+.4f}",
    )  # fmt: skip


def _conflicts(audit: Audit) -> Section:
    lead = "Pairs of rules of which one raises what the other lowers, or that conclude together what is forbidden."
    if not audit.conflicts:
        return Section("conflicts", "Conflicts between rules", "No two rules speak against each other.")
    together = _together(audit)
    if len(together) > SHOWN:
        lead += f" The first {SHOWN} of {len(together)}."
    rows, doubtful = [], []
    for k, ((second, kind, intended, example, detail, count), firsts) in enumerate(list(together.items())[:SHOWN]):
        names = ", ".join(firsts[:NAMED]) + (f" and {len(firsts) - NAMED} more" if len(firsts) > NAMED else "")
        what = detail if kind == "opposite" else f"constraint: {detail}"
        rows.append((names, second, f"{count}", what + (", as expected" if intended else ""), example))
        if not intended:
            doubtful.append(k)
    head = ("rule", "against", "answers", "by", "such as")
    return Section("conflicts", "Conflicts between rules", lead, head, tuple(rows), 5, tuple(doubtful))


def _together(audit: Audit) -> dict[tuple[Any, ...], list[str]]:
    """What is told as one conflict: what a rule raises, all rules before it raise as well."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for c in audit.conflicts:
        found.setdefault((c.second, c.kind, c.intended, c.example, c.detail, c.count), []).append(c.first)
    return found


def unexpected(audit: Audit) -> int:
    """How many conflicts, as they are told, no rule says."""
    return sum(not intended for _, _, intended, *_ in _together(audit))


def _shortcuts(found: Shortcuts) -> Section:
    head = ("concept", "network", "identified", "may be read as", "never shown")
    rows = tuple(_concept(c) for c in found.concepts)
    doubtful = tuple(k for k, c in enumerate(found.concepts) if c.confusable)
    return Section("shortcuts", "Reasoning shortcuts", shortcut_words(found), head, rows, 5, doubtful)


def shortcut_words(found: Shortcuts) -> str:
    """What was counted, in sentences."""
    number = f"{found.readings:,}" if found.readings < MANY else f"about {found.readings:.1e}"
    if found.readings == 1 and found.exact:
        text = "The labels allow only one reading of the concepts: the right one."
    else:
        bound = "" if found.exact else "at least " if found.cut else "at most "
        text = f"{bound}{number} readings of the concepts fit the labels equally well; one of them is right."
        text = text[0].upper() + text[1:]
    if found.example:
        changes = "; ".join(f"{network} says {image} for {value}" for network, value, image in found.example)
        text += f" Another one: {changes}."
    source = "the concept labels show" if found.from_labels else "the labels allow"
    text += f" Looked at: {_count(found.examples, 'combination')} of concept values, those that {source}."
    if found.cut:
        text += " The search stopped at its limits, so there may be more."
    if found.skipped:
        text += f" {_count(found.skipped, 'answer')} rest on too many combinations and were not looked at."
    if found.contradicted:
        text += f" The labels of {_count(found.contradicted, 'sample')} do not follow from any reading."
    return text


def _concept(concept: ConceptValues) -> tuple[str, ...]:
    confusable = "; ".join(f"{v} as {', '.join(images)}" for v, images in concept.confusable)
    unseen = [v for v in concept.values if v not in concept.seen]
    return (
        concept.concept, concept.network, ", ".join(concept.identified) or "none", confusable or "–",
        ", ".join(unseen) or "–",
    )  # fmt: skip


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
