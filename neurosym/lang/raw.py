"""What the automaton's actions make before it is known whether an expression is a term, an atom or a condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurosym.lang.terms import Iri, Symbol

Raw = Any  # one of the classes below, or a finished Var or Const


@dataclass(slots=True)
class Word:
    """A name by itself: a constant, or an atom without arguments."""

    value: Symbol | Iri
    start: int
    end: int


@dataclass(slots=True)
class Call:
    """`name(args)`: an atom, a function, or a directive. `capital` where the name was written as a variable."""

    name: str
    args: list[Raw]
    start: int
    end: int
    name_end: int
    capital: bool = False


@dataclass(slots=True)
class Binary:
    """`left op right`, or `op right` where left is None."""

    op: str
    left: Raw | None
    right: Raw
    start: int
    end: int


@dataclass(slots=True)
class Paren:
    """`( … )` around a term or a condition."""

    inner: Raw
    start: int
    end: int


@dataclass(slots=True)
class Listing:
    """`[a, b]`, `[a | T]`, or the range `0..9`."""

    items: list[Raw]
    start: int
    end: int
    tail: Raw | None = None
    range: bool = False


@dataclass(slots=True)
class Braces:
    """`count{ template : body }`."""

    function: str
    template: list[Raw]
    body: Raw
    start: int
    end: int


@dataclass(slots=True)
class Logic:
    """A condition: kind is one of `compare not and or implies iff exists forall exists{ forall{ cut`.

    Attributes:
        parts: the operands; of a comparison the two sides.
        extra: a comparison's operator, or a quantifier's variables.
    """

    kind: str
    parts: list[Raw]
    start: int
    end: int
    extra: Any = None


@dataclass(slots=True)
class Head:
    """`weight :: atom`, or several atoms that hold together."""

    weight: Raw | None
    atoms: list[Raw]
    start: int
    end: int
    negated: bool = False


@dataclass(slots=True)
class Item:
    """One part of a rule block, a declaration or a constraint: `weight 0.8 learn`, `top 5`."""

    kind: str
    value: Any
    start: int
    end: int
    learn: bool = False
