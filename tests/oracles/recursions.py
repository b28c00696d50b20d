"""Random recursive programs as strategies of hypothesis: chains and cycles, several recursive rules to a predicate."""

from __future__ import annotations

from hypothesis import strategies as st

STATIC = ("next(X, Y)", "next(Y, X)", "next(X, X)", "edge(X, Y)", "mark(X)", "mark(2)", "maybe(Y)", "on", "edge(1, Y)")
OWN = ("p(X)", "p(Y)", "q(X, Y)", "q(Y, X)", "q(X, 2)", "q(3, Y)", "q(X, X)", "r(Y)", "p(4)", "z")
TESTS = (
    "\\+ maybe(X)",
    "\\+ mark(Y)",
    "\\+ edge(X, _)",
    "\\+ edge(_, _)",
    "X < Y",
    "X \\== Y",
    "X + 1 =< 2 * Y",
    "X = 3",
)
STEPS = ("W is X + 1, W =< 7", "W is X * 2 - Y, W >= 0, W < 9", "W is Y / 2, W > 1", "W = X")
HEADS = ("p(X)", "p(Y)", "q(X, Y)", "q(Y, X)", "q(1, Y)", "r(X)", "z", "p(5)")
NUMBERED = ("p(W)", "q(W, Y)", "q(X, W)", "r(W)")
CHOICES = ("0.3 :: ", "X / 10 :: ", "0.1 :: z ; W0 :: ", "0.4 :: p(X) ; 0.5 :: ", "0.2 :: r(Y) ; 0.8 :: ")
CHAINS = (
    "p(Y) :- p(X), next(X, Y).",
    "r(Y) :- p(X), next(X, Y), \\+ mark(Y).",
    "p(Y) :- r(X), next(X, Y), maybe(_).",
    "q(X, Z) :- q(X, Y), next(Y, Z).",
    "q(X, Z) :- q(X, Y), q(Y, Z).",
    "q(C, K) :- next(B, C), q(B, J), maybe(C), K is J + 1.",
    "q(C, K) :- next(B, C), q(B, K), \\+ maybe(C).",
    "0.3 :: p(Y); 0.6 :: r(Y) :- next(X, Y), p(X).",
    "p(Y) :- next(X, Y), p(X), r(X).",
    "p(3) :- p(2). p(4) :- p(3). r(5) :- p(4), z. z :- p(3).",
    "p(N) :- p(M), N is M + 1, N < 9.",
)


@st.composite
def recursions(draw: st.DrawFn) -> list[str]:
    """A chain, some edges, and rules over p, q, r and z, most of them recursive, several to a predicate."""
    n = draw(st.integers(2, 8))
    pairs = st.tuples(st.integers(1, 6), st.integers(1, 6))
    lines = [f"next({k}, {k + 1})." for k in range(1, n)] + ["edge(1, 2).", "on.", "0.5 :: maybe(2).", "maybe(3)."]
    lines += ["mark(9).", "r(9).", "0.1 :: z.", "weight(0.25).", "weight(0)."]
    lines += [f"edge({a}, {b})." for a, b in draw(st.lists(pairs, max_size=5))]
    lines += [f"{w}mark({k})." for k, w in enumerate(draw(st.lists(st.sampled_from(["", "0.4 :: "]), max_size=5)), 1)]
    lines += [
        "p(1).",
        "q(1, 2).",
        *draw(st.lists(st.sampled_from(["0.6 :: r(2).", "q(3, 1).", "p(foo)."]), max_size=2)),
    ]
    lines += draw(st.lists(st.sampled_from(CHAINS), min_size=1, max_size=4, unique=True))
    for _ in range(draw(st.integers(0, 5))):
        own = draw(st.lists(st.sampled_from(OWN), min_size=1, max_size=2))
        body = [*own, *draw(st.lists(st.sampled_from(STATIC), max_size=2))]
        body += [bound for v, bound in (("X", "edge(X, _)"), ("Y", "next(_, Y)")) if v not in "".join(body)]
        body += draw(st.lists(st.sampled_from(TESTS), max_size=1))
        head = draw(st.sampled_from(HEADS))
        if draw(st.booleans()):
            body.append(draw(st.sampled_from(STEPS)))
            head = draw(st.sampled_from(NUMBERED))
        choice = draw(st.sampled_from(["", "", "", *CHOICES]))
        if "W0" in choice:
            body.append("weight(W0)")
        lines.append(f"{choice}{head} :- {', '.join(body)}.")
    return lines
