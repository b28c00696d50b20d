"""How often each rule concluded something in a ground program."""

from __future__ import annotations

import numpy as np

from neurosym.grounding import DerivationGraph
from neurosym.reasoner import Answers


def conclusions(graph: DerivationGraph) -> dict[int, int]:
    """Statement → the ground instances of the rule itself; of an exception, how often it applies.

    What the engine grounds beside it (the members of an aggregate and its sums so far, groups under a negation) is not
    the rule's conclusion and is not counted.
    """
    found: dict[int, int] = {}
    heads = graph.predicate[graph.head]
    hidden = np.array([key in graph.program.hidden for key in graph.predicates], bool)
    inner = hidden[heads] if len(heads) else np.zeros(0, bool)
    for rules, exception in ((graph.rule[~inner], False), (graph.rule[inner], True)):
        numbers, counts = np.unique(rules, return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            rule = graph.rules[number]
            if rule.statement >= 0 and (rule.part == "exception") == exception:
                found[rule.statement] = found.get(rule.statement, 0) + count
    return found


def rule_firings(answers: Answers) -> dict[str, int] | None:
    """Name of each rule that is no fact → its ground instances behind some answers, 0 included.

    None where the graph keeps no instances, as under the semantics `boolean`.
    """
    graph, reasoner = answers.grounded.graph, answers.reasoner
    if graph.engine is not None or reasoner is None:
        return None
    counts = conclusions(graph)
    found: dict[str, int] = {}
    for number, rule in enumerate(reasoner.program.rules):
        if not rule.is_fact:
            found[rule.label] = found.get(rule.label, 0) + counts.get(number, 0)
    return found


__all__ = ["conclusions", "rule_firings"]
