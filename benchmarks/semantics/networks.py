"""Random Bayesian networks as annotated disjunctions."""

from __future__ import annotations

import random
from itertools import product

# nodes of which a parent is drawn: the nearest ones before it, so that a network has a width that does not grow with it
WINDOW = 8


def network(n: int, draw: random.Random, observed: int) -> str:
    """A random network of n nodes with two values, few with three, and up to two parents, as ProbLog's rules.

    Denser ones are out of the peer's reach at ten nodes: each row of a table is a disjunction of its own there.

    Args:
        observed: how many nodes are observed, each with a value that a sample of the network has.
    """
    values = [2 + (draw.random() < 0.1) for _ in range(n)]
    lines: list[str] = []
    sample: list[int] = []
    for node in range(n):
        before = range(max(0, node - WINDOW), node)
        count = min(node, draw.choice((0, 1, 1, 1, 2, 2)) if node else 0)
        parents = sorted(draw.sample(before, count))
        for row in product(*(range(values[p]) for p in parents)):
            weights = _weights(draw, values[node])
            heads = "; ".join(f"{w}::n{node}({v})" for v, w in enumerate(weights))
            body = ", ".join(f"n{p}({v})" for p, v in zip(parents, row, strict=True))
            lines.append(f"{heads} :- {body}." if body else f"{heads}.")
            if all(sample[p] == v for p, v in zip(parents, row, strict=True)):
                chosen = draw.choices(range(values[node]), weights)[0]
        sample.append(chosen)
    seen = sorted(draw.sample(range(n), observed))
    lines += [f"evidence(n{node}({sample[node]}))." for node in seen]
    asked = [node for node in range(n) if node not in seen][-2:]
    lines += [f"query(n{node}(_))." for node in asked]
    return "\n".join(lines) + "\n"


def _weights(draw: random.Random, count: int) -> list[float]:
    """Two-digit probabilities above zero that sum to one."""
    cuts = sorted(draw.sample(range(5, 96, 5), count - 1))
    return [(b - a) / 100 for a, b in zip([0, *cuts], [*cuts, 100], strict=True)]
