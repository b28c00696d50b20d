"""Atoms as text: their predicate and arguments, and whether a pattern with `_` matches one."""

from __future__ import annotations

from collections.abc import Iterable

_OPEN, _CLOSE = "([{", ")]}"


def split_atom(atom: str) -> tuple[str, tuple[str, ...]]:
    """Predicate and arguments of an atom in the rule language's spelling; quotes and IRIs are kept whole."""
    start = _first_parenthesis(atom)
    if start < 0 or not atom.endswith(")"):
        return atom.strip(), ()
    parts: list[str] = []
    depth, begin, at, end = 0, start + 1, start + 1, len(atom) - 1
    while at < end:
        at = _skip(atom, at)
        character = atom[at] if at < end else ""
        if character and character in _OPEN:
            depth += 1
        elif character and character in _CLOSE:
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(atom[begin:at].strip())
            begin = at + 1
        at += 1
    parts.append(atom[begin:end].strip())
    return atom[:start].strip(), tuple(parts)


def _skip(atom: str, at: int) -> int:
    """The end of the quoted text or IRI that starts at a position, or the position itself."""
    quote = atom[at]
    if quote == "<":
        end = atom.find(">", at)
        return end if end >= 0 else at
    if quote not in "'\"":
        return at
    end = at + 1
    while end < len(atom) and atom[end] != quote:
        end += 2 if atom[end] == "\\" else 1
    return min(end, len(atom) - 1)


def _first_parenthesis(atom: str) -> int:
    at = 0
    while at < len(atom):
        at = _skip(atom, at)
        if atom[at] == "(":
            return at
        at += 1
    return -1


class AtomIndex:
    """A set of atoms that can be asked for patterns."""

    def __init__(self, atoms: Iterable[str]) -> None:
        self._atoms = set(atoms)
        self._by_predicate: dict[tuple[str, int], list[tuple[str, tuple[str, ...]]]] | None = None

    def match(self, pattern: str) -> str | None:
        """An atom that is the pattern, where `_` as an argument stands for anything; None if there is none."""
        if pattern in self._atoms:
            return pattern
        if "_" not in pattern:
            return None
        name, arguments = split_atom(pattern)
        if "_" not in arguments:
            return None
        for atom, values in self._of(name, len(arguments)):
            if all(a in ("_", v) for a, v in zip(arguments, values, strict=True)):
                return atom
        return None

    def _of(self, name: str, arity: int) -> list[tuple[str, tuple[str, ...]]]:
        if self._by_predicate is None:
            self._by_predicate = {}
            for atom in self._atoms:
                predicate, values = split_atom(atom)
                self._by_predicate.setdefault((predicate, len(values)), []).append((atom, values))
        return self._by_predicate.get((name, arity), [])
