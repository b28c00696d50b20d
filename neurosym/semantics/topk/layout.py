"""What one answer rests on, laid out for the search: facts, groundings, values of choices, cases to tell apart.

A *value* is one outcome of a choice that occurs below the answer, or 'other', where something else can happen. The
values of all choices are numbered one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosym.grounding import DerivationGraph
from neurosym.semantics.part import Long, relevant_part

Flags = NDArray[np.uint8]
Bodies = tuple[Long, Long, Long, Flags]
Order = tuple[Long, Long, Long, Long, Long, Long, Long]
OTHER = -1  # in place of a leaf: a value of a choice that is none of the leaves


@dataclass(frozen=True)
class Layout:
    """One answer, and the evidence that touches it.

    Attributes:
        bodies: (starts, body_start, body, sign); order: (order, order_start, component, cyclic, head, user_start,
            users), as the kernels take them.
        slot, first, last: (n,) of a leaf its value, and those of its choice; -1, 0, 0 for other facts.
        leaf: (v,) of each value its leaf in the graph, or `OTHER`; choice: (v,) its choice.
        choice_start: (c + 1,) where the values of each choice begin.
        cases: (fact, whether it holds); in each world exactly one of them is so. Without evidence: the answer holds, it
            fails. With evidence: both hold, the evidence holds and the answer fails, the evidence fails.
    """

    bodies: Bodies
    order: Order
    slot: Long
    first: Long
    last: Long
    leaf: Long
    choice: Long
    choice_start: Long
    cases: tuple[tuple[int, bool], ...]

    @property
    def num_facts(self) -> int:
        """n, the added conjunctions included."""
        return len(self.slot)


def lay_out(graph: DerivationGraph, root: int | None, evidence: Sequence[tuple[int, bool]]) -> Layout:
    """The layout of a fact that is not certain.

    Args:
        root: the fact, or None where only the evidence is looked at.
        evidence: (fact id, observed true), none of them certain.
    """
    asked = ([] if root is None else [root]) + [f for f, _ in evidence]
    part = relevant_part(graph, np.array(asked, np.int32), drop_certain=True)
    heads: list[Long] = [part.head]
    counts: list[Long] = [np.diff(part.body_start)]
    body: list[Long] = [part.body]
    sign: list[NDArray[Any]] = [part.sign]
    n = len(part.facts)
    places = part.roots.tolist()
    cases: list[tuple[int, bool]] = [(places[0], True), (places[0], False)]

    def conjunction(literals: list[tuple[int, bool]]) -> int:
        nonlocal n
        heads.append(np.array([n]))
        counts.append(np.array([len(literals)]))
        body.append(np.array([f for f, _ in literals]))
        sign.append(np.array([s for _, s in literals]))
        n += 1
        return n - 1

    if evidence:
        seen = list(zip(places[len(places) - len(evidence) :], (s for _, s in evidence), strict=True))
        whole = conjunction(seen)
        cases = [(whole, True), (whole, False)]
        if root is not None:
            both, without = (
                conjunction([(whole, True), (places[0], True)]),
                conjunction([(whole, True), (places[0], False)]),
            )
            cases = [(both, True), (without, True), (whole, False)]
    starts = np.searchsorted(np.concatenate(heads), np.arange(n + 1)).astype(np.int64)
    body_start = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
    bodies = (
        starts, body_start, np.concatenate(body).astype(np.int64), np.concatenate(sign).astype(np.uint8),
    )  # fmt: skip
    leaves = np.nonzero(part.leaf)[0]
    is_leaf = np.zeros(n, np.bool_)
    is_leaf[leaves] = True
    order = _order(n, np.concatenate(heads).astype(np.int64), bodies, is_leaf)
    return Layout(bodies, order, *_values(graph, part.facts[leaves], leaves, n), tuple(cases))


def _values(
    graph: DerivationGraph, leaves: NDArray[np.int32], at: Long, n: int
) -> tuple[Long, Long, Long, Long, Long, Long]:
    """Number the values of the choices of some leaves, which are facts at some positions."""
    by_choice = np.lexsort((graph.outcome[leaves], graph.choice[leaves]))
    leaves, at = leaves[by_choice], at[by_choice]
    numbers, choice, sizes = np.unique(graph.choice[leaves], return_inverse=True, return_counts=True)
    outcomes = np.concatenate([np.full(len(g.facts), g.facts.shape[1]) for g in graph.choices] or [np.zeros(0, int)])
    other = graph.choice_rest[numbers] | (sizes < outcomes[numbers])
    choice_start = np.concatenate([[0], np.cumsum(sizes + other)]).astype(np.int64)
    before = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    value = choice_start[choice] + np.arange(len(leaves)) - before[choice]
    leaf = np.full(choice_start[-1], OTHER, np.int64)
    leaf[value] = leaves
    slot, first, last = np.full(n, -1, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    slot[at], first[at], last[at] = value, choice_start[choice], choice_start[choice + 1]
    of = np.repeat(np.arange(len(numbers)), np.diff(choice_start)).astype(np.int64)
    return slot, first, last, leaf, of, choice_start


def _order(n: int, head: Long, bodies: Bodies, leaf: NDArray[np.bool_]) -> Order:
    """The strongly connected components of the derived facts, what they rest on first."""
    import networkx as nx

    _, body_start, body, _ = bodies
    of = np.repeat(np.arange(len(head)), np.diff(body_start))
    inner = ~leaf[body]
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_nodes_from(np.nonzero(~leaf)[0].tolist())
    graph.add_edges_from(zip(head[of[inner]].tolist(), body[inner].tolist(), strict=True))
    # networkx gives components in reverse topological order: what a fact rests on comes first
    found = [sorted(c) for c in nx.strongly_connected_components(graph)]
    component = np.full(n, -1, np.int64)
    for number, members in enumerate(found):
        component[members] = number
    cyclic = np.array([len(c) > 1 or graph.has_edge(c[0], c[0]) for c in found], np.int64)
    order_start = np.concatenate([[0], np.cumsum([len(c) for c in found])]).astype(np.int64)
    own = inner & (component[body] == component[head[of]])
    fact, users = body[own], of[own]
    by_fact = np.argsort(fact, kind="stable")
    user_start = np.searchsorted(fact[by_fact], np.arange(n + 1)).astype(np.int64)
    flat = np.array([f for c in found for f in c], np.int64)
    return flat, order_start, component, cyclic, head, user_start, users[by_fact].astype(np.int64)
