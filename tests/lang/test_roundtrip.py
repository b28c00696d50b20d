"""parse(to_text(program)) == program, for programs that hypothesis makes."""

import datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosym.lang import (
    Aggregate,
    Alternative,
    And,
    Argument,
    Arithmetic,
    Atom,
    Body,
    Comparison,
    Const,
    Constraint,
    Evidence,
    Exists,
    Expectation,
    ForallIn,
    Formula,
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
    Program,
    Quantified,
    Query,
    Rule,
    Symbol,
    Test,
    TypedLiteral,
    TypeRef,
    Var,
    Weight,
    format_text,
    to_text,
)
from neurosym.lang.ast import TRUE
from neurosym.lang.parser import parse_source

PLAIN = "p q edge orange notes isx ex_a weight rule test learn label to top by given source a1 straße"
QUOTED = ["fail", "and", "or", "mod", "count", "Any text", "it's", "X", "", "a-b", "ä b", "\\", "true", "_x", "?x"]
NAMES = st.sampled_from([*PLAIN.split(), *QUOTED])
PREDICATES = st.one_of(NAMES.filter(bool), st.sampled_from(["<http://e.example/p>", "<http://other.example/a/b>"]))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)
VALUES = st.one_of(
    NAMES.map(Symbol),
    st.sampled_from(["http://e.example/a.b-c", "http://e.example/", "http://x.example/q?a=1", "urn:a:b"]).map(Iri),
    TEXTS,
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.dates(datetime.date(1000, 1, 1)),
    st.builds(LangString, TEXTS, st.sampled_from(["fr", "en-gb"])),
    st.builds(TypedLiteral, TEXTS, st.sampled_from(["http://e.example/t", "http://t.example/t"])),
)
VARS = st.sampled_from(["X", "Y", "_Z", "Über"]).map(Var)  # mixed with `?x` they would be a slip
TERMS = st.recursive(
    st.one_of(VARS, VALUES.map(Const)),
    lambda inner: st.one_of(
        st.builds(Arithmetic, st.sampled_from("+ - * / // mod ** min max concat".split()), st.tuples(inner, inner)),
        # `-3` is a constant; what is negated here is no number
        st.builds(Arithmetic, st.just("neg"), st.tuples(inner)),
        st.builds(Arithmetic, st.sampled_from("abs sqrt lower year".split()), st.tuples(inner)),
    ),
    max_leaves=5,
)
ATOMS = st.builds(Atom, PREDICATES, st.lists(TERMS, max_size=3).map(tuple)).filter(
    lambda a: not (a.predicate.startswith("<") and not a.args)
)
LITERALS = ATOMS.map(Literal)
COMPARISONS = st.builds(Comparison, st.sampled_from("= != == \\== =:= =\\= < =< > >= is".split()), TERMS, TERMS)


def conjunction(parts: list) -> Body:
    flat = [q for p in parts for q in (p.parts if isinstance(p, And) else [p])]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(parts: list) -> Body:
    flat = [q for p in parts for q in (p.parts if isinstance(p, Or) else [p])]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


BODIES = st.recursive(
    st.one_of(LITERALS, COMPARISONS),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(conjunction),
        st.lists(inner, min_size=1, max_size=3).map(disjunction),
        inner.map(Not),
        inner.map(Exists),
        st.builds(ForallIn, inner, inner),
        st.builds(
            Aggregate,
            st.sampled_from("count sum min max avg".split()),
            st.lists(TERMS, min_size=1, max_size=2).map(tuple),
            inner,
            st.sampled_from("= < =< > >= !=".split()),
            TERMS,
        ),
    ),
    max_leaves=5,
)


def junction(op: str, parts: list) -> Formula:
    flat = [q for p in parts for q in (p.parts if isinstance(p, FormulaJunction) and p.op == op else [p])]
    return flat[0] if len(flat) == 1 else FormulaJunction(op, tuple(flat))


