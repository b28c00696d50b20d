"""Interpretations: what was observed in one example each, in full or in part; read from ProbLog's `.ev` files."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from neurosym.errors import DataError, Place, RuleError
from neurosym.lang import Atom, Const, Evidence, parse_atom
from neurosym.lang.parser import parse_source

SEPARATOR = "---"
# `evidence(burglary(home), true).` on a line of its own; whatever looks otherwise goes to the parser
_TERM = r"(?:[a-z][a-z_0-9]*|-?\d+)"
_ATOM = rf"[a-z][a-z_0-9]*(?:\(\s*{_TERM}(?:\s*,\s*{_TERM})*\s*\))?"
_LINE = re.compile(rf"\s*evidence\(\s*(\\\+\s*)?({_ATOM})\s*(?:,\s*(true|false)\s*)?\)\s*\.\s*")


@dataclass(frozen=True)
class Interpretation:
    """The atoms that were observed in one example; of others nothing is known.

    Attributes:
        observed: (ground atom, observed true).
        times: how often it was seen.
        place: where it stands.
    """

    observed: tuple[tuple[Atom, bool], ...]
    times: float = 1.0
    place: Place | None = None

    @classmethod
    def of(
        cls, observed: Mapping[str, bool], times: float = 1.0, parse: Callable[[str], Atom] = parse_atom
    ) -> Interpretation:
        """An interpretation from atoms as text.

        Args:
            parse: reads an atom; `reasoner.atom` knows the program's prefixes.

        Raises:
            RuleError: a text is no atom; DataError: NS640, an atom has a variable.
        """
        pairs = tuple((parse(a), bool(v)) for a, v in observed.items())
        return cls(tuple((_ground(a, None), v) for a, v in pairs), times)


def read_interpretations(*paths: str | PathLike[str]) -> list[Interpretation]:
    r"""Read ProbLog's `.ev` files: statements of evidence, and a line of dashes after each example.

    `evidence(a, true).`, `evidence(a, false).`, `evidence(a).` and `evidence(\+a).` are read; an example without any
    is left out.

    Raises:
        DataError: NS640, a file cannot be read, or holds something else; RuleError: it has faults.
    """
    result: list[Interpretation] = []
    for path in map(Path, paths):
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = (
                "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error.strerror or error).lower()
            )
            raise DataError(f"{path} cannot be read: {reason}", code="NS640") from None
        result += parse_interpretations(text, str(path))
    return result


def parse_interpretations(text: str, file: str = "<interpretations>") -> list[Interpretation]:
    """The interpretations of a text in ProbLog's `.ev` format; see `read_interpretations`."""
    lines = text.splitlines()
    ends = [k for k, line in enumerate(lines, 1) if line.strip().startswith(SEPARATOR)]
    statements = _plain(lines, file) or _parsed(lines, file)
    examples: dict[int, list[tuple[int, Atom, bool]]] = {}
    for line, atom, value in statements:
        examples.setdefault(bisect_right(ends, line), []).append((line, atom, value))
    return [
        Interpretation(tuple((a, v) for _, a, v in e), place=Place(file, e[0][0])) for _, e in sorted(examples.items())
    ]


def _plain(lines: list[str], file: str) -> list[tuple[int, Atom, bool]] | None:
    """The statements of a file of the plainest kind, which may have many thousands; None for another."""
    result: list[tuple[int, Atom, bool]] = []
    known: dict[str, Atom] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.strip().startswith(SEPARATOR):
            continue
        match = _LINE.fullmatch(line)
        if match is None or (match[1] and match[3]):
            return None
        if match[2] not in known:
            try:
                known[match[2]] = parse_atom(match[2])
            except RuleError:  # a reserved word: the parser knows what to say
                return None
        result.append((number, known[match[2]], match[3] != "false" and not match[1]))
    return result


def _parsed(lines: list[str], file: str) -> list[tuple[int, Atom, bool]]:
    kept = ["" if line.strip().startswith(SEPARATOR) else line for line in lines]
    parsed = parse_source("\n".join(kept) + "\n", file, "pl", None)
    if any(d.severity == "error" for d in parsed.diagnostics):
        raise RuleError(parsed.diagnostics)
    result: list[tuple[int, Atom, bool]] = []
    for statement in parsed.statements:
        place = Place(file, statement.span.line)
        if not isinstance(statement, Evidence):
            raise DataError(
                f"{place}: an interpretation is evidence only", code="NS640",
                note="such as `evidence(alarm, true).`, with a line `---` after each example",
                help="rules and facts belong in the program",
            )  # fmt: skip
        result.append((statement.span.line, _ground(statement.atom, place), statement.positive))
    return result


def as_interpretations(
    given: Iterable[Interpretation | Mapping[str, bool]] | str | PathLike[str],
    parse: Callable[[str], Atom] = parse_atom,
) -> list[Interpretation]:
    """Interpretations from a file's name, mappings of atoms as text, or as they are.

    Raises:
        DataError: NS640, there is none, or one was seen less than never.
    """
    if isinstance(given, str | PathLike):
        result = read_interpretations(given)
    else:
        result = [i if isinstance(i, Interpretation) else Interpretation.of(i, parse=parse) for i in given]
    if not result or any(not i.times >= 0 for i in result):
        raise DataError("there are no interpretations to learn from" if not result else "`times` is 0 or more",
                        code="NS640")  # fmt: skip
    return result


def name_of(interpretation: Interpretation, number: int) -> str:
    """What messages call an interpretation: its place, or its number from 1."""
    return str(interpretation.place) if interpretation.place is not None else f"interpretation {number}"


def _ground(atom: Atom, place: Place | None) -> Atom:
    if not all(isinstance(t, Const) for t in atom.args):
        where = f"{place}: " if place is not None else ""
        raise DataError(f"{where}an observed atom is ground", code="NS640",
                        note=f"`{atom.predicate}/{len(atom.args)}` has a variable, or an expression")  # fmt: skip
    return atom
