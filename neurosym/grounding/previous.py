"""Grounding anew after some facts were added or removed: what does not depend on them is taken from the graph before.

Components of predicates are kept, extended or evaluated anew. A component is *kept* if nothing that it reads changed.
It is *extended* if what it reads only grew, through positive literals, and all its facts are certain: then one
semi-naive round over the new rows begins the next rounds. In all other cases it is evaluated anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np

from neurosym.facts import FactBase, Ids, SymbolTable
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.columns import Mask
from neurosym.grounding.core import TRIPLE, AggregateStep, CoreProgram, CoreRule, Key, Negated, Scan
from neurosym.grounding.fact_columns import FactColumns
from neurosym.grounding.graph import POSSIBLE, ChoiceGroup, DerivationGraph
from neurosym.grounding.groundings import Columns, Groundings
from neurosym.grounding.strata import components

State = Literal["same", "grown", "anew"]
_ORDER: tuple[State, ...] = ("same", "grown", "anew")


def _worst(states: Iterable[State]) -> State:
    return _ORDER[max((_ORDER.index(s) for s in states), default=0)]


@dataclass(frozen=True)
class Previous:
    """What can be taken from an earlier graph.

    Attributes:
        states: predicates → what happens to their facts; those that are not named are evaluated anew.
        sizes: predicates and questions → how many rows were taken over.
    """

    graph: DerivationGraph
    states: dict[Key, State]
    sizes: dict[Key, int]

    def state(self, keys: Collection[Key]) -> State:
        """What happens to the predicates of one component."""
        return _worst(self.states.get(k, "anew") for k in keys)


def compare(
    graph: DerivationGraph, base: FactBase, core: CoreProgram, rules: Sequence[CoreRule], record: bool
) -> Previous | None:  # fmt: skip
    """What of a graph still holds over other facts; None if it is of another program, or its terms are not theirs."""
    before = graph.base
    if before is None or (graph.engine is None) != record or not base.symbols.extends(before.symbols):
        return None
    if list(core.statements) != list(graph.program.statements) or core.open:
        return None
    states: dict[Key, State] = _inputs(before, base, core)
    states |= dict.fromkeys(core.neural, "anew")
    for fact in core.facts:  # a certain fact takes the place of a probabilistic one
        if (fact.weight is not None or fact.parameter is not None) and fact.key in states:
            states[fact.key] = "anew"
    parts = components(rules, core)
    doubtful = {k for p, k in enumerate(graph.predicates) if _doubtful(graph, p)}
    changed = True
    while changed:  # a rule may tie the components of its heads together, so that one that comes later matters before
        changed = False
        for part in parts:
            mine = [r for r in rules if any(h.key in part for h, _ in r.heads)]
            state = _component(part, mine, states, doubtful, core)
            if any(_ORDER.index(states.get(k, "same")) < _ORDER.index(state) for k in part):
                states |= dict.fromkeys(part, state)
                changed = True
    _with_rules(rules, states, core)
    known: dict[Key, State] = {k: states.get(k, "same") for k in (*graph.predicates, *graph.questions, *_heads(rules))}
    return Previous(graph, {k: s for k, s in known.items() if s != "anew"}, {})


def _heads(rules: Sequence[CoreRule]) -> set[Key]:
    return {h.key for rule in rules for h, _ in rule.heads}


def _doubtful(graph: DerivationGraph, predicate: int) -> bool:
    return bool((graph.status[graph.fact_ids[predicate]] == POSSIBLE).any())


def _inputs(before: FactBase, base: FactBase, core: CoreProgram) -> dict[Key, State]:
    """Predicates whose given facts changed."""
    states: dict[Key, State] = {}
    for key in before.tables.keys() | base.tables.keys():
        old, new = before.tables.get(key), base.tables.get(key)
        if old is new:
            continue
        target = core.aliases.get(key, key)
        if core.triple_mode and target[0].startswith("<") and key[1] in (1, 2):
            target = TRIPLE
        rows = np.zeros((0, key[1]), np.int32) if old is None else old.rows
        first = np.zeros((0, key[1]), np.int32) if new is None else new.rows[: len(rows)]
        state: State = "grown" if np.array_equal(first, rows) else "anew"
        if new is not None and old is not None and state == "grown" and len(new.rows) == len(rows):
            continue
        states[target] = _worst((states.get(target, "same"), state))
    return states


def _component(
    part: frozenset[Key], rules: Sequence[CoreRule], states: Mapping[Key, State], doubtful: set[Key], core: CoreProgram
) -> State:  # fmt: skip
    """What happens to a component, given what happens to those below it."""
    result = _worst(states.get(k, "same") for k in part)
    for rule in rules:
        # the heads of a rule that asks for groups or aggregates are evaluated together or not at all
        asks = any(isinstance(x, AggregateStep) or _group(x, core) for x in rule.body)
        if asks and any(states.get(h.key, "same") != "same" for h, _ in rule.heads):
            return "anew"
        for literal in rule.body:
            match literal:
                case Scan(atom):
                    state, plain = states.get(atom.key, "same"), not asks
                case Negated(atom):
                    state, plain = states.get(atom.key, "same"), False
                case AggregateStep():
                    state, plain = states.get(literal.members, "same"), False
                case _:
                    continue
            if state == "anew" or (state == "grown" and not plain):
                return "anew"
            result = _worst((result, state))
    if result == "grown":
        reads = {x.atom.key for r in rules for x in r.body if isinstance(x, Scan | Negated)}
        if (part | reads) & doubtful or any(r.choice for r in rules):
            return "anew"
    return result


def _group(literal: object, core: CoreProgram) -> bool:
    return isinstance(literal, Scan | Negated) and literal.atom.key in core.demands


def _with_rules(rules: Sequence[CoreRule], states: dict[Key, State], core: CoreProgram) -> None:
    """Leaves of choices, results of aggregates and groups asked on the spot go the way of the rules that use them."""
    for rule in rules:
        of_heads: list[State] = [states.get(h.key, "same") for h, _ in rule.heads]
        worst, best = _worst(of_heads), min(of_heads, key=_ORDER.index)
        if rule.choice is not None:
            states |= dict.fromkeys(rule.choice.leaves, best)
        for literal in rule.body:
            if isinstance(literal, AggregateStep) and worst != "same":
                states |= dict.fromkeys((literal.key, literal.states, literal.members), "anew")
            if isinstance(literal, Scan | Negated) and _group(literal, core) and worst != "same":
                states |= dict.fromkeys((literal.atom.key, core.demands[literal.atom.key]), "anew")


# ----------------------------------------------------------------------------------------------------- taking over


def take_over(builder: GraphBuilder, previous: Previous, base: FactBase) -> None:
    """Put what is kept into an empty builder, whose symbols begin with those of the facts."""
    graph = previous.graph
    assert graph.base is not None
    terms = _renumbered(graph.symbols, len(graph.base.symbols), builder.symbols)
    kept = [k in previous.states for k in graph.predicates]
    keep = np.array(kept, np.bool_)[graph.predicate] if kept else np.zeros(0, np.bool_)
    count = int(keep.sum())
    # where what goes comes after what stays, ids do not change and arrays are shared
    number = None if keep[:count].all() else np.where(keep, np.cumsum(keep) - 1, -1).astype(np.int32)
    for index, key in enumerate(graph.predicates):
        if kept[index]:
            _take_relation(builder, graph, index, terms, number)
            previous.sizes[key] = len(graph.rows[index])
        else:
            builder.relation(key)
    for key, rows in graph.questions.items():
        if key in previous.states:
            builder.ask(key, rows if terms is None else terms[rows])
            previous.sizes[key] = len(rows)
    builder.program.rules.extend(graph.rules[len(builder.program.rules) :])
    builder.absent_atoms.take_over(graph.absent_atoms, terms)
    for group in graph.choices:
        _take_choices(builder, group, keep, number)
    shift = len(base.places) - len(graph.base.places)
    facts = _kept_facts(graph, keep, count, number, len(graph.base.places), shift)
    builder.excluding |= graph.excluding
    builder.take_over(facts, graph.status[keep], _kept_groundings(graph, keep, number))


def _take_choices(builder: GraphBuilder, group: ChoiceGroup, keep: Mask, number: Ids | None) -> None:
    """The choices of a group whose leaves are kept: a group may be of several rules."""
    stays = keep[group.facts[:, 0]]
    if not stays.any():
        return
    columns = {f.name: getattr(group, f.name) for f in fields(group)}
    kept = {k: c if stays.all() else c[stays] for k, c in columns.items() if isinstance(c, np.ndarray)}
    if number is not None:
        kept["facts"] = number[kept["facts"]]
    builder.add_choices(replace(group, **kept))


def _renumbered(old: SymbolTable, common: int, new: SymbolTable) -> Ids | None:
    """(terms of the old table,) their ids in the new one, which begins with the same `common` terms; None if equal."""
    extra = new.intern_many(old.value(i) for i in range(common, len(old)))
    ids = np.concatenate([np.arange(common, dtype=np.int32), extra])
    return None if np.array_equal(extra, np.arange(common, len(old))) else ids


def _take_relation(
    builder: GraphBuilder, graph: DerivationGraph, index: int, terms: Ids | None, number: Ids | None
) -> None:
    """One predicate's facts; the relation itself, with its indexes, where it still has these rows and no others."""
    key, rows, facts = graph.predicates[index], graph.rows[index], graph.fact_ids[index]
    shared = graph.relations.get(key)
    if shared is not None and terms is None and number is None and shared.size == len(rows):
        builder.share(key, shared)
        return
    relation = builder.relation(key)
    relation.take_over(
        rows if terms is None else terms[rows], facts if number is None else number[facts], _doubtful(graph, index)
    )


