"""The canonical layout: it keeps program and comments, and formatting twice changes nothing."""

from pathlib import Path

import pytest

from neurosym.errors import RuleError
from neurosym.lang import format_text
from neurosym.lang.parser import dialect_of, parse_source

PROGRAMS = Path(__file__).parents[1] / "programs"


def test_a_rule_block():
    text = """rule   fever weight 0.85   learn if temperature(?p,?t) and ?t>38.3, not on(?p) then suspect(?p,infection)
      because "x" ."""
    assert format_text(text).split("\n") == [
        "rule fever",
        "  weight 0.85 learn",
        "  if   temperature(?p, ?t)",
        "  and  ?t > 38.3,",
        "       not on(?p)",
        "  then suspect(?p, infection)",
        '  because "x" .',
        "",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a( X ):-b(X),c(X) .", "a(X) :- b(X), c(X)."),
        ("0.4::a;0.6::b:-c.", "0.4 :: a; 0.6 :: b :- c."),
        ("a(X) :- b(X), X>-1, Y is X*-2+(3-X), Y=<4.", "a(X) :- b(X), X > -1, Y is X * -2 + (3 - X), Y =< 4."),
        ("n(N):-N=count{X:p(X)}.", "n(N) :- N = count{ X : p(X) }."),
        ('pred p(x:any,y:{a,b})label "l".', 'pred p(x: any, y: {a, b}) label "l" .'),
        ("neural d(i:Image,v:0..9)by net.", "neural d(i: Image, v: 0..9) by net ."),
        ("@prefix my-ex:<http://e.example/>.", "@prefix my-ex: <http://e.example/> ."),
        (r"a:-\+b,\+(c,d).", r"a :- \+ b, \+ (c, d)."),
        ('p("5"^^xsd:int).', 'p("5"^^xsd:int).'),
        (
            "constraint c weight 2:forall X,Y:p(X)implies q(Y).",
            "constraint c weight 2: forall X, Y: p(X) implies q(Y) .",
        ),
        ('test "t":given a,0.5::b expect c.', 'test "t": given a, 0.5 :: b expect c .'),
    ],
)
def test_one_line(text, expected):
    assert format_text(text) == expected + "\n"


COMMENTED = """% head
% of the file


a(x). % behind a

% before b
rule b % its name
  % before the condition
  if p(?x) % the condition
  and /* inside */ q(?x)
  then c(?x) % the end
  .
/* long
   comment */
d(X) :- p(X), % why
  q(X).
"""


def test_comments_stay_where_they_are():
    assert format_text(COMMENTED).split("\n") == [
        "% head",
        "% of the file",
        "",
        "a(x).  % behind a",
        "",
        "% before b",
        "rule b  % its name",
        "  % before the condition",
        "  if   p(?x)  % the condition",
        "  and  /* inside */",
        "  q(?x)",
        "  then c(?x)  % the end",
        "  .",
        "/* long",
        "   comment */",
        "d(X) :-",
        "    p(X),  % why",
        "    q(X).",
        "",
    ]


def test_long_clauses_are_broken():
    text = "h(X) :- " + ", ".join(f"a_rather_long_predicate_{i}(X)" for i in range(5)) + "."
    lines = format_text(text).split("\n")
    assert lines[0] == "h(X) :-" and lines[1] == "    a_rather_long_predicate_0(X),"


@pytest.mark.parametrize("text", [COMMENTED, "", "% c", "a.\n\n\n\nb.\n"])
def test_idempotent(text):
    once = format_text(text)
    assert format_text(once) == once
    assert parse_source(once, "f", "rules", None).statements == parse_source(text, "f", "rules", None).statements


READABLE = []
for _path in sorted(PROGRAMS.glob("*/program.*")):
    _dialect = dialect_of(_path.name)
    try:
        format_text(_path.read_text("utf-8"), dialect=_dialect)
        READABLE.append(_path)
    except RuleError:
        continue


@pytest.mark.parametrize("path", READABLE, ids=lambda p: p.parent.name)
def test_idempotent_on_programs(path):
    dialect = dialect_of(path.name)
    text = path.read_text("utf-8")
    once = format_text(text, dialect=dialect)
    assert format_text(once, dialect=dialect) == once
    assert parse_source(once, "f", dialect, None).statements == parse_source(text, "f", dialect, None).statements


def test_what_cannot_be_read_is_not_formatted():
    with pytest.raises(RuleError):
        format_text("a(x b).")
