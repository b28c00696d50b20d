"""Rules that others make superfluous."""

from __future__ import annotations

import numpy as np

from neurosym.links.graph import inverse
from neurosym.links.rules.index import Long
from neurosym.links.rules.ruleset import CONSTANT, FREE, PATH, RuleSet


def prune(rules: RuleSet) -> RuleSet:
    """Leave out rules with constants that gain nothing over a more general rule.

    `h(X, c) ← r(X, d)` is a special case of `h(X, c) ← r(X, A)`, and `h(X, c) ← r(X, c)` one of `h(X, Y) ← r(X, Y)`;
    it is kept where its confidence is higher.
    """
    r = len(rules.relations)
    step = rules.body[:, 0].astype(np.int64)
    general = np.zeros(len(rules))
    constant = rules.kind == CONSTANT

    def key(rows: Long, head: Long, relation: Long, entity: Long) -> Long:
        return (head[rows] * 2 * r + relation[rows]) * (len(rules.entities) + 1) + entity[rows]

    head, c = rules.head.astype(np.int64), rules.head_entity.astype(np.int64)
    free, rows = np.flatnonzero(rules.kind == FREE), np.flatnonzero(constant)
    general[rows] = _looked_up(key(free, head, step, c), rules.confidence[free], key(rows, head, step, c))
    single = np.flatnonzero((rules.kind == PATH) & ((rules.body >= 0).sum(1) == 1))
    alike = np.flatnonzero(constant & (rules.head_entity == rules.body_entity))
    backwards = head >= r  # the path rule has its head forward: h⁻(X, Y) ← r(X, Y) is h(Y, X) ← r⁻(Y, X)
    forward_head = np.where(backwards, head - r, head)
    forward_step = np.where(backwards, inverse(step, r), step)
    none = np.zeros(len(rules), np.int64)
    found = _looked_up(
        key(single, head, step, none), rules.confidence[single], key(alike, forward_head, forward_step, none)
    )
    general[alike] = np.maximum(general[alike], found)
    return rules.take(~constant | (rules.confidence > general))


def _looked_up(keys: Long, values: np.ndarray, wanted: Long) -> np.ndarray:
    """The value of each wanted key, 0 where it is absent."""
    if len(keys) == 0:
        return np.zeros(len(wanted))
    order = np.argsort(keys)
    at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][at] == wanted, values[order][at], 0.0)


def fewer(rules: RuleSet, most: int) -> RuleSet:
    """Keep the most confident long paths of each head. The many weaker ones cost time, and noisy-or some accuracy."""
    long = np.flatnonzero((rules.kind == PATH) & ((rules.body >= 0).sum(1) >= 3))
    long = long[np.lexsort([-rules.support[long], -rules.confidence[long], rules.head[long]])]
    head = rules.head[long]
    kept = np.ones(len(rules), bool)
    kept[long] = np.arange(len(long)) - np.searchsorted(head, head) < most
    return rules.take(kept)
