"""Input facts into the graph: those of the fact base that the program speaks about, and those of the rule text."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from neurosym.errors import GroundingError, Place
from neurosym.facts import RDF_TYPE, FactBase, Ids, SymbolTable
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.core import TRIPLE, AggregateStep, CoreAtom, CoreProgram, GroundFact, Key, Negated, Scan
from neurosym.grounding.declared import Misfit, declared_arguments, misfitting, refuse
from neurosym.grounding.graph import ChoiceGroup
from neurosym.lang.ast import Atom, Const, Program
from neurosym.lang.terms import Iri


def load_facts(
    builder: GraphBuilder, program: Program, base: FactBase, queries: Sequence[Atom] = (),
    there: Collection[Key] = (),
) -> list[Place]:  # fmt: skip
    """Add the input facts; gives the places that the graph's `place` column refers to.

    The builder's symbols begin with those of the fact base, so that its columns are taken as they are.

    Args:
        there: predicates whose facts of the rule text are in the builder already.

    Raises:
        GroundingError: NS425 facts do not fit the declared types; NS426 a Python function answers their predicate.
    """
    places = list(base.places)
    core = builder.program
    wanted = mentioned(core, builder.symbols, program, queries)
    declared = declared_arguments(program)
    misfit: list[Misfit] = []
    for key, table in base.tables.items():
        if key in core.foreign and len(table.rows):
            raise GroundingError(
                f"there are facts of `{key[0]}/{key[1]}`, which a Python function answers", code="NS426",
                help="leave the facts out, or give the predicate of the function another name",
            )  # fmt: skip
        rows = table.rows
        target = core.aliases.get(key, key)
        if core.triple_mode and target[0].startswith("<") and key[1] in (1, 2):
            rows = as_triples(builder.symbols, target, rows)
            target = TRIPLE
        if target in wanted:
            misfit += misfitting(base, key, declared.get(key, ()))
            builder.add_facts(target, np.ascontiguousarray(rows), True, 0, table.places)
    if misfit:
        raise refuse(misfit, base.prefixes | program.prefixes)
    _load_text(builder, program, places, there)
    return places


def mentioned(core: CoreProgram, symbols: SymbolTable, program: Program, queries: Sequence[Atom]) -> set[Key]:
    """Predicates of the program's bodies, heads, declarations, queries and evidence."""
    keys: set[Key] = set(core.neural) | {f.key for f in core.facts}
    keys |= {core.aliases.get(key, key) for key in program.declarations}
    keys |= {c.key for opened in core.open.values() for c in opened.classes if c is not None}
    for statement in program.rules:  # also those whose bodies cannot hold, which are no core rules
        keys |= {core.aliases.get(a.key, a.key) for h in statement.heads for a in h.atoms}
    for rule in core.rules:
        keys |= {h.key for h, _ in rule.heads}
        for literal in rule.body:
            if isinstance(literal, Scan | Negated):
                keys.add(literal.atom.key)
            elif isinstance(literal, AggregateStep):
                keys.add(literal.members)
    for atom in (*queries, *(s.atom for s in (*program.queries, *program.evidence))):
        args = tuple(symbols.intern(t.value) if isinstance(t, Const) else None for t in atom.args)
        keys.add(core.canonical(CoreAtom(atom.key, args), symbols).key)
    return keys | ({TRIPLE} if core.triple_mode else set())


def as_triples(symbols: SymbolTable, key: Key, rows: Ids) -> Ids:
    """Rows of an RDF class or property as rows of `triple/3`."""
    relation = symbols.intern(Iri(key[0][1:-1]))
    column = np.full(len(rows), relation, np.int32)
    if key[1] == 1:
        type_ = np.full(len(rows), symbols.intern(Iri(RDF_TYPE)), np.int32)
        return np.stack([rows[:, 0], type_, column], axis=1)
    return np.stack([rows[:, 0], column, rows[:, 1]], axis=1)


def _load_text(builder: GraphBuilder, program: Program, places: list[Place], there: Collection[Key]) -> None:
    """Facts of the rule text, a predicate at a time."""
    groups: dict[Key, list[GroundFact]] = {}
    for fact in builder.program.facts:
        if fact.key not in there:
            groups.setdefault(fact.key, []).append(fact)
    first = len(places)
    places.extend(Place(r.span.file, r.span.line) for r in program.rules)
    for key, facts in groups.items():
        rows = np.array([f.args for f in facts], np.int32).reshape(len(facts), key[1])
        weighted = np.array([f.weight is not None or f.parameter is not None for f in facts])
        place = np.array([first + f.statement for f in facts], np.int32)
        if (~weighted).any():
            builder.add_facts(key, rows[~weighted], True, 0, place[~weighted])
        if weighted.any():
            ids, _ = builder.add_facts(key, rows[weighted], False, 0, place[weighted])
            _leaves(builder, [f for f in facts if f.weight is not None or f.parameter is not None], ids)


def _leaves(builder: GraphBuilder, facts: list[GroundFact], ids: Ids) -> None:
    """Each probabilistic fact is a choice of its own, and its own leaf."""
    for learned in (False, True):
        chosen = [k for k, f in enumerate(facts) if (f.parameter is not None) == learned]
        # A certain fact (given elsewhere) needs no choice: it holds either way.
        chosen = [k for k in chosen if builder.status[ids[k]] == 1]
        if not chosen:
            continue
        leaves = ids[chosen][:, None]
        of = np.array([facts[k].statement for k in chosen], np.int32)
        if learned:
            parameters = np.array([facts[k].parameter for k in chosen], np.int32)
            builder.add_choices(ChoiceGroup(leaves, "learned", of, True, parameters=parameters))
        else:
            weights = np.array([[facts[k].weight] for k in chosen], np.float64)
            builder.add_choices(ChoiceGroup(leaves, "constant", of, True, probabilities=weights))
