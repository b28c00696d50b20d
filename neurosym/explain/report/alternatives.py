"""Why not, and what would change it, in words: shared by the text and the page."""

from __future__ import annotations

from neurosym.explain.alternatives import Change, NearLiteral, NearMiss
from neurosym.explain.model import Explanation
from neurosym.explain.report.wording import percent

INDENT = "  "


def near_title(near: NearMiss) -> str:
    """How near a rule came."""
    if near.fires:
        amount = "" if near.probability is None else f", and gives {percent(near.probability)} by itself"
        return f"{near.name} fires{amount}"
    total = len(near.held) + len(near.failed)
    return f"{near.name} does not fire: {len(near.held)} of {total} conditions hold"


def failure(literal: NearLiteral) -> str:
    """How a literal failed, as one line."""
    match literal.how:
        case "no such fact" | "not derived":
            text = literal.detail or f"there is no {literal.text}"
            return f"{text} (there is {', '.join(literal.nearest)})" if literal.nearest else text
        case "exception":
            return f"{literal.text} applies"
        case "undecided":
            return f"{literal.text} is not decided: {literal.detail}"
        case _:
            return f"{literal.text} is false" + (f": {literal.detail}" if literal.detail else "")


def holding(literal: NearLiteral) -> str:
    """A literal that holds, with its probability where it is uncertain."""
    text = literal.text if literal.probability in (None, 1.0) else f"{literal.text}, {percent(literal.probability)}"
    return f"{text} ({literal.detail})" if literal.detail not in ("", literal.text) else text


def change_title(change: Change) -> str:
    """What is changed, and what the claim is then."""
    return f"{' and '.join(m.label for m in change.moves)}: then {claim_then(change)}"


def claim_then(change: Change) -> str:
    """The probability of the claim after a change, or its bounds."""
    if change.upper - change.lower > 1e-9:
        return f"{percent(change.lower)} – {percent(change.upper)}"
    return percent(change.probability)


def alternative_lines(explanation: Explanation) -> list[str]:
    """Both parts for a terminal; no line where there is nothing to say."""
    lines: list[str] = []
    if explanation.why_not:
        lines += ["", "Why not: the rules that came nearest"]
        for near in explanation.why_not:
            lines += _near_lines(near, 1)
    if explanation.changes:
        lines += ["", "What would change it (each was run)"]
        lines += [f"{INDENT}{change_title(change)}" for change in explanation.changes]
    return lines


def _near_lines(near: NearMiss, depth: int) -> list[str]:
    lines = [f"{INDENT * depth}{near_title(near)}"]
    lines += [f"{INDENT * (depth + 1)}+ {holding(literal)}" for literal in near.held]
    for literal in near.failed:
        lines.append(f"{INDENT * (depth + 1)}- {failure(literal)}")
        for below in literal.below:
            lines += _near_lines(below, depth + 2)
    return lines
