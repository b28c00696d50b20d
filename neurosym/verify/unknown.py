"""The bounds of a claim that rests on unknown atoms, by recomputing it under their truth values.

All truth values are tried where the unknown atoms are few. Where they are many, those that only ever help the claim, or
only ever harm it, are set at once; how they reach it is found by a walk over the groundings with signs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from neurosym.errors import ExplanationError
from neurosym.verify.exact import Recomputed
from neurosym.verify.structure import GroundProgram, fault

MAX_TRIED = 6  # unknown atoms of which all truth values are tried, whatever their signs
MAX_MIXED = 10


@dataclass(frozen=True)
class Interval:
    """Bounds recomputed from a certificate.

    Attributes:
        lower, upper: of the claim; `evidence`: the greatest probability of the evidence; `steps`: the work it took.
        tried: how many assignments of truth values.
    """

    lower: float
    upper: float
    evidence: float
    steps: int
    tried: int


def recompute_bounds(
    program: GroundProgram, recompute: Callable[[GroundProgram, int], Recomputed], max_steps: int
) -> Interval:
    """The least and the greatest value of the claim over the truth values of its unknown atoms.

    Args:
        recompute: the value of a program without unknown atoms, within a number of steps.

    Raises:
        ExplanationError: NS820 too many unknown atoms would have to be tried, or too many steps; NS823 the evidence is
            impossible under all truth values; and whatever `recompute` raises.
    """
    unknown = [n for n, choice in enumerate(program.choices) if choice.kind == "open"]
    values: list[Recomputed] = []
    steps = tried = 0
    for assignment in _assignments(program, unknown):
        tried += 1
        try:
            result = recompute(_decided(program, assignment), max_steps - steps)
        except ExplanationError as error:
            if error.code != "NS823":
                raise
            steps += len(program.groundings) + 1
            continue
        steps += result.steps
        values.append(result)
    if not values:
        raise fault("NS823", "the evidence in the certificate has probability 0, whatever holds of the unknown atoms")
    numbers = [v.value for v in values]
    return Interval(min(numbers), max(numbers), max(v.evidence for v in values), steps, tried)


def _decided(program: GroundProgram, assignment: dict[int, bool]) -> GroundProgram:
    """The program with its unknown atoms true or false."""
    choices = tuple(
        replace(c, kind="constant", probabilities=(float(assignment[n]),)) if n in assignment else c
        for n, c in enumerate(program.choices)
    )
    return replace(program, choices=choices)


def _assignments(program: GroundProgram, unknown: Sequence[int]) -> Iterator[dict[int, bool]]:
    if len(unknown) <= MAX_TRIED:
        yield from _every(unknown)
        return
    helping, harming = _signs(program, [program.claim])
    mixed = helping & harming
    if program.evidence:
        mixed |= set.union(*_signs(program, list(program.evidence)))
    # sums under a negation leave [0, 1], where more may be less
    if program.semantics == "sum-product" and any(g.negated for g in program.groundings):
        mixed = set(unknown)
    mixed &= set(unknown)
    if len(mixed) > MAX_MIXED:
        raise ExplanationError(
            f"{len(mixed)} unknown atoms would have to be tried with all their truth values, more than {MAX_MIXED}",
            code="NS820", note="neither confirmed nor refuted", help="give some of them as facts, and explain anew",
        )  # fmt: skip
    rest = [n for n in unknown if n not in mixed]
    for tried in _every(sorted(mixed)):
        yield tried | {n: n in harming for n in rest}
        yield tried | {n: n in helping for n in rest}


def _every(unknown: Sequence[int]) -> Iterator[dict[int, bool]]:
    for values in product((False, True), repeat=len(unknown)):
        yield dict(zip(unknown, values, strict=True))


def _signs(program: GroundProgram, roots: Sequence[int]) -> tuple[set[int], set[int]]:
    """Choices below some facts: through an even number of negations, and through an odd one."""
    by_head: dict[int, list[int]] = {}
    for number, g in enumerate(program.groundings):
        by_head.setdefault(g.head, []).append(number)
    owner = {fact: n for n, choice in enumerate(program.choices) for fact in choice.outcomes}
    stack = [(root, True) for root in roots]
    seen = set(stack)
    while stack:
        fact, sign = stack.pop()
        for number in by_head.get(fact, ()):
            g = program.groundings[number]
            for pair in [*((f, sign) for f in g.body), *((f, not sign) for f in g.negated)]:
                if pair not in seen:
                    seen.add(pair)
                    stack.append(pair)
    return (
        {owner[f] for f, sign in seen if sign and f in owner},
        {owner[f] for f, sign in seen if not sign and f in owner},
    )
