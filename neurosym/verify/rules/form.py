"""The form in which rules are checked: flat bodies, with a *part* of its own for each group, choice and aggregate.

A fact is a pair of a key and a row. The key is a predicate's (name, arity), or the `Part` of a rule. The row is a tuple
of term numbers. Arguments of literals are term numbers, variables by name, and `None` for what a negation leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from neurosym.lang.ast import Term
from neurosym.lang.foreign import Foreign


class Part(NamedTuple):
    """What stands for a part of a statement in a certificate.

    Attributes:
        statement: index into the program's rules, -1 for an `open` declaration.
        role: `choice`, `negated group`, `exists`, `counterexample`, `exception`, `member`, `count`, `count so far` …
        number: how many parts of that role the statement had before.
        arity: of its facts; the arguments are the variables that it shares with the rest of the rule.
    """

    statement: int
    role: str
    number: int
    arity: int


Key = tuple[str, int] | Part
Row = tuple[int, ...]
Pattern = tuple[int | None, ...]
Args = tuple[int | str | None, ...]
GroundAtom = tuple[Key, Row]


@dataclass(frozen=True, slots=True)
class Positive:
    """A literal that facts must match."""

    key: Key
    args: Args


@dataclass(frozen=True, slots=True)
class Negative:
    """A negated literal."""

    key: Key
    args: Args


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison, or an assignment."""

    op: str
    left: Term
    right: Term
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Tested:
    """A text test, or `between`."""

    name: str
    args: tuple[Term, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Called:
    """A literal that a Python function answers."""

    foreign: Foreign
    args: tuple[Term, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """`result = function{ members }` for each row of the grouping variables.

    Attributes:
        members: over (group…, template…); result: over (group…, value); states: over (group…, position, state).
    """

    function: str
    members: Part
    result: Part
    states: Part
    group: tuple[str, ...]
    variable: str


BodyLiteral = Positive | Negative | Compared | Tested | Called | Counted


@dataclass(frozen=True, slots=True)
class Chooses:
    """The choice that each grounding of a weighted rule makes.

    Attributes:
        weights: of the outcomes, as expressions; None where learned. `variables`: those that tell choices apart.
        leaves: the part of each outcome.
    """

    weights: tuple[Term | None, ...]
    variables: tuple[str, ...]
    leaves: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A conclusion, and the outcome of the choice that it needs (None: it is certain)."""

    key: Key
    args: Args
    outcome: int | None


@dataclass(frozen=True, eq=False, slots=True)
class FlatRule:
    """A rule with a flat body.

    Attributes:
        statement: index into the program's rules; `part`: what of it this is: `rule`, `exception`, `negated group` …
    """

    heads: tuple[Head, ...]
    body: tuple[BodyLiteral, ...]
    statement: int
    part: str
    choice: Chooses | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """An outcome of a choice, as the program has it.

    Attributes:
        choice: what tells the choice from all others.
        outcome: which one of it; `statement`: whose weight it is, or -1.
        origin: a rule's name, a network's, or an open predicate's; `kind`: as in certificates.
        probability: None where the rule text does not say.
    """

    choice: tuple
    outcome: int
    statement: int
    origin: str
    kind: str
    probability: float | None = None


class Ground(NamedTuple):
    """A grounding: a rule with terms in place of its variables."""

    statement: int
    part: str
    body: tuple[GroundAtom, ...]
    negated: tuple[GroundAtom, ...]
    absent: tuple[tuple[Key, Pattern], ...]


class TooLarge(Exception):
    """A limit on the work was reached."""
