"""Plain facts are read, checked and brought to tokens by a way of their own: it says what the long way says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from neurosym.errors import RuleError
from neurosym.lang import format_text, plain_facts, scanner
from neurosym.lang.checker import check_parsed
from neurosym.lang.fact_reader import FactReader
from neurosym.lang.parser import Parsed, dialect_of, parse_paths, parse_source
from neurosym.lang.scanner import scan

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for folder in ("tests", "knowledge", "tasks", "docs")
    for pattern in ("*.pl", "*.rules", "*.pro", "*.problog")
    for path in (ROOT / folder).rglob(pattern)
)
NEVER = re.compile(r"(?!)")


@contextmanager
def the_long_way() -> Iterator[None]:
    """No statement looks like a plain fact, and no rule is one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "_FACT", NEVER)
        patch.setattr(scanner, "_REMARK", NEVER)
        nothing = lambda rules: plain_facts.PlainFacts((None,) * len(rules), frozenset(), tuple(rules))  # noqa: E731
        patch.setattr(plain_facts, "plain_facts", nothing)
        yield


def spelled_out(node: object) -> object:
    """A syntax tree with all that `==` leaves out: spans, the types of values."""
    if is_dataclass(node) and not isinstance(node, type):
        return (type(node).__name__, *((f.name, spelled_out(getattr(node, f.name))) for f in fields(node)))
    if isinstance(node, tuple | list):
        return (type(node).__name__, *map(spelled_out, node))
    return (type(node).__name__, repr(node))


def reading(parsed: Parsed) -> object:
    """All that reading gives."""
    sets = (parsed.broken_names, parsed.dialects, parsed.quoted, parsed.plain)
    return [spelled_out(s) for s in parsed.statements], parsed.diagnostics, parsed.texts, sets


def checking(parsed: Parsed) -> object:
    """All that checking gives."""
    try:
        program = check_parsed(parsed)
    except RuleError as error:
        return error.diagnostics
    return program.warnings, program.quoted, program.dialect


def scanning(text: str, dialect: str) -> object:
    """All that the scanner gives."""
    scanned = scan(text, "f", dialect)
    return [(chunk.tokens, chunk.end, chunk.broken) for chunk in scanned.chunks], scanned.comments


def scanning_at_a_stretch(text: str, dialect: str) -> object:
    """What the scanner gives where it never stops behind a statement."""
    chunks: list[tuple[list, int | None, list]] = []
    tokens: list = []
    comments: list = []
    for token in scanner._tokens(text, 0, dialect, comments):
        if token[0] == "END":
            chunks.append((tokens, token[3], [t for t in tokens if t[0][0] == "!"]))
            tokens = []
        else:
            tokens.append(token)
    if tokens:
        chunks.append((tokens, None, [t for t in tokens if t[0][0] == "!"]))
    return chunks, comments


def layout(text: str, dialect: str) -> object:
    """What the formatter gives."""
    try:
        return format_text(text, "f", dialect)
    except RuleError as error:
        return error.diagnostics


