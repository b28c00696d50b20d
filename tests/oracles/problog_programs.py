"""Random function-free ProbLog programs as text, from a seed: the same seed gives the same program everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")
Predicate = tuple[str, int]
DOMAINS = (
    ("1", "2"),
    ("1", "2", "3"),
    ("a", "b"),
    ("a", "b", "c"),
    ("'A b'", "x"),
    ("1", "a"),
    ('"s"', "s"),
    ("-1", "0.5"),
)
# predicates of a layer use their own layer positively, lower ones in any way
LAYERS: tuple[tuple[Predicate, ...], ...] = (
    (("e", 2), ("f", 1), ("g", 1), ("h", 0)),
    (("p", 1), ("q", 2), ("a", 0)),
    (("r", 1), ("s", 2), ("b", 0)),
)
WEIGHTS = ("0.1", "0.3", "0.5", "0.8", "1/3", "0.25", "0.9", "1.0", "0.0")
SPLITS = {
    2: (("0.4", "0.6"), ("0.2", "0.5"), ("1/3", "2/3"), ("0.5", "0.0")),
    3: (("0.2", "0.3", "0.5"), ("0.1", "0.4", "0.3"), ("1/3", "1/3", "1/3")),
}


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.domain = self.pick(DOMAINS)
        self.numeric = all(c.lstrip("-").isdigit() for c in self.domain)

    def pick(self, options: Sequence[T]) -> T:
        return self.random.choice(options)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def ground(self, predicate: Predicate) -> str:
        return atom(predicate[0], [self.pick(self.domain) for _ in range(predicate[1])])

    # ------------------------------------------------------------------------------------------------- facts

    def facts(self) -> list[str]:
        made = []
        for _ in range(self.random.randint(3, 7)):
            predicate = self.pick(LAYERS[0])
            kind = self.random.randrange(10)
            if kind < 2:
                made.append(f"{self.ground(predicate)}.")
            elif kind < 4:
                weights = self.pick(SPLITS[self.pick((2, 2, 3))])
                other = self.pick(LAYERS[0]) if self.chance(30) else predicate
                heads = [self.ground(predicate if k == 0 else other) for k in range(len(weights))]
                made.append("; ".join(f"{w}::{h}" for w, h in zip(weights, heads, strict=True)) + ".")
            elif kind == 4:
                made.append(f"w({self.pick(self.domain)},{self.pick(('0.2', '0.5', '0.7'))}).")
            else:
                made.append(f"{self.pick(WEIGHTS)}::{self.ground(predicate)}.")
        return made

    # ------------------------------------------------------------------------------------------------- rules

    def positive(self, layers: Sequence[Predicate], bound: list[str]) -> str:
        """A positive literal; its new variables become bound."""
        name, arity = self.pick(layers)
        args = []
        for _ in range(arity):
            options = (
                [*bound, *bound, self.pick(self.domain)] + [v for v in ("X", "Y", "Z") if v not in bound] * 2 + ["_"]
            )
            args.append(self.pick(options))
        bound += [v for v in dict.fromkeys(args) if v in ("X", "Y", "Z") and v not in bound]
        return atom(name, args)

    def alternatives(self, layers: Sequence[Predicate], bound: list[str]) -> str:
        """A disjunction that binds one variable in either way."""
        new = self.pick([v for v in ("X", "Y", "Z") if v not in bound] or ["X"])
        sides = []
        for _ in range(2):
            name, arity = self.pick([p for p in layers if p[1]])
            args = [new] + [self.pick([*bound, "_", self.pick(self.domain)]) for _ in range(arity - 1)]
            self.random.shuffle(args)
            sides.append(self.pick((atom(name, args), atom(name, args), f"{new} = {self.pick(self.domain)}")))
        bound += [new] if new not in bound else []
        return f"({'; '.join(sides)})"

    def tested(self, layers: Sequence[Predicate], bound: list[str]) -> str:
        """An atom over bound variables and constants."""
        name, arity = self.pick(layers)
        return atom(name, [self.pick([*bound, *bound, self.pick(self.domain)]) for _ in range(arity)])

    def extra(self, layer: int, bound: list[str]) -> str:
        """A literal that binds nothing: a negation, a group, a disjunction, a comparison."""
        lower = [p for one in LAYERS[:layer] for p in one]
        kind = self.random.randrange(12)
        if kind < 3:
            return f"\\+{self.tested(lower, bound)}"
        if kind == 3:
            return f"\\+{self.tested(lower, [*bound, '_'])}"
        if kind == 4:
            return f"\\+ ({self.tested(lower, bound)}, {self.tested(lower, bound)})"
        if kind == 5:
            return f"\\+ ({self.tested(lower, bound)}; \\+{self.tested(lower, bound)})"
        if kind < 8:
            return f"({self.tested(lower, bound)}; {self.pick(('', chr(92) + '+'))}{self.tested(lower, bound)})"
        if kind == 8:
            return f"\\+ \\+ {self.tested(lower, bound)}"
        if bound:
            operator = (
                self.pick(("<", ">=", "=:=", "=\\=", "\\=", "\\==", "="))
                if self.numeric
                else self.pick(("\\=", "=", "\\=="))
            )
            return f"{self.pick(bound)} {operator} {self.pick([*bound, *self.domain])}"
        return self.pick(("true", self.tested(lower, bound)))

    def body(self, layer: int) -> tuple[list[str], list[str]]:
        own = [p for one in LAYERS[: layer + 1] for p in one]
        lower = [p for one in LAYERS[:layer] for p in one]
        bound: list[str] = []
        body = [self.positive(own if self.chance(45) else lower, bound) for _ in range(self.pick((1, 1, 2, 2, 3)))]
        if self.chance(12):
            body.append(self.alternatives(own, bound))
        body += [self.extra(layer, bound) for _ in range(self.pick((0, 0, 1, 1, 2)))]
        if self.numeric and bound and self.chance(20):
            step = self.pick(("+1", "-1", "*2", " mod 2", "//2"))
            body += [f"N is {self.pick(bound)}{step}", f"N =< {self.pick(('2', '3'))}", "N >= -1"]
            bound.append("N")
        if self.numeric and self.chance(8):
            body.append(f"between(1,{self.pick(('2', '3'))},K)")
            bound.append("K")
        return body, bound

    def rule(self, layer: int) -> str:
        body, bound = self.body(layer)
        predicate = self.pick(LAYERS[layer])

        def head(of: Predicate) -> str:
            return atom(of[0], [self.pick([*bound, *bound, self.pick(self.domain)]) for _ in range(of[1])])

        kind = self.random.randrange(10)
        if kind < 2:
            text = f"{self.pick(WEIGHTS)}::{head(predicate)}"
        elif kind == 2:
            weights = self.pick(SPLITS[2])
            text = "; ".join(f"{w}::{head(self.pick(LAYERS[layer]))}" for w in weights)
        elif kind == 4 and bound and self.chance(50):
            body.append(f"w({self.pick(bound)},P), Q is 1-P")
            text = f"P::{head(predicate)}; Q::{head(self.pick(LAYERS[layer]))}"
        elif kind == 3 and bound:
            body.append(f"w({self.pick(bound)},P)")
            text = f"P::{head(predicate)}"
        else:
            text = head(predicate)
        return f"{text} :- {', '.join(body)}."

    # -------------------------------------------------------------------------------------------- directives

    def evidence(self, lines: list[str]) -> list[str]:
        """Observations, mostly of what a ground head names: others are impossible more often than not."""
        if not self.chance(30):
            return []
        made = []
        heads = [h.split("::")[-1] for line in lines for h in line.rstrip(".").split(" :- ")[0].split("; ")]
        heads = [
            h for h in heads if not set("XYZNK") & set(h.replace("'A b'", "")) and "none" not in h and h[:2] != "w("
        ]
        for _ in range(self.pick((1, 1, 2))):
            some = heads and self.chance(90)
            at = self.pick(heads) if some else self.ground(self.pick([p for one in LAYERS for p in one]))
            made.append(
                self.pick(
                    (f"evidence({at}).", f"evidence({at},true).", f"evidence(\\+{at}).", f"evidence({at},false).")
                )
            )
        return made

    def queries(self) -> list[str]:
        free = [f"query({atom(name, ['_'] * arity)})." for layer in LAYERS for name, arity in layer]
        return [*free, f"query(\\+{self.ground(self.pick([p for one in LAYERS[1:] for p in one]))})."]


def atom(name: str, args: Sequence[str]) -> str:
    """An atom."""
    return f"{name}({','.join(args)})" if args else name


def program(seed: int) -> str:
    """The program of a seed."""
    maker = _Maker(seed)
    lines = maker.facts()
    # every predicate is known to both programs
    lines += [f"{atom(n, ['none'] * k)} :- fail." for layer in LAYERS for n, k in layer] + ["w(none,0.5) :- fail."]
    lines += [maker.rule(maker.pick((1, 1, 2))) for _ in range(maker.random.randint(2, 6))]
    lines += [*maker.evidence(lines), *maker.queries()]
    return "\n".join(lines)
