"""Where an absent atom could have stood: the files that hold its predicate, and the rules that conclude it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from neurosym.facts import RDF_TYPE, FactBase
from neurosym.grounding import DerivationGraph
from neurosym.grounding.core import Key, Scan
from neurosym.lang.ast import Program
from neurosym.lang.terms import Iri, predicate_of_iri

NAMED = 12  # files, or rules, that are named


class Searched:
    """Says for absent atoms what was searched.

    Args:
        base: the facts; what the rule text states is found in the program.
    """

    def __init__(self, graph: DerivationGraph, program: Program, base: FactBase) -> None:
        self.graph, self.program, self.base = graph, program, base
        self._known: dict[tuple[Key, Key], str] = {}

    def place(self, key: Key, args: Sequence[int]) -> str:
        """What was searched for an atom, in words.

        Args:
            args: term ids, -1 for any.
        """
        told = self._told(key, args)
        if (key, told) not in self._known:
            self._known[key, told] = self._hidden(key) if key in self.graph.program.hidden else self._of([told])
        return self._known[key, told]

    def _told(self, key: Key, args: Sequence[int]) -> Key:
        """The predicate under which an atom is recorded, and under which its author knows it."""
        if key == ("triple", 3) and args[1] >= 0 and isinstance(relation := self.graph.symbols.value(args[1]), Iri):
            if relation.value != RDF_TYPE:
                return predicate_of_iri(relation.value), 2
            of = self.graph.symbols.value(args[2]) if args[2] >= 0 else None
            return (predicate_of_iri(of.value), 1) if isinstance(of, Iri) else key
        return key

    def _hidden(self, key: Key) -> str:
        """Of what the engine introduced: what is searched for the conditions that it stands for."""
        keys: dict[Key, None] = {}
        stack, seen = [key], {key}
        while stack:
            at = stack.pop()
            for rule in self.graph.program.rules:
                if not any(atom.key == at for atom, _ in rule.heads):
                    continue
                for scan in (x for x in rule.body if isinstance(x, Scan) and x.record):
                    if scan.atom.key not in self.graph.program.hidden:
                        args = [a if isinstance(a, int) else -1 for a in scan.atom.args]
                        keys[self._told(scan.atom.key, args)] = None
                    elif scan.atom.key not in seen:
                        seen.add(scan.atom.key)
                        stack.append(scan.atom.key)
        return self._of(list(keys))

    def _of(self, keys: list[Key]) -> str:
        files = {key: self._files(key) for key in keys}
        rules = {key: self._concluding(key) for key in keys}
        missing = [key for key in keys if not files[key] and not rules[key]]
        if missing:
            names = " or ".join(f"“{self._name(key)}”" for key in missing)
            return f"no file holds any {names} record"
        parts: list[str] = []
        if found := sorted({f for of in files.values() for f in of}):
            parts.append(f"searched: {_listed(found)}")
        if named := list(dict.fromkeys(r for of in rules.values() for r in of)):
            parts.append(f"no rule for it fires: {_listed(named)}")
        return "; ".join(parts) or "derived from nothing that is recorded"

    def _files(self, key: Key) -> set[str]:
        """The files that hold facts of a predicate, those of the rule text included."""
        found: set[str] = set()
        for alike in self._alike(key):
            if alike in self.base.tables:
                places = np.unique(self.base.tables[alike].places)
                found |= {str(self.base.places[p].file) for p in places[places >= 0].tolist()}
            found |= self._stated[0].get(alike, set())
        return found

    def _concluding(self, key: Key) -> list[str]:
        """Names of the rules that conclude a predicate."""
        return [name for alike in self._alike(key) for name in self._stated[1].get(alike, ())]

    def _alike(self, key: Key) -> list[Key]:
        """A predicate and its other names."""
        aliases = self.graph.program.aliases.items()
        return list(dict.fromkeys([key, *(a for a, t in aliases if t == key), *(t for a, t in aliases if a == key)]))

    @cached_property
    def _stated(self) -> tuple[dict[Key, set[str]], dict[Key, dict[str, None]]]:
        """By predicate: the files whose text states facts of it, and the names of the rules that conclude it."""
        files: dict[Key, set[str]] = {}
        names: dict[Key, dict[str, None]] = {}
        for rule in self.program.rules:
            for key in {a.key for h in rule.heads for a in h.atoms}:
                if rule.is_fact:
                    files.setdefault(key, set()).add(rule.span.file)
                else:
                    names.setdefault(key, {})[rule.label] = None
        return files, names

    def _name(self, key: Key) -> str:
        """A predicate as people know it: `paid`, `t:Hardship`."""
        return self.graph.program.notation.printer(self.graph.prefixes).predicate(key[0])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


__all__ = ["Searched"]
