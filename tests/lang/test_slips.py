"""The slips that experts make, each by its name and at its place; and faults that do not hide one another."""

import pytest

from neurosym.errors import RuleError
from neurosym.lang import parse_atom, parse_text
from tests.lang.helpers import codes

DECLARED = "pred p(x: any) . pred q(x: any) . pred r(x: any, y: any) .\n"


def faults(text: str, dialect: str = "rules"):
    with pytest.raises(RuleError) as caught:
        parse_text(text, dialect=dialect)
    return caught.value.diagnostics


@pytest.mark.parametrize(
    ("text", "code", "underlined", "hint"),
    [
        ("rule a if p(?x) and r(?x, Flu) then s(?x) .", "NS109", "Flu", "flu"),
        ("rule a if r(?x, ?t) and ?t > 38,3 then s(?x) .", "NS104", "38,3", "38.3"),
        ("rule a weight 0,85 if p(?x) then s(?x) .", "NS104", "0,85", "0.85"),
        ("0,85 :: s(a).", "NS104", "0,85", "0.85"),
        ("rule a weight 85% if p(?x) then s(?x) .", "NS105", "%", "0.85"),
        ("rule a because “smart” if p(?x) then s(?x) .", "NS106", "“smart”", '"smart"'),
        ("s(‘Anna’).", "NS106", "‘Anna’", "'Anna'"),
        ("rule fever-high if p(?x) then s(?x) .", "NS107", "fever-high", "fever_high"),
        ("rule a if fever-high(?x) then s(?x) .", "NS107", "fever-high", "fever_high"),
        ("s(very-high-risk).", "NS107", "very-high-risk", "very_high_risk"),
        ("rule a if p(?x) then Suspect(?x) .", "NS108", "Suspect", "suspect"),
        ("Suspect(p).", "NS108", "Suspect", "suspect"),
        ("s(X) :- p(X) q(X).", "NS103", "q", "and"),
        ("rule a if p(?x) not q(?x) then s(?x) .", "NS103", "not", "and"),
        ("s(X) :- p(X), r(X X).", "NS103", "X", "comma"),
        ("s(X) :- 1 < X < 5, p(X).", "NS116", "<", "B < C"),
        ("s(X) :- p(X), X => 5.", "NS101", "=>", ">="),
        ("s(X) :- p(X), X ≥ 5.", "NS111", "≥", ">="),
        ("pred lease(tenant, flat) .", "NS101", ",", "write `tenant: any`"),
        ("pred lease(tenant: any, flat) .", "NS101", ")", "write `flat: any`"),
        ("s(X) :- p(X, q(X).", "NS141", "(", ")"),
        ("s(X) :- p(X)), q(X).", "NS141", ")", ""),
        ("rule a if p(?x) and r(?x, ?y then s(?x) .", "NS141", "(", "before `then`"),
        ("rule if p(?x) then s(?x) .", "NS101", "then", "rule NAME if"),
        ("s(X) :- p(X), X<-3.", "NS101", "<-", "X < -3"),
        ("s(X) : - p(X).", "NS101", ":", "without a space"),
        ("0.5 : s(a).", "NS101", ":", "`0.5 :: …`"),
        ("s(N) :- p(X), length(X, N).", "NS201", "length", "Z = length(…)"),
        ("rul a if p(?x) then s(?x) .", "NS101", "rul", "rule"),
        ("rule a wieght 0.5 if p(?x) then s(?x) .", "NS101", "wieght", "weight"),
        ("rule and if p(?x) then s(?x) .", "NS113", "and", "'and'"),
        ("s(a).t(b).", "NS138", ".", "space"),
        ("s(.5).", "NS138", ".", "0.5"),
        ("s(zz:thing).", "NS114", "zz:", "@prefix zz:"),
        ("s(xds:int).", "NS114", "xds:", "xsd"),
        ("_ :: s(a).", "NS127", "_", "t(_)"),
        ("s(X) :- p(X), exists Y: r(X, Y).", "NS123", "exists Y: r(X, Y)", "exists{"),
    ],
)
def test_slips(text, code, underlined, hint):
    found = faults(DECLARED + text)
    errors = [d for d in found if d.severity == "error"]
    assert [d.code for d in errors] == [code]
    span = errors[0].span
    assert span is not None and span.line == 2
    assert text[span.column - 1 : span.end_column - 1] == underlined
    assert hint in errors[0].help


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("p(X) :- q([X]).", "NS118"),
        ("p(f(a)).", "NS117"),
        ("p(X) :- q(X), !.", "NS119"),
        ("p(X) :- q(X), assertz(r(X)).", "NS120"),
        (":- assertz(r(a)).", "NS120"),
        (r"\+ p(a).", "NS121"),
        (r"0.5 :: \+ p(a) :- q(a).", "NS121"),
        ("p(L) :- findall(X, q(X), L).", "NS122"),
        ("p(L) :- findall(X, X > 3, L).", "NS122"),
        (":- initialization(main).", "NS134"),
        (":- dynamic p/1.", "NS134"),
        ("evidence(p(a), 0.5).", "NS128"),
        ("query(X) :- p(X).", "NS129"),
        ("0.5 :: evidence(a).", "NS129"),
        ("nn(net, [X], Y) :: p(X, Y).", "NS136"),
    ],
)
def test_what_prolog_has_and_this_has_not(text, code):
    assert code in [d.code for d in faults(text, "pl")]


