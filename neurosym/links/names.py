"""How names of a graph stand in facts and rule files: entities as terms, relations as predicates."""

from __future__ import annotations

import re

from neurosym.lang.builtins import PREDICATES
from neurosym.lang.expressions import unquote
from neurosym.lang.terms import Iri, Symbol, Value, predicate_of_iri, spell

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|^`\\]*$")
_WITHOUT_HOST = ("urn:", "mailto:", "tag:")


def term_of(name: str) -> Value:
    """The term that an entity's name stands for: an IRI, if it is one, a text in double quotes, else a symbol."""
    if len(name) > 1 and name[0] == name[-1] == '"' and spell(text := unquote(name)) == name:
        return text
    is_iri = ("://" in name or name.startswith(_WITHOUT_HOST)) and _IRI.match(name)
    return Iri(name) if is_iri else Symbol(name)


def predicate_of(relation: str) -> str:
    """The predicate that a relation's name stands for: its own, unless that is a built-in's, such as `contains`."""
    if isinstance(term_of(relation), Iri):
        return predicate_of_iri(relation)
    return f"related_{relation}" if (relation, 2) in PREDICATES else relation


__all__ = ["predicate_of", "term_of"]
