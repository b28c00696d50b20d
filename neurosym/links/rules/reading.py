"""Rule files read as rule sets, and what an expert changed in them carried into a later run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np

from neurosym.lang import (
    And,
    Atom,
    Comparison,
    Const,
    Iri,
    Literal,
    PredicateDecl,
    Program,
    Symbol,
    Term,
    Var,
    parse_text,
    spell,
)
from neurosym.lang import Rule as Statement
from neurosym.links.graph import TripleGraph
from neurosym.links.rules.ruleset import CONSTANT, FREE, NONE, PATH, Rule, RuleSet, concatenate
from neurosym.links.rules.text import LIKELY, key_of, read_record

_COUNTS = re.compile(r"mined: (\d+) of (\d+), head coverage [0-9.]+ \(of (\d+)\)")


@dataclass(frozen=True)
class Telling:
    """A statement that a rule was put together from, and where the entities that it speaks of stand.

    Attributes:
        statement: as the file has it; places: its variable → number along the rule's body, 0 for X, then V1 … up to Y.
    """

    statement: Statement
    places: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class RulesRead:
    """What a rule file holds.

    Attributes:
        rules: those that have the form of mined ones, in their order. A body may use what certain rules of the file
            define: it is unfolded, and gives one rule for each way to derive it.
        origins: for each of `rules` the statement that concludes, then the definitions that its body was unfolded by.
        others: names, or else heads, of rules that have another form or speak of unknown relations; nothing is done
            with them here, a reasoner reads them all.
    """

    rules: RuleSet
    origins: tuple[tuple[Telling, ...], ...]
    others: tuple[str, ...]


def read_rules(path: str | Path, graph: TripleGraph) -> RulesRead:
    """Read a rule file that `write_rules` wrote and an expert may have edited, or that an expert wrote.

    What is concluded has a predicate `likely_…`, after a relation of the graph or a predicate that is declared
    `from` one.

    Raises:
        RuleError: the file has faults; carries every one.
    """
    path = Path(path)
    program = parse_text(path.read_text(encoding="utf-8"), str(path), base_dir=path.parent)
    reader = _Reader(program, graph)
    found: list[tuple[Rule, tuple[Telling, ...]]] = []
    others: list[str] = []
    for statement in program.statements:
        if isinstance(statement, Statement) and _predicate(statement) not in reader.definitions:
            rules = reader.rules(statement)
            found += rules
            others += [] if rules else [statement.name or _predicate(statement)]
    used = {id(telling.statement) for _, origin in found for telling in origin}
    defined = (s for some in reader.definitions.values() for s in some)
    others += [statement.name or _predicate(statement) for statement in defined if id(statement) not in used]
    return RulesRead(rules_of([rule for rule, _ in found], graph), tuple(origin for _, origin in found), tuple(others))


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


# an atom, and the predicates that were unfolded to come to it
_Bodied = tuple[Atom, tuple[str, ...]]
# atoms over relations, and the definitions that led to them, each with its variables as those atoms name them
_Unfolded = tuple[list[Atom], list[tuple[Statement, dict[str, str]]]]


class _Reader:
    """The statements of a file as rules over a graph.

    Attributes:
        definitions: predicate → the certain rules that define it, which bodies are unfolded by.
    """

    def __init__(self, program: Program, graph: TripleGraph) -> None:
        self.graph, self.fresh = graph, count()
        declared = (s for s in program.statements if isinstance(s, PredicateDecl))
        self.iris = {d.name: d.iri for d in declared if d.iri is not None}
        self.definitions: dict[str, list[Statement]] = {}
        for statement in program.statements:
            if isinstance(statement, Statement) and not statement.is_fact and len(statement.heads) == 1:
                predicate = _predicate(statement)
                single = len(statement.heads[0].atoms) == 1 and statement.heads[0].weight is None
                if single and not predicate.startswith(LIKELY):
                    self.definitions.setdefault(predicate, []).append(statement)

    def rules(self, statement: Statement) -> list[tuple[Rule, tuple[Telling, ...]]]:
        """The statement as rules, with what each is put together from; none if it has another form."""
        if len(statement.heads) != 1 or len(statement.heads[0].atoms) != 1 or statement.exception_to is not None:
            return []
        head, weight = statement.heads[0].atoms[0], statement.heads[0].weight
        value = 1.0 if weight is None else weight.value.value if isinstance(weight.value, Const) else None
        if not head.predicate.startswith(LIKELY) or len(head.args) != 2 or not isinstance(value, int | float):
            return []
        relation = self.relation(head.predicate.removeprefix(LIKELY))
        literals = _literals(statement)
        unfolded = None if literals is None else self.unfold([(a, ()) for a in literals])
        if relation is None or unfolded is None:
            return []
        counts = _COUNTS.match(statement.source or "")
        figures = (int(counts[1]), int(counts[2]), int(counts[1]) / max(1, int(counts[3]))) if counts else (0, 0, 0.0)
        found = []
        for atoms, used in unfolded:
            path = self.path(relation, head.args, atoms, float(value), figures)
            if path is None:  # not the others without it: they would be another rule
                return []
            rule, walk = path
            own = {v: v for v in _variables([head, *(literals or [])])}
            told = [(statement, own), *used]
            found.append((rule, tuple(Telling(s, _places(names, walk)) for s, names in told)))
        return found

    def unfold(self, atoms: list[_Bodied]) -> list[_Unfolded] | None:
        """All ways to say a body in relations of the graph; None if a definition has another form."""
        at = next((i for i, (atom, _) in enumerate(atoms) if atom.predicate in self.definitions), None)
        if at is None:
            return [([atom for atom, _ in atoms], [])]
        (atom, above), found = atoms[at], []
        if atom.predicate in above or self.relation(atom.predicate) is not None:
            return None  # recursion, or edges of the graph and more of them by rules
        for definition in self.definitions[atom.predicate]:
            inner, literals = definition.heads[0].atoms[0].args, _literals(definition)
            given = {a.name: b for a, b in zip(inner, atom.args, strict=False) if isinstance(a, Var)}
            if literals is None or len(given) != len(atom.args) or len(inner) != len(atom.args):
                return None
            # variables of the definition that its head does not name are its own, and new for each of its uses
            own = {v: Var(f"_{next(self.fresh)}_{v}") for v in _variables(literals) if v not in given}
            names = given | own
            body = [replace(a, args=tuple(_renamed(t, names) for t in a.args)) for a in literals]
            inside = [(a, (*above, atom.predicate)) for a in body]
            rest = self.unfold([*atoms[:at], *inside, *atoms[at + 1 :]])
            if rest is None:
                return None
            told = definition, {v: t.name for v, t in names.items() if isinstance(t, Var)}
            found += [(unfolded, [told, *used]) for unfolded, used in rest]
        return found

    def relation(self, predicate: str) -> str | None:
        """The relation of the graph that a predicate stands for."""
        predicate = self.iris.get(predicate, predicate)
        if predicate.startswith("<") and predicate.endswith(">"):
            predicate = predicate[1:-1]
        elif predicate not in self.graph.relation_ids and predicate.startswith("related_"):
            predicate = predicate.removeprefix("related_")
        return predicate if predicate in self.graph.relation_ids else None

    def path(
        self, relation: str, ends: tuple[Term, ...], literals: list[Atom], confidence: float,
        figures: tuple[int, int, float],
    ) -> tuple[Rule, list[str]] | None:  # fmt: skip
        """The rule whose body's atoms, put in order, lead from X to Y, a constant or an end; and its variables."""
        backwards = isinstance(ends[0], Const)
        first, last = (ends[1], ends[0]) if backwards else (ends[0], ends[1])
        if not isinstance(first, Var):
            return None
        head_entity = _entity(last, self.graph)
        if isinstance(last, Const) and head_entity is None:
            return None
        body: list[tuple[str, bool]] = []
        at, left = first.name, list(literals)
        body_entity, seen = None, [first.name]
        while left:
            step = next((a for a in left if len(a.args) == 2 and any(_is(t, at) for t in a.args)), None)
            name = None if step is None else self.relation(step.predicate)
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
                seen.append(at)
            elif (body_entity := _entity(target, self.graph)) is None:
                return None
        path_ends = at == last.name and body_entity is None if isinstance(last, Var) else True
        if not body or not path_ends:
            return None
        return Rule(
            (relation, backwards), tuple(body), head_entity, body_entity, *figures[:2], confidence, figures[2]
        ), seen


def _predicate(statement: Statement) -> str:
    atoms = statement.heads[0].atoms if statement.heads else ()
    return atoms[0].predicate if atoms else ""


def _literals(statement: Statement) -> list[Atom] | None:
    """The atoms of a body of positive literals and `!=`, which are taken as said: distinct variables always differ."""
    parts = statement.body.parts if isinstance(statement.body, And) else (statement.body,)
    if not all(isinstance(p, Literal) or (isinstance(p, Comparison) and p.op == "!=") for p in parts):
        return None
    return [part.atom for part in parts if isinstance(part, Literal)]


def _renamed(term: Term, names: Mapping[str, Term]) -> Term:
    return names.get(term.name, term) if isinstance(term, Var) else term


def _variables(atoms: Iterable[Atom]) -> list[str]:
    return list(dict.fromkeys(t.name for atom in atoms for t in atom.args if isinstance(t, Var)))


def _places(names: Mapping[str, str], walk: list[str]) -> dict[str, int]:
    return {variable: walk.index(name) for variable, name in names.items() if name in walk}


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
