"""Random stratified programs as text, for benchmarks and for tests.

Whoever asks brings the randomness: `random` here, hypothesis in the tests, so that failures shrink there.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
VARIABLES = ("X", "Y", "Z")


@dataclass(frozen=True)
class Style:
    """What a random program may use.

    Attributes:
        constants: the domain.
        weights: probabilities of facts and rules; empty for programs without choices.
        arithmetic, aggregates, groups: whether bodies use them; `groups` are negated groups, exists and forall.
        prolog: literals in an order that Prolog can evaluate, and no `_` under negation.
    """

    constants: tuple[str, ...] = ("1", "2", "3")
    weights: tuple[str, ...] = ()
    facts: int = 8
    rules: int = 7
    arithmetic: bool = True
    aggregates: bool = True
    functions: tuple[str, ...] = ("count", "count", "sum", "min", "max")
    groups: bool = False
    evidence: bool = False
    prolog: bool = False


class AbstractDraw(ABC):
    """Where random choices come from."""

    @abstractmethod
    def pick(self, options: Sequence[T]) -> T:
        """One of some options."""

    @abstractmethod
    def integer(self, least: int, most: int) -> int:
        """A whole number, ends included."""

    @abstractmethod
    def permuted(self, items: Sequence[T]) -> list[T]:
        """The items in any order."""

    @abstractmethod
    def some(self, items: Sequence[T], least: int, most: int) -> list[T]:
        """So many different items."""


class RandomDraw(AbstractDraw):
    """Choices of Python's generator."""

    def __init__(self, seed: object) -> None:
        self.random = random.Random(str(seed))

    def pick(self, options: Sequence[T]) -> T:
        return self.random.choice(options)

    def integer(self, least: int, most: int) -> int:
        return self.random.randint(least, most)

    def permuted(self, items: Sequence[T]) -> list[T]:
        return self.random.sample(items, len(items))

    def some(self, items: Sequence[T], least: int, most: int) -> list[T]:
        return self.random.sample(items, self.random.randint(least, most))


# layers: predicates of a layer use their own layer positively, lower ones in any way
LAYERS = (
    (("e", 2), ("f", 1), ("g", 1), ("h", 0)),
    (("p", 1), ("q", 2), ("a", 0)),
    (("r", 1), ("s", 2), ("b", 0)),
    (("t", 1), ("u", 1), ("c", 0)),
)


