"""Rules as tables for one graph: a trie of paths, and rules with constants by what they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from neurosym.grounding.columns import expand
from neurosym.links.graph import TripleGraph, inverse
from neurosym.links.rules.index import EdgeIndex, Ids, Long
from neurosym.links.rules.ruleset import CONSTANT, NONE, PATH, RuleSet


@dataclass(frozen=True, eq=False)
class Trie:
    """Bodies of path rules that begin alike share their beginning. Nodes lie in preorder.

    Attributes:
        roots: (B, 2R + 1) for each of B blocks, where the nodes of each query relation begin.
        depth: (T,) from 1.
        step: (T,) the relation that leads there.
        skip: (T,) the next node outside of the subtree.
        rule: (T,) the rule whose body ends there, -1 if none does.
    """

    roots: Long
    depth: Ids
    step: Ids
    skip: Long
    rule: Ids

    @property
    def columns(self) -> tuple[Long, Ids, Ids, Long, Ids]:
        """What kernels take."""
        return self.roots, self.depth, self.step, self.skip, self.rule


def build_trie(rules: RuleSet, rows: Long, n_relations: int) -> Trie:
    """The trie of the path rules of these rows, each read in both directions."""
    r2 = 2 * n_relations
    rows = rows[rules.kind[rows] == PATH]
    body, head = rules.body[rows].astype(np.int64), rules.head[rows].astype(np.int64)
    length = (body != NONE).sum(1)
    width = body.shape[1]
    # h⁻(Y, X) ← r3⁻(Y, B), r2⁻(B, A), r1⁻(A, X)
    place = length[:, None] - 1 - np.arange(width)
    back = np.where(place >= 0, np.take_along_axis(body, np.maximum(place, 0), 1), NONE)
    back = np.where(back == NONE, NONE, inverse(back, n_relations))
    words = np.concatenate([np.column_stack([head, body]), np.column_stack([inverse(head, n_relations), back])])
    rule, length = np.tile(rows, 2), np.tile(length, 2)
    order = np.lexsort(words.T[::-1])
    words, rule, length = words[order], rule[order], length[order]
    same = np.zeros(len(words), np.int64)  # leading columns that agree with the row before
    if len(words) > 1:
        differs = words[1:] != words[:-1]
        same[1:] = np.where(differs.any(1), differs.argmax(1), width + 1)
    known = np.maximum(same - 1, 0)
    new = np.maximum(length - known, 0)
    row, depth = expand(known + 1, new)
    last = np.cumsum(new) - 1
    ends_at = np.full(len(row), NONE, np.int32)
    ends_at[last[new > 0]] = rule[new > 0]
    skip = np.empty(len(row), np.int64)
    numbers = np.arange(len(row))
    for d in range(1, width + 1):
        stops = np.append(np.flatnonzero(depth <= d), len(row))
        mine = depth == d
        skip[mine] = stops[np.searchsorted(stops, numbers[mine], side="right")]
    roots = np.searchsorted(words[row, 0], np.arange(r2 + 1)).astype(np.int64)
    return Trie(roots[None], depth.astype(np.int32), words[row, depth].astype(np.int32), skip, ends_at)


def build_blocks(rules: RuleSet, n_relations: int, shares: tuple[float, ...]) -> tuple[Trie, Long]:
    """Tries of rules in order of confidence, the most confident first, so that the others may never be needed.

    Args:
        rules: by confidence, the highest first.
        n_relations: R.
        shares: of the path rules, in all blocks up to each but the last.

    Returns:
        The tries as one, and (B,) the first rule of each block. Rules of one confidence are in one block.
    """
    rows = np.flatnonzero(rules.kind == PATH)
    at = [int(len(rows) * share) for share in shares]
    at = [int(np.searchsorted(-rules.confidence[rows], -rules.confidence[rows[i]])) for i in at if i < len(rows)]
    cuts = np.unique([0, *at, len(rows)]) if len(rows) else np.zeros(1, np.int64)
    tries = [build_trie(rules, rows[a:b], n_relations) for a, b in pairwise(cuts)]
    if not tries:
        return build_trie(rules, rows, n_relations), np.empty(0, np.int64)
    offset = np.concatenate([[0], np.cumsum([len(trie.rule) for trie in tries])])
    joined = Trie(
        np.concatenate([trie.roots + o for trie, o in zip(tries, offset, strict=False)]),
        np.concatenate([trie.depth for trie in tries]),
        np.concatenate([trie.step for trie in tries]),
        np.concatenate([trie.skip + o for trie, o in zip(tries, offset, strict=False)]),
        np.concatenate([trie.rule for trie in tries]),
    )
    return joined, rows[cuts[:-1]].astype(np.int64)


def unary_tables(rules: RuleSet, rows: Long, graph: TripleGraph, index: EdgeIndex) -> tuple:
    """Rules with constants, by body and by head, in the numbers of a graph; those whose constants it lacks are left."""
    rows = rows[rules.kind[rows] != PATH]
    r2 = 2 * index.n_relations
    number = np.array([graph.entity_ids.get(name, NONE) for name in rules.entities] + [NONE], np.int64)
    head, relation = rules.head[rows].astype(np.int64), rules.body[rows, 0].astype(np.int64)
    c, d = number[rules.head_entity[rows]], number[rules.body_entity[rows]]
    atom = index.find(d, inverse(relation, index.n_relations))
    constant = rules.kind[rows] == CONSTANT
    kept = (c >= 0) & ((atom >= 0) | ~constant)
    rows, head, relation, c, atom, constant = (a[kept] for a in (rows, head, relation, c, atom, constant))

    def by(keys: Long, values: Long, wanted) -> tuple[Long, Ids, Ids]:
        order = np.argsort(keys[wanted], kind="stable")
        return keys[wanted][order], rows[wanted][order].astype(np.int32), values[wanted][order].astype(np.int32)

    return (
        *by(atom * r2 + head, c, constant),
        *by(relation * r2 + head, c, ~constant),
        *by(c * r2 + head, np.where(constant, atom, -1 - relation), slice(None)),
        *index.by_relation,
        index.entity,
    )
