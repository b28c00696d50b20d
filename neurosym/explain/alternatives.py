"""What an explanation says beside its proofs: which rules nearly fired, and what would change the decision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

How = Literal[
    "holds", "no such fact", "not derived", "false comparison", "there", "exception", "false", "undecided", "unknown"
]
DENIED = "it is not so that "  # how the label of a negated literal begins
MoveKind = Literal["remove", "add", "value", "weight"]


@dataclass(frozen=True)
class NearLiteral:
    """A literal of a rule under a substitution.

    Attributes:
        text: as the rule language spells it, with the values filled in; a variable without one stays.
        how: `holds`; `no such fact`, nothing recorded matches; `not derived`, no rule derives it; `false comparison`;
            `there`, a negated atom holds; `exception`, one that applies; `false`, of a group in braces or a test;
            `undecided`, a variable has no value, because the literal that would give it one failed; `unknown`, it rests
            on atoms of `open` predicates that are not among the facts.
        detail: for people: by how much a comparison was missed, what an aggregate gave, what was found.
        probability: that the literal holds, given its substitution; None where it is not known.
        missed_by: of an ordered comparison of numbers or dates (then days), by how much; in the literal's own unit.
        nearest: facts that differ from what is missing in one argument, a few.
        below: for an atom that is not derived, or too weakly, why not, as far as was asked for.
        label: the literal in the words of its predicate's label; empty for a comparison, a group or a test.
        weak: whether it holds with less probability than is asked for of the claim.
    """

    text: str
    how: How
    detail: str = ""
    probability: float | None = None
    missed_by: float | None = None
    nearest: tuple[str, ...] = ()
    below: tuple[NearMiss, ...] = ()
    label: str = ""
    weak: bool = False


@dataclass(frozen=True)
class NearMiss:
    """A rule that could derive the claim, and how near it came.

    Attributes:
        rule: index into the explanation's rules; `name`: what the rule is called.
        fires: whether none of its literals fails, so that it derives the claim, if with less probability than asked.
        probability: for a rule that fires, that its body holds and the rule applies, as if its literals and its weight
            were independent; None for others, and where that is unknown.
        substitution: variable → value, as text; a variable that nothing gave a value is left out.
        held: the literals that hold or are unknown; `failed`: those that do not hold, in the order of the rule.
        weight: of a rule that fires, where it has one; `weak`: whether that is less than is asked for of the claim.
    """

    rule: int
    name: str
    fires: bool
    probability: float | None
    substitution: dict[str, str] = field(default_factory=dict)
    held: tuple[NearLiteral, ...] = ()
    failed: tuple[NearLiteral, ...] = ()
    weight: float | None = None
    weak: bool = False


@dataclass(frozen=True)
class Move:
    """One change to what is given.

    Attributes:
        kind: `remove` a recorded fact; `add` one (an uncertain fact becomes certain); `value`, a number in a recorded
            fact becomes another; `weight`, that of a rule does.
        what: the fact as it is (of `add`, as it would be), or the rule's name; `label`: the change as a sentence, in
            the words of the predicate's label.
        to: the fact or weight that stands in its place, empty for `remove` and `add`.
        by: for `value` and `weight` the new number minus the old one, else None.
    """

    kind: MoveKind
    what: str
    label: str
    to: str = ""
    by: float | None = None


@dataclass(frozen=True)
class Change:
    """A smallest set of moves that flips the decision: no part of it does.

    Attributes:
        moves: what is changed, all at once.
        probability: of the claim then, by running the changed program; `lower`, `upper`: bounds on it, equal to it
            where the method is exact.
        distance: by which sets of one size are ordered: 1 for each fact added or removed, for a number the relative
            move, for a weight the absolute one.
    """

    moves: tuple[Move, ...]
    probability: float
    lower: float
    upper: float
    distance: float


@dataclass(frozen=True)
class Sought:
    """Which changes were looked for: that none was found says something only beside this.

    Attributes:
        changeable: which facts might change, as the caller gave them.
        threshold: what the claim had to cross; `up`: whether it had to rise to it, or to fall below it.
        most: facts in one change.
        more: whether there are more changes than those that are given.
        cut: what was left undone, as sentences; then there may be others, or smaller ones.
    """

    changeable: tuple[str, ...]
    threshold: float
    up: bool
    most: int
    more: bool = False
    cut: tuple[str, ...] = ()


__all__ = ["DENIED", "Change", "How", "Move", "MoveKind", "NearLiteral", "NearMiss", "Sought"]
