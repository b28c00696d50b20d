"""Strata: in which order predicates are evaluated, so that what is negated or counted is finished first.

Apt, Blair, Walker, "Towards a theory of declarative knowledge", 1988. An exception counts as a negation: the heads of
the rule that it names depend negatively on what its body reads. networkx is imported inside the functions, because it
takes longer to import than a rule file to check.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from neurosym.errors import RuleError, Span
from neurosym.lang.ast import Atom, Const, NeuralDecl, Program, Rule
from neurosym.lang.builtins import TRIPLE
from neurosym.lang.terms import RDF, Iri, predicate_of_iri
from neurosym.lang.walk import Key, body_atoms, built_in, head_atoms, is_iri_predicate

if TYPE_CHECKING:
    import networkx as nx

_RDF_TYPE = RDF + "type"


class Edge(NamedTuple):
    """`head` depends on `body`; kind is `` (positively), `negation`, `aggregate` or `exception`."""

    body: Key
    head: Key
    kind: str
    span: Span


def predicate_key(atom: Atom) -> Key:
    """The predicate that an atom speaks of: `triple(S, ex:p, O)` of `ex:p`, `rdf:type(S, ex:C)` of `ex:C`."""
    name, args = atom.predicate, atom.args
    if atom.key == TRIPLE and isinstance(args[1], Const) and isinstance(args[1].value, Iri):
        name, args = predicate_of_iri(args[1].value.value), (args[0], args[2])
    if name == predicate_of_iri(_RDF_TYPE) and len(args) == 2:
        cls = args[1]
        if isinstance(cls, Const) and isinstance(cls.value, Iri):
            return (predicate_of_iri(cls.value.value), 1)
    return (name, len(args))


def edges(program: Program) -> Iterator[Edge]:
    """Every dependency of a head on a body predicate, with the place of the body's atom.

    The heads of one rule do not depend on one another: `0.4::a; 0.3::b. b :- not a.` has strata.
    """
    rules = program.plain_facts.others
    named = {rule.name: rule for rule in rules if rule.name}
    keys: set[Key] = set(program.plain_facts.keys)
    derived: set[Key] = set(program.plain_facts.keys)
    for rule in rules:
        heads = [predicate_key(atom) for atom in head_atoms(rule)]
        derived.update(heads)
        keys.update(heads)
        target = named.get(rule.exception_to) if rule.exception_to else None
        excepted = [predicate_key(atom) for atom in head_atoms(target)] if target else []
        for atom, kind in body_atoms(rule.body):
            body = predicate_key(atom)
            keys.add(body)
            for head in heads:
                yield Edge(body, head, kind, atom.span)
            for head in excepted:
                yield Edge(body, head, "exception", atom.span)
    for declaration in program.declarations.values():
        if declaration.iri:  # `pred p(…) from ex:p`: two names of one relation
            name = (declaration.name, len(declaration.args))
            alias = (predicate_of_iri(declaration.iri), name[1])
            if alias in keys:
                yield Edge(alias, name, "", declaration.span)
                yield Edge(name, alias, "", declaration.span)
    yield from _triple_edges(keys, derived)


def _triple_edges(keys: set[Key], derived: set[Key]) -> Iterator[Edge]:
    """`triple(S, P, O)` with P unknown ranges over every RDF predicate, and may derive any of them."""
    nowhere = Span("<none>", 1, 1, 1, 1)
    rdf_type = (predicate_of_iri(_RDF_TYPE), 2)
    for wide in (TRIPLE, rdf_type):
        if wide not in keys:
            continue
        for key in sorted(keys):
            if is_iri_predicate(key[0]) and key != wide and (wide == TRIPLE or key[1] == 1):
                if key in derived:
                    yield Edge(key, wide, "", nowhere)
                if wide in derived:
                    yield Edge(wide, key, "", nowhere)


def dependency_graph(program: Program) -> nx.DiGraph:
    """The predicates as (name, arity), with an edge from each body predicate to each head that depends on it.

    Edge attributes: `negative` (bool), `kind` (see Edge), `span` of the atom. Built-ins and foreign predicates are
    left out.
    """
    import networkx as nx

    graph = nx.DiGraph()
    for rule, fact in zip(program.rules, program.plain_facts.predicates, strict=True):
        if fact is None:
            graph.add_nodes_from(predicate_key(atom) for atom in head_atoms(rule))
        elif fact not in graph:
            graph.add_node(fact)
    for statement in program.statements:
        if isinstance(statement, NeuralDecl):
            graph.add_node((statement.name, len(statement.args)))
    without = built_in(program)
    for body, head, kind, span in edges(program):
        if body in without:
            continue
        if kind or not graph.has_edge(body, head):
            graph.add_edge(body, head, negative=bool(kind), kind=kind, span=span)
    return graph


def stratify(program: Program) -> tuple[frozenset[Key], ...]:
    """The strata, lowest first: sets of predicates, each negatively dependent only on lower ones.

    Predicates without rules stand in the lowest stratum. Predicates of one recursive component share a stratum.

    Raises:
        RuleError: a cycle through a negation, aggregate or exception (NS208, NS209).
    """
    import networkx as nx

    from neurosym.lang.checks.cycles import negative_cycles

    if faults := list(negative_cycles(program)):
        raise RuleError(faults)
    graph = dependency_graph(program)
    condensed = nx.condensation(graph)
    level: dict[int, int] = {}
    for component in nx.topological_sort(condensed):
        height = 0
        for before in condensed.predecessors(component):
            members = condensed.nodes[component]["members"]
            negative = any(
                data["negative"]
                for node in condensed.nodes[before]["members"]
                for _, target, data in graph.out_edges(node, data=True)
                if target in members
            )
            height = max(height, level[before] + negative)
        level[component] = height
    strata: list[set[Key]] = [set() for _ in range(max(level.values(), default=-1) + 1)]
    for component, height in level.items():
        strata[height] |= condensed.nodes[component]["members"]
    return tuple(map(frozenset, strata))


def rules_of(program: Program, stratum: frozenset[Key]) -> tuple[Rule, ...]:
    """The rules whose heads belong to the stratum."""
    return tuple(r for r in program.rules if any(predicate_key(a) in stratum for a in head_atoms(r)))
