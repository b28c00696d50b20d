"""What would change a decision: the smallest changes of facts, numbers and weights that flip it, each of them run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from warnings import warn

from neurosym.errors import ApproximationWarning, ExplanationError, ImpossibleEvidence
from neurosym.explain.alternatives import Change, Move, Sought
from neurosym.explain.changes.clock import Clock
from neurosym.explain.changes.logic import OtherWeights
from neurosym.explain.changes.moves import Candidate, Candidates, candidates
from neurosym.explain.changes.patterns import candidate_atoms, changeable_patterns
from neurosym.explain.changes.possible import Interval, OneByOne, Possible, changed_by, possible, with_weight
from neurosym.explain.changes.search import SLACK, Set, flips_to, smallest
from neurosym.explain.changes.setting import Setting
from neurosym.explain.changes.weights import least_weight, movable_rules, weight_name, weight_now
from neurosym.lang.ast import Constraint, Rule
from neurosym.reasoner import Answers
from neurosym.semantics import ALGEBRAS, Count, SumProduct, TopK

CUT = "NS849"  # the search was cut
KINDS = ("remove", "add", "value")
MAX_CHANGES = 3
MAX_CANDIDATES = 1000
LIMIT = 10
SECONDS = 10.0


def what_would_change(
    answers: Answers,
    atom: str,
    changeable: Iterable[str] = (),
    threshold: float = 0.5,
    to: bool | None = None,
    limit: int = LIMIT,
    *,
    weights: bool | Iterable[str] = False,
    kinds: Iterable[str] = KINDS,
    added: Iterable[str] = (),
    max_changes: int = MAX_CHANGES,
    max_candidates: int = MAX_CANDIDATES,
    budget: float = SECONDS,
    sample: int = 0,
) -> tuple[Change, ...]:
    """The smallest changes that take an atom across a threshold, smallest first.

    Each one was checked by running it: the program is grounded and asked again with the facts and weights changed. No
    part of a change flips the decision by itself. All flipping sets of the candidates are found, up to `max_changes`
    moves, unless a warning says otherwise.

    Args:
        answers: of `Reasoner.query`; `atom`: one of them.
        changeable: which facts may change, as predicates (`fever/2`) or atoms with blanks (`fever(p1, _)`): recorded
            ones may be removed, others added over values that occur, and a number at a blank may become the next one
            across the threshold of a comparison, at as many decimals as the data have.
        threshold: an atom holds if its probability is this or more; under `bounds`, if its lower bound is. There it
            does not hold if its upper bound is less; what lies between is unknown, and neither.
        to: whether it is to hold; by default, the other way than now, and that it holds where it is unknown.
        limit: changes given, the smallest ones.
        weights: whether weights of rules may move, or the names of those that may; under `bounds`, of constraints too.
            One weight moves by itself: the least move, to 1e-6, by bisection on the exact evaluator, under `bounds` on
            the inference.
        kinds: of `remove`, `add`, `value`, which are allowed; `added`: further ground atoms that may be added.
        max_changes: moves in one change; max_candidates: moves that are considered; budget: seconds.
        sample: which sample of the batch.

    Returns:
        The changes; none if the atom is on that side already, or if nothing that is allowed gets it there.

    Raises:
        DataError: NS611 the atom is not among the answers; NS616 an unknown predicate.
        ExplanationError: NS845 and NS846, faults in `changeable`; NS847, in `weights`; NS848, in a number.

    Warns:
        ApproximationWarning: NS849, the time or the candidates were cut: there may be other changes, or smaller ones.
    """
    with nullcontext() if answers.reasoner is None else answers.reasoner.aside():
        found, sought = find_changes(
            answers, answers.position(atom), changeable, threshold, to, limit, weights, kinds, added, max_changes,
            max_candidates, budget, sample,
        )  # fmt: skip
    for note in sought.cut:
        warn(f"{CUT}: {note}", ApproximationWarning, stacklevel=2)
    return found


def find_changes(
    answers: Answers, position: int, changeable: Iterable[str], threshold: float, to: bool | None = None,
    limit: int = LIMIT, weights: bool | Iterable[str] = False, kinds: Iterable[str] = KINDS,
    added: Iterable[str] = (), max_changes: int = MAX_CHANGES, max_candidates: int = MAX_CANDIDATES,
    budget: float = SECONDS, sample: int = 0, language: str = "en",
) -> tuple[tuple[Change, ...], Sought]:  # fmt: skip
    """The changes, and what was looked for; see `what_would_change`."""
    changeable = (changeable,) if isinstance(changeable, str) else tuple(changeable)
    kinds = _checked(limit, kinds, max_changes, max_candidates, budget)
    check_threshold(threshold, answers)
    setting = Setting(answers, position, sample, language)
    patterns, extra = changeable_patterns(setting, changeable), candidate_atoms(setting, added)
    rules = movable_rules(setting, weights)
    number = float(answers.tags[sample, position].detach())
    bounds = (float(answers.lower[sample, position].detach()), float(answers.upper[sample, position].detach()))
    holds = (number if answers.logic is None else bounds[0]) >= threshold - SLACK
    reach = (not holds) if to is None else to
    flips = flips_to(threshold, reach)
    asked = Sought(changeable, threshold, reach, max_changes)
    if flips(bounds):
        return (), asked
    clock = Clock(budget)
    allowed = candidates(setting, patterns, extra, kinds, max_candidates, clock)
    evaluator = possible(setting, allowed, [r for r in rules if isinstance(r, Rule)])
    notes = list(allowed.notes)
    # where what may change is too much for one circuit, the weights alone may not be
    weighing: Possible | OneByOne | OtherWeights = evaluator
    if answers.logic is not None:
        weighing = OtherWeights(setting)
    elif not evaluator.fast and rules:
        weighing = possible(setting, Candidates(), [r for r in rules if isinstance(r, Rule)])
    finder = _Finder(setting, allowed, flips, number)
    changes: list[Change] = []
    if not isinstance(weighing, OneByOne) and weighing.fast:
        changes += finder.by_weights(weighing, rules, clock)
    elif rules:
        notes.append("no weights were moved: the claim as a function of them is too large")
    changes += finder.by_facts(smallest(evaluator, flips, reach, max_changes, clock), limit + 1)
    if clock.over:
        notes.append(f"the search took {budget:g} s and was stopped: there may be other changes, or smaller ones")
    changes.sort(key=lambda c: (len(c.moves), c.distance))
    return tuple(changes[:limit]), replace(asked, more=len(changes) > limit, cut=tuple(notes))


class _Finder:
    """Turns sets of moves into changes that were run."""

    def __init__(self, setting: Setting, allowed: Candidates, flips, number: float) -> None:
        self.setting, self.allowed, self.flips, self.number = setting, allowed, flips, number

    def by_facts(self, sizes: Iterable[list[Set]], limit: int) -> list[Change]:
        """The changes of sets of moves, smaller ones first; of one size those with the shortest moves."""
        changes: list[Change] = []
        for sets in sizes:
            changes += self._run([[self.allowed.moves[k] for k in sorted(s)] for s in sets], limit - len(changes))
            if len(changes) >= limit:
                break
        return changes

    def _run(self, group: list[list[Candidate]], limit: int) -> list[Change]:
        """Those of one size that flip the decision when they are run; of longer and shorter moves the shorter."""
        group.sort(key=lambda moves: sum(m.distance for m in moves))
        kept: set[frozenset] = set()
        changes: list[Change] = []
        for moves in group:
            same = frozenset((m.slot, m.move.kind, (m.move.by or 0) > 0) for m in moves)
            if same in kept:
                continue
            bounds = self.setting.bounds(self.setting.run(changed_by(moves, self.setting, self.allowed)))
            if self.flips(bounds):
                kept.add(same)
                changes.append(_change([m.move for m in moves], bounds, sum(m.distance for m in moves)))
                if len(changes) >= limit:
                    break
        return changes

    def by_weights(
        self, evaluator: Possible | OtherWeights, rules: Sequence[Rule | Constraint], clock: Clock
    ) -> list[Change]:  # fmt: skip
        """The least move of each weight that flips the decision by itself."""
        changes: list[Change] = []
        for rule in rules:
            if clock.spent():
                break
            now = weight_now(self.setting, rule)
            new = least_weight(evaluator, rule, now, self.flips)
            if new is None:
                continue
            try:
                answers = self.setting.run(self.setting.changed({}, [], {id(rule): with_weight(rule, new)}))
            except ImpossibleEvidence:
                continue
            bounds = self.setting.bounds(answers)
            if self.flips(bounds):
                name = weight_name(self.setting, rule)
                label = f"the weight of {name} becomes {new:.6g} (from {now:.6g})"
                changes.append(_change([Move("weight", name, label, f"{new!r}", new - now)], bounds, abs(new - now)))
        return changes


def _change(moves: list[Move], bounds: Interval, distance: float) -> Change:
    lower, upper = bounds
    return Change(tuple(moves), (lower + upper) / 2, lower, upper, distance)


def check_threshold(threshold: float, answers: Answers) -> None:
    """Refuse a threshold that no atom can reach, or that every atom does.

    Raises:
        ExplanationError: NS848.
    """
    if not (math.isfinite(threshold) and threshold > 0):
        raise ExplanationError(
            f"the threshold is a number above 0, and was {threshold:g}", code="NS848",
            help="with a threshold of 0, every atom holds",
        )  # fmt: skip
    algebra = answers.algebra
    within_one = (*(a for a in ALGEBRAS if a not in (Count, SumProduct)), TopK)  # of a user's own nobody knows
    if threshold > 1 and (algebra is None or isinstance(algebra, within_one)):
        meant = f"did you mean {threshold / 100:g}?" if threshold <= 100 else "write a number from 0 to 1"
        raise ExplanationError(
            f"the threshold is a probability, at most 1, and was {threshold:g}", code="NS848", help=meant
        )


def _checked(limit: int, kinds: Iterable[str], max_changes: int, max_candidates: int, budget: float) -> tuple[str, ...]:
    """The kinds, once every number was found to be one that makes sense."""
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    for name, value, least in (
        ("limit", limit, 1), ("max_changes", max_changes, 1), ("max_candidates", max_candidates, 1),
    ):  # fmt: skip
        if value < least:
            raise ExplanationError(f"{name} is at least {least}, and was {value}", code="NS848")
    if not budget > 0:
        raise ExplanationError(f"the budget is a number of seconds above 0, and was {budget:g}", code="NS848")
    unknown = set(kinds) - set(KINDS)
    if unknown:
        raise ExplanationError(
            f"there is no kind of change `{min(unknown)}`", code="NS848", help=f"there are {', '.join(KINDS)}"
        )
    return kinds


__all__ = ["KINDS", "LIMIT", "MAX_CANDIDATES", "MAX_CHANGES", "check_threshold", "find_changes", "what_would_change"]
