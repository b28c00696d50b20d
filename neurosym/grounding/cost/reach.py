"""Which given facts a sampled recursion can look at: those that lead on from its values, step by step.

A table of a million rows takes longer to load than a sample may. Only the rows are kept that a rule can reach from the
bound argument: a superset of what the sample reads, so that it derives the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids
from neurosym.grounding.columns import expand
from neurosym.grounding.core import CoreAtom, CoreRule, Key, Negated, Scan
from neurosym.grounding.cost.statistics import Column, Relation

STEPS = 2000

Entries = dict[Key, set[int]]


def entries(
    rules: list[tuple[CoreRule, CoreAtom]], columns: Mapping[Key, int], given: Mapping[Key, Ids]
) -> Entries | None:  # fmt: skip
    """The columns by which each given table is entered; None if a rule reads one without coming from its values.

    Args:
        rules: of the recursive predicates, each with one head; columns: the bound argument of each.
    """
    found: Entries = {key: {column} for key, column in columns.items() if key in given}
    for rule, head in rules:
        bound = {head.args[columns[head.key]]}
        if isinstance(next(iter(bound)), int):
            return None
        waiting = [x for x in rule.body if isinstance(x, Scan | Negated)]
        # given facts first: they bind what recursive literals are asked about
        waiting.sort(key=lambda x: (isinstance(x, Negated), x.atom.key in columns))
        while waiting:
            literal = next((x for x in waiting if bound & x.atom.variables), None)
            if literal is None:
                return None
            waiting.remove(literal)
            atom = literal.atom
            if atom.key in given and atom.key not in columns:
                found.setdefault(atom.key, set()).add(next(k for k, a in enumerate(atom.args) if a in bound))
            if isinstance(literal, Scan):
                bound |= atom.variables
    return found


class Reach:
    """The rows that lead on from some values.

    Args:
        tables: the given relations; by: the columns by which each is entered; terms: term ids are below this.
    """

    def __init__(self, tables: Mapping[Key, Relation], by: Entries, terms: int) -> None:
        self.tables = {key: r.table for key, r in tables.items() if r.table is not None}
        self.terms = terms
        self._order: list[tuple[Key, Column, NDArray[np.int64], NDArray[np.int64]]] = []
        for key, columns in by.items():
            for k in columns:
                column = tables[key].columns[k]
                starts = np.concatenate([[0], np.cumsum(column.counts)]).astype(np.int64)
                self._order.append((key, column, np.argsort(tables[key].codes[k], kind="stable"), starts))

    def rows(self, seeds: Ids, most: int) -> dict[Key, Ids] | None:
        """The rows that can be reached from some values; None if they are more than `most`, or too many steps away."""
        known = np.zeros(self.terms, bool)
        kept: dict[Key, list[NDArray[np.int64]]] = {key: [] for key in self.tables}
        frontier, total = np.unique(seeds), 0
        for _ in range(STEPS):
            known[frontier] = True
            met = [np.zeros(0, np.int32)]
            for key, column, order, starts in self._order:
                assert column.values is not None
                at = np.searchsorted(column.values, frontier)
                at = at[at < len(column.values)]
                at = at[np.isin(column.values[at], frontier)]
                _, places = expand(starts[at], starts[at + 1] - starts[at])
                kept[key].append(order[places])
                met.append(self.tables[key][order[places]].ravel())
                total += len(places)
            if total > most:
                return None
            values = np.unique(np.concatenate(met))
            frontier = values[~known[values]]
            if not len(frontier):
                found = {k: np.unique(np.concatenate([*r, np.zeros(0, np.int64)])) for k, r in kept.items()}
                return {k: self.tables[k][r] for k, r in found.items()}
        return None