def test_use_module_is_ignored_with_a_warning():
    assert codes(":- use_module(library(lists)).\np(a).", "pl") == ["NS133"]


def test_six_faults_give_six_diagnostics():
    text = DECLARED + "\n".join(
        [
            "a(X) :- p(X) q(X).",
            "b(X) :- r(X, T), T > 38,3.",
            "rule c weight 85% if p(?x) then d(?x) .",
            "d(“x”).",
            "Suspect(x).",
            "e(Y) :- p(_).",
        ]
    )
    assert [d.code for d in faults(text)] == ["NS103", "NS104", "NS105", "NS106", "NS108", "NS202"]


def test_a_missing_dot_hides_neither_statement():
    found = faults("a(b) :- nothing(b)\n\nc(f(x)).\nrule r if a(?x) then d(?y)\nlast(x)")
    assert [(d.code, d.span.line) for d in found if d.span] == [("NS102", 1), ("NS117", 3), ("NS102", 4), ("NS102", 5)]


def test_no_fault_is_made_of_what_a_broken_statement_would_have_defined():
    assert codes("good(X) :- base(X) base(X).\nother(X) :- good(X).") == ["NS103"]


def test_of_a_very_long_line_the_part_around_the_fault_is_shown():
    text = (
        "a(X) :- " + ", ".join(["b(X)"] * 50_000) + ", c(Y), " + ", ".join(["b(X)"] * 50_000) + ", Z > 3.\nb(1). c(1)."
    )
    (fault,) = [d for d in faults(text) if d.severity == "error"]
    *_, source, marks = fault.render().split("\n  help")[0].split("\n  note")[0].split("\n")
    assert len(source) < 450 and "…" in source
    assert source[marks.index("^")] == "Z"


def test_the_message_in_full():
    found = faults("pred brother(x: any, y: any) .\nrule r if brother(?x, ?z)\n  then uncle(?x, ?y) .")
    assert found[0].render().split("\n") == [
        "error[NS202]: head variable `?y` is not bound by the body",
        "  <text>:3:18",
        "  3 |   then uncle(?x, ?y) .",
        "    |                  ^^",
        "  note: it must occur in a positive literal of the body",
        "  help: did you mean `?z`, from `brother(?x, ?z)`?",
    ]


@pytest.mark.parametrize("text", ["", "p(X), q(X)", "p(X) :- q(X).", "p(X", "X", "p(X). q(X).", "p(f(X))", "not p(X)"])
def test_parse_atom_refuses_what_is_no_atom(text):
    with pytest.raises(RuleError):
        parse_atom(text)


@pytest.mark.parametrize(
    "text", ["p(" * 3000 + "a" + ")" * 3000 + ".", f"p(X) :- X is {'1+' * 4000}1.", "p(" + "-" * 5000 + "1)."]
)
def test_deep_nesting_is_a_fault_and_no_crash(text):
    assert "NS144" in codes(text)


@pytest.mark.parametrize(
    "text", ["", "% only a comment", ".", "...", "\x00", "p(a", "/*", '"', "'", "@", "?", ":-", "\ufeffp(a)."]
)
def test_odd_texts_do_not_crash(text):
    codes(text)
    codes(text, "pl")
