"""Every row of the rule language, in both dialects: text → syntax tree."""

import datetime
import math
from typing import Any

import pytest

from neurosym.lang import (
    Aggregate,
    And,
    Arithmetic,
    Atom,
    Comparison,
    Const,
    Constraint,
    Evidence,
    Exists,
    ForallIn,
    FormulaJunction,
    FormulaNot,
    Iff,
    Implies,
    Iri,
    LangString,
    Literal,
    NeuralDecl,
    Not,
    Or,
    PredicateDecl,
    Prefix,
    Quantified,
    Query,
    Symbol,
    Test,
    TypedLiteral,
    Var,
    Weight,
    parse_atom,
    term_key,
)
from neurosym.lang.ast import TRUE, Alternative
from neurosym.lang.parser import parse_source
from tests.lang.helpers import read, rule

X, Y, Z = Var("X"), Var("Y"), Var("Z")


def sym(name: str) -> Const:
    return Const(Symbol(name))


def lit(name: str, *args) -> Literal:
    return Literal(Atom(name, tuple(args)))


def body(text: str, dialect: str = "rules") -> Any:
    return rule(f"h :- {text}.", dialect).body


def term(text: str, dialect: str = "rules") -> Any:
    return rule(f"f({text}).", dialect).heads[0].atoms[0].args[0]


# ------------------------------------------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("alice", Symbol("alice")),
        ("'Any text'", Symbol("Any text")),
        (r"'it\'s'", Symbol("it's")),
        ("'it''s'", Symbol("it's")),
        ('"a string"', "a string"),
        (r'"a \"b\" \\ \n\t"', 'a "b" \\ \n\t'),
        (r'"\d+"', r"\d+"),
        ('"50 % of it. Then /* more"', "50 % of it. Then /* more"),
        ("42", 42),
        ("-3.5", -3.5),
        ("1e-3", 0.001),
        ("2.5E+3", 2500.0),
        ("0xff", 255),
        ("-9223372036854775808", -(2**63)),
        ("true", True),
        ("false", False),
        ("2024-05-17", datetime.date(2024, 5, 17)),
        ('"5"^^xsd:int', 5),
        ('"5"^^<http://www.w3.org/2001/XMLSchema#double>', 5.0),
        ('"x"^^<http://t.example/t>', TypedLiteral("x", "http://t.example/t")),
        ('"chat"@fr', LangString("chat", "fr")),
        ('"chat"@fr-CA', LangString("chat", "fr-ca")),
        ("<http://h.example/a#b>", Iri("http://h.example/a#b")),
        ("rdf:type", Iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")),
        ("orange", Symbol("orange")),
        ("notes", Symbol("notes")),
        ("android", Symbol("android")),
        ("is_ok", Symbol("is_ok")),
        ("weight", Symbol("weight")),
        ("rule", Symbol("rule")),
        ("'not'", Symbol("not")),
        ("épée", Symbol("épée")),
        ("urn1", Symbol("urn1")),
        ("<urn:isbn:12>", Iri("urn:isbn:12")),
    ],
)
def test_constants(text, value):
    found = term(text)
    assert isinstance(found, Const)
    assert term_key(found.value) == term_key(value)


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ("?patient", Var("patient", "?")),
        ("X", X),
        ("Ärztin", Var("Ärztin")),
        ("_Named", Var("_Named")),
        ("_", Var("_1", "_")),
    ],
)
def test_variables(text, variable):
    assert term(text) == variable


def test_each_underscore_is_new_and_avoids_names_in_use():
    atom = rule("f(_, _, _2, _).").heads[0].atoms[0]
    assert atom.args == (Var("_1", "_"), Var("_3", "_"), Var("_2"), Var("_4", "_"))


def test_comments_and_statement_ends():
    text = "a(1). % one. two\n/* b. */ c(2.5).% three\nd('x. y'). e(ex:p.q)./* */@prefix ex: <http://e.example/a.b> ."
    assert [type(s).__name__ for s in read(text)] == ["Rule", "Rule", "Rule", "Rule", "Prefix"]


