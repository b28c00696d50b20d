"""Why not, and what would change it, in words: shared by the text and the page."""

from __future__ import annotations

import re
from typing import get_args

from neurosym.explain.alternatives import DENIED, Change, How, NearLiteral, NearMiss
from neurosym.explain.model import Explanation
from neurosym.explain.report.against import speaks_against
from neurosym.explain.report.wording import answer, main_reason, numbered, percent, sentence

INDENT = "  "
_VARIABLE = re.compile(r"\?\w+")
FAILED = frozenset(get_args(How)) - {"holds", "unknown"}


def near_title(near: NearMiss) -> str:
    """How near a rule came."""
    if near.fires:
        if near.probability is None:
            return f"{near.name} fires if what is unknown is so"
        return f"{near.name} fires, and gives {percent(near.probability)} by itself"
    total = len(near.held) + len(near.failed)
    return f"{near.name} does not fire: {len(near.held)} of {total} conditions hold"


def failure(literal: NearLiteral) -> str:
    """How a literal failed, as one line."""
    match literal.how:
        case "no such fact" | "not derived":
            text = literal.detail or f"there is no {literal.text}"
            return f"{text} (there is {', '.join(literal.nearest)})" if literal.nearest else text
        case "there":
            return f"{literal.detail or _denied(literal)}, which must not be so"
        case "exception":
            return f"{literal.text} applies"
        case "undecided":
            return f"{literal.text} is not decided: {literal.detail}"
        case _:
            return f"{literal.text} is false" + (f": {literal.detail}" if literal.detail else "")


def holding(literal: NearLiteral) -> str:
    """A literal that holds, or that is unknown, with its probability where it is uncertain."""
    text = literal.label or literal.detail or literal.text  # of a count the detail is what it came to
    if literal.how == "unknown":
        bounds = f", {literal.detail}" if literal.detail else ""
        return f"{literal.label or literal.text}: unknown{bounds}"
    if literal.probability not in (None, 1.0):
        text += f": {percent(literal.probability)}" + (" only" if literal.weak else "")
    return text


def aside(literal: NearLiteral) -> str:
    """The literal as the rule language spells it, where its line does not say it already; for small print."""
    line = failure(literal) if literal.how in FAILED else holding(literal)
    if _VARIABLE.sub("…", literal.text) in line:
        return ""
    return "" if literal.text in line or literal.text.removeprefix("not ") in line else literal.text


def mark(literal: NearLiteral) -> tuple[str, str]:
    """The sign before a literal, and what it says to who cannot see it."""
    if literal.how == "unknown":
        return "?", "unknown"
    if literal.how != "holds":
        return "✗", "fails"
    return ("~", "too weak") if literal.weak else ("✓", "holds")


def weight_line(near: NearMiss) -> str:
    """That a rule applies with its weight alone; empty where it has none."""
    return "" if near.weight is None else f"the rule {near.name} applies: {percent(near.weight)}" + " only" * near.weak


def reason_against(explanation: Explanation) -> str:
    """What most keeps a claim under its threshold, as a clause; empty where that was not looked for."""
    return _point(explanation.why_not[0]) if explanation.why_not else ""


def main_point(explanation: Explanation) -> str:
    """The main reason in one sentence: for the claim, or against it where nothing supports it."""
    against = reason_against(explanation)
    return main_reason(explanation) if explanation.proofs or not against else sentence(f"against it: {against}")


def headline(explanation: Explanation) -> str:
    """The claim with its number and the main reasons for and against it."""
    if speaks := speaks_against(explanation):
        return f"{answer(explanation)} Speaks against it: {speaks}"
    against = reason_against(explanation)
    if not against:
        return answer(explanation)
    said = sentence(f"Main reason against it: {against}")
    return f"{answer(explanation)} {said}" if explanation.proofs else f"{numbered(explanation)}. {said}"


