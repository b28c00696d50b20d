"""Foreign predicates: what functions get and may give, in every place of a body, and what their errors say."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neurosym as ns
from neurosym.errors import GroundingError, LimitError
from neurosym.grounding import DerivationGraph, Limits, ground
from neurosym.lang import Foreign, Iri, LangString, Symbol, TypedLiteral, parse_atom, parse_text
from neurosym.lang.terms import term_key

FACTS = "n(1). n(2). n(3). "


def square(xs: list) -> list:
    return [x * x for x in xs]


def roots(xs: list) -> list:
    """Both whole roots of a number, as two solutions; none of what has none."""
    return [[int(x**0.5), -int(x**0.5)] if int(x**0.5) ** 2 == x else None for x in xs]


def below(xs: list, ys: list) -> list:
    return [x < y for x, y in zip(xs, ys, strict=True)]


def quotient(a: int, b: int) -> tuple[int, int] | None:
    return divmod(a, b) if b else None


SQUARE, ROOTS, BELOW = (
    Foreign("square(+X, -Y)", square),
    Foreign("root(+X, -Y)", roots),
    Foreign("below(+X, +Y)", below),
)


def graph_of(text: str, *foreign: Foreign, **options) -> DerivationGraph:  # type: ignore[no-untyped-def]
    return ground(parse_text(text, "test.rules", foreign=foreign or (SQUARE, ROOTS, BELOW)), **options)


def rows(graph: DerivationGraph, atom: str) -> list[tuple]:
    found = graph.matches(parse_atom(atom)).tolist()
    return sorted(tuple(graph.symbols.values(graph.args(f))) for f in found)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("a(X, Y) :- n(X), square(X, Y).", [(1, 1), (2, 4), (3, 9)]),
        ("a(X, Y) :- square(X, Y), Y > 1, n(X).", [(2, 4), (3, 9)]),  # moved to where its input is bound
        ("a(Y, Z) :- root(Y, Z), n(X), square(X, Y).", [(1, -1), (1, 1), (4, -2), (4, 2), (9, -3), (9, 3)]),
        ("a(X, Y) :- n(X), root(X, Y).", [(1, -1), (1, 1)]),  # None and a list of solutions
        ("a(X, Y) :- n(X), square(X + 1, Y).", [(1, 4), (2, 9), (3, 16)]),
        ("a(X, X) :- n(X), square(X, X).", [(1, 1)]),  # found and bound
        ("a(X, 4) :- n(X), square(X, 4).", [(2, 4)]),
        ("a(X, Y) :- n(X), n(Y), square(X, Y + 1).", [(2, 3)]),
        ("a(X, Y) :- n(X), n(Y), below(X, Y).", [(1, 2), (1, 3), (2, 3)]),
        ("a(X, Y) :- n(X), n(Y), not below(X, Y), X \\= Y.", [(2, 1), (3, 1), (3, 2)]),
        ("a(X, X) :- n(X), not root(X, _).", [(2, 2), (3, 3)]),
        ("a(X, Y) :- n(X), n(Y), not square(X, Y), X < 3, Y < 3.", [(1, 2), (2, 1), (2, 2)]),
        ("a(X, X) :- n(X), not (square(X, Y), Y > 3).", [(1, 1)]),
        ("a(X, X) :- n(X), not (n(Z), below(X, Z)).", [(3, 3)]),
        ("a(X, X) :- n(X), exists{ n(Z), below(X, Z) }.", [(1, 1), (2, 2)]),
        ("a(X, X) :- n(X), forall{ n(Z) : not below(Z, X) }.", [(1, 1)]),
        ("a(X, N) :- n(X), N = count{ Z : n(Z), below(X, Z) }.", [(1, 2), (2, 1), (3, 0)]),
        ("a(1, N) :- N = sum{ Y, X : n(X), square(X, Y) }.", [(1, 14)]),
        ("a(X, Y) :- n(X), (square(X, Y) ; root(X, Y)).", [(1, -1), (1, 1), (2, 4), (3, 9)]),
        ("a(X, Y) :- n(X), square(X, Y). a(X, Y) :- a(Z, X), below(X, 50), square(X, Y).",
         [(1, 1), (2, 4), (3, 9), (4, 16), (9, 81), (16, 256)]),
        ("a(X, X) :- n(X), square(X / 0, _).", []),  # an input without a value
    ],
)  # fmt: skip
def test_in_every_place_of_a_body(rule: str, expected: list[tuple]) -> None:
    assert rows(graph_of(FACTS + rule), "a(X, Y)") == expected


def test_it_leaves_no_fact_behind() -> None:
    graph = graph_of(FACTS + "a(X, Y) :- n(X), square(X, Y), not below(X, X).")
    assert {name for name, _ in graph.predicates} == {"n", "a"}


def test_a_weight_and_an_exception() -> None:
    text = FACTS + (
        "P :: a(X) :- n(X), share(X, P). rule r if n(?x) then b(?x) . rule e exception to r if below(?x, 3) ."
    )
    share = Foreign("share(+X, -P)", lambda xs: [x / 4 for x in xs])
    answers = ns.Reasoner(parse_text(text, foreign=[share, BELOW])).query("a(X)", "b(X)").detach()
    assert answers == pytest.approx({"a(1)": 0.25, "a(2)": 0.5, "a(3)": 0.75, "b(3)": 1.0})


def test_each_solution_is_a_choice_of_its_own() -> None:
    answers = ns.Reasoner(parse_text("n(1). 0.5 :: a(X) :- n(X), root(X, Y), Y < 5.", foreign=[ROOTS])).query("a(1)")
    assert answers.detach() == pytest.approx({"a(1)": 0.75})


def test_a_function_is_asked_once_about_each_distinct_row() -> None:
    calls: list[list] = []

    def recorded(xs: list) -> list:
        calls.append(xs)
        return square(xs)

    text = FACTS + "m(9). a(X, Y) :- n(X), n(Z), square(X, Y). b(Y) :- n(X), square(X, Y). c(Y) :- m(X), square(X, Y)."
    graph_of(text, Foreign("square(+X, -Y)", recorded))
    assert sorted(x for xs in calls for x in xs) == [1, 2, 3, 9]
    assert all(isinstance(xs, list) for xs in calls) and len(calls) == 2


def test_nothing_is_asked_where_nothing_asks() -> None:
    def never(_xs: list) -> list:
        raise AssertionError

    graph_of(FACTS + "a(Y) :- n(X), X > 5, square(X, Y).", Foreign("square(+X, -Y)", never))


def test_without_inputs_it_is_called_once() -> None:
    foreign = [Foreign("today(-D)", lambda: [datetime.date(2026, 1, 2)]), Foreign("ready()", lambda: [True])]
    graph = graph_of(FACTS + "a(X, D) :- n(X), ready, today(D). b :- not ready.", *foreign)
    assert rows(graph, "a(1, D)") == [(1, datetime.date(2026, 1, 2))] and rows(graph, "b") == []


VALUES = [
    1, -(2**63), 1.5, float("inf"), True, False, "a text", "", Symbol("alice"), Iri("http://e.example/x"),
    LangString("chat", "fr"), TypedLiteral("PT5M", "http://e.example/duration"), datetime.date(2024, 5, 17),
]  # fmt: skip


def test_terms_go_in_and_come_out_as_they_are() -> None:
    seen: list = []

    def same(xs: list) -> list:
        seen.extend(xs)
        return xs

    base = ns.FactBase.from_facts(("v", (value,)) for value in VALUES)
    program = parse_text(
        "a(X) :- v(X), same(X, X).", facts_predicates=[("v", 1)], foreign=[Foreign("same(+X, -Y)", same)]
    )
    graph = ground(program, base)
    assert {term_key(v) for v in seen} == {term_key(v) for v in VALUES}
    assert {
        term_key(v) for (v,) in (graph.symbols.values(graph.args(f)) for f in graph.matches(parse_atom("a(X)")))
    } == {term_key(v) for v in VALUES}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda xs: np.array(xs) * 2, [(1, 2), (2, 4), (3, 6)]),
        (lambda xs: np.array(xs, float), [(1, 1.0), (2, 2.0), (3, 3.0)]),
        (lambda xs: np.array(xs, object), [(1, 1), (2, 2), (3, 3)]),
        (lambda xs: tuple(np.float64(x) for x in xs), [(1, 1.0), (2, 2.0), (3, 3.0)]),
        (lambda xs: [(x,) for x in xs], [(1, 1), (2, 2), (3, 3)]),
        (lambda xs: [[(x,), x, np.int64(x)] for x in xs], [(1, 1), (2, 2), (3, 3)]),  # the same solution once
        (lambda xs: [[] for _ in xs], []),
        (lambda xs: [[1, 1.0, True][x - 1] for x in xs], [(1, 1), (2, 1.0), (3, True)]),  # three terms
    ],
)
def test_what_a_function_may_give(function: Callable, expected: list[tuple]) -> None:
    graph = graph_of(FACTS + "a(X, Y) :- n(X), f(X, Y).", Foreign("f(+X, -Y)", function))
    assert [tuple(map(term_key, row)) for row in rows(graph, "a(X, Y)")] == [tuple(map(term_key, r)) for r in expected]


def test_several_arguments_are_found_together() -> None:
    divided = Foreign("divided(+A, -Q, +B, -R)", lambda a, b: list(map(quotient, a, b)))
    matrix = Foreign("pair(+A, -B, -C)", lambda a: np.stack([np.array(a), np.array(a) + 1], axis=1))
    graph = graph_of("v(7, 2). v(7, 0). a(Q, R) :- v(A, B), divided(A, Q, B, R). b(X, Y) :- v(A, _), pair(A, X, Y). "
                     "c(X, X) :- v(A, _), pair(A, X, X).", divided, matrix)  # fmt: skip
    assert rows(graph, "a(X, Y)") == [(3, 1)] and rows(graph, "b(X, Y)") == [(7, 8)] and rows(graph, "c(X, Y)") == []


def test_numpy_truths_are_truths() -> None:
    graph = graph_of(FACTS + "a(X) :- n(X), big(X).", Foreign("big(+X)", lambda xs: np.array(xs) > 1))
    assert rows(graph, "a(X)") == [(2,), (3,)]


@pytest.mark.parametrize(
    ("declaration", "function", "says"),
    [
        ("f(+X, -Y)", lambda xs: xs[:-1], "2 answers for 3 rows"),
        ("f(+X, -Y)", lambda xs: 5, "5 (int) where 3 answers are wanted"),
        ("f(+X, -Y)", lambda xs: None, "None (NoneType)"),
        ("f(+X, -Y)", lambda xs: "abc", "'abc' (str)"),
        ("f(+X, -Y)", lambda xs: {x: x for x in xs}, "(dict)"),
        ("f(+X, -Y)", lambda xs: [{"x"} for x in xs], "{'x'} (set), which is no value"),
        ("f(+X, -Y)", lambda xs: [(x, x) for x in xs], "a tuple of 2 where one value is wanted"),
        ("f(+X, -Y)", lambda xs: [float("nan") for x in xs], "NaN"),
        ("f(+X, -Y)", lambda xs: [2**63 for x in xs], "64 bits"),
        ("f(+X, -Y)", lambda xs: [np.longdouble(1) for x in xs], "(longdouble)"),
        ("f(+X, -Y)", lambda xs: [1j for x in xs], "(complex)"),
        ("f(+X, -Y)", lambda xs: [[None] for x in xs], "None (NoneType), which is no value"),
        ("f(+X, -Y)", lambda xs: [datetime.datetime(2024, 1, 1) for x in xs], "(datetime)"),
        ("f(-X, -Y)", lambda: [5], "5 (int) where a tuple of 2 values is wanted"),
        ("f(+X, +Y)", lambda xs, ys: [1 for x in xs], "1 (int) where true or false is wanted"),
        ("f(+X, +Y)", lambda xs, ys: [None for x in xs], "None (NoneType) where true or false"),
    ],
)
def test_what_is_no_answer_is_told(declaration: str, function: Callable, says: str) -> None:
    with pytest.raises(GroundingError) as caught:
        graph_of(FACTS + "\nrule r if n(?x) and ?y = ?x and f(?x, ?y) then a(?x) .", Foreign(declaration, function))
    assert caught.value.code == "NS424"
    assert says in caught.value.message and "`f/2`" in caught.value.message
    assert "rule `r`" in caught.value.note and "test.rules:2:" in caught.value.note


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), KeyError("x"), ns.NeurosymError("own")])
def test_a_function_that_fails_is_named_with_its_error(error: Exception) -> None:
    def fails(_xs: list) -> list:
        raise error

    with pytest.raises(GroundingError) as caught:
        graph_of("\n" + FACTS + "a(Y) :- n(X), f(X, Y).", Foreign("f(+X, -Y)", fails))
    assert caught.value.code == "NS423" and caught.value.__cause__ is error
    assert type(error).__name__ in caught.value.message and "the first of 3 rows: 1" in caught.value.message
    assert "test.rules:2:" in caught.value.note


def test_a_wrong_number_of_parameters_is_a_failure() -> None:
    with pytest.raises(GroundingError, match="TypeError") as caught:
        graph_of(FACTS + "a(X) :- n(X), f(X).", Foreign("f(+X)", lambda: [True]))
    assert caught.value.code == "NS423"


def test_ctrl_c_in_a_function_ends_grounding() -> None:
    def interrupted(_xs: list) -> list:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        graph_of(FACTS + "a(X) :- n(X), f(X).", Foreign("f(+X)", interrupted))


def test_too_many_solutions_hit_the_limit() -> None:
    many = Foreign("many(+X, -Y)", lambda xs: [list(range(1000)) for _ in xs])
    with pytest.raises(LimitError) as caught:
        graph_of(FACTS + "a(X, Y) :- n(X), many(X, Y).", many, limits=Limits(firings=2000))
    assert "many/2" in caught.value.message and "test.rules:1" in caught.value.note


def test_an_endless_recursion_through_a_function_hits_the_limit() -> None:
    successor = Foreign("next(+X, -Y)", lambda xs: [x + 1 for x in xs])
    with pytest.raises(LimitError):
        graph_of("a(0). a(Y) :- a(X), next(X, Y).", successor, limits=Limits(facts=200))


def test_a_declaration_types_what_is_found() -> None:
    text = "pred f(x: int, y: {low, high}) . n(1). a(Y) :- n(X), f(X, Y)."
    assert rows(graph_of(text, Foreign("f(+X, -Y)", lambda xs: [Symbol("low")])), "a(X)") == [(Symbol("low"),)]
    with pytest.raises(GroundingError, match="gave `medium` for `y`") as caught:
        graph_of(text, Foreign("f(+X, -Y)", lambda xs: [Symbol("medium")]))
    assert caught.value.code == "NS424"


def test_facts_of_a_foreign_predicate_are_refused() -> None:
    base = ns.FactBase.from_facts([("square", (2, 4))])
    with pytest.raises(GroundingError) as caught:
        ground(parse_text(FACTS + "a(Y) :- n(X), square(X, Y).", foreign=[SQUARE]), base)
    assert caught.value.code == "NS426"


RELATION = st.dictionaries(st.integers(0, 5), st.lists(st.integers(0, 5), max_size=3), max_size=6)
BODIES = [
    "a(X, Y) :- n(X), f(X, Y).",
    "a(X, Y) :- n(X), f(X, Z), f(Z, Y).",
    "a(X, Y) :- n(X), f(X, Y), not f(Y, X).",
    "a(X, X) :- n(X), not f(X, _).",
    "a(X, K) :- n(X), K = count{ Y : f(X, Y) }.",
    "a(X, X) :- n(X), exists{ f(X, Y), Y > X }.",
    "a(X, Y) :- n(X), (f(X, Y) ; f(X + 1, Y)).",
    "a(X, Y) :- n(X), f(X, Y). a(X, Z) :- a(X, Y), f(Y, Z).",
    "0.5 :: c(X) :- n(X). a(X, Y) :- c(X), f(X, Y), not c(Y).",
]


@given(RELATION, st.sampled_from(BODIES), st.sets(st.integers(0, 5), max_size=4))
def test_a_function_and_its_table_derive_the_same(table: dict[int, list[int]], body: str, numbers: set[int]) -> None:
    facts = "".join(f"n({k}). " for k in sorted(numbers))
    pairs = "".join(f"f({x}, {y}). " for x, ys in table.items() for y in ys)
    by_table = parse_text(f"pred n(x: int) . pred f(x: int, y: int) . {facts} {pairs} {body}")
    text = f"pred n(x: int) . {facts} {body}"
    by_function = parse_text(text, foreign=[Foreign("f(+X, -Y)", lambda xs: [table.get(x) for x in xs])])
    first, second = (ns.Reasoner(p).query("a(X, Y)").detach() for p in (by_table, by_function))
    assert first == pytest.approx(second)