def test_prefixes_count_for_the_whole_file_and_local_names_have_inner_dots_and_hyphens():
    fact, prefix = read("p(ex:a-b.c_1).\n@prefix ex: <http://e.example/> .")
    assert fact.heads[0].atoms[0].args == (Const(Iri("http://e.example/a-b.c_1")),)
    assert prefix == Prefix("ex", "http://e.example/")
    assert read("@prefix my-onto: <http://e.example/> . my-onto:P(x).")[1].heads[0].atoms == (
        Atom("<http://e.example/P>", (sym("x"),)),
    )


def test_rdf_predicates():
    text = (
        "@prefix ex: <http://e.example/> ."
        " ex:Risk(P) :- ex:Patient(P), <http://e.example/treats>(D, P), triple(P, Q, D)."
    )
    made = read(text)[1]
    patient, treats, triple = made.body.parts
    assert made.heads[0].atoms[0].predicate == "<http://e.example/Risk>"
    assert patient.atom.key == ("<http://e.example/Patient>", 1)
    assert treats.atom.key == ("<http://e.example/treats>", 2)
    assert triple.atom.key == ("triple", 3)


def test_an_iri_stands_only_where_a_term_may():
    assert body("p(X), X < b") == And((lit("p", X), Comparison("<", X, sym("b"))))
    assert body("p(X), X < -3") == And((lit("p", X), Comparison("<", X, Const(-3))))
    assert rule("a <- b.").body == lit("b")


@pytest.mark.parametrize(
    "word", ["rule", "weight", "test", "pred", "neural", "constraint", "forbid", "label", "given", "to"]
)
def test_keywords_are_names_elsewhere(word):
    assert rule(f"{word}(skis, 6).").heads[0].atoms[0].key == (word, 2)
    assert rule(f"{word}.").heads[0].atoms[0].key == (word, 0)
    assert rule(f"{word} :- a.").heads[0].atoms[0].key == (word, 0)
    assert rule(f"h :- a, {word}.").body.parts[1] == lit(word)
    block = rule(f"rule {word} if {word}(?x) and {word} then {word}(?x) weight 0.5 .")
    assert block.name == word
    assert block.heads[0].weight == Weight(Const(0.5))


@pytest.mark.parametrize("word", "and or not if then implies iff exists forall".split())
def test_only_is_and_mod_are_words_in_pl(word):
    assert rule(f"f({word}).", "pl").heads[0].atoms[0].args == (sym(word),)


@pytest.mark.parametrize("text", ["not q", "not(q)", "not (q, q)", "not not q", "not X > 2", r"not \+ q"])
def test_not_before_a_literal_negates_in_pl(text):
    assert isinstance(rule(f"p(X) :- {text}.", "pl").body, Not)


# -------------------------------------------------------------------------------------------------- statements


def test_facts_and_their_weights():
    assert rule("parent(alice, bob).").heads == (Alternative((Atom("parent", (sym("alice"), sym("bob"))),)),)
    assert rule("0.9 :: a.").heads[0].weight == Weight(Const(0.9))
    assert rule("t(0.5) :: a.").heads[0].weight == Weight(Const(0.5), learn=True)
    assert rule("t(_) :: a.").heads[0].weight == Weight(None, learn=True)
    assert rule("1/9 :: a.").heads[0].weight == Weight(Arithmetic("/", (Const(1), Const(9))))
    assert rule("a.").is_fact


def test_a_block_and_its_clause_are_the_same_rule():
    block = rule(
        """rule fever weight 0.85 learn source "S" because "{p} has {t}"
           if temperature(?p, ?t) and ?t > 38.3 and not on_antibiotics(?p) then suspect(?p, infection) ."""
    )
    p, t = Var("p", "?"), Var("t", "?")
    assert block.body == And((lit("temperature", p, t), Comparison(">", t, Const(38.3)), Not(lit("on_antibiotics", p))))
    assert block.heads == (Alternative((Atom("suspect", (p, sym("infection"))),), Weight(Const(0.85), True)),)
    assert (block.name, block.source, block.because, block.block) == ("fever", "S", "{p} has {t}", True)
    clause = rule(r"t(0.85) :: suspect(?p, infection) :- temperature(?p, ?t), ?t > 38.3, \+ on_antibiotics(?p).")
    assert (clause.heads, clause.body) == (block.heads, block.body)


