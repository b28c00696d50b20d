"""Claims that rest on as many firings as asked for: many proofs, a long one, one with exceptions, and states."""

from __future__ import annotations

from collections.abc import Callable

Claim = tuple[str, str]  # a program in ProbLog's syntax, and an atom


def wide(firings: int) -> Claim:
    """Any of many pairs of uncertain facts will do; four firings for each pair."""
    pairs = max(1, firings // 4)
    facts = [f"0.3::a({i}). 0.4::b({i}). item({i})." for i in range(pairs)]
    rules = ["both(X) :- a(X), b(X).", "any(X) :- both(X), ok(X).", "0.9::ok(X) :- item(X).", "goal :- any(X)."]
    return "\n".join([*facts, *rules]), "goal"


def chain(firings: int) -> Claim:
    """A path along uncertain edges; two firings for each of its steps."""
    steps = max(1, firings // 2)
    rules = ["0.99::edge(X, Y) :- e(X, Y).", "path(0).", "path(Y) :- path(X), edge(X, Y)."]
    return "\n".join([*rules, *(f"e({i}, {i + 1})." for i in range(steps))]), f"path({steps})"


def states(firings: int) -> Claim:
    """A hidden Markov model of two states; four firings for each of its steps."""
    steps = max(1, firings // 4)
    rules = [
        "0.6::s(0, r); 0.4::s(0, d).",
        "0.7::s(J, r); 0.3::s(J, d) :- step(I, J), s(I, r).",
        "0.4::s(J, r); 0.6::s(J, d) :- step(I, J), s(I, d).",
    ]
    return "\n".join([*rules, *(f"step({i}, {i + 1})." for i in range(steps))]), f"s({steps}, r)"


def guarded(firings: int) -> Claim:
    """A path each of whose steps needs something uncertain to be false; four firings for each step."""
    steps = max(1, firings // 4)
    rules = [
        "0.99::edge(X, Y) :- e(X, Y).", "path(0).", "path(Y) :- path(X), edge(X, Y), \\+ blocked(Y).",
        "0.02::blocked(Y) :- e(_, Y), watched(Y).",
    ]  # fmt: skip
    return "\n".join([*rules, *(f"e({i}, {i + 1}). watched({i + 1})." for i in range(steps))]), f"path({steps})"


CLAIMS: dict[str, Callable[[int], Claim]] = {
    "many proofs": wide,
    "one long proof": chain,
    "states": states,
    "exceptions": guarded,
}
