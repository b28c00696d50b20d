"""Programs of a few rules that derive millions of facts: three closures, and one that grows.

| case | input facts | derived facts | firings | rounds |
| --- | --- | --- | --- | --- |
| `rand` | 8,000 | 3,859,263 | 15,445,035 | |
| `chain` | 99,936 | 2,069,508 | 2,190,264 | 42 |
| `sg` | 3,279 | 5,380,839 | 5,390,667 | 7 |
"""

from __future__ import annotations

import numpy as np

from benchmarks.grounding.case import Case, Rows, distinct

CLOSURE = "path(X, Y) :- edge(X, Y).\npath(X, Z) :- path(X, Y), edge(Y, Z).\n"
CLOSURE_SQL = (
    "with recursive path(a0, a1) as (select a0, a1 from edge union "
    "select p.a0, e.a1 from path p join edge e on p.a1 = e.a0) select * from path"
)
GENERATION = "sg(X, Y) :- parent(X, P), parent(Y, P).\nsg(X, Y) :- parent(X, P), sg(P, Q), parent(Y, Q).\n"
GENERATION_SQL = (
    "with recursive sg(a0, a1) as (select a.a0, b.a0 from parent a join parent b on a.a1 = b.a1 union "
    "select a.a0, b.a0 from sg s join parent a on a.a1 = s.a0 join parent b on b.a1 = s.a1) select * from sg"
)


def _closure(name: str, edges: Rows) -> Case:
    return Case(name, CLOSURE, {("edge", 2): edges}, sql=CLOSURE_SQL)


def rand(quick: bool = False) -> Case:
    """Closure of 8,000 random edges among 2,000 nodes: nearly all reach one another, each fact found four times."""
    nodes, edges = (100, 400) if quick else (2000, 8000)
    rng = np.random.default_rng(1)
    rows = np.zeros((0, 2), np.int32)
    while len(rows) < edges:  # draws again what came twice
        rows = distinct(np.concatenate([rows, rng.integers(0, nodes, (edges - len(rows), 2), np.int32)]))
    return _closure("rand", rows)


def chains(copies: int) -> Rows:
    """Edges of long chains, many rounds of few facts each.

    Each chain is a spine of 41 edges with a way around its nodes 8, 18 and 29 and a side edge at node 6: 48 edges that
    give 994 facts by 1,052 firings. Nodes are numbered at random, so that neighbours do not lie side by side.
    """
    spine = [(k, k + 1) for k in range(41)]
    around = [pair for extra, at in enumerate((8, 18, 29), 42) for pair in ((at - 1, extra), (extra, at + 1))]
    one = np.array([*spine, *around, (6, 45)])
    rows = (one[None] + 46 * np.arange(copies)[:, None, None]).reshape(-1, 2)
    rng = np.random.default_rng(0)
    return rng.permutation(rng.permutation(46 * copies)[rows]).astype(np.int32)


def chain(quick: bool = False) -> Case:
    """Closure of 2,082 long chains; see `chains`."""
    return _closure("chain", chains(20 if quick else 2082))


def sg(quick: bool = False) -> Case:
    """Same generation, oneself included, on a tree with three children a node and depth seven: one fact, one firing."""
    depth = 4 if quick else 7
    child = np.arange(1, (3 ** (depth + 1) - 1) // 2, dtype=np.int32)
    parents = np.stack([child, (child - 1) // 3], axis=1)
    return Case("sg", GENERATION, {("parent", 2): parents}, sql=GENERATION_SQL)


def layered(facts: int) -> Case:
    """Closure of six layers of nodes, each with two random edges into the next layer: about so many facts.

    Out-degree and reach stay the same while the layers get wider, so that the work for one fact does too.
    """
    width = max(facts // 114, 8)  # a node k layers before the last reaches 2^(k + 1) - 2 nodes, few of them twice
    rng = np.random.default_rng(0)
    source = np.repeat(np.arange(5 * width), 2)
    target = (source // width + 1) * width + rng.integers(0, width, len(source))
    number = rng.permutation(6 * width)  # neighbours do not lie side by side
    return _closure("growth", distinct(np.stack([number[source], number[target]], axis=1)))
