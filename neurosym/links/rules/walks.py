"""Walks along the body of a rule, one at a time: its instances, and where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neurosym.links.rules.index import EdgeIndex


def targets(index: EdgeIndex, entity: int, relation: int) -> list[int]:
    """Where the edges of an entity by a directed relation lead."""
    begin, end = index.groups_of[entity], index.groups_of[entity + 1]
    group = begin + int(index.relation[begin:end].searchsorted(relation))
    if group == end or index.relation[group] != relation:
        return []
    return index.target[index.begins[group] : index.begins[group + 1]].tolist()


def walks(index: EdgeIndex, start: int, steps: Sequence[int], c: int | None, d: int | None) -> Iterator[list[int]]:
    """Entities along directed relations from an entity, which is the first of them.

    They are distinct, the last one is d if d is given, and none is c unless it is d.
    """
    stack = [[start]]
    while stack:
        walk = stack.pop()
        if len(walk) > len(steps):
            yield walk
            continue
        last = len(walk) == len(steps)
        for y in targets(index, walk[-1], steps[len(walk) - 1]):
            if last and d is not None:
                if y == d and y not in walk:
                    stack.append([*walk, y])
            elif y not in walk and y not in (c, d):
                stack.append([*walk, y])
