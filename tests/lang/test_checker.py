"""What the checker says, and what it lets pass."""

import pytest

from neurosym.lang import check, parse_text
from tests.lang.helpers import codes

DECLARED = "pred p(x: any) . pred q(x: any) . pred r(x: any, y: any) . pred w(x: any, y: float) .\n"


@pytest.mark.parametrize(
    "text",
    [
        "a(X, Z) :- Z is X + 1, p(X).",  # written before its input is bound
        "a(X) :- X = 3.",
        "a(X) :- 3 = X.",
        "a(X, Y) :- p(X), Y = X.",
        "a(X) :- Y = X, Y = 2.",
        "a(X) :- between(1, 3, X).",
        "a(X, Z) :- between(X, 9, Z), p(X).",
        "a(X, N) :- p(X), N = count{ Y : r(X, Y) }.",
        "a(N) :- N = sum{ A, X : w(X, A) }.",
        "a(X) :- p(X), count{ Y : r(X, Y) } > 2.",
        "a(X) :- p(X) ; q(X).",
        "a(X) :- p(X), not r(X, _).",
        "a(X) :- p(X), exists{ r(X, Y), Y > 3 }.",
        "a(X) :- p(X), forall{ r(X, Y) : Y > 3 }.",
        "neural d(i: Image, v: 0..9) by n . a(X, Y) :- d(X, Y).",
        "neural s(x: any, y: any) top 5 by n . a(X, Y) :- s(X, Y).",
        "neural s(x: any, y: any) by n . a(X, Y) :- s(X, Y), p(X), q(Y).",
        "W :: a(X) :- w(X, W).",
        "a(X) :- triple(X, _, _).",
        "a(X) :- rdf:type(X, rdfs:Class).",
        "a(X) :- p(X), 2 = 2.",
        "a(X) :- a(X) ; p(X).",
        "0.3 :: a ; 0.7 :: b.",
        "1/3 :: a ; 1/3 :: b ; 1/3 :: c.",
        "rule e if p(?x) then a(?x) . rule f exception to e if q(?x) .",
        "a(X + 1) :- p(X).",
        "forbid p(X), not q(X) .",
        "constraint c: forall X: p(X) implies exists Y: r(X, Y) .",
        "constraint c: p(X) implies q(X) .",
        "constraint c: not (p(X) and q(X)) .",
        "constraint c: not p(X) or q(X) .",
        "pred k(x: {a, b}) . constraint c: forall X: k(X) .",
        'test "t": given p(a) expect q(a) = 0.5 .',
        'a(X) :- contains(X, "b"), p(X).',
        "a(X) :- w(X, Y), Y > 3.",
        "p(a). p(b).",
    ],
)
def test_passes_without_a_word(text):
    assert codes(DECLARED + text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a(X) :- unknown(X).", ["NS201"]),
        ("query(unknown(X)).", ["NS201"]),
        ("constraint c: p(X) implies unknown(X) .", ["NS201"]),
        ('test "t": expect unknown(a) .', ["NS201"]),
        ("a(X) :- p(X, X).", ["NS205"]),
        ("p(a, b).", ["NS205"]),
        ("a(X, Y) :- p(X).", ["NS202"]),
        ("a(X).", ["NS202"]),
        ("a(X) :- X > 3.", ["NS202"]),
        ("a(X) :- p(X), Y > 3.", ["NS203"]),
        ("a(X) :- p(X), Y is Z + 1.", ["NS203", "NS203"]),
        ("a(X) :- between(L, 3, X).", ["NS203"]),  # L is the cause, and X follows
        ("a(Y) :- between(L, 3, X), between(1, X, Y).", ["NS203"]),
        ("a(X) :- between(X, 3, Y), between(Y, 3, X).", ["NS202", "NS203"]),  # each needs the other
        ("a(X) :- p(X), not r(X, Y), q(Z), Y > Z.", ["NS203"]),
        ("a(X) :- p(X), contains(Y, X).", ["NS203"]),
        ("a(N) :- p(X), N = count{ Y : r(Z, X) }.", ["NS203"]),
        ("a(X) :- N = count{ Y : r(X, Y) }, N > 1.", ["NS202"]),
        ("W :: a(X) :- p(X).", ["NS204"]),
        ("neural s(x: any, y: any) by n . a(X, Y) :- s(X, Y), p(X).", ["NS223"]),
        ("a(X) :- p(X), not a(X).", ["NS208"]),
        ("a(X) :- p(X), N = count{ Y : a(Y), r(X, Y) }, N > 1.", ["NS209"]),
        ("a(X) :- p(X), forall{ r(X, Y) : a(Y) }.", ["NS208"]),
        ("rule e if p(?x) then a(?x) . rule f exception to e if a(?x) .", ["NS208"]),
        ("query(p(X + 1)).", ["NS234"]),
        ("query(p(1 + 1)).", []),
        ("evidence(p(X + 1)).", ["NS231"]),
        ('test "t": expect p(2 * X) .', ["NS234"]),
        ("1.5 :: a.", ["NS210"]),
        ("-0.5 :: a.", ["NS210"]),
        ("3/2 :: a.", ["NS210"]),
        ('"x" :: a.', ["NS210"]),
        ("0.5 :: a; 0.6 :: b.", ["NS211"]),
        ("0.5 :: a; t(0.1) :: b.", ["NS215"]),
        ("0.5 :: a; b.", ["NS216"]),
        ("rule e if p(?x) then a(?x) . rule e if q(?x) then a(?x) .", ["NS212"]),
        ("rule f exception to e if q(?x) .", ["NS213"]),
        ("rule e if p(?x) then a(?x) . rule f exception to e if q(?y) .", ["NS214"]),
        ("0.5 :: a. evidence(a). evidence(a, false).", ["NS220"]),
        ("pred p(y: any) .", ["NS224"]),
        ("constraint c: forall X: p(X) .", ["NS225"]),
        ("pred named(x: symbol) . named(a). constraint c: forall X: named(X) .", []),
        ("constraint c weight -1: p(X) implies q(X) .", ["NS226"]),
        ("between(1, 2, 3).", ["NS228"]),
        ("a(X) :- rdf:type(X, Y, Z).", ["NS229"]),
        ('w(a, "x").', ["NS206"]),
        ('a(X) :- w(X, Y), Y > "x".', ["NS207"]),
        ("a(X) :- p(X), 2024-01-01 < 3.", ["NS207"]),
        # warnings
        ("a(X) :- r(X, Y).", ["NS219"]),
        ("a(X) :- p(X), not r(X, Y).", ["NS222"]),
        ("0.5 :: a(X) :- r(X, Y), q(Y).", ["NS221"]),
        ("a(X) :- a(X).", ["NS217"]),
        ("a(X) :- p(X), fail.", ["NS217"]),
        ("a(X) :- p(X). b(X) :- p(X). query(a(X)).", ["NS218"]),
        ('rule e if p(?x) then a(?x) because "{y}" .', ["NS230"]),
    ],
)
def test_says(text, expected):
    assert codes(DECLARED + text) == expected


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("r(X, Y), q(Y)", "`Y`"),
        ("lease(X, _, _)", "the 2nd and 3rd arguments, flat and rent, of `lease`"),
        ("lease(X, Y, _), r(X, _)", "`Y` and of the 3rd argument, rent, of `lease` and of the 2nd argument of `r`"),
    ],
)
def test_choices_without_a_name_are_named_by_their_argument(body, named):
    text = "p(1). q(2). r(1, 2). pred lease(tenant: any, flat: any, rent: float) . lease(1, 2, 3.0)."
    (found,) = [d for d in parse_text(f"{text} 0.5 :: a(X) :- {body}.").warnings if d.code == "NS221"]
    assert found.message == f"each value of {named} makes a choice of its own"


