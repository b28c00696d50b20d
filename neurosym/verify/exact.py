"""The probability of the claim under the distribution semantics, given the evidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from neurosym.verify.count import Counter
from neurosym.verify.cycles import Loops, Rule
from neurosym.verify.formula import TRUE, Formulas
from neurosym.verify.graph import Layout
from neurosym.verify.structure import GroundProgram, fault


@dataclass(frozen=True)
class Recomputed:
    """A number recomputed from a certificate.

    Attributes:
        value: of the claim; `evidence`: the probability of the evidence, 1 where there is none.
        steps: the work it took; `tags`: of all facts, under an algebra.
    """

    value: float
    evidence: float = 1.0
    steps: int = 0
    tags: tuple[float, ...] | None = None


class Opened:
    """A claim that was recomputed, and what it was recomputed with: further facts cost little."""

    def __init__(self, program: GroundProgram, max_steps: int) -> None:
        """Recompute the claim, as `recompute_exact`."""
        roots = [program.claim, *program.evidence]
        layout = Layout(program, roots, certain_is_true=True)
        order = _walk(program, layout, roots, deep=True)
        weights = [_weights(program.choices[number].probabilities) for number in order]
        formulas = self.formulas = Formulas(weights, max_steps)
        rank = {number: k for k, number in enumerate(order)}
        known = self._known = _formulas(program, layout, formulas, rank, roots)
        self._counter = Counter(formulas, [rank[number] for number in _walk(program, layout, roots, deep=False)])
        observed = [known[f] if holds else formulas.negate(known[f]) for f, holds in program.evidence.items()]
        self._observed = formulas.conjoin(observed)
        self._total = self._counter.probability(self._observed)
        if self._total <= 0:
            raise fault("NS823", "the evidence in the certificate has probability 0")
        joint = self._counter.probability(formulas.conjoin([known[program.claim], self._observed]))
        self.result = Recomputed(joint / self._total, self._total, formulas.steps)

    def probability(self, literals: Sequence[tuple[int, bool]]) -> float | None:
        """That some facts hold and others do not, given the evidence; None where one has no formula of its own.

        Raises:
            ExplanationError: NS820 the limit of steps.
        """
        if any(fact not in self._known for fact, _ in literals):
            return None
        signed = [self._known[f] if holds else self.formulas.negate(self._known[f]) for f, holds in literals]
        return self._counter.probability(self.formulas.conjoin([*signed, self._observed])) / self._total


def recompute_exact(program: GroundProgram, max_steps: int) -> Recomputed:
    """P(claim and evidence) / P(evidence).

    Raises:
        ExplanationError: NS817 negation through a cycle; NS820 the limit of steps; NS823 impossible evidence.
    """
    return Opened(program, max_steps).result


def _weights(probabilities: tuple[float, ...]) -> list[float]:
    rest = 1 - sum(probabilities)
    # below this, what is left over is rounding
    return [*probabilities, rest if rest > 1e-12 else 0.0]


def _walk(program: GroundProgram, layout: Layout, roots: list[int], *, deep: bool) -> list[int]:
    """Choices in the order in which a walk from the roots meets them: branch by branch, or those nearest first."""
    choice_of = {f: k for k, choice in enumerate(program.choices) for f in choice.outcomes}
    order: dict[int, None] = {}
    seen: set[int] = set()
    waiting = deque(reversed(roots) if deep else roots)
    while waiting:
        fact = waiting.pop() if deep else waiting.popleft()
        if fact in seen:
            continue
        seen.add(fact)
        if fact in choice_of:
            order.setdefault(choice_of[fact])
        for number in layout.by_head[fact]:
            g = program.groundings[number]
            body = g.body + g.negated
            waiting.extend(reversed(body) if deep else body)
    return list(order)


def _formulas(
    program: GroundProgram, layout: Layout, formulas: Formulas, rank: dict[int, int], roots: list[int]
) -> dict[int, int]:
    """The formulas of the roots, and of the facts that they depend on outside of cycles."""
    loops = Loops(formulas)
    known: dict[int, int] = {}
    for number, k in rank.items():
        for value, fact in enumerate(program.choices[number].outcomes):
            known[fact] = formulas.value(k, 1 << value)
    wanted = set(roots)
    for component in layout.components:
        inside = set(component)
        wanted.update(f for fact in component for f in _body_of(program, layout, fact) if f not in inside)
    for component, cyclic in zip(layout.components, layout.cyclic, strict=True):
        if program.kinds[component[0]] == "leaf":
            continue
        inside = set(component) if cyclic else set()
        rules: list[Rule] = []
        for fact in component:
            if program.kinds[fact] == "certain":
                rules.append((fact, TRUE, ()))
            for at in layout.by_head[fact]:
                g = program.groundings[at]
                outer = [known[f] for f in g.body if f not in inside]
                outer += [formulas.negate(known[f]) for f in g.negated]
                rules.append((fact, formulas.conjoin(outer), tuple(f for f in g.body if f in inside)))
        for fact in wanted.intersection(component):
            known[fact] = loops.formula(fact, rules) if cyclic else formulas.disjoin([given for _, given, _ in rules])
    return known


def _body_of(program: GroundProgram, layout: Layout, fact: int) -> list[int]:
    return [f for at in layout.by_head[fact] for f in program.groundings[at].body + program.groundings[at].negated]
