"""The probability of a formula: Shannon expansion over the choices, decomposition, and a memory.

The engine sums and multiplies where it can prove that it may, and compiles decision diagrams bottom-up elsewhere. This
goes top-down and knows neither: a conjunction falls apart into groups that share no choice; a group that does not is
split on the values of one shared choice; a residual formula that was met before is looked up. Disjunctions are
negations, so that both cases are one. (The scheme of model counters: Bacchus, Dalmao & Pitassi, FOCS 2003.)
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from neurosym.verify.formula import TRUE, Formulas

# That a formula holds, and that it does not: both as sums of positive terms, so that neither loses digits when it is
# tiny (evidence may have probability 1e-15).
Pair = tuple[float, float]


class Counter:
    """Probabilities of formulas, each computed once.

    Which choice to decide first is a guess. Two are tried in turn, with growing budgets: one that tears groups apart
    (the first choice that several of their members share), good where few things are shared, and one that stays near
    the claim, good along chains of states. What one of them found out, the other knows.

    Args:
        near: the choices, those nearest to the claim first.
    """

    def __init__(self, formulas: Formulas, near: Sequence[int], budget: int = 50_000) -> None:
        self.formulas = formulas
        self._distance = {choice: k for k, choice in enumerate(near)}
        self.budget = budget
        self._near = False
        self._known: dict[int, Pair] = {TRUE >> 1: (1.0, 0.0)}

    def probability(self, reference: int) -> float:
        """That a formula holds.

        Raises:
            ExplanationError: NS820, the limit of steps is reached.
        """
        budget = self.budget
        while (pair := self._solve(reference >> 1, self.formulas.steps + budget)) is None:
            budget += budget if self._near else 0
            self._near = not self._near
        return pair[reference & 1]

    def _solve(self, number: int, until: int) -> Pair | None:
        """Runs `_expand` with a stack of its own, for long chains nest deeper than Python's; None if out of budget."""
        stack: list[tuple[int, Generator[int, Pair | None, Pair]]] = []
        answer = self._known.get(number)
        if answer is None:
            stack.append((number, self._expand(number)))
        while stack:
            if self.formulas.steps > until:
                return None
            number, task = stack[-1]
            try:
                wanted = task.send(answer)  # a fresh generator takes None, a waiting one its answer
            except StopIteration as done:
                answer = self._known[number] = done.value
                stack.pop()
                continue
            answer = self._known.get(wanted)
            if answer is None:
                stack.append((wanted, self._expand(wanted)))
        return answer

    def _expand(self, number: int) -> Generator[int, Pair | None, Pair]:
        """The pair of a node; yields the nodes whose pairs it needs."""
        formulas = self.formulas
        node = formulas.node(number)
        formulas.spend(1)
        if node[0] == "value":
            weights = formulas.weights[node[1]]
            inside = [w for v, w in enumerate(weights) if node[2] >> v & 1]
            outside = [w for v, w in enumerate(weights) if not node[2] >> v & 1]
            return sum(inside), sum(outside)
        if node[0] == "loop":
            return (yield from self._split(number, _lowest(formulas.support[number])))
        groups, shared = independent_groups(formulas, node[1])
        if len(groups) == 1:
            return (yield from self._split(number, self._choice(node[1], shared)))
        holds, fails = 1.0, 0.0
        for group in groups:
            reference = formulas.conjoin(group)
            pair = yield reference >> 1
            assert pair is not None
            yes, no = (pair[1], pair[0]) if reference & 1 else pair
            fails += no * holds
            holds *= yes
        return holds, fails

    def _choice(self, children: Sequence[int], shared: int) -> int:
        """The choice to split on: one that a literal of the conjunction fixes (unit propagation), else the first."""
        units = near = 0
        for child in children:
            support = self.formulas.support[child >> 1]
            near |= support
            if self.formulas.node(child >> 1)[0] == "value":
                units |= support
        if self._near and not units & shared:
            return min(_each(near), key=self._distance.__getitem__)
        return _lowest(units & shared or shared)

    def _split(self, number: int, choice: int) -> Generator[int, Pair | None, Pair]:
        """Shannon expansion over the values of a choice; values that no literal tells apart are taken together."""
        formulas = self.formulas
        dependents = formulas.dependents(number, choice)
        masks = {n[2] for d in dependents if (n := formulas.node(d))[0] == "value"}
        classes: dict[tuple[bool, ...], list[int]] = {}
        for value, weight in enumerate(formulas.weights[choice]):
            if weight > 0:
                classes.setdefault(tuple(bool(mask >> value & 1) for mask in masks), []).append(value)
        holds = fails = 0.0
        for values in classes.values():
            weight = sum(formulas.weights[choice][v] for v in values)
            reference = formulas.condition(dependents, values[0])
            pair = yield reference >> 1
            assert pair is not None
            yes, no = (pair[1], pair[0]) if reference & 1 else pair
            holds += weight * yes
            fails += weight * no
        return holds, fails


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _each(bits: int) -> Generator[int]:
    while bits:
        yield _lowest(bits)
        bits &= bits - 1


def independent_groups(formulas: Formulas, children: Sequence[int]) -> tuple[list[list[int]], int]:
    """Children in groups that share no choice with one another, and the choices that more than one child has."""
    once = shared = 0
    for child in children:
        support = formulas.support[child >> 1]
        shared |= once & support
        once |= support
    if not shared:
        return [[child] for child in children], 0
    alone: list[list[int]] = []
    groups: list[tuple[int, list[int]]] = []
    for child in children:
        support = formulas.support[child >> 1]
        if not support & shared:
            alone.append([child])
            continue
        joined = [child]
        apart = []
        for group in groups:
            if group[0] & support:
                support |= group[0]
                joined += group[1]
            else:
                apart.append(group)
        groups = [*apart, (support, joined)]
    return alone + [members for _, members in groups], shared
