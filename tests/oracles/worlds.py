"""Probabilities by enumeration of all worlds: the definition of the distribution semantics, and nothing else."""

from __future__ import annotations

from itertools import product

from neurosym.lang import ast
from tests.oracles.naive import Choice, Database, Fact, Program

MAX_WORLDS = 5000


class TooManyWorlds(Exception):
    """The program is too large for this."""


def worlds(program: ast.Program, limit: int = MAX_WORLDS) -> list[tuple[float, frozenset[Fact]]]:
    """Each world's probability and facts.

    Choices are met as rules fire; a component that met new ones is evaluated again for each combination of outcomes.
    Facts only grow within a component, so a choice that was met is met in each of those worlds.
    """
    made = Program(program)
    result: list[tuple[float, frozenset[Fact]]] = []

    def explore(component: int, base: Database, known: dict[Choice, int | None], probability: float) -> None:
        if component == len(made.components):
            result.append((probability, base.facts()))
            if len(result) > limit:
                raise TooManyWorlds
            return
        met: dict[Choice, tuple[float, ...]] = {}

        def ask(choice: Choice, weights: tuple[float, ...]) -> int | None:
            if choice not in known:
                met[choice] = weights
                return None
            return known[choice]

        before, base = base, base.copy()
        made.fixpoint(made.components[component], base, ask)
        if not met:
            explore(component + 1, base, known, probability)
            return
        options = []
        for weights in met.values():
            rest = 1 - sum(weights)
            outcomes: list[tuple[int | None, float]] = [(k, w) for k, w in enumerate(weights) if w > 0]
            options.append(outcomes + ([(None, rest)] if rest > 1e-12 else []))
        if len(met) > 12:
            raise TooManyWorlds
        for combination in product(*options):
            weight = probability
            for _, p in combination:
                weight *= p
            # from the start again: a rule fires while it is not known whether its exception applies
            explore(component, before, known | dict(zip(met, (o for o, _ in combination), strict=True)), weight)

    explore(0, Database(), {}, 1.0)
    return result


def probabilities(
    program: ast.Program, evidence: list[tuple[Fact, bool]] | None = None, limit: int = MAX_WORLDS
) -> dict[Fact, float] | None:
    """The probability of every fact that some world holds, given evidence; None if the evidence is impossible."""
    total = 0.0
    sums: dict[Fact, float] = {}
    for probability, facts in worlds(program, limit):
        if all((fact in facts) == positive for fact, positive in evidence or ()):
            total += probability
            for fact in facts:
                sums[fact] = sums.get(fact, 0.0) + probability
    return {f: p / total for f, p in sums.items()} if total > 0 else None
