"""Atoms that are triples of a knowledge graph: members of classes, properties, `triple(s, p, o)`."""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.facts import RDF_TYPE
from neurosym.grounding import DerivationGraph
from neurosym.lang.terms import Iri, Value


def fact_triple(graph: DerivationGraph, fact: int) -> tuple[str, str, str] | None:
    """The triple that a fact is, in N-Triples; None where it is none."""
    key = graph.key(fact)
    return atom_triple(key, graph.symbols.values(graph.args(fact))) if _is_rdf(key) else None


def atom_triple(key: tuple[str, int], args: Sequence[Value | None]) -> tuple[str, str, str] | None:
    """The triple that an atom is, in N-Triples; None where it is none, and where it has a wildcard."""
    values = [a for a in args if a is not None]
    if not _is_rdf(key) or len(values) < len(args):
        return None
    from neurosym.facts.rdf import spell_triple

    if key == ("triple", 3):
        subject, predicate, found = values
        return spell_triple((subject, predicate, found))
    iri = Iri(key[0][1:-1])
    if len(values) == 1:
        return spell_triple((values[0], Iri(RDF_TYPE), iri))
    return spell_triple((values[0], iri, values[1]))


def _is_rdf(key: tuple[str, int]) -> bool:
    return key == ("triple", 3) or (key[0].startswith("<") and key[0].endswith(">") and key[1] in (1, 2))