def all_of(text: str, dialect: str) -> list[object]:
    """Whatever is said of a text."""
    parsed = parse_source(text, "f", dialect, None)
    # the formatter refuses a dot without a statement by an assertion of its own; that is no matter of facts
    empty = any(not chunk.tokens for chunk in scan(text, "f", dialect).chunks)
    return [scanning(text, dialect), reading(parsed), checking(parsed), None if empty else layout(text, dialect)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_rule_file_reads_the_same(path: Path) -> None:
    parsed = parse_paths([path])
    found = [reading(parsed), checking(parsed)]
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        text = ""
    dialect = dialect_of(str(path))
    found += [scanning(text, dialect), layout(text, dialect)]
    with the_long_way():
        parsed = parse_paths([path])
        expected = [reading(parsed), checking(parsed), scanning_at_a_stretch(text, dialect), layout(text, dialect)]
    assert found == expected


WEIGHTS = [
    "", "", "", "0.3::", "0.3 :: ", "1::", "1.0::", "2::", "0.0::", "1e-3::", "-0.1::", "t(0.5)::", "1/3::",
    "X::", "0.3:", "0.3: :", "0.3::\n", "a::", "0x1::", '"a"::', "nn(m,[X])::", "0.3::0.4::", "0.5::\\+"
]  # fmt: skip
NAMES = [
    "p", "p", "p", "edge", "edge", "käse", "ärztin", "p_1", "pQ", "rule", "and", "not", "is", "mod", "weight",
    "if", "evidence", "query", "call", "write", "findall", "assert", "Upper", "_p", "?p", "true", "fail",
    "count", "e", "between", "contains", "triple", "rdf:type", "ex:p", "'Quoted name'", "'p'", "p-q", "nn", "t",
    "consult", "exists", "<http://e.x/p>", "test", "length", "forall", "member", "9p"
]  # fmt: skip
ARGUMENTS = [
    "1", "2", "3", "a", "a1", "b", "b", "käse", "Ärztin", "ärztin", "aB_c", "-3", "- 3", "-0", "-0.0", "+3",
    "1.5", "-2.50", "1.", ".5", "007", "123456789012345678", "1234567890123456789", "-9223372036854775808",
    "99999999999999999999", "1e5", "1E5", "1e-05", "1.5e3", "1e999", "1.0e99", "0x1f", "2024-05-17", "1_000",
    "٣", "X", "_", "_a", "?x", "and", "or", "rule", "open", "mod", "not", "is", "true", "false", "fail", "if",
    "weight", "e", "pi", "count", '"a.b"', '"a, b)."', '"x\\n"', '""', '"%"', "'It''s'", "'q.'", "'b'", "''",
    "'x\\'y'", '"chat"@fr', '"5"^^xsd:int', "ex:a", "<http://x.y/z>", "[a,b]", "f(a)", "a+1", "(a)", "1..3",
    '"open', "'open", "“a”", "0'c", "", "a b", "a-b", "rdf:type", "85%", "\\+ a", "p(1)"
]  # fmt: skip
COMMAS = [
    ",", ",", ", ", " , ", ",\n", ",% c\n", ";", " ", ",,"
]  # fmt: skip
ENDS = [
    ".", ".", ".", ".", " .", "\n.", "", "..", ".% c\n", "./* c */", ".x", ".5", ";", " :- q(1).", ", p(2).",
    ". .", "!."
]  # fmt: skip
BETWEEN = [
    " ", "\n", "\n", "\r\n", "\n\n  ", "", "  % p(1).\n", "/* p(1). */", "/* open", "% c\n% d\n", "\t", "\f",
    "\u00a0", "\r", "\u2028", "85%"
]  # fmt: skip
OTHERS = [
    "q(X) :- p(X,Y).", "@prefix ex: <http://e.x/> .", "pred p(a: int, b: {a, b}) .", "pred p(x: any) .",
    "query(p(X)).", "evidence(p(1)).", "0.3::a; 0.2::b.", "rain.", "p().", "p (1).", "?- p(1).",
    ":- use_module(library(lists)).", 'test "t" : given p(1) expect p(1) .', "rule r if p(X) then s(X) .",
    "r(X) :- p(X), \\+ edge(X,X).", "constraint c : forall X, Y: p(X, Y) implies edge(X, Y) .",
    "0.3::edge(X,Y) :- p(X,Y).", "r(X) :- p(x), s(X).", "pred edge(a: symbol, b: float) open .",
    "r(X) :- <http://e.x/p>(X, Y), triple(X, P, Y).", "."
]  # fmt: skip


@st.composite
def fact(draw: st.DrawFn) -> str:
    """A fact, or what is nearly one."""
    arguments = draw(st.lists(st.sampled_from(ARGUMENTS), min_size=1, max_size=3))
    inner = "".join(a + draw(st.sampled_from(COMMAS)) for a in arguments[:-1]) + arguments[-1]
    return f"{draw(st.sampled_from(WEIGHTS))}{draw(st.sampled_from(NAMES))}({inner}){draw(st.sampled_from(ENDS))}"


SIMPLE = ["1", "2", "a", "b", "1.5", '"x."', "-3", "'b'", " a ", "a\n"]
PLAIN = st.builds(
    "{}{}({}).".format,
    st.sampled_from(["", "0.3::", "1 :: "]),
    st.sampled_from(["p", "edge", "käse"]),
    st.lists(st.sampled_from(SIMPLE), min_size=1, max_size=3).map(",".join),
)
STATEMENTS = st.one_of(PLAIN, PLAIN, fact(), st.sampled_from(OTHERS))
TEXTS = st.lists(st.tuples(STATEMENTS, st.sampled_from(BETWEEN)).map("".join), max_size=12).map("".join)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, dialect=st.sampled_from(["rules", "pl"]))
@example("p(1).\np('open). % p(2).\np(3).", "rules")  # the dot of a line with a text that is never closed
@example("p(1).% c\n/* open p(2).", "pl")
@example("p(1)\np(2).\np(3)", "rules")
@example("p(1). p(2, 3). q(X) :- p(X), s(X, Y), p(X, Y, X). 7::p(1). p(0'a).", "pl")
def test_texts_of_facts_and_near_misses_read_the_same(text: str, dialect: str) -> None:
    found = all_of(text, dialect)
    with the_long_way():
        expected = all_of(text, dialect)
    assert found == expected
    assert found[0] == scanning_at_a_stretch(text, dialect)


@pytest.mark.parametrize("dialect", ["rules", "pl"])
@pytest.mark.parametrize("name", NAMES)
def test_every_name_and_argument_after_a_fact_without_fault(name: str, dialect: str) -> None:
    text = "\n".join(
        f"{weight}{name}({argument}{more})."
        for weight in ("", "0.3::")
        for more in ("", ",a", ",  'b' ")
        for argument in ["1", *ARGUMENTS]
    )
    for start in ("", f"@prefix ex: <http://e.x/> .\n{name}(1).\n{name}(-1).\n"):
        parsed = parse_source(start + text, "f", dialect, None)
        with the_long_way():
            expected = parse_source(start + text, "f", dialect, None)
        assert reading(parsed) == reading(expected)


def test_data_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bool] = []
    whole = FactReader.read
    monkeypatch.setattr(FactReader, "read", lambda self, chunk: _noted(whole(self, chunk), read))
    text = "p(1). p(2). % c\n0.3::p(a, -2.5).\n/* d */ 1 :: p(\"x.\", 'Y').\r\np(\n3). p(open). p(4)."
    parse_source(text, "f", "rules", None)
    assert read == [False, True, True, True, False, False, True]  # over two lines; a keyword


def _noted(fact: object, read: list[bool]) -> object:
    read.append(fact is not None)
    return fact
