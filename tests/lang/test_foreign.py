"""Foreign predicates as the checker sees them: declarations, modes, and what registering changes."""

from __future__ import annotations

import pytest

import neurosym as ns
from neurosym.errors import RuleError
from neurosym.lang import Foreign, parse_text
from neurosym.lang.checker import check
from neurosym.lang.stratify import dependency_graph, stratify

DISTANCE = Foreign("distance(+A, +B, -D)", lambda a, b: [1.0] * len(a))
NEAR = Foreign("near(+A, +B)", lambda a, b: [True] * len(a))


def codes(text: str, *foreign: Foreign) -> list[str]:
    try:
        return [d.code for d in parse_text(text, foreign=foreign).warnings]
    except RuleError as error:
        return [d.code for d in error.diagnostics]


def test_a_declaration_is_name_and_modes() -> None:
    one = Foreign("  distance( +A,-B ,  + C)", len)
    assert (one.name, one.key, one.inputs, one.outputs) == ("distance", ("distance", 3), (0, 2), (1,))
    assert one.signature == "distance(+A, -B, +C)" and one.modes == "distance(+, -, +)"
    assert Foreign("ready", bool).signature == Foreign("ready()", bool).signature == "ready"
    assert ns.Foreign is Foreign


@pytest.mark.parametrize(
    ("declaration", "column"),
    [
        ("", 1),
        ("near(A, +B)", 6),
        ("near(+A, B)", 9),
        ("near(+A,)", 9),
        ("near(+A", 1),
        ("near(?A)", 6),
        ("Near(+A)", 1),
        ("not(+A)", 1),
        ("two words(+A)", 1),
        ("near(+f(A))", 1),
    ],
)
def test_a_broken_declaration_says_where(declaration: str, column: int) -> None:
    with pytest.raises(RuleError) as caught:
        Foreign(declaration, len)
    (fault,) = caught.value.diagnostics
    assert fault.code == "NS145" and fault.span is not None and fault.span.column == column
    assert "^" in str(caught.value) or not declaration


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(RuleError, match="no function"):
        Foreign("near(+A)", "near")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("a(X, D) :- c(X), c(Y), distance(X, Y, D).", []),
        ("a(X, D) :- distance(X, Y, D), c(Y), c(X).", []),  # in any order
        ("a(X, D) :- c(X), distance(X, X, D), D < 3, E is D + 1, near(E, X).", []),
        ("a(X, D) :- c(X), distance(X, Y, D).", ["NS203"]),  # D is not found because Y is not given: the cause alone
        ("a(X, E) :- c(X), distance(X, Y, D), distance(D, D, E).", ["NS203"]),
        ("a(X) :- c(X), near(X, Y).", ["NS203"]),
        ("a(X) :- c(X), not near(X, X).", []),
        ("a(X) :- c(X), not near(X, Y).", ["NS203"]),
        ("a(X) :- c(X), not distance(X, X, _).", []),
        ("a(X) :- c(X), not distance(X, X, D).", ["NS222"]),
        ("a(X, N) :- c(X), N = count{ Y : c(Y), near(X, Y) }.", []),
        ("P :: a(X) :- c(X), distance(X, X, P).", []),
        ("a(X) :- near(X).", ["NS205"]),
        ("near(x, y).", ["NS228"]),
        ('test "t" : given near(x, y) expect a(x) .  a(X) :- c(X).', ["NS228"]),
        ("a(X) :- c(X), distant(X, X, _).", ["NS201"]),
    ],
)
def test_modes_bind(body: str, found: list[str]) -> None:
    assert [c for c in codes(f"c(1). c(2). {body}", DISTANCE, NEAR) if c != "NS219"] == found


def test_a_foreign_predicate_may_fire() -> None:
    assert codes("a :- ready. query(a).", Foreign("ready()", lambda: [True])) == []


def test_an_unregistered_predicate_is_undefined_and_the_help_mentions_registering() -> None:
    with pytest.raises(RuleError) as caught:
        parse_text("c(1). a(X, D) :- c(X), distance(X, X, D).")
    (fault,) = caught.value.diagnostics
    assert fault.code == "NS201"
    assert 'Foreign("distance(+A1, +A2, -Z)", function)' in fault.help and "pred distance(" in fault.help


def test_it_is_no_node_of_the_dependencies() -> None:
    program = parse_text("c(1). a(X) :- c(X), not near(X, X).", foreign=[NEAR])
    assert ("near", 2) not in dependency_graph(program)
    assert all(("near", 2) not in stratum for stratum in stratify(program))


@pytest.mark.parametrize(
    ("text", "declaration"),
    [
        ("a(1).", "between(+L, +H, -X)"),
        ("a(1).", "triple(+S, +P, -O)"),
        ("neural near(a: Image, b: {x, y}) by net .", "near(+A, +B)"),
        ("@prefix ex: <http://e.example/> . pred near(a: any, b: any) from ex:near .", "near(+A, +B)"),
        ("pred near(a: any, b: any) open .", "near(+A, +B)"),
    ],
)
def test_a_predicate_with_another_meaning_gets_no_function(text: str, declaration: str) -> None:
    assert "NS232" in codes(text, Foreign(declaration, len))


def test_two_functions_for_one_predicate() -> None:
    with pytest.raises(RuleError) as caught:
        parse_text("c(1).", foreign=[NEAR, Foreign("near(+A, -B)", len)])
    assert [d.code for d in caught.value.diagnostics] == ["NS232"]


def test_register_gives_a_new_program_that_is_checked_again() -> None:
    text = "pred near(a: any, b: any) . c(1). a(X) :- c(X), near(X, _Y)."
    program = parse_text(text)
    with pytest.raises(RuleError) as caught:
        program.register("near(+A, +B)", len)
    assert [d.code for d in caught.value.diagnostics] == ["NS203"]
    other = program.register("near(+A, -B)", len)
    assert other is not program and not program.foreign and [f.signature for f in other.foreign] == ["near(+A, -B)"]
    assert check(other) == []
    with pytest.raises(RuleError):
        other.register("near(+A, -B)", len)


def test_register_keeps_what_the_parser_warned_of_and_where_facts_come_from() -> None:
    text = "pred near(a: any, b: any) . a(X) :- d(X) and near(X, X) or d(X)."
    program = parse_text(text, facts_predicates=[("d", 1)])
    again = program.register("near(+A, +B)", len)
    assert "NS124" in [d.code for d in program.warnings]
    assert "NS124" in [d.code for d in again.warnings]


def test_reading_runs_nothing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    def never(*_columns: list) -> list:
        raise AssertionError("called while reading")

    file = tmp_path / "a.rules"
    file.write_text("c(1). a(X) :- c(X), near(X, X).", "utf-8")
    ns.Program.from_file(file, foreign=[Foreign("near(+A, +B)", never)])
    ns.Program.from_text(file.read_text("utf-8"), foreign=[Foreign("near(+A, +B)", never)])
