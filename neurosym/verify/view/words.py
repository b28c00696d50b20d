"""The sentences that are shown, written once more from the rules' templates and the labels of the data.

In which language an explanation was asked for it does not say: a sentence must be right in one that the labels have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from neurosym.lang.terms import RDF, RDFS, Iri, LangString, Symbol, Value, predicate_of_iri, spell
from neurosym.verify.rules.basis import Basis
from neurosym.verify.rules.data import Lookup, by_predicate
from neurosym.verify.rules.form import GroundAtom, Key, Part, Pattern

LABEL = (predicate_of_iri(RDFS + "label"), 2)
ENGLISH = "en"
_STANDARD = {RDF + "type": "is a", RDFS + "subClassOf": "is a kind of", RDFS + "subPropertyOf": "is a kind of"}
_SLOT = re.compile(r"\{([^{}\s]+)\}")


class Labels:
    """`rdfs:label` of resources, looked up when they are asked for.

    Attributes:
        languages: of the labels that were met, the empty one left out; English first.
    """

    def __init__(self, basis: Basis) -> None:
        table = by_predicate(basis.given).get(LABEL, ())
        self._table = table if isinstance(table, Lookup) else None
        self._all: dict[Value, list[Value]] = {}
        for row in () if self._table is not None else table:
            self._all.setdefault(row[0], []).append(row[1])
        self._known: dict[Value, list[tuple[str, str]]] = {}
        self.languages: dict[str, None] = {ENGLISH: None}

    def of(self, resource: Value, language: str) -> str | None:
        """A resource's label in a language, or the nearest one; None where it has no label."""
        return min(self._of(resource), key=lambda pair: _distance(pair[0], language), default=("", None))[1]

    def _of(self, resource: Value) -> list[tuple[str, str]]:
        known = self._known.get(resource)
        if known is None:
            if self._table is not None:
                found = [row[1] for row in self._table.lookup((resource, None))]
            else:
                found = self._all.get(resource, [])
            known = [(x.lang.lower(), x.text) if isinstance(x, LangString) else ("", str(x)) for x in found]
            self._known[resource] = known
            self.languages.update(dict.fromkeys(tag for tag, _ in known if tag))
        return known


class Words:
    """Facts and firings as sentences."""

    def __init__(self, basis: Basis) -> None:
        self.basis, self.labels = basis, Labels(basis)
        self._program, self._terms = basis.program, basis.normal.terms

    def says(self, text: str, write: Callable[[str], Iterable[str]]) -> bool:
        """Whether a sentence is one of those that can be written in some language."""
        tried: set[str] = set()
        while more := [x for x in self.labels.languages if x not in tried]:  # writing may meet further languages
            tried.add(more[0])
            if text in write(more[0]):
                return True
        return False

    # --------------------------------------------------------------------------------------------------- terms

    def value(self, value: Value, language: str) -> str:
        """A term for people."""
        if isinstance(value, Iri):
            return self.labels.of(value, language) or re.split(r"[#/:]", value.value.rstrip("/#"))[-1] or value.value
        if isinstance(value, Symbol):
            return value.name
        if isinstance(value, LangString):
            return value.text
        if isinstance(value, float):
            return f"{value:.4g}"
        return value if isinstance(value, str) else spell(value, self.basis.prefixes)

    def bound(self, bindings: Mapping[str, int], language: str) -> dict[str, str]:
        """A rule's variables and their values."""
        named = {n: v for n, v in bindings.items() if not n.startswith(("#", "_"))}
        return {name: self.value(self._terms.value(v), language) for name, v in named.items()}

    # --------------------------------------------------------------------------------------------------- facts

    def fact(self, fact: GroundAtom, language: str) -> str:
        """A visible fact."""
        key, row = fact
        assert not isinstance(key, Part)
        if key in self._program.notation.joint:
            return self.basis.identities.names.spell(key, row)
        args = [self._terms.value(n) for n in row]
        return self._template(key, [self.value(a, language) for a in args]) or self._atom(key, args, language)

    def absence(self, key: Key, pattern: Pattern, language: str) -> str:
        """That no fact matches a pattern."""
        assert not isinstance(key, Part)
        args = [None if n is None else self._terms.value(n) for n in pattern]
        if None not in args:
            said = self._template(key, [self.value(a, language) for a in args if a is not None])
            if said is not None:
                return f"it is not so that {said}"
        return f"there is no {self._atom(key, args, language)}"

    def _template(self, key: tuple[str, int], texts: Sequence[str]) -> str | None:
        declared = self._program.declarations.get(key) or self._program.neural.get(key)
        if declared is None or not declared.label:
            return None
        return filled(declared.label, dict(zip((a.name for a in declared.args), texts, strict=True)))

    def _atom(self, key: tuple[str, int], args: Sequence[Value | None], language: str) -> str:
        name = key[0]
        if key == ("triple", 3) and isinstance(relation := args[1], Iri):
            name, args = f"<{relation.value}>", [args[0], args[2]]
        texts = ["…" if a is None else self.value(a, language) for a in args]
        if name.startswith("<") and len(args) in (1, 2):
            words = _STANDARD.get(name[1:-1]) or self.value(Iri(name[1:-1]), language)
            return f"{texts[0]} is a {words}" if len(args) == 1 else f"{texts[0]} {words} {texts[1]}"
        if key in self._program.neural:
            return f"{name.replace('_', ' ')}: {', '.join(texts)}"
        return f"{name}({', '.join(texts)})" if args else name


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with the names in braces replaced; unknown ones stay."""
    return _SLOT.sub(lambda m: values.get(m[1], values.get(m[1].lstrip("?"), m[0])), template)


def _distance(tag: str, wanted: str) -> tuple[int, int, str]:
    """How far a language is from the one asked for (RFC 4647, lookup); smaller is nearer."""
    parts, asked = tag.split("-"), wanted.split("-")
    if not tag:
        return 3, 0, tag
    if parts[: len(asked)] == asked:
        return 0, len(parts), tag
    if asked[: len(parts)] == parts:
        return 1, -len(parts), tag
    if parts[0] == asked[0]:
        return 2, 0, tag
    return (4, len(parts), tag) if parts[0] == ENGLISH else (5, 0, tag)


__all__ = ["Labels", "Words", "filled"]
