"""Ground formulas as trees in one form, whatever was folded: constants are gone where they change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from neurosym.verify.logic.read import WEIGHTED, Logic
from neurosym.verify.rules.form import GroundAtom

# a truth value, an atom, or the kind of a formula with what it is made of
Tree = bool | tuple
Weights = tuple[tuple[float, ...], float]  # of a connective's operands, and its bias; nothing of it is folded
ATOM = "atom"
UNKNOWN: Weights = ((), 0.0)


def tree(kind: str, parts: Sequence[Tree], exhaustive: bool = True, weights: Weights | None = None) -> Tree:
    """A formula over others."""
    if weights is not None:
        return (kind, weights, *parts)
    match kind:
        case "not":
            return not parts[0] if isinstance(parts[0], bool) else ("not", parts[0])
        case "and" | "or":
            return _junction(kind, parts)
        case "implies":
            return _implies(parts[0], parts[1])
        case "iff":
            return _iff(parts[0], parts[1])
    neutral = kind == "forall"
    left = sorted((p for p in parts if p is not neutral), key=repr)
    return neutral if not left and exhaustive else (kind, exhaustive, *left)


def _junction(kind: str, parts: Sequence[Tree]) -> Tree:
    neutral = kind == "and"
    if any(p is (not neutral) for p in parts):
        return not neutral
    left = sorted((p for p in parts if p is not neutral), key=repr)
    return neutral if not left else left[0] if len(left) == 1 else (kind, *left)


def _implies(x: Tree, y: Tree) -> Tree:
    if x is False or y is True:
        return True
    if x is True:
        return y
    return tree("not", [x]) if y is False else ("implies", x, y)


def _iff(x: Tree, y: Tree) -> Tree:
    if x == y:
        return True
    for a, b in ((x, y), (y, x)):
        if isinstance(a, bool):
            return b if a else tree("not", [b])
    return ("iff", *sorted((x, y), key=repr))


def atoms_in(found: Tree) -> Iterator[GroundAtom]:
    """The atoms of a formula, with repetitions."""
    if isinstance(found, tuple):
        if found[0] == ATOM:
            yield found[1]
        else:
            for part in found[1:]:
                yield from atoms_in(part)


def unit_trees(
    logic: Logic, atoms: Sequence[GroundAtom | None], most: int, weighed: bool = True
) -> Callable[[int], Tree | None]:
    """Gives the tree of a unit by its number; None of one that is too large, or that names what nobody can read.

    Args:
        weighed: whether the weights of operands are compared; else only that there are some.
    """
    made: list[tuple[Tree | None, int]] = [(None if a is None else (ATOM, a), 1) for a in atoms]
    for unit in logic.units:
        parts = [made[c] for c in unit.children]
        size = 1 + sum(n for _, n in parts)
        whole = [p for p, _ in parts if p is not None]
        if unit.kind in ("true", "false"):
            made.append((unit.kind == "true", 1))
        elif len(whole) < len(parts) or size > most:
            made.append((None, size))
        else:
            weights = None
            if logic.learned and unit.kind in WEIGHTED:
                weights = (unit.weights, unit.bias) if weighed else UNKNOWN
            made.append((tree(unit.kind, whole, unit.exhaustive, weights), size))
    return lambda number: made[number][0]
