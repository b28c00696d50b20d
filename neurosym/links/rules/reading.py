"""Rule files read as rule sets, and what an expert changed in them carried into a later run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neurosym.lang import And, Atom, Comparison, Const, Iri, Literal, Program, Symbol, Term, Var, parse_text, spell
from neurosym.lang import Rule as Statement
from neurosym.links.graph import TripleGraph
from neurosym.links.rules.ruleset import CONSTANT, FREE, NONE, PATH, Rule, RuleSet, concatenate
from neurosym.links.rules.text import BODY, LIKELY, key_of, read_record

_COUNTS = re.compile(r"mined: (\d+) of (\d+), head coverage [0-9.]+ \(of (\d+)\)")


@dataclass(frozen=True, eq=False)
class RulesRead:
    """What a rule file holds.

    Attributes:
        rules: those that have the form of mined ones, in their order.
        others: names, or else heads, of rules that have another form or speak of unknown relations; nothing is done
            with them here, a reasoner reads them all.
    """

    rules: RuleSet
    others: tuple[str, ...]


def read_rules(path: str | Path, graph: TripleGraph) -> RulesRead:
    """Read a rule file that `write_rules` wrote and an expert may have edited.

    Raises:
        RuleError: the file has faults; carries every one.
    """
    path = Path(path)
    program = parse_text(path.read_text(encoding="utf-8"), str(path), base_dir=path.parent)
    bodies = _bodies(program)
    found, others = [], []
    for statement in program.statements:
        if not isinstance(statement, Statement) or _predicate(statement).startswith(BODY):
            continue
        rule = _rule(statement, bodies, graph)
        if rule is None:
            others.append(statement.name or _predicate(statement))
        else:
            found.append(rule)
    return RulesRead(rules_of(found, graph), tuple(others))


def rules_of(rules: list[Rule], graph: TripleGraph) -> RuleSet:
    """Rules as columns in the numbers of a graph, which knows all their names."""
    length = max((len(rule.body) for rule in rules), default=1)

    def directed(relation: tuple[str, bool]) -> int:
        return graph.relation_ids[relation[0]] + len(graph.relations) * relation[1]

    def entity(name: str | None) -> int:
        return NONE if name is None else graph.entity_ids[name]

    def kind(rule: Rule) -> int:
        return PATH if rule.head_entity is None else FREE if rule.body_entity is None else CONSTANT

    bodies = [[*map(directed, rule.body), *[NONE] * (length - len(rule.body))] for rule in rules]
    return RuleSet(
        relations=graph.relations,
        entities=graph.entities,
        kind=np.array([kind(rule) for rule in rules], np.int8),
        head=np.array([directed(rule.head) for rule in rules], np.int32),
        body=np.array(bodies, np.int32).reshape(len(rules), length),
        head_entity=np.array([entity(rule.head_entity) for rule in rules], np.int32),
        body_entity=np.array([entity(rule.body_entity) for rule in rules], np.int32),
        support=np.array([rule.support for rule in rules], np.int64),
        body_count=np.array([rule.body_count for rule in rules], np.int64),
        confidence=np.array([rule.confidence for rule in rules], np.float64),
        coverage=np.array([rule.coverage for rule in rules], np.float64),
        share=np.ones(len(rules)),
    )


def revise(mined: RuleSet, graph: TripleGraph, path: str | Path) -> RuleSet:
    """What a later run offers, after an expert has had the file: nothing that was deleted, and the expert's weights.

    A rule was deleted if the record says that it was offered and the file no longer has it. A weight is the expert's
    if it is not the one that was offered. Rules that the expert wrote are kept.

    Raises:
        RuleError: the file has faults; carries every one.
    """
    record = read_record(path)
    old = {key_of(rule): rule for rule in read_rules(path, graph).rules}
    keys = [key_of(rule) for rule in mined]
    kept = np.array([key in old or key not in record for key in keys], bool)
    confidence = mined.confidence.copy()
    for i, key in enumerate(keys):
        if key in old and record.get(key) != old[key].confidence:
            confidence[i] = old[key].confidence
    result = replace(mined, confidence=confidence).take(kept)
    known = set(keys)
    own = [rule for key, rule in old.items() if key not in known]
    return concatenate([result, rules_of(own, graph)]).sorted() if own else result.sorted()


def _bodies(program: Program) -> dict[str, Statement]:
    """Certain rules whose head is a body's name."""
    rules = (s for s in program.statements if isinstance(s, Statement))
    return {_predicate(rule): rule for rule in rules if _predicate(rule).startswith(BODY)}