FORMULAS = st.recursive(
    st.one_of(LITERALS, COMPARISONS),
    lambda inner: st.one_of(
        st.builds(junction, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3)),
        inner.map(FormulaNot),
        st.builds(Implies, inner, inner),
        st.builds(Iff, inner, inner),
        st.builds(
            Quantified, st.sampled_from(["forall", "exists"]), st.lists(VARS, min_size=1, max_size=2).map(tuple), inner
        ),
    ),
    max_leaves=5,
)
WEIGHTS = st.one_of(st.builds(Weight, TERMS), st.just(Weight(None, True)), st.builds(Weight, TERMS, st.just(True)))
MAYBE_TEXT = st.none() | TEXTS
LABELS = NAMES
DIRECTIVES = ("evidence", "query")
ALTERNATIVES = st.builds(Alternative, ATOMS.map(lambda a: (a,)), st.none() | WEIGHTS)
CLAUSES = st.builds(Rule, st.lists(ALTERNATIVES, min_size=1, max_size=2).map(tuple), BODIES | st.just(TRUE))
MANY = st.lists(ATOMS, min_size=1, max_size=2).map(tuple)
BLOCK = {"name": LABELS, "source": MAYBE_TEXT, "because": MAYBE_TEXT, "block": st.just(True)}
BLOCKS = st.one_of(
    st.builds(
        Rule,
        st.one_of(
            st.builds(Alternative, MANY, st.none() | WEIGHTS).map(lambda a: (a,)),
            st.lists(st.builds(Alternative, MANY, WEIGHTS), min_size=2, max_size=3).map(tuple),
        ),
        BODIES | st.just(TRUE),
        **BLOCK,
    ),
    st.builds(
        Rule,
        st.just(()) | st.builds(Alternative, MANY).map(lambda a: (a,)),
        BODIES,
        exception_to=LABELS,
        exception_weight=st.none() | WEIGHTS,
        **BLOCK,
    ),
)
TYPES = st.one_of(
    st.sampled_from("any symbol string int bool date Image Text Tensor".split()).map(TypeRef),
    st.just(TypeRef("class", "http://e.example/C")),
    st.lists(VALUES, min_size=1, max_size=3).map(lambda v: TypeRef("enum", None, tuple(v))),
)
ARGS = st.lists(st.builds(Argument, st.sampled_from(["a", "b", "image", "X"]), TYPES), min_size=1, max_size=3).map(
    tuple
)


def neural(name: str, args: tuple, network: str, top: int | None, label: str | None) -> NeuralDecl:
    last = args[-1].type
    return NeuralDecl(name, args, network, last.values if last.kind == "enum" else None, top, label)


NEURAL = st.builds(neural, PREDICATES, ARGS, NAMES, st.none() | st.integers(0, 99), MAYBE_TEXT).filter(
    lambda n: n.values is None or len(n.args) > 1
)
GIVEN = st.builds(lambda a: Rule((a,)), ALTERNATIVES)
STATEMENTS = st.one_of(
    CLAUSES.filter(lambda r: r.heads[0].atoms[0].predicate not in DIRECTIVES),
    BLOCKS,
    st.builds(PredicateDecl, PREDICATES, ARGS, st.none() | st.just("http://e.example/p"), MAYBE_TEXT, st.booleans()),
    NEURAL,
    st.builds(Constraint, LABELS, FORMULAS, st.none(), st.none() | WEIGHTS, MAYBE_TEXT, MAYBE_TEXT),
    st.builds(Constraint, LABELS, st.none(), BODIES, st.none() | WEIGHTS, MAYBE_TEXT, MAYBE_TEXT),
    st.builds(lambda body: Constraint(None, None, body), BODIES),
    st.builds(Evidence, ATOMS, st.booleans()),
    st.builds(Query, ATOMS),
    st.builds(
        Test,
        TEXTS,
        st.lists(GIVEN, max_size=2).map(tuple),
        st.lists(st.builds(Expectation, ATOMS, st.floats(0, 1)), min_size=1, max_size=2).map(tuple),
    ),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(STATEMENTS, min_size=1, max_size=3))
def test_print_then_parse(statements):
    program = Program((Prefix("ex", "http://e.example/"), *statements))
    text = to_text(program)
    parsed = parse_source(text, "<printed>", "rules", None)
    assert not parsed.diagnostics, "\n".join(d.render() for d in parsed.diagnostics) + "\n" + text
    assert repr(tuple(parsed.statements)) == repr(program.statements), text  # repr tells 2 from 2.0 and true
    formatted = format_text(text)
    assert format_text(formatted) == formatted
    assert parse_source(formatted, "<formatted>", "rules", None).statements == parsed.statements


def test_question_marks():
    text = "rule r\n  if p(?x, _) and ?x > 3\n  then q(?x) ."
    statements = parse_source(text, "<text>", "rules", None).statements
    assert to_text(Program(tuple(statements))) == text + "\n"
