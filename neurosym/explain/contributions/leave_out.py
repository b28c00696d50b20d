"""What each rule and each leaf adds: the claim without it, by leaving it out.

A weighted rule or an uncertain leaf is left out by giving it probability 0, all of them as one batch through the same
evaluator. A rule without a weight, or a recorded fact, changes what can be derived: the program is grounded without
it. What networks said is kept: none is run again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from neurosym.explain.contributions.reground import Regrounder, tags_of
from neurosym.explain.model import Contribution
from neurosym.explain.nodes import ProofNodes
from neurosym.facts import RDF_TYPE
from neurosym.grounding import CERTAIN, DerivationGraph
from neurosym.lang.terms import Iri, predicate_of_iri
from neurosym.reasoner import Answers, Reasoner
from neurosym.semantics import Bounds, Evaluator, Exact, ProofBounds, relevant_part


def leave_out(
    answers: Answers, reasoner: Reasoner, nodes: ProofNodes, fact: int, value: float, sample: int, budget: float
) -> tuple[tuple[Contribution, ...], tuple[str, ...]]:
    """Leave out each rule and each leaf of some proofs.

    Args:
        nodes: what the proofs consist of; fact: the claim; value: its tag.
        budget: seconds that grounding anew may take.

    Returns:
        What each adds, and what the reader should know of that.
    """
    graph, program = nodes.graph, nodes.program
    evaluator = answers.grounded.evaluator([fact], answers.evidence, answers.algebra)
    part = relevant_part(graph, np.array([fact], np.int32), drop_certain=True)
    among = {int(f) for f in part.facts[part.leaf].tolist()}
    rules = list(nodes.rules)
    names: list[tuple[str, str, str]] = []
    groups: list[list[int]] = []
    certain_rules: list[tuple[int, int]] = []
    joint = {key for key, _ in program.notation.joint}
    for index, statement in enumerate(rules):
        leaves = rule_leaves(graph, statement, among)
        if leaves:
            names.append(("rule", nodes.rules[statement].name, str(index)))
            groups.append(leaves)
        elif program.rules[statement].name not in joint:
            certain_rules.append((statement, index))
    for name, node in nodes.nodes.items():
        if node.kind in ("neural", "data", "not") and nodes.facts[name] in among:
            names.append(("leaf", node.label, name))
            groups.append([nodes.facts[name]])
    left = leave_out_leaves(answers, groups, sample, evaluator)
    result = [
        Contribution(kind, name, reference, without, value - without)  # pyright: ignore[reportArgumentType]
        for (kind, name, reference), without in zip(names, left, strict=True) if not math.isnan(without)
    ]  # fmt: skip
    more, skipped = _regrounded(
        Regrounder(answers, reasoner, nodes.base, sample, budget), nodes, fact, value, certain_rules
    )
    warnings: list[str] = []
    if skipped:
        warnings.append(
            f"{skipped} unweighted rules or recorded facts were not left out: grounding anew took {budget:g} s"
        )
    if any(n.kind == "neural" for n in nodes.nodes.values()):
        warnings.append("contributions keep what each network said; no network was run again for them")
    return ordered([*result, *more]), tuple(warnings)


def _regrounded(
    regrounder: Regrounder, nodes: ProofNodes, fact_id: int, value: float, rules: list[tuple[int, int]]
) -> tuple[list[Contribution], int]:
    """Rules without a weight and recorded facts: the program is grounded without them. Also how many were not tried."""
    names = [("rule", nodes.rules[statement].name, str(index)) for statement, index in rules]
    recorded = [
        (name, stored(nodes, nodes.facts[name])) for name, node in nodes.nodes.items()
        if node.kind == "data" and nodes.graph.status[nodes.facts[name]] == CERTAIN
    ]  # fmt: skip
    names += [("leaf", nodes.nodes[name].label, name) for name, _ in recorded]
    facts = [fact for _, fact in recorded]
    found = regrounder.without_each([statement for statement, _ in rules], facts, fact_id, value) if names else []
    if found is None:
        found = [regrounder.without_rule(statement, fact_id) for statement, _ in rules]
        found += [regrounder.without_fact(key, args, fact_id) for key, args in facts]
    result = [
        Contribution(kind, name, reference, without, value - without)  # pyright: ignore[reportArgumentType]
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


def leave_out_leaves(
    answers: Answers, groups: Sequence[Sequence[int]], sample: int, evaluator: Exact | Evaluator | Bounds | ProofBounds
) -> list[float]:
    """The claim's tag with each group of leaves at probability 0, NaN where the evidence is impossible then.

    Args:
        groups: fact ids of leaves that are left out together, such as all firings of one rule.
    """
    tags = answers.leaf_tags[sample].detach().repeat(len(groups), 1)
    for row, leaves in enumerate(groups):
        tags[row, torch.tensor(list(leaves), dtype=torch.long)] = 0
    return tags_of(evaluator, tags)


def rule_leaves(graph: DerivationGraph, statement: int, among: set[int]) -> list[int]:
    """Leaves of a weighted statement's choices that are among some facts."""
    found: list[int] = []
    for group in graph.choices:
        if group.kind != "neural":
            rows = group.facts[group.statements == statement]
            found.extend(f for f in rows.reshape(-1).tolist() if f in among)
    return found


def ordered(contributions: Sequence[Contribution]) -> tuple[Contribution, ...]:
    """Rules first, then leaves, each by decreasing size of the difference."""
    return tuple(sorted(contributions, key=lambda c: (c.kind != "rule", -abs(c.difference), c.name)))


__all__ = ["leave_out", "leave_out_leaves", "ordered", "rule_leaves", "stored"]
