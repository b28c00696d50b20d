"""Families of ProbLog programs that grow: one text that both engines read."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.semantics.networks import network


@dataclass(frozen=True)
class Family:
    """Programs of one kind.

    Attributes:
        text: (size, seed) → the program, queries included.
        sizes: to be measured in this order, until the peer needs too long; quick: those to see that it works.
        middle: the size at which evaluation again is measured.
        seeds: how many programs of each size; one where nothing is random.
    """

    name: str
    text: Callable[[int, int], str]
    sizes: tuple[int, ...]
    quick: tuple[int, ...]
    middle: int
    seeds: int = 1


def ladder(first: int, last: int, factor: float = 1.5) -> tuple[int, ...]:
    """Whole numbers that grow by a factor."""
    sizes, size = [], float(first)
    while round(size) <= last:
        sizes.append(round(size))
        size *= factor
    return tuple(dict.fromkeys(sizes))


def nexts(n: int) -> str:
    """`next(0, 1)` to `next(n - 1, n)`."""
    return " ".join(f"next({k},{k + 1})." for k in range(n))


def smokers(n: int, seed: int) -> str:
    """Smokers and friends: n people, each of whom names two friends (Domingos & Richardson; ProbLog's tutorial)."""
    draw = random.Random(f"smokers {n} {seed}")
    people = " ".join(f"person({k})." for k in range(1, n + 1))
    named = sorted({(k, f) for k in range(1, n + 1) for f in draw.sample([o for o in range(1, n + 1) if o != k], 2)})
    friends = " ".join(f"friend({a},{b})." for a, b in named)
    return f"""{people}
{friends}
0.3::stress(X) :- person(X).
0.2::influences(X,Y) :- person(X), person(Y).
smokes(X) :- stress(X).
smokes(X) :- friend(X,Y), influences(Y,X), smokes(Y).
0.4::asthma(X) :- smokes(X).
query(smokes(X)).
query(asthma(X)).
"""


def reach(n: int, seed: int) -> str:
    """Whether the last of n nodes is reached from the first over 2 n random edges, each of which may be missing."""
    draw = random.Random(f"reach {n} {seed}")
    edges: dict[tuple[int, int], float] = {}
    # a path that is there in principle, so that no query is empty
    inner = draw.sample(range(2, n), min(2, n - 2))
    for pair in zip([1, *inner], [*inner, n], strict=True):
        edges[pair] = round(draw.uniform(0.1, 0.9), 2)
    while len(edges) < 2 * n:
        pair = (draw.randint(1, n), draw.randint(1, n))
        if pair[0] != pair[1]:
            edges.setdefault(pair, round(draw.uniform(0.1, 0.9), 2))
    facts = " ".join(f"{p}::edge({a},{b})." for (a, b), p in sorted(edges.items()))
    return f"""{facts}
path(X,Y) :- edge(X,Y).
path(X,Y) :- edge(X,Z), path(Z,Y).
query(path(1,{n})).
"""


def coins_some(n: int, seed: int) -> str:
    """Whether one of n coins shows heads."""
    return f"""{" ".join(f"coin({k})." for k in range(1, n + 1))}
0.4::heads(C) :- coin(C).
some :- heads(_).
query(some).
"""


def coins_count(n: int, seed: int) -> str:
    """The distribution of how many of n coins show heads, counted one by one."""
    return f"""{nexts(n)}
0.4::heads(C) :- next(_,C).
count(0,0).
count(C,K) :- next(B,C), count(B,J), heads(C), K is J + 1.
count(C,K) :- next(B,C), count(B,K), \\+ heads(C).
query(count({n},_)).
"""


def coins_parity(n: int, seed: int) -> str:
    """Whether an even number of n coins shows heads, by a chain of even and odd."""
    return f"""{nexts(n)}
0.4::heads(C) :- next(_,C).
even(0).
even(C) :- next(B,C), even(B), \\+ heads(C).
even(C) :- next(B,C), odd(B), heads(C).
odd(C) :- next(B,C), odd(B), \\+ heads(C).
odd(C) :- next(B,C), even(B), heads(C).
query(even({n})).
query(odd({n})).
"""


def coins_row(n: int, seed: int) -> str:
    """Whether two neighbours among n coins show heads: proofs that overlap along a chain."""
    return f"""{nexts(n)}
0.4::heads(C) :- next(_,C).
row :- next(A,B), heads(A), heads(B).
query(row).
"""


def hmm(n: int, asked: int, draw: random.Random) -> str:
    """A hidden Markov model of three states, with what was seen in n steps; the state at one of them is asked."""
    seen = "\n".join(f"evidence(sees({k},{draw.choice('xy')}))." for k in range(1, n + 1))
    return f"""{nexts(n)}
0.5::state(0,a); 0.3::state(0,b); 0.2::state(0,c).
0.7::state(T,a); 0.2::state(T,b); 0.1::state(T,c) :- next(S,T), state(S,a).
0.3::state(T,a); 0.4::state(T,b); 0.3::state(T,c) :- next(S,T), state(S,b).
0.2::state(T,a); 0.2::state(T,b); 0.6::state(T,c) :- next(S,T), state(S,c).
0.9::sees(T,x); 0.1::sees(T,y) :- next(_,T), state(T,a).
0.5::sees(T,x); 0.5::sees(T,y) :- next(_,T), state(T,b).
0.2::sees(T,x); 0.8::sees(T,y) :- next(_,T), state(T,c).
{seen}
query(state({asked},_)).
"""


def hmm_filtering(n: int, seed: int) -> str:
    """The last state of an HMM given all that was seen."""
    return hmm(n, n, random.Random(f"hmm {n} {seed}"))


def hmm_smoothing(n: int, seed: int) -> str:
    """The state in the middle of an HMM given all that was seen."""
    return hmm(n, n // 2, random.Random(f"hmm {n} {seed}"))


def bayes(n: int, seed: int) -> str:
    """The last two nodes of a random Bayesian network of n nodes."""
    return network(n, random.Random(f"bayes {n} {seed}"), observed=0)


def bayes_evidence(n: int, seed: int) -> str:
    """The same network with a fifth of its nodes observed, and two others asked."""
    return network(n, random.Random(f"bayes {n} {seed}"), observed=max(1, n // 5))


NODES = (10, 15, 20, 25, 30, 35, 40, 45, 50)
FAMILIES = {
    family.name: family
    for family in (
        Family("smokers", smokers, ladder(4, 500), (4, 6), 12, seeds=3),
        Family("reach", reach, ladder(5, 500), (5, 8), 20, seeds=3),
        Family("bayes", bayes, NODES, (4, 6), 20, seeds=3),
        Family("bayes, evidence", bayes_evidence, NODES, (4, 6), 20, seeds=3),
        Family("coins, some", coins_some, ladder(10, 100_000, 2), (5, 10), 320),
        Family("coins, count", coins_count, ladder(10, 10_000, 2), (5, 10), 40),
        Family("coins, parity", coins_parity, ladder(10, 100_000, 2), (5, 10), 320),
        Family("coins, row", coins_row, ladder(10, 100_000, 2), (5, 10), 80),
        Family("HMM, filtering", hmm_filtering, ladder(5, 5_000, 2), (3, 5), 10),
        Family("HMM, smoothing", hmm_smoothing, ladder(5, 5_000, 2), (3, 5), 10),
    )
}
