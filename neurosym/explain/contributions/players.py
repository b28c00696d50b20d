"""Who takes part in a claim: the weighted rules and the uncertain leaves of its proofs, and all the rest as one."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurosym.explain.nodes import ProofNodes
from neurosym.explain.words import NOT_SO
from neurosym.grounding import DerivationGraph
from neurosym.semantics import relevant_part, unknown_leaves
from neurosym.semantics.unknown_atoms import linked

UNCERTAIN = ("neural", "data", "not")  # kinds of nodes that may be leaves of the graph


@dataclass(frozen=True)
class Player:
    """Leaves of the graph that are left out together.

    Attributes:
        kind, name, reference: as of a `Contribution`.
        leaves: fact ids; those of a weighted rule are all its firings.
        again: whether its leaves belong to an earlier player: one fact may be needed in one proof and needed false in
            another.
    """

    kind: Literal["rule", "leaf"]
    name: str
    reference: str
    leaves: tuple[int, ...]
    again: bool = False


def players_of(nodes: ProofNodes, fact: int) -> list[Player]:
    """The weighted rules and uncertain leaves of some proofs of a claim, rules first.

    Args:
        nodes: what the proofs consist of; fact: the claim.
    """
    graph = nodes.graph
    part = relevant_part(graph, np.array([fact], np.int32), drop_certain=True)
    among = {int(f) for f in part.facts[part.leaf].tolist()}
    players: list[Player] = []
    taken: set[int] = set()

    def join(kind: Literal["rule", "leaf"], name: str, reference: str, leaves: Sequence[int]) -> None:
        new = [f for f in leaves if f not in taken]
        taken.update(new)
        players.append(Player(kind, name, reference, tuple(new or leaves), not new))

    for index, (statement, rule) in enumerate(nodes.rules.items()):
        leaves = rule_leaves(graph, statement, among)
        if leaves:
            join("rule", rule.name, str(index), leaves)
    for name, node in nodes.nodes.items():
        if node.kind not in UNCERTAIN or nodes.facts[name] not in among:
            continue
        if node.kind != "not":
            join("leaf", node.label, name, [nodes.facts[name]])
        elif not node.opposite:  # else the fact itself is among the nodes
            join("leaf", node.label.removeprefix(NOT_SO), name, [nodes.facts[name]])
    return players


def the_rest(
    nodes: ProofNodes, fact: int, evidence: Sequence[tuple[int, bool]], players: Sequence[Player]
) -> list[int]:
    """Leaves that no player has and that bear on the claim: those of other proofs, and what the evidence rests on.

    Evidence that shares no choice with the claim is not touched: leaving out what makes it possible would say nothing.
    """
    graph = nodes.graph
    roots = np.array([fact, *(f for f, _ in evidence)], np.int32)
    part = relevant_part(graph, roots, drop_certain=True)
    component = linked(graph, part)
    near = part.facts[part.leaf & (component == component[part.roots[0]])]
    near = near[~np.isin(near, unknown_leaves(graph))]  # unknown atoms have no probability to be left out
    return np.setdiff1d(near, [f for p in players for f in p.leaves]).tolist()


def rule_leaves(graph: DerivationGraph, statement: int, among: Container[int] | None = None) -> list[int]:
    """Leaves of a weighted statement's choices, of all or of those among some facts."""
    found: list[int] = []
    for group in graph.choices:
        if group.kind != "neural":
            rows = group.facts[group.statements == statement]
            found.extend(f for f in rows.reshape(-1).tolist() if among is None or f in among)
    return found


__all__ = ["Player", "players_of", "rule_leaves", "the_rest"]
