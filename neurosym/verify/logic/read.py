"""Reading what a certificate says of constraints. Nothing of it is trusted, as in `neurosym.verify.structure`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurosym.errors import ExplanationError
from neurosym.verify.structure import GroundProgram, fault

CONSTANTS = ("false", "true")
OPERANDS = {"not": 1, "implies": 2, "iff": 2}
WEIGHTED = ("and", "or", "implies")
QUANTIFIERS = ("forall", "exists")
KINDS = (*CONSTANTS, "not", *WEIGHTED, "iff", *QUANTIFIERS)
MANY = 1_000_000
MOST = 1e9  # of a weight: products and sums of such stay finite


@dataclass(frozen=True, slots=True)
class Unit:
    """A ground formula.

    Attributes:
        children: numbers of atoms (the facts of the certificate), and from there on of units before this one.
        exhaustive: of a quantifier, whether no other instance can matter.
        weights, bias: of the operands of `and`, `or` and `implies`; all 1 where they are plain.
    """

    kind: str
    children: tuple[int, ...]
    exhaustive: bool
    weights: tuple[float, ...]
    bias: float


@dataclass(frozen=True, slots=True)
class Asserted:
    """A constraint, or an instance of it, with its least truth.

    Attributes:
        instance: variable → term as text; None where all instances together are asserted.
    """

    constraint: int
    label: str
    unit: int
    least: float
    instance: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Logic:
    """What constraints add to the ground rules.

    Attributes:
        weights: facts that are weights of rules: the least truth of an implication, and part of no body.
        rounds: passes that were made; slack: a difference that counts as none.
        learned: whether operands have weights.
    """

    units: tuple[Unit, ...]
    asserted: tuple[Asserted, ...]
    weights: frozenset[int]
    max_rounds: int
    rounds: int
    alpha: float
    slack: float
    learned: bool


def read_logic(data: Any, found: GroundProgram, max_units: int) -> Logic:
    """What a certificate says beside its facts and groundings.

    Raises:
        ExplanationError: NS810 keys or types; NS811 numbers of facts and units; NS812 kinds; NS813 units that are no
            formulas; NS814 weights of rules that are none; NS815 numbers out of range; NS820 it is too large.
    """
    if data is None:
        raise fault("NS810", "the certificate has no `logic`", "certificates of an older version have none")
    row = _row(data, ("units", "asserted", "weights", "settings"), "`logic`")
    settings = _row(row["settings"], ("max_rounds", "rounds", "alpha", "slack", "learned"), "`settings`")
    learned = settings["learned"]
    if not isinstance(learned, bool):
        raise fault("NS810", "`learned` is neither true nor false")
    facts = len(found.atoms)
    rows = _list(row["units"], "`units`", max_units)
    units = tuple(_unit(u, n, facts, learned) for n, u in enumerate(rows))
    if sum(len(u.children) for u in units) > 10 * max_units:
        raise ExplanationError("the units of the certificate have too many children", code="NS820")
    asserted = tuple(
        _asserted(a, n, facts + len(units)) for n, a in enumerate(_list(row["asserted"], "`asserted`", max_units))
    )
    weights = tuple(_number(w, facts, "a weight of a rule") for w in _list(row["weights"], "`weights`", max_units))
    made = Logic(
        units, asserted, frozenset(weights), _count(settings["max_rounds"], "`max_rounds`"),
        _count(settings["rounds"], "`rounds`"), _between(settings["alpha"], 0.5, 1, "`alpha`"),
        _between(settings["slack"], 0, 1, "`slack`"), learned,
    )  # fmt: skip
    if made.slack == 0 or made.rounds > made.max_rounds:
        raise fault("NS815", "the settings of the certificate's inference are none that it can have")
    if len(made.weights) < len(weights):
        raise fault("NS818", "a weight of a rule is named twice")
    _check_weights(found, made)
    _check_claim(found, made)
    return made


def _check_weights(found: GroundProgram, logic: Logic) -> None:
    """A rule's weight is a leaf that belongs to groundings, and to nothing else."""
    for fact in logic.weights:
        if found.kinds[fact] != "leaf":
            raise fault("NS814", f"{found.name(fact)} is said to be the weight of a rule, and is no leaf")
    used = {c for u in logic.units for c in u.children} | {a.unit for a in logic.asserted}
    used |= {f for g in found.groundings for f in g.negated} | {found.claim} | set(found.evidence)
    if misused := used & logic.weights:
        raise fault("NS814", f"{found.name(min(misused))} is the weight of a rule, and stands for something else, too")
    for number, g in enumerate(found.groundings):
        if len(logic.weights.intersection(g.body)) > 1:
            raise fault("NS814", f"grounding {number} has two weights")


