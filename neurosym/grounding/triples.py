"""Whether a program ranges over RDF predicates."""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.grounding.core import RDF_TYPE_PREDICATE, TRIPLE
from neurosym.lang import ast


def uses_triples(program: ast.Program, queries: Sequence[ast.Atom]) -> bool:
    """Whether `triple/3` or `rdf:type/2` occurs: then RDF atoms of all forms must meet in one relation."""

    def inside(node: object) -> bool:
        match node:
            case ast.Atom():
                return node.key in (TRIPLE, RDF_TYPE_PREDICATE)
            case ast.Literal(atom=atom):
                return inside(atom)
            case ast.Not(body=body) | ast.Exists(body=body) | ast.Aggregate(body=body):
                return inside(body)
            case ast.ForallIn(condition=condition, then=then):
                return inside(condition) or inside(then)
            case ast.And(parts=parts) | ast.Or(parts=parts):
                return any(map(inside, parts))
        return False

    directives = [*queries, *(s.atom for s in (*program.queries, *program.evidence))]
    rules = program.plain_facts.others
    heads = [a for r in rules for h in r.heads for a in h.atoms]
    return any(map(inside, (*directives, *heads, *(r.body for r in rules))))