def test_the_parts_of_a_block_come_in_any_order():
    parts = ["weight 0.5", 'source "s"', 'because "b"', "if p(?x)", "then q(?x)"]
    assert rule(f"rule r {' '.join(parts)} .") == rule(f"rule r {' '.join(reversed(parts))} .")
    assert rule("rule r weight _ learn if p(?x) then q(?x) .").heads[0].weight == Weight(None, True)


def test_then_takes_a_shared_choice_or_alternatives():
    shared = rule("rule r weight 0.5 if p(?x) then q(?x) and s(?x) .").heads
    assert [len(a.atoms) for a in shared] == [2]
    either = rule("rule r if p(?x) then 0.4 :: q(?x); 0.6 :: s(?x) .").heads
    assert [a.weight for a in either] == [Weight(Const(0.4)), Weight(Const(0.6))]


def test_exceptions():
    made = rule('rule e exception to ckd weight 0.9 if dialysis(?p) because "b" then treat(?p) .')
    assert (made.exception_to, made.exception_weight) == ("ckd", Weight(Const(0.9)))
    assert made.heads == (Alternative((Atom("treat", (Var("p", "?"),)),)),)
    assert rule("rule e exception to ckd if dialysis(?p) .").heads == ()


@pytest.mark.parametrize("arrow", [":-", "<-", "if"])
def test_arrows(arrow):
    assert rule(f"a {arrow} b.").body == lit("b")


def test_annotated_disjunction():
    made = rule("0.4 :: heads(C); 0.6 :: tails(C) :- coin(C).")
    assert [a.weight for a in made.heads] == [Weight(Const(0.4)), Weight(Const(0.6))]
    assert rule("P :: a(X) :- w(X, P).").heads[0].weight == Weight(Var("P"))


def test_neural_predicates():
    (digit,) = read("neural digit(image: Image, d: 0..9) by net .")
    assert isinstance(digit, NeuralDecl)
    assert digit.values == tuple(range(10))
    assert [a.type.kind for a in digit.args] == ["Image", "enum"]
    (sim,) = read("@prefix ex: <http://e.example/> . neural sim(x: ex:Drug, y: ex:Drug) top 50 by gnn .")[1:]
    assert isinstance(sim, NeuralDecl)
    assert (sim.values, sim.top, sim.network) == (None, 50, "gnn")


@pytest.mark.parametrize("dialect", ["rules", "pl"])
def test_deepproblog_declarations(dialect):
    digit, risky = read("nn(net, [X], Y, [0,1,2]) :: digit(X, Y). nn(net2, [X]) :: risky(X).", dialect)
    assert isinstance(digit, NeuralDecl) and isinstance(risky, NeuralDecl)
    assert (digit.network, digit.values) == ("net", (0, 1, 2))
    assert [a.type.kind for a in digit.args] == ["Tensor", "enum"]
    assert (risky.values, [a.type.kind for a in risky.args]) == (None, ["Tensor"])


def test_declarations():
    text = "@prefix ex: <http://e.example/> ."
    _, made = read(text + '\npred p(a: ex:C, b: {x, "y", 1}, c: -2..1, d: any) from ex:p label "{a}" open .')
    assert isinstance(made, PredicateDecl)
    assert (made.iri, made.label, made.open) == ("http://e.example/p", "{a}", True)
    assert [a.type.values for a in made.args] == [(), (Symbol("x"), "y", 1), (-2, -1, 0, 1), ()]
    assert made.args[0].type.iri == "http://e.example/C"
    assert read("pred rain .")[0] == PredicateDecl("rain", ())
    assert read("pred p(x:int) .") == read("pred p(x: int) .")