def _check_claim(found: GroundProgram, logic: Logic) -> None:
    used = {c for u in logic.units for c in u.children} | {a.unit for a in logic.asserted}
    for fact, kind in enumerate(found.kinds):
        if kind == "absent" and fact in used:
            raise fault("NS813", f"{found.name(fact)} is absent, and nothing may rest on it")
    if any(c.kind == "open" for c in found.choices):
        raise fault("NS814", "under `bounds` an unknown atom is no choice")
    for number, g in enumerate(found.groundings):
        if found.kinds[g.head] not in ("derived", "open"):
            raise fault("NS813", f"grounding {number} concludes {found.name(g.head)}, which is {found.kinds[g.head]}")


# ---------------------------------------------------------------------------------------------------- rows


def _unit(data: Any, number: int, facts: int, learned: bool) -> Unit:
    where = f"unit {number}"
    row = _row(data, ("kind", "children"), where)
    kind = row["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise fault("NS812", f"{where} is of the unknown kind {kind!r:.40}", f"known: {', '.join(KINDS)}")
    children = tuple(_number(c, facts + number, f"a child of {where}") for c in _list(row["children"], where))
    wanted = OPERANDS.get(kind, 0 if kind in CONSTANTS else None)
    if wanted is not None and len(children) != wanted:
        raise fault("NS813", f"{where}, `{kind}`, has {len(children)} operands, not {wanted}")
    exhaustive = row.get("exhaustive", True)
    if not isinstance(exhaustive, bool) or ("exhaustive" in row) != (kind in QUANTIFIERS):
        raise fault("NS810", f"`exhaustive` of {where}, `{kind}`, is not what it can be")
    weights, bias = (1.0,) * len(children), 1.0
    if learned and kind in WEIGHTED:
        full = _row(row, ("kind", "children", "weights", "bias"), where)
        weights = tuple(_between(w, 0, MOST, f"a weight of {where}") for w in _list(full["weights"], where))
        bias = _between(full["bias"], -MOST, MOST, f"the bias of {where}")
        if len(weights) != len(children):
            raise fault("NS813", f"{where} has {len(children)} operands and {len(weights)} weights")
    elif "weights" in row or "bias" in row:
        raise fault("NS813", f"{where} has weights, which no operand of it has")
    return Unit(kind, children, exhaustive, weights, bias)


def _asserted(data: Any, number: int, units: int) -> Asserted:
    where = f"assertion {number}"
    row = _row(data, ("constraint", "label", "unit", "least", "instance"), where)
    instance = row["instance"]
    if instance is not None and not (
        isinstance(instance, Mapping) and all(isinstance(x, str) for pair in instance.items() for x in pair)
    ):
        raise fault("NS810", f"`instance` of {where} gives no terms to variables")
    if not isinstance(row["label"], str):
        raise fault("NS810", f"`label` of {where} is no text")
    return Asserted(
        _number(row["constraint"], MANY, f"the constraint of {where}"), row["label"],
        _number(row["unit"], units, where), _between(row["least"], 0, 1, f"the least truth of {where}"),
        None if instance is None else dict(instance),
    )  # fmt: skip


def _row(data: Any, keys: Sequence[str], where: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise fault("NS810", f"{where} is no object")
    for key in keys:
        if key not in data:
            raise fault("NS810", f"{where} has no `{key}`")
    return data


def _list(data: Any, where: str, most: int | None = None) -> Sequence[Any]:
    if not isinstance(data, (list, tuple)):
        raise fault("NS810", f"{where} is or has no list where one belongs")
    if most is not None and len(data) > most:
        raise ExplanationError(
            f"the certificate has {len(data):,} {where}, the limit is {most:,}", code="NS820",
            help="raise max_groundings if you trust where it comes from",
        )  # fmt: skip
    return data


def _number(value: Any, count: int, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise fault("NS810", f"{where}: {value!r:.40} is no number of a unit")
    if not 0 <= value < count:
        raise fault("NS811", f"{where}: there is no {value:,}")
    return value


def _count(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise fault("NS810", f"{where} is no whole number")
    if value < 1:
        raise fault("NS815", f"{where} is {value}, and at least 1")
    return value


def _between(value: Any, least: float, most: float, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise fault("NS810", f"{where} is {value!r:.40}, which is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and least <= number <= most):
        raise fault("NS815", f"{where} is {number}, which it cannot be")
    return number