def _point(near: NearMiss) -> str:
    """The literal on which a rule fails most."""
    if not near.fires:
        first = next((x for x in near.failed if x.how != "undecided"), near.failed[0])
        deeper = next((b for b in first.below if not b.fires), None)
        return failure(first) + (f", because {_point(deeper)}" if deeper is not None else "")
    literals = [(x.probability, x) for x in near.held if x.weak and x.probability is not None]
    least, weakest = min(literals, key=lambda pair: pair[0], default=(1.0, None))
    if near.weak and near.weight is not None and near.weight <= least:
        return weight_line(near)
    if weakest is not None:
        positive = _denied(weakest)
        return f"{positive}: {percent(1 - least)}" if positive else holding(weakest)
    unknown = next((x for x in near.held if x.how == "unknown"), None)
    if unknown is not None:
        return f"it is unknown whether {_denied(unknown) or unknown.label or unknown.text}"
    return near_title(near) if near.probability is not None and near.probability < 1 else ""


def _denied(literal: NearLiteral) -> str:
    """What a negated literal says is not so; empty for any other."""
    return literal.label.removeprefix(DENIED) if literal.label.startswith(DENIED) else ""


def change_title(change: Change) -> str:
    """What is changed, and what the claim is then."""
    return f"{' and '.join(m.label for m in change.moves)}: then {claim_then(change)}"


def claim_then(change: Change) -> str:
    """The probability of the claim after a change, or its bounds."""
    if change.upper - change.lower > 1e-9:
        return f"{percent(change.lower)} – {percent(change.upper)}"
    return percent(change.probability)


def change_asides(change: Change) -> list[str]:
    """For each move its atom, where the sentence does not say it; for small print."""
    asides = []
    for move in change.moves:
        atoms = [a for a in (move.what, move.to) if a]
        shown = move.kind == "weight" or all(a in move.label for a in atoms)
        asides.append("" if shown else " becomes ".join(atoms))
    return asides


def sought_line(explanation: Explanation) -> str:
    """What the changes that are shown are worth: that there are none, or more; empty where nothing is to be said."""
    sought = explanation.sought
    if sought is None:
        return ""
    if explanation.changes:
        count = len(explanation.changes)
        return f"The {count} smallest are shown; there are more." if sought.more else ""
    named = " or ".join(sought.changeable) or "anything that was declared changeable"
    goal = "brings it to" if sought.up else "brings it under"
    facts = "one fact" if sought.most == 1 else f"up to {sought.most} facts"
    if sought.cut:
        return f"No change of {named} by {facts} was found that {goal} {percent(sought.threshold)}; the search was cut."
    return f"No change of {named} by {facts} {goal} {percent(sought.threshold)}."


def alternative_lines(explanation: Explanation) -> list[str]:
    """Both parts for a terminal; no line where there is nothing to say."""
    lines: list[str] = []
    if explanation.why_not:
        lines += ["", "Why not: the rules that came nearest"]
        for near in explanation.why_not:
            lines += _near_lines(near, 1)
    if explanation.changes:
        lines += ["", "What would change it (each was run)"]
        for change in explanation.changes:
            small = [a for a in change_asides(change) if a]
            lines.append(f"{INDENT}{change_title(change)}" + (f"  [{'; '.join(small)}]" if small else ""))
    elif explanation.sought is not None:
        lines += ["", "What would change it"]
    if sought_line(explanation):
        lines.append(f"{INDENT}{sought_line(explanation)}")
    return lines


def _near_lines(near: NearMiss, depth: int) -> list[str]:
    lines = [f"{INDENT * depth}{near_title(near)}"]
    inner = INDENT * (depth + 1)
    if near.weight is not None:
        lines.append(f"{inner}{'~' if near.weak else '+'} {weight_line(near)}")
    for literal in (*near.held, *near.failed):
        sign = {"✓": "+", "✗": "-"}.get(mark(literal)[0], mark(literal)[0])
        line = failure(literal) if literal.how in FAILED else holding(literal)
        small = aside(literal)
        lines.append(f"{inner}{sign} {line}" + (f"  [{small}]" if small else ""))
        for below in literal.below:
            lines += _near_lines(below, depth + 2)
    return lines
