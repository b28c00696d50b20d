"""Twenty thousand clauses of all kinds over a million facts: many small joins instead of one large one.

400 predicates of pairs, 100 of single things and 60 of pairs with a number; clauses with joins of two to four literals,
negation, comparison, arithmetic, some recursion and a few aggregates, in four layers that look at lower ones only, so
that every seed is stratified. Joins are sparse (a thing has 0.1 successors by a predicate), so that the output stays
moderate: 2.7 million facts by 3.2 million firings.
"""

from __future__ import annotations

import numpy as np

from benchmarks.grounding.case import Case, Key, Rows, distinct

# how many of a thousand clauses are of a kind
KINDS = {
    "join2": 250, "join3": 150, "join4": 100, "above": 150, "filter": 60, "compare": 90, "arithmetic": 70,
    "negation": 80, "recursion": 40, "count": 5, "sum": 5,
}  # fmt: skip
LAYERS = 4


class Clauses:
    """Clauses drawn with a seed, layer by layer."""

    def __init__(self, rng: np.random.Generator, sizes: dict[str, int]) -> None:
        self.rng = rng
        self.sizes = sizes
        self.lines: list[str] = []
        self.below: list[str] = []  # predicates of pairs that lower layers define
        self.number = 0

    def base(self, letter: str) -> str:
        """One of the input predicates: `e` of pairs, `u` of single things, `v` of pairs with a number."""
        return f"{letter}{self.rng.integers(self.sizes[letter])}"

    def layer(self, clauses: int) -> None:
        """A layer of so many clauses, five to a predicate."""
        end = len(self.lines) + clauses
        kinds, weights = list(KINDS), np.array(list(KINDS.values())) / sum(KINDS.values())
        heads: list[str] = []
        while len(self.lines) < end:
            if not heads or len(heads) * 5 < clauses - (end - len(self.lines)):
                heads.append(f"d{self.number}")
                self.number += 1
            self.clause(str(self.rng.choice(kinds, p=weights)), heads[-1])
        self.below += heads
        del self.lines[end:]  # a recursion is two clauses; without its second the first is as good

    def clause(self, kind: str, head: str) -> None:
        """One clause, or the two of a recursion."""

        def e() -> str:
            return self.base("e")

        low = str(self.rng.choice(self.below)) if self.below else e()
        bound = int(self.rng.integers(100, 900))
        match kind:
            case "join2":
                body = f"{e()}(X, Y), {e()}(Y, Z)"
            case "join3":
                body = f"{e()}(X, A), {e()}(A, B), {e()}(B, Z)"
            case "join4":
                body = f"{e()}(X, A), {e()}(A, B), {e()}(B, C), {e()}(C, Z)"
            case "above":
                body = f"{low}(X, Y), {e()}(Y, Z)"
            case "filter":
                body = f"{e()}(X, Y), {self.base('u')}(Y), {e()}(Y, Z)"
            case "compare":
                body = f"{self.base('v')}(X, Y, N), N > {bound}, {e()}(Y, Z), X < Z"
            case "arithmetic":
                body = f"{self.base('v')}(X, Y, N), N < {bound}, {e()}(Y, _), Z = (N * 3 + {bound}) mod 1009"
            case "negation":
                body = f"{e()}(X, Y), {e()}(Y, Z), not {low}(X, Z), not {self.base('u')}(X)"
            case "recursion":
                own, step = f"r{self.number}_{len(self.lines)}", e()
                self.lines.append(f"{own}(X, Y) :- {step}(X, Y), X < Y.")
                self.lines.append(f"{own}(X, Z) :- {own}(X, Y), {step}(Y, Z), Y < Z.")
                return
            case "count":
                body = f"{self.base('u')}(X), Z = count{{ Y : {low}(X, Y) }}"
            case _:
                body = f"{self.base('u')}(X), Z = sum{{ N, Y : {self.base('v')}(X, Y, N) }}"
        self.lines.append(f"{head}(X, Z) :- {body}.")


def mixed(quick: bool = False, seed: int = 0) -> Case:
    """A million facts and 20,000 clauses, or a fiftieth of the facts and of the clauses."""
    rng = np.random.default_rng(seed)
    part = 50 if quick else 1
    sizes = {"e": 400 // part, "u": 100 // part, "v": 60 // part or 1}
    things, pairs = 20_000, 2_000
    tables: dict[Key, Rows] = {}
    for k in range(sizes["e"]):
        tables[f"e{k}", 2] = distinct(rng.integers(0, things, (pairs, 2)))
    for k in range(sizes["u"]):
        tables[f"u{k}", 1] = rng.choice(things, 500, replace=False).astype(np.int32)[:, None]
    for k in range(sizes["v"]):
        rows = distinct(rng.integers(0, things, (2_500, 2)))
        tables[f"v{k}", 3] = np.concatenate([rows, rng.integers(0, 1000, (len(rows), 1), np.int32)], axis=1)
    clauses = Clauses(rng, sizes)
    for _ in range(LAYERS):
        clauses.layer(20_000 // part // LAYERS)
    return Case("mixed", "\n".join(clauses.lines) + "\n", tables)
