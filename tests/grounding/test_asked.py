"""Rules whose head only a query binds: what grounding says without one, and that a query with a value is answered."""

from __future__ import annotations

import pytest

from neurosym.errors import GroundingError
from neurosym.grounding import ground
from neurosym.lang import parse_atom, parse_text

COUNTDOWN = "countdown(0). countdown(N) :- N > 0, M is N - 1, countdown(M)."
FIB = "fib(0, 0). fib(1, 1). fib(N, F) :- N > 1, N1 is N - 1, N2 is N - 2, fib(N1, F1), fib(N2, F2), F is F1 + F2."
HALF = "p(0). p(N) :- N > 0, M is N // 2, p(M)."
STATE = "next(a, b). next(b, c). next(c, a). state(0, a). state(T, X) :- T > 0, T1 is T - 1, state(T1, Y), next(Y, X)."


@pytest.mark.parametrize(
    ("text", "argument", "example"),
    [
        (COUNTDOWN, "`N` of `countdown/1`", "query(countdown(5))"),
        (FIB, "`N` of `fib/2`", "query(fib(5, F))"),
        (HALF, "`N` of `p/1`", "query(p(5))"),
        (STATE, "`T` of `state/2`", "query(state(5, X))"),
        ("p(0). rule r if ?n > 0 and ?m is ?n - 1 and p(?m) then p(?n) .", "`?n` of `p/1`", "query(p(5))"),
    ],
)
def test_without_a_query_the_error_says_how_to_ask(text: str, argument: str, example: str) -> None:
    with pytest.raises(GroundingError) as caught:
        ground(parse_text(text, "a.rules"))
    error = caught.value
    assert error.code == "NS422"
    assert f"the argument {argument} is bound only by a query" in error.message
    assert "a.rules:1:" in error.note and example in error.help


def test_a_rule_that_never_fires_is_no_fault() -> None:
    ground(parse_text("pred base(n: int) . p(N) :- base(N). p(N) :- N > 0, M is N - 1, p(M)."))


@pytest.mark.parametrize(
    ("text", "query", "found"),
    [
        (COUNTDOWN, "countdown(7)", 1),
        (COUNTDOWN, "countdown(-1)", 0),
        (FIB, "fib(20, F)", 1),
        (FIB, "fib(20, 6765)", 1),
        (HALF, "p(1000)", 1),
        (STATE, "state(5, c)", 1),
        (STATE, "state(5, a)", 0),
    ],
)
def test_a_query_with_a_value_is_answered(text: str, query: str, found: int) -> None:
    atom = parse_atom(query)
    graph = ground(parse_text(text), queries=[atom], demand=True)
    assert len(graph.matches(atom)) == found