def test_constraints():
    (made,) = read(
        'constraint c weight 2 learn source "s" because "b": forall X, Y: p(X) and q(Y) implies r(X) iff s .'
    )
    assert isinstance(made, Constraint)
    assert made.weight == Weight(Const(2), True)
    inner = Iff(Implies(FormulaJunction("and", (lit("p", X), lit("q", Y))), lit("r", X)), lit("s"))
    assert made.formula == Quantified("forall", (X, Y), inner)
    (made,) = read("constraint c: (exists X: p(X)) or not q .")
    assert made.formula == FormulaJunction("or", (Quantified("exists", (X,), lit("p", X)), FormulaNot(lit("q"))))
    (made,) = read("constraint c: a implies b implies c .")
    assert made.formula == Implies(lit("a"), Implies(lit("b"), lit("c")))


def test_forbid():
    plain, named = read('forbid p(X), q(X). forbid both because "b": p(X), q(X) .')
    assert isinstance(plain, Constraint) and isinstance(named, Constraint)
    assert plain.forbids == named.forbids == And((lit("p", X), lit("q", X)))
    assert (plain.name, named.name, named.because) == (None, "both", "b")
    assert read("forbid no_two:p(X).")[0] == read("forbid no_two : p(X).")[0]


@pytest.mark.parametrize("dialect", ["rules", "pl"])
def test_evidence_and_queries(dialect):
    text = r"evidence(a, true). evidence(\+ a). evidence(a, false). evidence(a). query(p(X, bob)). ?- p(X, bob)."
    made = read(text, dialect)
    assert [s.positive for s in made[:4] if isinstance(s, Evidence)] == [True, False, False, True]
    assert made[4] == made[5] == Query(Atom("p", (X, sym("bob"))))


def test_tests():
    (made,) = read(
        'test "no fever" : given t(p1, 36.6), 0.3 :: cough(p1)'
        " expect not s(p1, _) expect cough(p1) = 0.3 expect t(p1, 36.6)."
    )
    assert isinstance(made, Test)
    assert [fact.heads[0].weight for fact in made.given] == [None, Weight(Const(0.3))]
    assert [(e.atom.predicate, e.probability) for e in made.expectations] == [("s", 0), ("cough", 0.3), ("t", 1)]


# ------------------------------------------------------------------------------------------------------ bodies


def test_precedence_of_conditions():
    assert body("a and not b or c") == Or((And((lit("a"), Not(lit("b")))), lit("c")))
    assert body("a, (b ; c), d") == And((lit("a"), Or((lit("b"), lit("c"))), lit("d")))
    assert body("a, (b, (c, d))") == And((lit("a"), lit("b"), lit("c"), lit("d")))
    assert body("not X > 3, p(X)") == And((Not(Comparison(">", X, Const(3))), lit("p", X)))
    assert body(r"\+ (a, \+ b)") == Not(And((lit("a"), Not(lit("b")))))


def op(name, *args):
    return Arithmetic(name, args)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X + Y * Z", op("+", X, op("*", Y, Z))),
        ("(X + Y) * Z", op("*", op("+", X, Y), Z)),
        ("X - Y - Z", op("-", op("-", X, Y), Z)),
        ("-X ** Y", op("neg", op("**", X, Y))),
        ("X ** -Y", op("**", X, op("neg", Y))),
        ("X ** Y ** Z", op("**", X, op("**", Y, Z))),
        ("-X * Y", op("*", op("neg", X), Y)),
        ("X - 1", op("-", X, Const(1))),
        ("X-1", op("-", X, Const(1))),
        ("X - -1", op("-", X, Const(-1))),
        ("-(3)", op("neg", Const(3))),
        ("X // Y mod Z", op("mod", op("//", X, Y), Z)),
        ("X / Y", op("/", X, Y)),
        ("min(X, max(Y, 2))", op("min", X, op("max", Y, Const(2)))),
        ("days_between(X, Y)", op("days_between", X, Y)),
        ('concat(lower(X), "a")', op("concat", op("lower", X), Const("a"))),
        ("X - year(Y)", op("-", X, op("year", Y))),
    ],
)
def test_arithmetic(text, expected):
    assert body(f"V is {text}") == Comparison("is", Var("V"), expected)
    assert body(f"V = {text}").right == expected
    assert body(f"V is {text}", "pl").right == expected


