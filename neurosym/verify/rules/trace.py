"""What a certificate says for the comparison with rules and facts, beside the ground program itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from neurosym.verify.atoms import split_atom
from neurosym.verify.rules.form import Part
from neurosym.verify.structure import GroundProgram, fault

_AGAIN = re.compile(r"(.*) \(([0-9]+)\)\Z", re.DOTALL)
_OLD = "certificates of an older version do not say it; explain the claim anew"


Hidden = tuple[Part, tuple[str, ...]]


@dataclass(frozen=True)
class Trace:
    """Where the groundings and the hidden facts of a certificate come from.

    Attributes:
        statements: of each grounding, the index of its statement in the program's rules; -1 for an open predicate.
        parts: spelled name of a hidden predicate → statement, role and number of the part of a rule that it is.
        facts: for each fact the part that it is of, and its terms as text; None for visible facts.
        prefixes: under which its atoms are spelled; `inputs`: names of the sample's inputs.
        triples: whether RDF atoms are spelled as triples; `closed`: whether no network was asked.
    """

    statements: tuple[int, ...]
    parts: dict[str, tuple[int, str, int]]
    facts: tuple[Hidden | None, ...]
    prefixes: dict[str, str]
    inputs: tuple[str, ...]
    triples: bool
    closed: bool

    def hidden(self, atom: str) -> Hidden | None:
        """The part that an atom is of, and its terms; None for a visible one."""
        name, arguments = split_atom(atom)
        found = self.parts.get(name)
        return None if found is None else (Part(*found, len(arguments)), arguments)


def read_trace(certificate: Mapping[str, Any], program: GroundProgram) -> Trace:
    """Where the steps of a certificate come from.

    Raises:
        ExplanationError: NS824 it does not say so, or not in the form in which it should.
    """
    prefixes, inputs = certificate.get("prefixes"), certificate.get("inputs")
    if not isinstance(prefixes, Mapping) or not all(isinstance(x, str) for p in prefixes.items() for x in p):
        raise fault("NS824", "the certificate has no `prefixes`, under which its atoms are spelled", _OLD)
    if not isinstance(inputs, list | tuple) or not all(isinstance(x, str) for x in inputs):
        raise fault("NS824", "the certificate has no `inputs`, a list of names", _OLD)
    flags = [certificate.get(k) for k in ("triples", "closed")]
    if not all(isinstance(f, bool) for f in flags):
        raise fault("NS824", "the certificate does not say `triples` and `closed`", _OLD)
    statements = tuple(_statement(row, n) for n, row in enumerate(certificate["groundings"]))
    parts = _parts(certificate.get("parts"))
    made = Trace(statements, parts, (), dict(prefixes), tuple(inputs), bool(flags[0]), bool(flags[1]))
    facts = tuple(made.hidden(atom) if hidden else None for atom, hidden in _facts(program))
    for number, hidden in enumerate(program.hidden):
        if hidden and facts[number] is None:
            raise fault("NS824", f"fact {number} does not say which part of which statement it stands for", _OLD)
    return replace(made, facts=facts)


def _facts(program: GroundProgram) -> Iterator[tuple[str, str]]:
    return zip(program.atoms, program.hidden, strict=True)


def part_name(part: str) -> str:
    """The part of a grounding without the number that tells it from others that look alike."""
    again = _AGAIN.match(part)
    return again[1] if again else part


def _statement(row: Mapping[str, Any], number: int) -> int:
    value = row.get("statement")
    if isinstance(value, bool) or not isinstance(value, int) or value < -1:
        raise fault("NS824", f"grounding {number} does not say which statement it is of", _OLD)
    return value


def _parts(given: Any) -> dict[str, tuple[int, str, int]]:
    if not isinstance(given, Mapping):
        raise fault("NS824", "the certificate has no `parts`, which say what its hidden facts stand for", _OLD)
    made: dict[str, tuple[int, str, int]] = {}
    for name, value in given.items():
        match value:
            case [int(statement), str(role), int(number)] if statement >= -1 and number >= 0:
                made[str(name)] = (int(statement), role, int(number))
            case _:
                raise fault("NS824", f"the part {name!r:.60} is no statement, role and number")
    if len(set(made.values())) < len(made):
        raise fault("NS824", "two hidden predicates of the certificate are the same part")
    return made
