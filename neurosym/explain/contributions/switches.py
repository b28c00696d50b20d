"""A graph in which some rules and recorded facts can be switched off, made from one in which they are certain.

A graph has all groundings, also those of what is certain, so that leaving out a rule or a fact leaves out groundings,
and nothing is derived anew. It may add groundings too: those that a certain fact kept out, since they need it to be
false, and those of an aggregate without a member that was certain. Where what is left out may bear on such a fact, the
program is grounded anew instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurosym.grounding import CERTAIN, POSSIBLE, ChoiceGroup, DerivationGraph
from neurosym.grounding.columns import expand
from neurosym.grounding.compiled import kernels
from neurosym.grounding.core import AggregateStep, CoreProgram, Key, Negated, Scan
from neurosym.grounding.groundings import Columns, Groundings
from neurosym.lang.ast import Program, Rule
from neurosym.semantics import relevant_part


def switched(
    graph: DerivationGraph, roots: Sequence[int], rules: Sequence[int], facts: Sequence[int], program: Program
) -> tuple[DerivationGraph, list[int]] | None:
    """What some facts rest on, where rules and facts that were certain are uncertain.

    Args:
        roots: fact ids; all that they do not rest on has no groundings.
        rules: statements without a weight; facts: recorded facts, as ids.
        program: the source of the graph's.

    Returns:
        The graph, whose facts keep their numbers, and for each rule and fact the leaf that switches it, which are the
        last facts. None where leaving one of them out may add groundings.
    """
    if graph.engine is not None or graph.base is None or graph.program.open or _concluding(program, rules):
        return None
    heads = {h.key for r in graph.program.rules if r.statement in set(rules) for h, _ in r.heads}
    if _may_add(graph.program, heads | {graph.key(f) for f in facts}, graph.excluding):
        return None
    part = relevant_part(graph, np.array(roots, np.int32), drop_certain=False)
    amount, switches = graph.num_facts, len(rules) + len(facts)
    leaves = np.arange(amount, amount + switches, dtype=np.int32)
    statement = np.array([r.statement for r in graph.rules], np.int64)[graph.rule[part.grounding]]
    at = [np.nonzero(statement == s)[0] for s in rules]
    more = np.repeat(leaves[: len(rules)], [len(x) for x in at])
    where = np.concatenate([np.zeros(0, np.int64), *at])
    # each switch comes last in the bodies of its rule; each fact gets a grounding by its own
    columns = Columns(
        rule=np.append(graph.rule[part.grounding], np.zeros(len(facts), np.int32)),
        head=np.append(part.facts[part.head], np.array(facts, np.int32)),
        body_start=np.append(
            part.body_start + np.append(0, np.cumsum(np.bincount(where, minlength=len(part.head)))),
            len(part.body) + len(where) + np.arange(1, len(facts) + 1),
        ),
        body=np.append(np.insert(part.facts[part.body], part.body_start[where + 1], more), leaves[len(rules) :]),
        sign=np.append(np.insert(part.sign, part.body_start[where + 1], True), np.ones(len(facts), bool)),
        absent_start=np.zeros(len(part.head) + len(facts) + 1, np.int64),
        absent=np.zeros(0, np.int32),
    )
    nobody = np.full(switches, -1, np.int32)
    group = ChoiceGroup(leaves[:, None], "learned", nobody, rest=True, parameters=nobody)
    status = np.append(graph.status, np.full(switches, POSSIBLE, np.uint8))
    status[part.facts] = POSSIBLE
    status[np.setdiff1d(part.facts[part.given], np.array(facts, np.int32))] = CERTAIN
    _spread(columns, status)
    changed = replace(
        graph,
        facts=replace(graph.facts.with_more(switches), leaves=[*graph.facts.leaves, group.facts]),
        status=status,
        groundings=Groundings(columns),
        choices=[*graph.choices, group],
        choice_rest=np.append(graph.choice_rest, np.ones(switches, np.bool_)),
    )
    return changed, leaves.tolist()


def switchable(graph: DerivationGraph, roots: Sequence[int], program: Program) -> tuple[list[int], list[int]]:
    """The rules without a weight, as statements, and the recorded facts, as ids, that some facts may rest on."""
    part = relevant_part(graph, np.array(roots, np.int32), drop_certain=False)
    used = {graph.rules[r].statement for r in np.unique(graph.rule[part.grounding]).tolist()}
    joint = {key[0] for key in graph.program.notation.joint}
    rules = [s for s in sorted(used) if s >= 0 and _is_certain(program.rules[s]) and program.rules[s].name not in joint]
    heads = np.zeros(len(part.facts), np.bool_)
    heads[part.head] = True
    bare = part.facts[part.given & ~heads]
    return rules, [f for f in bare.tolist() if graph.choice[f] < 0 and not graph.hidden(f)]


def _is_certain(rule: Rule) -> bool:
    return bool(rule.heads) and rule.exception_weight is None and all(h.weight is None for h in rule.heads)


def _concluding(program: Program, rules: Sequence[int]) -> bool:
    """Whether an exception to one of some rules concludes something, which it goes on doing without that rule."""
    names = {program.rules[s].name for s in rules} - {None}
    return any(r.exception_to in names and r.heads for r in program.rules)


def _may_add(program: CoreProgram, changed: Iterable[Key], excluding: frozenset[Key]) -> bool:
    """Whether groundings may be added where facts of some predicates go."""
    affected = set(changed)
    grew = True
    while grew:
        grew = False
        for rule in program.rules:
            reads = {x.atom.key for x in rule.body if isinstance(x, Scan | Negated)}
            reads |= {x.members for x in rule.body if isinstance(x, AggregateStep)}
            if not affected.isdisjoint(reads):
                new = {h.key for h, _ in rule.heads} - affected
                affected |= new
                grew |= bool(new)
    return not affected.isdisjoint(excluding)


def _spread(columns: Columns, status: NDArray[np.uint8]) -> None:
    """Find which facts hold in all worlds, given those that hold without a derivation."""
    lengths = np.diff(columns.body_start)
    of = np.repeat(np.arange(len(lengths)), lengths)
    positive = np.ones(len(lengths), bool)
    positive[of[~columns.sign]] = False
    kept = np.nonzero(positive)[0]
    _, at = expand(columns.body_start[kept].astype(np.int64), lengths[kept])
    starts = np.append(0, np.cumsum(lengths[kept]))
    kernels().spread_certainty(columns.head[kept], starts, columns.body[at], status, CERTAIN)


__all__ = ["switchable", "switched"]