class _Maker:
    def __init__(self, draw: AbstractDraw, style: Style) -> None:
        self.draw, self.style = draw, style

    def pick(self, options: Sequence[T]) -> T:
        return self.draw.pick(options)

    def chance(self, percent: int) -> bool:
        return self.draw.integer(0, 99) < percent

    def fact(self) -> str:
        name, arity = self.pick(LAYERS[0])
        atom = _atom(name, [self.pick(self.style.constants) for _ in range(arity)])
        if not self.style.weights or self.chance(25):
            return f"{atom}."
        if self.chance(25):
            others = [
                _atom(name, [self.pick(self.style.constants) for _ in range(arity)]) for _ in range(self.pick((1, 2)))
            ]
            return (
                " ; ".join(f"{w} :: {a}" for w, a in zip(self.split(1 + len(others)), [atom, *others], strict=True))
                + "."
            )
        return f"{self.pick(self.style.weights)} :: {atom}."

    def split(self, n: int) -> list[str]:
        choices = {
            1: (("0.3",), ("0.8",)),
            2: (("0.4", "0.6"), ("0.2", "0.5")),
            3: (("0.2", "0.3", "0.5"), ("0.1", "0.4", "0.3")),
        }
        return list(self.pick(choices[n]))

    def atom(self, layers: tuple, bound: list[str], fresh: bool) -> tuple[str, list[str]]:
        """An atom over bound variables and constants; with `fresh` new variables too."""
        name, arity = self.pick([p for layer in layers for p in layer])
        args = []
        for _ in range(arity):
            options = [*bound, *bound, self.pick(self.style.constants)]
            if fresh:
                options += [v for v in VARIABLES if v not in bound] * 2
            args.append(self.pick(options))
        return _atom(name, args), [a for a in args if a in VARIABLES]

    def rule(self, layer: int) -> str:
        name, arity = self.pick(LAYERS[layer])
        body: list[str] = []
        bound: list[str] = []
        for _ in range(self.pick((1, 1, 2, 2, 3))):
            literal, used = self.atom(LAYERS[: layer + 1] if self.chance(40) else LAYERS[:layer], bound, True)
            body.append(literal)
            bound += [v for v in dict.fromkeys(used) if v not in bound]
        extra: list[str] = []
        for _ in range(self.pick((0, 0, 1, 1, 2))):
            self.literal(layer, bound, extra)
        if self.style.arithmetic and bound and self.chance(25):
            step = self.pick(("+ 1", "- 1", "* 2", "+ 2"))
            limit = self.pick((3, 4, 5))
            old = self.pick(bound)
            body.append(f"W is {old} {step}")
            body.append(f"W =< {limit}")
            body.append("W >= 0")
            bound = [*bound, "W", "W"]
        body += extra
        args = [self.pick([*bound, *bound, *bound, self.pick(self.style.constants)]) for _ in range(arity)]
        if not self.style.prolog:
            body = self.draw.permuted(body)
        head = _atom(name, args)
        if self.style.weights and self.chance(25):
            if self.chance(35):
                other = _atom(name, [self.pick([*bound, self.pick(self.style.constants)]) for _ in range(arity)])
                first, second = self.split(2)
                head = f"{first} :: {head} ; {second} :: {other}"
            else:
                head = f"{self.pick(self.style.weights)} :: {head}"
        return f"{head} :- {', '.join(body)}."

    def literal(self, layer: int, bound: list[str], extra: list[str]) -> None:
        """Append a negated literal, comparison, aggregate or group over bound variables."""
        kind = self.draw.integer(0, 9)
        lower = LAYERS[:layer]
        if kind < 4:
            name, arity = self.pick([p for one in lower for p in one])
            some = [] if self.style.prolog else ["_"]
            args = [self.pick([*bound, *bound, *some, self.pick(self.style.constants)]) for _ in range(arity)]
            extra.append(f"\\+ {_atom(name, args)}")
        elif kind < 6 and bound:
            op = self.pick(("<", ">=", "\\=", "=:="))
            extra.append(f"{self.pick(bound)} {op} {self.pick([*bound, *self.style.constants])}")
        elif kind < 8 and self.style.aggregates:
            inner, _ = self.atom(lower, [*bound, "V"], False)
            if "V" not in inner:
                inner = f"{inner}, {self.pick(('f', 'g'))}(V)"
            function = self.pick(self.style.functions)
            number = len(extra)
            extra.append(f"N{number} = {function}{{ V : {inner} }}")
            if self.chance(50):
                extra.append(f"N{number} {self.pick(('>=', '=:=', '<'))} {self.pick(('1', '2'))}")
        elif self.style.groups:
            first, _ = self.atom(lower, [*bound, "V"], False)
            second, _ = self.atom(lower, [*bound, "V"], False)
            if "V" not in first:
                first = f"{first}, {self.pick(('f', 'g'))}(V)"
            test = self.pick((second, f"\\+ {second}", f"V < {self.pick([*bound, '2'])}"))
            extra.append(
                self.pick((f"\\+ ({first}, {test})", f"exists{{ {first}, {test} }}", f"forall{{ {first} : {test} }}"))
            )


def _atom(name: str, args: list[str]) -> str:
    return f"{name}({', '.join(args)})" if args else name


def program(draw: AbstractDraw, style: Style) -> list[str]:
    """The statements of a program."""
    maker = _Maker(draw, style)
    statements = [maker.fact() for _ in range(draw.integer(2, style.facts))]
    # every predicate is known, so that the checker has nothing to complain about
    statements += [f"{_atom(n, ['0'] * k)} :- fail." for layer in LAYERS for n, k in layer]
    for _ in range(draw.integer(1, style.rules)):
        statements.append(maker.rule(draw.integer(1, len(LAYERS) - 1)))
    if style.evidence and maker.chance(40):
        for _ in range(maker.pick((1, 1, 2))):
            name, arity = maker.pick([p for layer in LAYERS for p in layer])
            atom = _atom(name, [maker.pick(style.constants) for _ in range(arity)])
            statements.append(f"evidence({atom}, {maker.pick(('true', 'false'))}).")
    return statements


