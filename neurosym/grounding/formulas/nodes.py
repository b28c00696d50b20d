"""Nodes of a formula graph while it is made: equal ones are one, and constants are folded."""

from __future__ import annotations

import numpy as np

from neurosym.errors import LimitError
from neurosym.facts import Ids
from neurosym.grounding.columns import Tuples
from neurosym.grounding.formulas.graph import AND, ATOM, EXISTS, FALSE, FORALL, IFF, IMPLIES, NOT, OR, TRUE

FALSE_NODE, TRUE_NODE = 0, 1


class Nodes:
    """Growing columns of nodes. Whole columns of nodes of one kind are added at once.

    Attributes:
        apart: keep every connective's nodes for themselves, unfolded, since its operands have weights of their own.
    """

    def __init__(self, atoms: int, most: int, apart: bool) -> None:
        self.apart = apart
        self.size = 2
        self.most = most
        self._of_atom = np.full(max(atoms, 1), -1, np.int32)
        self._known: dict[tuple[int, int, int, bool], tuple[Tuples, list[Ids]]] = {}
        none = np.full(2, -1, np.int32)
        self.blocks: list[tuple[int, Ids, int, bool, Ids]] = []  # kind, (n, w) children, connective, exhaustive, atoms
        self.blocks += [
            (FALSE, none[:1, None][:, :0], -1, True, none[:1]),
            (TRUE, none[:1, None][:, :0], -1, True, none[:1]),
        ]

    def _add(self, kind: int, children: Ids, connective: int, exhaustive: bool, atoms: Ids | None = None) -> Ids:
        n = len(children)
        if self.size + n > self.most:
            raise LimitError(
                f"the constraints have more than {self.most:,} ground formulas",
                help="guard their variables by literals with fewer facts, or raise --max-firings",
            )
        ids = np.arange(self.size, self.size + n, dtype=np.int32)
        self.size += n
        self.blocks.append(
            (kind, children, connective, exhaustive, np.full(n, -1, np.int32) if atoms is None else atoms)
        )
        return ids

    def atoms(self, ids: Ids) -> Ids:
        """(n,) nodes of atom ids; -1 is false."""
        known = ids >= 0
        distinct = np.unique(ids[known])
        new = distinct[self._of_atom[distinct] < 0]
        if len(new):
            self._of_atom[new] = self._add(ATOM, np.zeros((len(new), 0), np.int32), -1, True, new.astype(np.int32))
        return np.where(known, self._of_atom[np.where(known, ids, 0)], FALSE_NODE).astype(np.int32)

    def constants(self, holds: np.ndarray) -> Ids:
        """(n,) nodes of truth values."""
        return np.where(holds, TRUE_NODE, FALSE_NODE).astype(np.int32)

    def make(self, kind: int, children: Ids, connective: int, exhaustive: bool = True) -> Ids:
        """(n,) nodes over (n, w) children."""
        if self.apart or kind in (FORALL, EXISTS):
            return self._intern(kind, children, connective, exhaustive)
        return self._folded(kind, children, connective)

    def _intern(self, kind: int, children: Ids, connective: int, exhaustive: bool = True) -> Ids:
        if kind in (AND, OR, IFF, FORALL, EXISTS) and not self.apart:
            children = np.sort(children, axis=1)
        children = np.ascontiguousarray(children, np.int32)
        key = (kind, children.shape[1], connective if self.apart else -1, exhaustive)
        table, numbers = self._known.setdefault(key, (Tuples(children.shape[1]), []))
        before = table.size
        at = table.find_or_add(children)
        if table.size > before:
            numbers.append(self._add(kind, table.rows[before:].copy(), connective, exhaustive))
        return np.concatenate(numbers)[at] if len(at) else np.zeros(0, np.int32)

    def _folded(self, kind: int, children: Ids, connective: int) -> Ids:
        """Nodes without constant children."""
        n = len(children)
        if kind == NOT:
            return self._negated(children[:, 0], connective)
        if kind == IMPLIES:
            return self._implied(children[:, 0], children[:, 1], connective)
        if kind == IFF:
            return self._equal(children[:, 0], children[:, 1], connective)
        absorbing, neutral = (FALSE_NODE, TRUE_NODE) if kind == AND else (TRUE_NODE, FALSE_NODE)
        result = np.full(n, neutral, np.int32)
        result[(children == absorbing).any(axis=1)] = absorbing
        rest = np.nonzero((result == neutral) & (children != neutral).any(axis=1))[0]
        keep = children[rest] != neutral
        patterns, of = np.unique(keep, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            rows = rest[of.reshape(-1) == number]
            chosen = children[rows][:, pattern]
            result[rows] = chosen[:, 0] if chosen.shape[1] == 1 else self._intern(kind, chosen, connective)
        return result

    def _negated(self, x: Ids, connective: int) -> Ids:
        result = np.where(x == TRUE_NODE, FALSE_NODE, TRUE_NODE).astype(np.int32)
        rest = x > TRUE_NODE
        if rest.any():
            result[rest] = self._intern(NOT, x[rest][:, None], connective)
        return result

    def _implied(self, x: Ids, y: Ids, connective: int) -> Ids:
        result = np.full(len(x), TRUE_NODE, np.int32)
        open_ = (x != FALSE_NODE) & (y != TRUE_NODE)
        alone = open_ & (x == TRUE_NODE)
        result[alone] = y[alone]
        denied = open_ & (y == FALSE_NODE) & ~alone
        result[denied] = self._negated(x[denied], connective)
        both = open_ & ~alone & ~denied
        result[both] = self._intern(IMPLIES, np.stack([x[both], y[both]], axis=1), connective)
        return result

    def _equal(self, x: Ids, y: Ids, connective: int) -> Ids:
        result = np.full(len(x), TRUE_NODE, np.int32)
        differ = x != y
        for a, b in ((x, y), (y, x)):
            one = differ & (a == TRUE_NODE)
            result[one] = b[one]
            no = differ & (a == FALSE_NODE)
            result[no] = self._negated(b[no], connective)
        both = differ & (x > TRUE_NODE) & (y > TRUE_NODE)
        result[both] = self._intern(IFF, np.stack([x[both], y[both]], axis=1), connective)
        return result

    def ragged(self, kind: int, which: Ids, children: Ids, groups: int, connective: int, exhaustive: bool) -> Ids:
        """(groups,) quantifier nodes over children, each of which belongs to a group."""
        order = np.argsort(which, kind="stable")
        children, which = children[order], which[order]
        counts = np.bincount(which, minlength=groups)
        starts = np.cumsum(counts) - counts
        neutral = TRUE_NODE if kind == FORALL else FALSE_NODE
        result = np.full(groups, neutral, np.int32)
        for length in np.unique(counts).tolist():
            rows = np.nonzero(counts == length)[0]
            if length == 0 and exhaustive:
                continue
            matrix = children[starts[rows][:, None] + np.arange(length)[None, :]]
            result[rows] = self.make(kind, matrix.astype(np.int32), connective, exhaustive)
        return result