def _kept_facts(
    graph: DerivationGraph, keep: Mask, count: int, number: Ids | None, given: int, shift: int
) -> FactColumns:  # fmt: skip
    """The columns of the kept facts; places of the rule text move on by a shift."""
    old = graph.facts
    if number is not None or old.before is not None:
        place = old.place[keep]
        place = np.where(place >= given, place + shift, place).astype(np.int32)
        columns = (old.predicate[keep], old.row[keep], old.rank[keep], place)
        return FactColumns(count, [], before=columns)
    runs = [run for run in old.runs if run.first < count]
    places: list[tuple[Ids, Ids | int]] = []
    for facts, where in old.places:
        stays = facts < count
        column = np.broadcast_to(np.asarray(where, np.int32), facts.shape)[stays]
        places.append((facts[stays], np.where(column >= given, column + shift, column).astype(np.int32)))
    return FactColumns(count, runs, places)


def _kept_groundings(graph: DerivationGraph, keep: Mask, number: Ids | None) -> Groundings:
    """The groundings of kept facts; all that they rest on is kept too. A block's heads are of one predicate."""
    result = Groundings()
    for piece in graph.groundings.pieces():
        if isinstance(piece, Columns):
            result.append(piece if number is None and keep[piece.head].all() else _some(piece, keep, number))
        elif keep[piece.heads[0]]:
            if number is not None:
                negated = None if piece.negated is None else replace(piece.negated, items=number[piece.negated.items])
                piece = replace(piece, heads=number[piece.heads], body=number[piece.body], negated=negated)
            result.append(piece)
    return result


def _some(old: Columns, keep: Mask, number: Ids | None) -> Columns:
    """The groundings whose heads are kept."""
    chosen = keep[old.head]
    counts, lacks = np.diff(old.body_start), np.diff(old.absent_start)
    edges = np.repeat(chosen, counts)
    head, body = old.head[chosen], old.body[edges]
    absent_start = np.concatenate([[0], np.cumsum(lacks[chosen])])
    return Columns(
        rule=old.rule[chosen],
        head=head if number is None else number[head],
        body_start=np.concatenate([[0], np.cumsum(counts[chosen])]).astype(old.body_start.dtype),
        body=body if number is None else number[body],
        sign=np.ascontiguousarray(old.sign[edges]),
        absent_start=absent_start,
        absent=old.absent[np.repeat(chosen, lacks)],
    )
