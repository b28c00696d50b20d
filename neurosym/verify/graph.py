"""Strongly connected components, and the order in which a ground program is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from neurosym.verify.structure import GroundProgram, fault


def components(successors: Sequence[Sequence[int]], roots: Iterable[int]) -> list[list[int]]:
    """Strongly connected components of what the roots reach, each after those that it leads to (Tarjan 1972)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    open_: list[int] = []
    is_open: set[int] = set()
    found: list[list[int]] = []
    for root in roots:
        if root in index:
            continue
        work = [(root, 0)]
        while work:
            node, at = work.pop()
            if at == 0:
                index[node] = low[node] = len(index)
                open_.append(node)
                is_open.add(node)
            else:
                low[node] = min(low[node], low[successors[node][at - 1]])
            after = successors[node]
            while at < len(after):
                target = after[at]
                at += 1
                if target not in index:
                    work += [(node, at), (target, 0)]
                    break
                if target in is_open:
                    low[node] = min(low[node], index[target])
            else:
                if low[node] == index[node]:
                    component = []
                    while True:
                        member = open_.pop()
                        is_open.discard(member)
                        component.append(member)
                        if member == node:
                            break
                    found.append(component)
    return found


class Layout:
    """The facts that some roots depend on, in an order in which they can be computed.

    Attributes:
        by_head: groundings of each fact; `components`: of facts, each after what it rests on; `cyclic`: for each
            component, whether it rests on itself.
    """

    def __init__(self, program: GroundProgram, roots: Iterable[int], certain_is_true: bool) -> None:
        """Orders the facts.

        Args:
            certain_is_true: do not look at how certain facts were derived.

        Raises:
            ExplanationError: NS817, negation through a cycle.
        """
        count = len(program.atoms)
        self.by_head: list[list[int]] = [[] for _ in range(count)]
        for number, g in enumerate(program.groundings):
            if not (certain_is_true and program.kinds[g.head] == "certain"):
                self.by_head[g.head].append(number)
        below = [
            list(dict.fromkeys(f for n in numbers for g in (program.groundings[n],) for f in g.body + g.negated))
            for numbers in self.by_head
        ]
        self.components = components(below, roots)
        self.cyclic = [len(c) > 1 or c[0] in below[c[0]] for c in self.components]
        place = {fact: k for k, component in enumerate(self.components) for fact in component}
        for fact, k in place.items():
            if self.cyclic[k]:
                for number in self.by_head[fact]:
                    for other in program.groundings[number].negated:
                        if place[other] == k:
                            raise fault(
                                "NS817", f"{program.name(fact)} depends on its own negation through a cycle",
                                f"grounding {number} of rule `{program.groundings[number].rule}` negates "
                                f"{program.name(other)}",
                            )  # fmt: skip
