"""Random programs of a size at which estimates mean something, by a seed; and what grounding them really derives."""

from __future__ import annotations

import random
from dataclasses import dataclass

from neurosym.errors import LimitError
from neurosym.grounding import Limits, forecast, ground
from neurosym.lang import parse_text
from neurosym.lang.ast import Program

VARIABLES = ("X", "Y", "Z", "W")


@dataclass(frozen=True)
class Ratio:
    """How far an estimate is from the truth, as a factor of at least 1."""

    facts: float
    firings: float


def ratio(estimate: float, truth: float) -> float:
    """The factor between two counts; small ones count as ten."""
    a, b = max(estimate, 10.0), max(truth, 10.0)
    return max(a / b, b / a)


def compare(program: Program, limits: Limits | None = None) -> Ratio | None:
    """The forecast against the truth; None if grounding hits a limit."""
    try:
        graph = ground(program, limits=limits)
    except LimitError:
        return None
    found = forecast(program)
    return Ratio(ratio(found.facts, graph.num_facts), ratio(found.firings, graph.num_groundings))


def random_program(seed: int) -> Program:
    """Layers of rules over skewed and uniform facts: joins, recursion, comparisons, negation, counts, weights."""
    return parse_text(_Maker(random.Random(seed)).text(), f"random{seed}.rules")


class _Maker:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.domain = rng.choice((10, 30, 100))

    def text(self) -> str:
        lines = [*self.facts("e", 2), *self.facts("f", 2), *self.facts("g", 1)]
        known = [("e", 2), ("f", 2), ("g", 1)]
        for layer in range(3):
            new = [(f"p{layer}", 2), (f"q{layer}", 1)]
            for name, arity in new:
                count = self.rng.choice((1, 1, 2))
                own = [[(name, arity)] if self.rng.random() < 0.3 else [] for _ in range(count)]
                lines += [self.rule(name, arity, known, literals) for literals in own]
            known += new
        return "\n".join(lines)

    def facts(self, name: str, arity: int) -> list[str]:
        count = self.rng.choice((1, 2, 4)) * self.domain // (1 if arity == 2 else 4)
        skewed = self.rng.random() < 0.4
        rows = {tuple(self.value(skewed) for _ in range(arity)) for _ in range(count)}
        return [f"{name}({', '.join(map(str, row))})." for row in sorted(rows)]

    def value(self, skewed: bool) -> int:
        return int(self.domain * self.rng.random() ** (3 if skewed else 1))

    def rule(self, name: str, arity: int, known: list[tuple[str, int]], own: list[tuple[str, int]]) -> str:
        body: list[str] = []
        bound: list[str] = []
        for predicate, width in [*self.rng.choices(known, k=self.rng.choice((1, 2, 2, 3))), *own]:
            args = self.args(width, bound)
            bound += [a for a in args if a in VARIABLES and a not in bound]
            body.append(f"{predicate}({', '.join(args)})")
        while len(bound) < arity:
            args = self.args(2, bound)
            bound += [a for a in args if a in VARIABLES and a not in bound]
            body.append(f"e({', '.join(args)})")
        kind = self.rng.random()
        if kind < 0.2:
            body.append(f"{self.rng.choice(bound)} {self.rng.choice(('<', '>=', '!='))} {self.rng.choice(bound)}")
        elif kind < 0.35:
            body.append(f"{self.rng.choice(bound)} < {self.rng.randrange(self.domain)}")
        elif kind < 0.5:
            body.append(f"\\+ g({self.rng.choice(bound)})")
        elif kind < 0.6:
            body.append(f"N = count{{ V : e({self.rng.choice(bound)}, V) }}, N > 1")
        weight = "0.3 :: " if self.rng.random() < 0.15 else ""
        head = ", ".join(self.rng.sample(bound, arity))
        return f"{weight}{name}({head}) :- {', '.join(body)}."

    def args(self, width: int, bound: list[str]) -> list[str]:
        """Mostly connected with what is bound, in at most one place."""
        free = [v for v in VARIABLES if v not in bound] or list(VARIABLES)
        args = self.rng.sample(free, min(width, len(free)))
        args += [self.rng.choice(bound or VARIABLES) for _ in range(width - len(args))]
        if bound and self.rng.random() < 0.9:
            args[self.rng.randrange(width)] = self.rng.choice(bound)
        elif self.rng.random() < 0.1:
            args[self.rng.randrange(width)] = str(self.value(False))
        return args
