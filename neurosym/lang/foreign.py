"""Foreign predicates: Python functions that rules call, declared with the mode of each argument.

A rule file cannot name a function, so that reading one never runs code: the program gets it in Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from neurosym.errors import Diagnostic, RuleError, Span
from neurosym.lang.terms import RESERVED, is_plain_symbol

PLACE = "<foreign>"  # the file that diagnostics name: a declaration stands in Python code, not in a rule file
_DECLARATION = re.compile(r"\s*(\w+)\s*(?:\(([^()]*)\))?\s*\Z")
_ARGUMENT = re.compile(r"\s*([+-])\s*(\w+)\s*\Z")
_SHAPE = "write a name and the mode of each argument: `distance(+A, +B, -D)`"

ForeignFunction = Callable[..., Any]


@dataclass(frozen=True)
class Foreign:
    """A predicate that a Python function answers: `Foreign("distance(+A, +B, -D)", function)`.

    The function gets one list for each `+` argument, all of n values, a row for each distinct input, and gives a
    sequence of n answers. A predicate without `-` arguments is a test: each answer is true or false. Else each answer
    is None (the atom does not hold), a value for the `-` argument or a tuple of values for several, or a list of
    those: several solutions. It is called with rows that were not asked before while the same program is grounded, so
    its answers must depend on its inputs alone. Without a `+` argument it is called once, without arguments, for one
    answer.

    Values come and go as Python's `int`, `float`, `bool`, `str` (a string) and `datetime.date`, and as `Symbol` (a
    plain name), `Iri`, `LangString` and `TypedLiteral`. NumPy's arrays and numbers may be given back.

    Attributes:
        declaration: the name, and `+` or `-` before the name of each argument: `+` is given, `-` is found.
        function: what answers; it is called when a program is grounded, never when one is read.

    Raises:
        RuleError: NS145 the declaration cannot be read.
    """

    declaration: str
    function: ForeignFunction

    def __post_init__(self) -> None:
        self._parsed  # noqa: B018 - a broken declaration is refused where it is written
        if not callable(self.function):
            self._refuse("what answers it is no function", 0, len(self.declaration), "pass a function")

    @cached_property
    def _parsed(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        text = self.declaration
        match = _DECLARATION.match(text)
        if match is None:
            self._refuse("this declaration cannot be read", 0, len(text), _SHAPE)
        name = match[1]
        if not is_plain_symbol(name):
            why = "is a reserved word" if name in RESERVED else "begins with a capital, a digit or an underscore"
            self._refuse(f"`{name}` cannot name a predicate: it {why}", match.start(1), match.end(1), _SHAPE)
        if match[2] is None or not match[2].strip():
            return name, ()
        arguments: list[tuple[str, str]] = []
        at = match.start(2)
        for part in match[2].split(","):
            found = _ARGUMENT.match(part)
            if found is None:
                what = f"the argument `{part.strip()}` has no mode" if part.strip() else "an argument is missing"
                self._refuse(what, at, at + max(1, len(part)), "`+` before what is given, `-` before what is found")
            arguments.append((found[1], found[2]))
            at += len(part) + 1
        return name, tuple(arguments)

    def _refuse(self, message: str, start: int, stop: int, help: str) -> NoReturn:
        span = Span(PLACE, 1, start + 1, 1, stop + 1)
        raise RuleError([Diagnostic("NS145", "error", message, span, self.declaration, help=help)])

    @property
    def name(self) -> str:
        """The predicate's name."""
        return self._parsed[0]

    @property
    def key(self) -> tuple[str, int]:
        """Name and arity."""
        return (self.name, len(self._parsed[1]))

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """Positions of the `+` arguments."""
        return tuple(k for k, (mode, _) in enumerate(self._parsed[1]) if mode == "+")

    @cached_property
    def outputs(self) -> tuple[int, ...]:
        """Positions of the `-` arguments."""
        return tuple(k for k, (mode, _) in enumerate(self._parsed[1]) if mode == "-")

    @property
    def signature(self) -> str:
        """The declaration in one spelling: `distance(+A, +B, -D)`."""
        arguments = ", ".join(f"{mode}{name}" for mode, name in self._parsed[1])
        return f"{self.name}({arguments})" if arguments else self.name

    @property
    def modes(self) -> str:
        """The signature without the arguments' names, which do not matter: `distance(+, +, -)`."""
        return f"{self.name}({', '.join(mode for mode, _ in self._parsed[1])})"


def foreign_by_key(foreign: Iterable[Foreign]) -> dict[tuple[str, int], Foreign]:
    """Foreign predicates by name and arity.

    Raises:
        RuleError: NS232 two functions answer one predicate.
    """
    made: dict[tuple[str, int], Foreign] = {}
    for one in foreign:
        if one.key in made:
            message = f"two functions answer `{one.name}/{one.key[1]}`"
            span = Span(PLACE, 1, 1, 1, len(one.declaration) + 1)
            note = f"the other is declared as `{made[one.key].signature}`"
            raise RuleError([Diagnostic("NS232", "error", message, span, one.declaration, note, "keep one")])
        made[one.key] = one
    return made