def propositions(draw: AbstractDraw, rules: int = 14) -> list[str]:
    """A program without variables that is dense in what a proof of independence can get wrong.

    Few choices that many rules share, disjunctions under negation, unit rules and unit cycles, chains of carries,
    bodies that contradict themselves, weights of 0 and 1, rules that make choices of their own.
    """
    pick = draw.pick
    choices = [
        "0.4 :: v0; 0.6 :: v1.", "0.2 :: w0; 0.3 :: w1; 0.4 :: w2.", "0.5 :: x.", "0.3 :: y.", "0.8 :: z.",
        "1.0 :: one.", "0.0 :: never.", "0.3 :: m0; 0.7 :: m1.",
    ]  # fmt: skip
    # whole choices, so that different values of one choice meet
    families = [["v0", "v1"], ["w0", "w1", "w2"], ["m0", "m1"], ["x"], ["y"], ["z"], ["one"], ["never"]]
    picked = draw.some(range(len(families)), 1, 4)
    chosen = [leaf for k in picked for leaf in families[k]]
    derived = [f"n{k}" for k in range(8)]
    statements = [*choices, *(f"{n} :- fail." for n in derived)]
    for _ in range(draw.integer(2, rules)):
        k = draw.integer(0, len(derived) - 1)
        block = k // 2 * 2  # n0 and n1 may depend on each other, and negate what is below
        body = []
        for _ in range(pick((1, 1, 2, 2, 2, 3, 4))):
            if pick((True, False)):
                literal = pick(chosen)
                body.append(f"\\+ {literal}" if pick((True, False, False)) else literal)
            elif block and pick((True, False)):
                body.append(f"\\+ {pick(derived[:block])}")
            else:
                body.append(pick(derived[: block + 2]))
        head = derived[k]
        kind = draw.integer(0, 11)
        if kind == 0:
            head = f"0.7 :: {head}"
        elif kind == 1:
            head = f"0.2 :: {derived[block]}; 0.5 :: {derived[block + 1]}"
        statements.append(f"{head} :- {', '.join(body)}.")
    if pick((True, False, False)):
        statements.append(f"evidence({pick([*chosen, *derived])}, {pick(('true', 'false'))}).")
    return statements


def strata(draw: AbstractDraw) -> list[str]:
    """A program without variables whose facts partly rest on choices of their own, and partly share them.

    Up to three layers; what is in one may depend on itself, and negates what is below. Some choices leave nothing over.
    """
    pick = draw.pick
    choices = [
        ("0.3 :: v0; 0.7 :: v1.", ["v0", "v1"]), ("0.25 :: w0; 0.15 :: w1; 0.6 :: w2.", ["w0", "w1", "w2"]),
        ("0.5 :: u0; 0.1 :: u1; 0.2 :: u2.", ["u0", "u1", "u2"]),
    ]  # fmt: skip
    chosen = draw.some(range(len(choices)), 1, 3)
    coins = [f"c{k}" for k in range(draw.integer(2, 4))]
    statements = [choices[k][0] for k in chosen] + [f"{pick(('0.2', '0.4', '0.7'))} :: {c}." for c in coins]
    below = [leaf for k in chosen for leaf in choices[k][1]] + coins
    for layer in range(draw.integer(1, 3)):
        here = [f"n{layer}{k}" for k in range(draw.integer(1, 4))]
        for head in here:
            for _ in range(draw.integer(1, 3)):
                body = []
                for _ in range(draw.integer(1, 3)):
                    inside = pick((True, True, False, False, False))
                    literal = pick(here) if inside else pick(below)
                    body.append(literal if inside or pick((True, True, False)) else f"\\+ {literal}")
                statements.append(f"{head} :- {', '.join(body)}.")
        below = below + here
    return statements