def test_an_exception_that_never_applies_is_no_rule_that_never_fires():
    text = "pred q(x: any) . rule e if p(?x) then a(?x) . rule f exception to e if q(?x) ."
    (found,) = parse_text(text, facts_predicates=[("p", 1)]).warnings
    assert (found.code, found.message) == ("NS217", "this exception never applies with these facts")


def test_many_unused_predicates_are_one_warning():
    rules = "p(1). query(p(1)).\n" + "\n".join(f"a{k}(X) :- p(X)." for k in range(40))
    (found,) = parse_text(rules, "library.rules").warnings
    assert (found.code, found.severity, str(found.span)) == ("NS218", "warning", "library.rules:2:1")
    assert found.message == "40 predicates are derived but never used"
    assert "`a0/1` (library.rules:2:1)" in found.note and "`a39/1` (library.rules:41:1)" in found.note
    few = "p(1). query(p(1)).\n" + "\n".join(f"a{k}(X) :- p(X)." for k in range(5))
    assert [str(d.span) for d in parse_text(few).warnings] == [f"<text>:{line}:1" for line in range(2, 7)]


def test_several_arities_may_be_defined():
    assert codes("a(x). a(x, y). b(X) :- a(X), a(X, _).") == []


def test_predicates_whose_facts_come_from_elsewhere():
    text = "pred empty(x: any) . a(X) :- given(X). b(X) :- empty(X)."
    assert codes(text) == ["NS201"]
    assert codes(text, facts=[("given", 1)]) == ["NS217"]
    program = parse_text(text, facts_predicates=[("given", 1), ("empty", 1)])
    assert program.warnings == ()
    assert [d.code for d in check(program)] == ["NS201"]
    assert [d.code for d in check(program, [("given", 1), ("empty", 1)])] == []


def test_the_fault_names_the_cycle_in_order():
    text = "pred m(x: any) . a(X) :- b(X). b(X) :- c(X). c(X) :- m(X), not a(X)."
    with pytest.raises(Exception, match=r"c/1 → b/1 → a/1 → c/1|a/1 → c/1|c/1 → b/1 → a/1") as caught:
        parse_text(text)
    assert "c/1 → b/1 → a/1 → c/1" in str(caught.value)


def test_order_changes_nothing():
    lines = ["a(X, Z) :- Z is X + 1, p(X).", "pred p(x: any) .", "b(X) :- a(X, Y), not c(Y).", "c(2)."]
    assert codes("\n".join(lines)) == codes("\n".join(reversed(lines))) == []
