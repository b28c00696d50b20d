"""Facts for conjunctions: a graph with one more fact for each, whose probability is then asked as any other's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from neurosym.grounding.graph import POSSIBLE, DerivationGraph
from neurosym.grounding.groundings import Columns, Groundings


def with_conjunctions(
    graph: DerivationGraph, conjunctions: Sequence[Sequence[tuple[int, bool]]]
) -> DerivationGraph:  # fmt: skip
    """The graph with n more facts, numbers F to F + n - 1, each of which holds where all its literals do.

    Args:
        conjunctions: n lists of literals (fact id, sign), none of them empty.
    """
    n = len(conjunctions)
    lengths = np.array([len(c) for c in conjunctions], np.int64)
    literals = [literal for c in conjunctions for literal in c]
    ends = int(graph.body_start[-1]) + np.cumsum(lengths)
    body, sign = np.array([f for f, _ in literals], graph.body.dtype), np.array([s for _, s in literals], bool)
    return replace(
        graph,
        facts=graph.facts.with_more(n),
        status=np.append(graph.status, np.full(n, POSSIBLE, graph.status.dtype)),
        groundings=Groundings(
            Columns(
                rule=np.append(graph.rule, np.zeros(n, graph.rule.dtype)),
                head=np.append(graph.head, np.arange(graph.num_facts, graph.num_facts + n, dtype=graph.head.dtype)),
                body_start=np.append(graph.body_start, ends.astype(graph.body_start.dtype)),
                body=np.append(graph.body, body),
                sign=np.append(graph.sign, sign),
                absent_start=np.append(
                    graph.absent_start, np.full(n, graph.absent_start[-1], graph.absent_start.dtype)
                ),
                absent=graph.absent,
            )
        ),
    )
