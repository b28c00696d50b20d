"""The least move of one rule's weight that flips a decision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from neurosym.errors import ExplanationError
from neurosym.explain.changes.logic import OtherWeights, constraint_weight, movable_constraints
from neurosym.explain.changes.possible import Interval, Possible
from neurosym.explain.changes.setting import Setting
from neurosym.grounding.formulas import label_of
from neurosym.lang.ast import Constraint, Rule

GRID = 64  # steps from 0 to 1 between which a crossing is looked for
PRECISION = 1e-6  # a weight is given to so much, on the far side of the threshold


def movable_rules(setting: Setting, wanted: bool | Iterable[str]) -> list[Rule | Constraint]:
    """The rules whose weight may move: by their names, or all that have one weight that is a number.

    Under `bounds` constraints as well; by its name also one without a weight, whose least truth is 1.

    Raises:
        ExplanationError: NS847 there is no rule of a name, or it has no weight that could be moved.
    """
    if wanted is False:
        return []
    wanted = wanted if isinstance(wanted, bool) else [wanted] if isinstance(wanted, str) else list(wanted)
    all_rules = [r for r in setting.program.rules if len(r.heads) <= 1 and setting.weight_of(r) is not None]
    if isinstance(wanted, bool):
        return [*all_rules, *movable_constraints(setting, wanted)]
    found: list[Rule | Constraint] = []
    for name in wanted:
        named: list[Rule | Constraint] = [r for r in all_rules if name in (r.label, weight_name(setting, r))]
        named += movable_constraints(setting, [name])
        if not named:
            every = [*all_rules, *movable_constraints(setting, True)]
            known = ", ".join(weight_name(setting, r) for r in every[:20])
            raise ExplanationError(
                f"no rule `{name}` has a weight that could be moved", code="NS847",
                note="a weight that is calculated for each case, and those of an annotated disjunction, are not moved",
                help=f"there are {known}" if known else "no rule has one",
            )  # fmt: skip
        found += named
    return list({id(r): r for r in found}.values())


def weight_now(setting: Setting, rule: Rule | Constraint) -> float:
    """The weight as it is."""
    now = constraint_weight(setting, rule) if isinstance(rule, Constraint) else setting.weight_of(rule)
    assert now is not None
    return now


def weight_name(setting: Setting, rule: Rule | Constraint) -> str:
    """What a weighted rule is called: its name or place, and a fact by its atom."""
    if isinstance(rule, Constraint):
        return label_of(rule)
    if rule.is_fact and rule.name is None and len(rule.heads) == 1 and len(rule.heads[0].atoms) == 1:
        prefixes = setting.base.prefixes | setting.program.prefixes
        return setting.program.notation.printer(prefixes).atom(rule.heads[0].atoms[0])
    return rule.label


def least_weight(
    evaluator: Possible | OtherWeights, rule: Rule | Constraint, now: float, flips: Callable[[Interval], bool]
) -> float | None:  # fmt: skip
    """The weight nearest to the present one that flips the decision, by bisection; None if none does.

    The claim need not grow with the weight (under negation, given evidence): a crossing is looked for from the present
    weight outwards, in steps of 1/64. One that comes and goes within a step is not seen.
    """
    if not evaluator.leaves_of(rule):
        return None
    grid = sorted({k / GRID for k in range(GRID + 1)}, key=lambda w: abs(w - now))
    values = dict(zip(grid, map(flips, evaluator.weights(rule, grid)), strict=True))
    best: float | None = None
    for side in (-1, 1):
        inside = now
        for weight in (w for w in grid if (w - now) * side > 0):
            if values[weight]:
                found = _crossing(evaluator, rule, inside, weight, flips)
                if best is None or abs(found - now) < abs(best - now):
                    best = found
                break
            inside = weight
    return best


def _crossing(
    evaluator: Possible | OtherWeights,
    rule: Rule | Constraint,
    inside: float,
    outside: float,
    flips: Callable[[Interval], bool],
) -> float:
    """The weight next to `inside` that flips, between one that does not and one that does."""
    side = 1 if outside > inside else -1
    near, far = inside, outside
    while abs(far - near) > PRECISION / 8:
        middle = (near + far) / 2
        if flips(evaluator.weights(rule, [middle])[0]):
            far = middle
        else:
            near = middle
    rounded = (math.ceil if side > 0 else math.floor)(far / PRECISION - side * 1e-3) * PRECISION
    rounded = min(1.0, max(0.0, round(rounded, 6)))
    return rounded if flips(evaluator.weights(rule, [rounded])[0]) else far
