"""Counts the ways in which concepts can be read differently without changing a label.

A map alpha gives each value of each concept the value that a network might say in its place. It fits if every example
keeps its label: table[alpha(values)] is table[values]. The maps that fit are counted by backtracking over one value at
a time; tables of examples are cut down to what is still open, and values that no table supports are taken out
(generalised arc consistency, as in constraint programming).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.bool_]


@dataclass(frozen=True)
class Requirement:
    """What one example asks of a map.

    Attributes:
        scope: m distinct variables, numbers of values that the example shows; `allowed`: (|V1|, …, |Vm|), true for the
            images that keep the label.
    """

    scope: tuple[int, ...]
    allowed: Table


@dataclass(frozen=True)
class Found:
    """The maps that fit.

    Attributes:
        count: how many, the identity among them; `complete`: whether that is all, else it is a lower bound.
        moved: variable → its images in maps that fit, where there is another than itself.
        example: variable → image, of a map that changes as few variables as any that was met; None if only the
            identity fits.
    """

    count: int
    complete: bool
    moved: dict[int, tuple[int, ...]]
    example: dict[int, int] | None


def count_maps(
    sizes: Sequence[int], own: Sequence[int], requirements: Sequence[Requirement], *, max_nodes: int = 100_000,
    seconds: float = 10.0,
) -> Found:  # fmt: skip
    """Count the maps that meet all requirements.

    Args:
        sizes: (n,) how many images each variable has; own: (n,) the image of each under the identity, which fits.
        max_nodes: assignments tried, seconds: of time, at which the search stops with a lower bound.
    """
    merged = _merged(requirements)
    search = _Search(list(sizes), list(own), max_nodes, time.monotonic() + seconds)
    count, complete = 1, True
    for variables in _components(len(sizes), merged):
        inside = [r for r in merged if r.scope[0] in variables]
        found, all_of_it = search.component(sorted(variables), inside)
        count *= found
        complete &= all_of_it
    example = None if search.best is None else {k: search.best.get(k, o) for k, o in enumerate(own)}
    moved = {k: tuple(sorted(v)) for k, v in sorted(search.images.items()) if v - {own[k]}}
    return Found(count, complete, moved, example)


def requirement(scope: Sequence[int], allowed: Table) -> Requirement | None:
    """A requirement in its least form: a variable twice becomes once, one that does not matter goes; None if all do."""
    names = list(scope)
    k = 0
    while k < len(names):
        again = next((j for j in range(k + 1, len(names)) if names[j] == names[k]), None)
        if again is None:
            k += 1
            continue
        rest = [n for j, n in enumerate(names) if j not in (k, again)]
        allowed = np.diagonal(allowed, axis1=k, axis2=again)  # the diagonal becomes the last axis
        names, k = [*rest, names[k]], 0
    for axis in reversed(range(len(names))):
        first = np.take(allowed, [0], axis=axis)
        if bool((allowed == first).all()):
            allowed = first.squeeze(axis)
            del names[axis]
    return Requirement(tuple(names), np.ascontiguousarray(allowed)) if names else None


def _merged(requirements: Sequence[Requirement]) -> list[Requirement]:
    """One requirement for each set of variables."""
    tables: dict[tuple[int, ...], Table] = {}
    for r in requirements:
        order = np.argsort(r.scope)
        scope = tuple(r.scope[k] for k in order)
        allowed = r.allowed.transpose(tuple(order.tolist()))
        tables[scope] = allowed if scope not in tables else tables[scope] & allowed
    return [Requirement(scope, table) for scope, table in tables.items()]


def _components(count: int, requirements: Sequence[Requirement]) -> list[set[int]]:
    """The variables in sets that share no requirement: their maps multiply."""
    parent = list(range(count))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for r in requirements:
        for other in r.scope[1:]:
            parent[root(other)] = root(r.scope[0])
    groups: dict[int, set[int]] = {}
    for k in range(count):
        groups.setdefault(root(k), set()).add(k)
    return list(groups.values())


@dataclass
class _Search:
    """Backtracking, one component after the other.

    Attributes:
        images: variable → images in maps that fit; `best`: variable → image where that is not its own, of the map that
            fits with the fewest changes.
    """

    sizes: list[int]
    own: list[int]
    max_nodes: int
    deadline: float
    nodes: int = 0
    images: dict[int, set[int]] = field(default_factory=dict)
    best: dict[int, int] | None = None

    def component(self, variables: list[int], requirements: list[Requirement]) -> tuple[int, bool]:
        """How many maps of these variables fit, and whether that is all of them."""
        domains = {v: np.ones(self.sizes[v], bool) for v in variables}
        self.count, self.complete = 0, True
        self._go(domains, requirements)
        if not self.complete and not self.count:  # cut before a single one was met: the identity is one
            self.count = 1
            for v in variables:
                self.images.setdefault(v, set()).add(self.own[v])
        return self.count, self.complete

    def _go(self, domains: dict[int, Table], open_: list[Requirement]) -> None:
        """Count the maps within these domains."""
        self.nodes += 1
        if self.nodes > self.max_nodes or time.monotonic() > self.deadline:
            self.complete = False
            return
        narrowed = self._narrow(domains, open_)
        if narrowed is None:
            return
        domains, open_ = narrowed
        if not open_:
            self._settle(domains)
            return
        undecided = {v for r in open_ for v in r.scope if domains[v].sum() > 1}
        variable = min(undecided, key=lambda v: (int(domains[v].sum()), v))
        choices = np.nonzero(domains[variable])[0].tolist()
        for image in sorted(choices, key=lambda i: i != self.own[variable]):  # the identity first
            only = np.zeros_like(domains[variable])
            only[image] = True
            self._go({**domains, variable: only}, open_)
            if not self.complete:
                return

    def _narrow(
        self, domains: dict[int, Table], open_: list[Requirement]
    ) -> tuple[dict[int, Table], list[Requirement]] | None:
        """Take out images that some requirement does not support, and requirements that are met; None if none fits."""
        domains, tables = dict(domains), list(open_)
        changed = True
        while changed:
            changed = False
            left: list[Requirement] = []
            for r in tables:
                table = r.allowed[np.ix_(*(domains[v] for v in r.scope))]
                if not table.any():
                    return None
                if table.all():
                    continue  # met by whatever is left
                for axis, v in enumerate(r.scope):
                    supported = table.any(axis=tuple(a for a in range(table.ndim) if a != axis))
                    if not supported.all():
                        kept = domains[v].copy()
                        kept[np.nonzero(kept)[0][~supported]] = False
                        domains[v], changed = kept, True
                        table = np.compress(supported, table, axis=axis)
                left.append(r)
            tables = left
        return domains, tables

    def _settle(self, domains: dict[int, Table]) -> None:
        """All maps within these domains fit."""
        self.count += math.prod(int(d.sum()) for d in domains.values())
        changes: dict[int, int] = {}
        free: dict[int, int] = {}
        for v, domain in domains.items():
            images = np.nonzero(domain)[0].tolist()
            self.images.setdefault(v, set()).update(images)
            if not domain[self.own[v]]:
                changes[v] = images[0]
            elif len(images) > 1 and not free:
                free[v] = next(i for i in images if i != self.own[v])
        changes = changes or free
        if changes and (self.best is None or len(changes) < len(self.best)):
            self.best = changes
