"""Head variables that only a query binds: which are accepted, and that all others are refused as ever."""

from __future__ import annotations

import pytest

from tests.lang.helpers import codes

STATE = "state(0, a). next(a, b). "


@pytest.mark.parametrize(
    "text",
    [
        STATE + "state(T, X) :- T > 0, T1 is T - 1, state(T1, Y), next(Y, X).",
        STATE + "state(T, X) :- next(Y, X), state(T1, Y), T1 is T - 1, T > 0.",
        STATE + "state(T, X) :- T > 0, T1 = T - 1, state(T1, Y), next(Y, X).",
        STATE + "state(T, X) :- T > 0, state(T - 1, Y), next(Y, X).",
        STATE + "state(T, X) :- T > 0, H is T / 2, T1 is floor(H), state(T1, Y), next(Y, X).",  # a chain
        STATE + "0.5 :: state(T, X) :- T > 0, T1 is T - 1, state(T1, X).",
        STATE + "state(T, X) :- T > 0, T1 is T - 1, state(T1, Y), next(Y, X), not late(T). late(9).",
        "fib(0, 0). fib(1, 1). fib(N, F) :- N > 1, N1 is N - 1, N2 is N - 2, fib(N1, F1), fib(N2, F2), F is F1 + F2.",
        "countdown(0). countdown(N) :- N > 0, M is N - 1, countdown(M).",
        "p(0). p(N) :- N > 0, M is N // 2, p(M).",
        "p(0). rule half if ?n > 0 and ?m is ?n // 2 and p(?m) then p(?n) .",
        "even(0). even(N) :- N > 0, M is N - 1, odd(M). odd(N) :- N > 0, M is N - 1, even(M).",
        "q(7). p(0). p(N) :- q(N) ; (N > 0, M is N - 1, p(M)).",  # bound in one alternative, handed on in the other
    ],
)
def test_recursion_with_arithmetic_may_be_bound_by_a_query(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("adult(X) :- X > 18.", ["NS202"]),
        ("p(0). p(N) :- p(0), N > 3.", ["NS202"]),  # recursive, and N goes nowhere
        ("q(1). p(0). p(N) :- N > 0, M is N - 1, q(M).", ["NS202"]),  # arithmetic, and no recursion
        ("p(0). p(N) :- N > 0, M is N - 1, p(M), K > 3.", ["NS202", "NS203"]),  # the body is unsafe all the same
        ("p(0). p(N) :- N > 5 ; (M is N - 1, p(M)).", ["NS202"]),  # one alternative does not hand it on
        ("p(0, 0). p(N, K) :- N > 0, M is N - 1, p(M, _).", ["NS202", "NS202"]),  # one of two is a slip
        ("p(0). p(N + 1) :- N > 0, M is N - 1, p(M).", ["NS202"]),  # a query knows N + 1, not N
        ("p(0). p(N) :- N > 0, M is N - 1, exists{ p(M) }.", ["NS202", "NS203"]),
        (
            "p(0). rule r if ?n > 0 and ?m is ?n - 1 and p(?m) then p(?n) . rule e exception to r if ?n > 3 .",
            ["NS202"],  # the exception would have to be asked, too
        ),
        ("W :: p(N) :- N > 0, M is N - 1, p(M). p(0).", ["NS204", "NS202"]),
        ("p(0). p(_) :- p(0).", ["NS202"]),
    ],
)
def test_every_other_head_variable_is_bound_by_the_body(text: str, found: list[str]) -> None:
    assert [c for c in codes(text) if c != "NS219"] == found


def test_both_heads_of_a_rule_are_in_the_recursion() -> None:
    both = "a(0). b(0). rule r if ?n > 0 and ?m is ?n - 1 and a(?m) then a(?n) and b(?n) ."
    assert codes(both) == ["NS202"]  # b is not needed by a
    assert codes(both + " a(N) :- b(N), N < 9.") == []


def test_too_many_alternatives_are_not_looked_at() -> None:
    pairs = ", ".join(f"(q({k}) ; q({k + 1}))" for k in range(8))
    assert codes(f"q(1). p(0). p(N) :- N > 0, M is N - 1, p(M), {pairs}.") == ["NS202"]