def test_expressions_are_compound_terms_in_pl_where_problog_does_not_evaluate():
    for text in ("V = X + 1", "p(X - Y)", "V \\= -X", "V == min(1, 2)"):
        (fault,) = parse_source(f"h :- {text}.", "<test>", "pl", None).diagnostics
        assert fault.code == "NS117"
    assert body("X + 1 < Y * 2", "pl") == body("X + 1 < Y * 2")
    assert body("X = -3", "pl") == Comparison("=", X, Const(-3))


def test_words_and_signs_of_problogs_arithmetic():
    assert body("V is X rem 2 ^ 3 div Y", "pl") == body("V is X mod 2 ** 3 // Y")
    assert body("V is ceiling(pi)", "pl").right == op("ceil", Const(math.pi))
    assert rule("p(mod, div, is, e).", "pl").heads[0].atoms[0].args == (sym("mod"), sym("div"), sym("is"), sym("e"))


@pytest.mark.parametrize("written", "= \\= != == \\== =:= =\\= < =< <= > >= is".split())
def test_comparisons(written):
    made = "!=" if written == "\\=" else "=<" if written == "<=" else written
    assert body(f"X {written} Y") == Comparison(made, X, Y)
    assert body(f"X {written} Y", "pl") == Comparison(made, X, Y)


def test_truth():
    assert body("true") == TRUE
    assert body("fail") == body("false") == Or(())
    assert body("a, true", "pl") == lit("a")


def test_tests_of_text_are_literals():
    assert body('contains(S, "x")') == lit("contains", Var("S"), Const("x"))
    assert body("between(1, 3, X)") == lit("between", Const(1), Const(3), X)


def test_aggregates():
    parent = lit("parent", X, Y)
    assert body("Z = count{ Y : parent(X, Y) }") == Aggregate("count", (Y,), parent, "=", Z)
    assert body("Z is count{Y:parent(X, Y)}") == Aggregate("count", (Y,), parent, "=", Z)
    assert body("count{ Y : parent(X, Y) } > 2") == Aggregate("count", (Y,), parent, "<", Const(2))
    assert body("Z >= sum{ Y, X : parent(X, Y) }") == Aggregate("sum", (Y, X), parent, ">=", Z)
    for function in ("min", "max", "avg"):
        assert body(f"Z = {function}{{ Y : parent(X, Y) }}").function == function


def test_braces():
    assert body("exists{ p(X), q(X) }") == Exists(And((lit("p", X), lit("q", X))))
    assert body("forall{ p(X) : q(X) or r }") == ForallIn(lit("p", X), Or((lit("q", X), lit("r"))))


# --------------------------------------------------------------------------------------------------- interface


def test_parse_atom():
    assert parse_atom("suspect(P, infection).") == parse_atom(" suspect(P, infection)")
    assert parse_atom("ex:p(X)", {"ex": "http://e.example/"}) == Atom("<http://e.example/p>", (X,))


def test_spans_and_texts():
    from neurosym.lang import Program

    text = "% c\np(a).\n  rule r\n  if p(?x)\n  then q(?x) . s(b).\n"
    program = Program.from_text(text, "f.rules")
    first, second, third = program.rules
    assert program.text_of(first) == "p(a)."
    assert program.text_of(second) == "rule r\n  if p(?x)\n  then q(?x) ."
    assert program.text_of(third) == "s(b)."
    assert str(third.heads[0].atoms[0].args[0].span) == "f.rules:5:18"
    assert first.label == "f.rules:2" and second.label == "r"