def _predicate(statement: Statement) -> str:
    atoms = statement.heads[0].atoms if statement.heads else ()
    return atoms[0].predicate if atoms else ""


def _rule(statement: Statement, bodies: Mapping[str, Statement], graph: TripleGraph) -> Rule | None:
    """The statement as a rule over the graph, if it has that form."""
    if len(statement.heads) != 1 or len(statement.heads[0].atoms) != 1 or statement.exception_to is not None:
        return None
    head, weight = statement.heads[0].atoms[0], statement.heads[0].weight
    value = 1.0 if weight is None else weight.value.value if isinstance(weight.value, Const) else None
    if not head.predicate.startswith(LIKELY) or len(head.args) != 2 or not isinstance(value, int | float):
        return None
    literals = _literals(statement)
    if literals is not None and len(literals) == 1 and literals[0].predicate in bodies:
        definition = bodies[literals[0].predicate]
        inner = definition.heads[0].atoms[0].args
        names = {a.name: b for a, b in zip(inner, literals[0].args, strict=False) if isinstance(a, Var)}
        literals = _literals(definition)
        if literals is None or len(names) != len(inner):
            return None
        # variables of the definition that its head does not name are its own
        literals = [replace(a, args=tuple(_renamed(t, names) for t in a.args)) for a in literals]
    relation = _relation(head.predicate.removeprefix(LIKELY), graph)
    if literals is None or relation is None:
        return None
    counts = _COUNTS.match(statement.source or "")
    figures = (int(counts[1]), int(counts[2]), int(counts[1]) / max(1, int(counts[3]))) if counts else (0, 0, 0.0)
    return _path(relation, head.args, literals, graph, float(value), figures)


def _literals(statement: Statement) -> list[Atom] | None:
    """The atoms of a body of positive literals and `!=`, which are taken as said: distinct variables always differ."""
    parts = statement.body.parts if isinstance(statement.body, And) else (statement.body,)
    if not all(isinstance(p, Literal) or (isinstance(p, Comparison) and p.op == "!=") for p in parts):
        return None
    return [part.atom for part in parts if isinstance(part, Literal)]


def _renamed(term: Term, names: Mapping[str, Term]) -> Term:
    return names.get(term.name, Var("_own_" + term.name)) if isinstance(term, Var) else term


def _relation(predicate: str, graph: TripleGraph) -> str | None:
    if predicate.startswith("<") and predicate.endswith(">"):
        predicate = predicate[1:-1]
    elif predicate not in graph.relation_ids and predicate.startswith("related_"):
        predicate = predicate.removeprefix("related_")
    return predicate if predicate in graph.relation_ids else None


def _path(
    relation: str,
    ends: tuple[Term, ...],
    literals: list[Atom],
    graph: TripleGraph,
    confidence: float,
    figures: tuple[int, int, float],
) -> Rule | None:
    """The rule whose body's atoms, put in order, lead from X to Y, to a constant, or to an end."""
    backwards = isinstance(ends[0], Const)
    first, last = (ends[1], ends[0]) if backwards else (ends[0], ends[1])
    if not isinstance(first, Var):
        return None
    head_entity = _entity(last, graph)
    if isinstance(last, Const) and head_entity is None:
        return None
    body: list[tuple[str, bool]] = []
    at, left = first.name, list(literals)
    body_entity, seen = None, {first.name}
    while left:
        step = next((a for a in left if len(a.args) == 2 and any(_is(t, at) for t in a.args)), None)
        name = None if step is None else _relation(step.predicate, graph)
        if step is None or name is None or body_entity is not None:
            return None
        left.remove(step)
        back = not _is(step.args[0], at)
        body.append((name, back))
        target = step.args[0] if back else step.args[1]
        if isinstance(target, Var):
            if target.name in seen:
                return None
            at = target.name
            seen.add(at)
        elif (body_entity := _entity(target, graph)) is None:
            return None
    path_ends = at == last.name and body_entity is None if isinstance(last, Var) else True
    if not body or not path_ends:
        return None
    return Rule((relation, backwards), tuple(body), head_entity, body_entity, *figures[:2], confidence, figures[2])


def _is(term: Term, name: str) -> bool:
    return isinstance(term, Var) and term.name == name


def _entity(term: Term, graph: TripleGraph) -> str | None:
    if not isinstance(term, Const):
        return None
    value = term.value
    if isinstance(value, str) and spell(value) in graph.entity_ids:
        return spell(value)  # a literal of the graph, which is named by its spelling
    name = value.value if isinstance(value, Iri) else value.name if isinstance(value, Symbol) else str(value)
    return name if name in graph.entity_ids else None
