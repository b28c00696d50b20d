"""What rules without a weight and recorded facts add: the program is grounded without each.

Weighted rules and uncertain leaves need no grounding, and are left out as players of a game are. What networks said is
kept: none is run again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from neurosym.explain.contributions.players import Player
from neurosym.explain.contributions.reground import Regrounder
from neurosym.explain.model import Contribution
from neurosym.explain.nodes import ProofNodes
from neurosym.facts import RDF_TYPE
from neurosym.grounding import CERTAIN
from neurosym.lang.terms import Iri, predicate_of_iri
from neurosym.reasoner import Answers, Reasoner


def leave_out_certain(
    answers: Answers, reasoner: Reasoner, nodes: ProofNodes, fact: int, value: float, sample: int, budget: float,
    weighted: Sequence[Player],
) -> tuple[list[Contribution], int]:  # fmt: skip
    """Leave out each unweighted rule and each recorded fact of some proofs, by grounding without it.

    Args:
        nodes: what the proofs consist of; fact: the claim; value: its tag.
        budget: seconds that it may take.
        weighted: the players, whose rules are not among these.

    Returns:
        What each adds, and how many could not be tried: for lack of time, or because what is left is too much.
    """
    joint = {key for key, _ in nodes.program.notation.joint}
    known = {int(p.reference) for p in weighted if p.kind == "rule"}
    rules = [
        (statement, index)
        for index, statement in enumerate(nodes.rules)
        if index not in known and nodes.program.rules[statement].name not in joint
    ]
    return _regrounded(Regrounder(answers, reasoner, nodes.base, sample, budget), nodes, fact, value, rules)


def _regrounded(
    regrounder: Regrounder, nodes: ProofNodes, fact_id: int, value: float, rules: list[tuple[int, int]]
) -> tuple[list[Contribution], int]:
    """Rules without a weight and recorded facts: the program is grounded without them. Also how many were not tried."""
    names = [("rule", nodes.rules[statement].name, str(index)) for statement, index in rules]
    recorded = {
        name: nodes.facts[name] for name, node in nodes.nodes.items()
        if node.kind == "data" and nodes.graph.status[nodes.facts[name]] == CERTAIN
    }  # fmt: skip
    names += [("leaf", nodes.nodes[name].label, name) for name in recorded]
    facts = {fact: stored(nodes, fact) for fact in recorded.values()}
    found = regrounder.without_each([statement for statement, _ in rules], facts, fact_id, value) if names else []
    if found is None:
        found = [regrounder.without_rule(statement, fact_id) for statement, _ in rules]
        found += [regrounder.without_fact(key, args, fact_id) for key, args in facts.values()]
    result = [
        Contribution.left_out(kind, name, reference, without, value)  # pyright: ignore[reportArgumentType]
        for (kind, name, reference), without in zip(names, found, strict=True)
        if without is not None and not math.isnan(without)
    ]
    return result, sum(without is None for without in found)


def stored(nodes: ProofNodes, fact: int) -> tuple[tuple[str, int], tuple]:
    """The predicate and arguments under which the fact base keeps a fact."""
    graph, base = nodes.graph, nodes.base
    key, args = graph.key(fact), tuple(graph.symbols.values(graph.args(fact)))
    if key == ("triple", 3) and isinstance(args[1], Iri):
        if args[1].value == RDF_TYPE and isinstance(args[2], Iri):
            return (predicate_of_iri(args[2].value), 1), args[:1]
        return (predicate_of_iri(args[1].value), 2), (args[0], args[2])
    if key not in base.tables:
        for alias, target in graph.program.aliases.items():
            if target == key:
                return alias, args
    return key, args


def ordered(contributions: Sequence[Contribution]) -> tuple[Contribution, ...]:
    """Rules first, then leaves, each by decreasing size of the difference."""
    return tuple(sorted(contributions, key=lambda c: (c.kind != "rule", -abs(c.difference), c.name)))


__all__ = ["leave_out_certain", "ordered", "stored"]
