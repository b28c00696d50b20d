"""Reasons of a link as SPARQL, to be asked of the graph by somebody else's engine.

Names of a graph that are no IRIs become IRIs under `urn:neurosym:`, in the graph and in the queries alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from urllib.parse import quote

from neurosym.facts.rdf import write_rdf
from neurosym.lang.terms import RDFS, Iri
from neurosym.links.graph import TripleGraph
from neurosym.links.names import term_of
from neurosym.links.rules.ruleset import Rule


def iri_of(name: str, kind: str = "entity") -> str:
    """The IRI that stands for a name; `kind` tells entities from relations of the same name."""
    return name if isinstance(term_of(name), Iri) else f"urn:neurosym:{kind}:{quote(name, safe='')}"


def to_rdf(graph: TripleGraph, format: str = "nt") -> str:
    """The triples as RDF text, with labels where they are known; see `write_rdf` for the formats."""
    nodes = [Iri(iri_of(name)) for name in graph.entities]
    predicates = [Iri(iri_of(name, "relation")) for name in graph.relations]
    quads = [(nodes[h], predicates[r], nodes[t], None) for h, r, t in graph.triples.tolist()]
    quads += [
        (nodes[graph.entity_ids[name]], Iri(f"{RDFS}label"), label, None)
        for name, label in graph.labels.items() if name in graph.entity_ids
    ]  # fmt: skip
    return write_rdf(quads, format)


def ask_edges(edges: Iterable[tuple[str, str, str]]) -> str:
    """The query whether all edges (subject, relation, object) are in the graph."""
    lines = [f"<{iri_of(s)}> <{iri_of(r, 'relation')}> <{iri_of(o)}> ." for s, r, o in edges]
    return "ASK { " + " ".join(lines) + " }"


def ask_rule(rule: Rule, start: str, end: str) -> str:
    """The query whether a rule derives its head between two entities.

    Args:
        start: what X is; end: what Y is, or the head's constant.
    """
    nodes = [f"<{iri_of(start)}>", *(f"?v{k}" for k in range(1, len(rule.body)))]
    if rule.head_entity is None:
        nodes.append(f"<{iri_of(end)}>")
    elif rule.body_entity is not None:
        nodes.append(f"<{iri_of(rule.body_entity)}>")
    else:
        nodes.append(f"?v{len(rule.body)}")
    lines = []
    for k, (relation, backwards) in enumerate(rule.body):
        subject, target = (nodes[k + 1], nodes[k]) if backwards else (nodes[k], nodes[k + 1])
        lines.append(f"{subject} <{iri_of(relation, 'relation')}> {target} .")
    # all entities along the body are distinct, and none that a variable takes is the head's constant
    apart = list(combinations(nodes, 2))
    apart += [(f"<{iri_of(end)}>", n) for n in nodes if n.startswith("?") and rule.head_entity is not None]
    lines.append(f"FILTER({' && '.join(f'{a} != {b}' for a, b in apart)})")
    return "ASK { " + " ".join(lines) + " }"


__all__ = ["ask_edges", "ask_rule", "iri_of", "to_rdf"]
