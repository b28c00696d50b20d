"""Does the claim follow from the certificate?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from neurosym.errors import ExplanationError
from neurosym.lang.ast import Program
from neurosym.verify.algebras import ALGEBRAS, recompute_algebra
from neurosym.verify.exact import Opened, Recomputed, recompute_exact
from neurosym.verify.graph import Layout
from neurosym.verify.logic import read_logic, recompute_logic
from neurosym.verify.rules import Facts, Given, compare_logic, compare_with
from neurosym.verify.structure import LOGIC, GroundProgram, fault, read_structure
from neurosym.verify.unknown import recompute_bounds
from neurosym.verify.view import Numbers, compare_bounds_view, compare_view, read_view

# who shows it, the number, and the bounds
Shown = tuple[str, float | None, tuple[float, float] | None]
MAX_FACTS = 200_000
MAX_GROUNDINGS = 500_000
MAX_STEPS = 3_000_000
MAX_ROUNDS = 10_000
MORE_STEPS = 100_000  # for the probabilities that are shown beside the claim's, beyond as many as the claim took
PROVED = "topk"  # proved bounds on the probability
PROBABILITIES = ("exact", PROVED)
FORMULAS = ("that the formulas are instances of the constraints, with their weights", "that none was left out")
UNCHECKED = ("that the ground rules are instances of the rules", "that the facts are in the data")


@dataclass(frozen=True)
class Verification:
    """A claim that was recomputed from its certificate, and agreed.

    Attributes:
        atom: the claim; `semantics`: what its number means.
        value: recomputed, of bounds the midpoint; `bounds`: recomputed, where the claim rests on unknown atoms;
            `claimed`: what the certificate says; `tolerance`: how far apart they may be.
        evidence_probability: that of the observations, 1 where there are none.
        facts, choices, groundings: the size of the certificate; `steps`: the work it took.
        checked: what was confirmed, in words; `unchecked`: what of the certificate was not looked at; `unlooked`: what
            of the explanation that shows it was not.
    """

    atom: str
    semantics: str
    value: float
    claimed: float
    tolerance: float
    evidence_probability: float
    facts: int
    choices: int
    groundings: int
    steps: int
    checked: tuple[str, ...]
    unchecked: tuple[str, ...]
    bounds: tuple[float, float] | None = None
    unlooked: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """How far apart the two numbers are."""
        return abs(self.value - self.claimed)

    def __str__(self) -> str:
        between = "" if self.bounds is None else f" (between {self.bounds[0]:.9g} and {self.bounds[1]:.9g})"
        return (
            f"{self.atom}: {self.value:.9g}{between} recomputed, {self.claimed:.9g} claimed ({self.semantics}; "
            f"{self.choices} choices, {self.groundings} groundings)"
        )


def verify_certificate(
    certificate: Mapping[str, Any],
    expected: float | None = None,
    tolerance: float = 1e-6,
    *,
    max_steps: int = MAX_STEPS,
    max_facts: int = MAX_FACTS,
    max_groundings: int = MAX_GROUNDINGS,
    max_rounds: int = MAX_ROUNDS,
    expected_bounds: tuple[float, float] | None = None,
    program: Program | None = None,
    facts: Facts = (),
    given: Given | None = None,
    shown: Mapping[str, Any] | None = None,
    contributions: bool = False,
) -> Verification:
    """Recompute a claim from its certificate, with code that shares nothing with the engine.

    Args:
        certificate: as plain data, see `neurosym.explain.model.Certificate`.
        expected: the number that the reader was shown; the certificate's own must agree with it too.
        tolerance: how far apart two numbers may be; relative where they are larger than 1, as counts are.
        max_steps: formulas that may be visited; `max_rounds`: rounds for a cycle of an algebra to settle.
        max_facts, max_groundings: the largest certificate that is read.
        expected_bounds: those that the reader was shown, where the claim rests on unknown atoms.
        program: the rules, and `facts`: the data beside them, plain ground atoms (predicate, values of
            `neurosym.lang.terms`), or rows by (predicate, arity). With them each step is checked as well, and nothing
            may be missing; without, only the number is.
        given: the same with limits, observations and learned weights; in place of `program` and `facts`.
        shown: the explanation that carries the certificate, as plain data: what it shows must be what is certified.
        contributions: recompute what the claim is without each rule and leaf, as far as that takes no grounding; each
            costs about as much as the claim.

    Raises:
        ExplanationError: NS810 to NS819 the certificate is malformed; NS820 a limit was reached, so that nothing is
            known; NS821 the numbers differ; NS822 the semantics cannot be verified; NS823 the evidence is impossible;
            NS824 to NS829 and NS831 to NS834 rules and facts say otherwise; NS836 something else is shown.
    """
    found = read_structure(certificate, max_facts, max_groundings)
    known = given or (None if program is None else Given(program, facts))
    shows = _shows(found, expected, expected_bounds)
    if found.semantics == LOGIC:
        return _verify_logic(certificate, found, shows, tolerance, max_steps, max_groundings, known, shown)
    if found.semantics not in (*PROBABILITIES, *ALGEBRAS):
        raise ExplanationError(
            f"a claim under the semantics {found.semantics!r:.60} cannot be verified", code="NS822",
            note=f"known: {', '.join([*PROBABILITIES, *ALGEBRAS, LOGIC])}",
        )  # fmt: skip
    Layout(found, range(len(found.atoms)), certain_is_true=False)  # negation through a cycle, anywhere
    # before the number: a step that no rule gives can make a certificate whose number cannot be found
    absorbs = found.semantics in PROBABILITIES or ALGEBRAS[found.semantics].absorbs
    findings = None if known is None else compare_with(certificate, found, known, absorbs)
    again = partial(_recompute, max_rounds=max_rounds)
    number = _number(found, again, max_steps)
    checked = ["the certificate is well formed", "the number follows from the certificate", *number.checked]
    checked += _agree(found, number, shows, tolerance)
    unchecked = _not_compared(found, number) if findings is None else findings.unchecked
    if findings is not None:
        checked += findings.checked
    bounds = found.bounds if found.semantics == PROVED else number.bounds
    unlooked: tuple[str, ...] = ()
    if shown is not None:
        # with proved bounds, what is shown beside the claim are midpoints
        opened = None if found.semantics == PROVED else number.opened
        numbers = Numbers(found, opened, number.result.tags, MORE_STEPS + number.result.steps)
        alone = again if contributions and bounds is None else None
        basis = None if findings is None else findings.basis
        looked = compare_view(read_view(shown), certificate, found, numbers, basis, tolerance, alone, max_steps)
        checked += looked.checked
        unlooked = looked.unchecked
    return _confirmed(found, number.result, bounds, shows, tolerance, checked, unchecked, unlooked)


@dataclass(frozen=True)
class _Number:
    """The claim's number anew.

    Attributes:
        bounds: where the claim rests on unknown atoms, whose middle is then the number; opened: the formula by which a
            probability was found; checked: in words, what that confirms beyond the number.
    """

    result: Recomputed
    bounds: tuple[float, float] | None = None
    opened: Opened | None = None
    checked: tuple[str, ...] = ()


def _number(found: GroundProgram, again: Callable[[GroundProgram, int], Recomputed], max_steps: int) -> _Number:
    if any(c.kind == "open" for c in found.choices):
        interval = recompute_bounds(found, again, max_steps)
        bounds = (interval.lower, interval.upper)
        result = Recomputed(sum(bounds) / 2, interval.evidence, interval.steps)
        tried = f"its bounds, by {interval.tried} assignments of truth values to the unknown atoms"
        return _Number(result, bounds, None, (tried,))
    if found.semantics in PROBABILITIES:
        opened = Opened(found, max_steps)
        return _Number(opened.result, None, opened)
    return _Number(again(found, max_steps))


def _shows(
    found: GroundProgram, expected: float | None, expected_bounds: tuple[float, float] | None
) -> tuple[Shown, ...]:
    certified: Shown = ("the certificate", found.value, found.bounds)
    if expected is None and expected_bounds is None:
        return (certified,)
    return certified, ("the explanation", expected, expected_bounds)


def _agree(found: GroundProgram, number: _Number, shows: tuple[Shown, ...], tolerance: float) -> list[str]:
    """What is shown agrees with the number; gives what that confirms beyond it, in words.

    Raises:
        ExplanationError: NS821.
    """
    claim, value = found.atoms[found.claim], number.result.value
    if found.semantics == PROVED:
        for who, middle, ends in shows:
            _between(who, middle, ends, value, tolerance, claim)
        return ["that the probability, recomputed in full, lies between its bounds"]
    _same(shows, number.bounds or (value, value), value, tolerance, claim, claim)
    return []


def _same(
    shows: tuple[Shown, ...], bounds: tuple[float, float], value: float, tolerance: float, claim: str, what: str
) -> None:  # fmt: skip
    """Bounds and number are as recomputed; `what` names the number.

    Raises:
        ExplanationError: NS821.
    """
    for who, shown, ends in shows:
        for end, recomputed in zip(ends or (), bounds, strict=False):
            _compare(who, end, recomputed, tolerance, f"a bound of {claim}")
        if shown is not None:
            _compare(who, shown, value, tolerance, what)


def _not_compared(found: GroundProgram, number: _Number) -> list[str]:
    """What is not looked at without rules and facts."""
    unchecked = [*UNCHECKED, *(f"what the Python function of `{name}` answered" for name in found.foreign)]
    if found.kinds[found.claim] == "absent":
        unchecked.append("that nothing derives the claim")
    if number.bounds is not None:
        unchecked.append("that the unknown atoms are not in the data")
    return unchecked


def _verify_logic(
    certificate: Mapping[str, Any], found: GroundProgram, shows: tuple[Shown, ...], tolerance: float, max_steps: int,
    max_units: int, known: Given | None, shown: Mapping[str, Any] | None,
) -> Verification:  # fmt: skip
    """Settle the bounds of a claim anew; see `verify_certificate`."""
    logic = read_logic(certificate.get("logic"), found, max_units)
    settled, bounds = recompute_logic(found, logic, max_steps)
    linked = settled.crossed or not settled.still
    findings = None if known is None else compare_logic(certificate, found, logic, known, linked)
    if found.bounds is None:
        raise fault("NS810", "the certificate has no `bounds`")
    middle, claim = sum(bounds) / 2, found.atoms[found.claim]
    _same(shows, bounds, middle, tolerance, claim, f"the middle of the bounds of {claim}")
    checked = ["the certificate is well formed", "the bounds follow from the certificate"]
    unchecked = [*UNCHECKED, *FORMULAS] if findings is None else findings.unchecked
    if findings is not None:
        checked += findings.checked
    unlooked: tuple[str, ...] = ()
    if shown is not None:
        looked = compare_bounds_view(read_view(shown), certificate, found, logic, settled, tolerance)
        checked += looked.checked
        unlooked = looked.unchecked
    result = Recomputed(middle, 1.0, settled.steps)
    return _confirmed(found, result, bounds, shows, tolerance, checked, unchecked, unlooked)


def _confirmed(
    found: GroundProgram, result: Recomputed, bounds: tuple[float, float] | None, shows: tuple[Shown, ...],
    tolerance: float, checked: Sequence[str], unchecked: Sequence[str], unlooked: tuple[str, ...],
) -> Verification:  # fmt: skip
    claimed = shows[-1][1]
    return Verification(
        atom=found.atoms[found.claim], semantics=found.semantics, value=result.value,
        claimed=found.value if claimed is None else claimed, tolerance=tolerance, evidence_probability=result.evidence,
        facts=len(found.atoms), choices=len(found.choices), groundings=len(found.groundings), steps=result.steps,
        checked=tuple(checked), unchecked=tuple(unchecked), bounds=bounds, unlooked=unlooked,
    )  # fmt: skip


def _recompute(program: GroundProgram, max_steps: int, max_rounds: int) -> Recomputed:
    """The claim's value, without unknown atoms."""
    if program.semantics in PROBABILITIES:
        return recompute_exact(program, max_steps)
    return recompute_algebra(program, max_rounds)


def _between(
    who: str, middle: float | None, ends: tuple[float, float] | None, recomputed: float, tolerance: float, atom: str
) -> None:
    """A probability lies between two bounds, and what is said to be in their middle is.

    Raises:
        ExplanationError: NS821.
    """
    lower, upper = ends or (middle, middle)
    if lower is None or upper is None:
        return
    _compare(who, max(lower, min(upper, recomputed)), recomputed, tolerance, f"a bound of {atom}")
    if middle is not None:
        _compare(who, middle, (lower + upper) / 2, tolerance, f"the middle of the bounds of {atom}")


def _compare(who: str, claimed: float, recomputed: float, tolerance: float, atom: str) -> None:
    # written so that a NaN on either side fails
    if not abs(claimed - recomputed) <= tolerance * max(1.0, abs(recomputed)) or math.isnan(tolerance):
        raise ExplanationError(
            f"the claim does not follow: {who} says {claimed!r} for {atom}, recomputed it is {recomputed!r}",
            code="NS821", note="the number, a probability or a grounding was changed, or the engine erred",
            help="do not rely on this explanation; make it anew",
        )  # fmt: skip
