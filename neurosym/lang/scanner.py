"""Text → tokens, comments and statements. The parser, the formatter and the error messages share this one scanner.

A token is a tuple `(type, text, start, end)` with offsets into the text; tuples, because a file of 1,000 rules has
20,000 of them. Keywords are not told from names here: that depends on the parser's state (lalr.py).

Data come as thousands of plain facts, `0.3::edge(a, b).`; one expression takes such a statement as a whole, and its
tokens are made when somebody asks for them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import takewhile

from neurosym.errors import Span
from neurosym.lang.tables import load

Token = tuple[str, str, int, int]
RULES, PL = "rules", "pl"

_COMMENT = r"%[^\n]*|/\*(?:[^*]|\*(?!/))*\*/"
_END = r"\.(?=\s|%|/\*|\Z)"
_MASTER = (
    rf"""
  (?P<COMMENT>{_COMMENT})
| (?P<END>{_END})"""
    r"""
| (?P<OPEN_COMMENT>/\*)
| (?P<PNAME>[^\W\d_][\w]*(?:-\w+)*:(?!:)\w(?:[\w.-]*\w)?)
| (?P<WORD>[^\W\d]\w*)
| (?P<QVAR>\?\w+)
| (?P<DATE>\d{4}-\d\d-\d\d(?![\w-]))
| (?P<NUMBER>(?:0[xX][0-9a-fA-F]+|\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+)(?!\w))
| (?P<BAD_NUMBER>\d\w*)
| (?P<LANGSTRING>"(?:[^"\\\n]|\\.)*"@[A-Za-z]+(?:-[A-Za-z0-9]+)*)
| (?P<STRING>"(?:[^"\\\n]|\\.)*")
| (?P<QUOTED>'(?:[^'\\\n]|\\.|'')*')
| (?P<OPEN_TEXT>["'][^\n]*)
| (?P<SMART>[“”„‟«»‘’‚‛][^“”„‟«»‘’‚‛"'\n]{0,200}["'“”„‟«»‘’‚‛]|[“”„‟«»‘’‚‛])
| (?P<AT>@\w+)
| (?P<OP>=:=|=\\=|\\==|\\=|\\\+|==|=<|<=|>=|!=|:-|<-|\?-|->|::|\^\^|\*\*|//|\.\.|[-+*/:;,()\[\]{}|=<>!])
| (?P<DOT>\.)
| (?P<BAD>.)
"""
)
_SCAN = {
    RULES: re.compile(_MASTER, re.VERBOSE | re.DOTALL),
    # In .pl there are no dates, and `?` begins no variable.
    # `^` is a power there; operators of Prolog that the language does not have are told by name.
    PL: re.compile(
        re.sub(r"\| \(\?P<(QVAR|DATE)>.*\n", "", _MASTER)
        .replace(
            "| (?P<NUMBER>",
            r"""| (?P<PROLOG>0'(?:\\.|[^'\s])|@=<|@>=|@<|@>|=\.\.|~=|~|/\\|\\/|<<|>>|-->|\?(?=\s*::))
| (?P<NUMBER>""",
        )
        .replace("|[-+*/", r"|\^|[-+*/"),
        re.VERBOSE | re.DOTALL,
    ),
}
_IRI = re.compile(r"<(?:_|[A-Za-z][A-Za-z0-9+.\-]*):[^\s<>\"{}|\\^`]*>")
_SPACE = re.compile(r"\s*")
_REMARK = re.compile(rf"\s*({_COMMENT})")
# A plain fact. What it takes, the other expressions take as the same tokens in both dialects: each operand ends before
# a comma, a parenthesis or `::`, so that it can be no part of a longer token, and the numbers surely fit 64 bits.
_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?"
_OPERAND = rf"""[a-z]\w*|-?{_NUMBER}|"[^"\\\n]*"|'[^'\\\n]+'"""
_ATOM = rf"([a-z]\w*)\(\s*((?:{_OPERAND})(?:\s*,\s*(?:{_OPERAND})){{0,30}})\s*\)"
_FACT = re.compile(rf"\s*((?:({_NUMBER})\s*::\s*)?({_ATOM})\s*{_END})")
OPERAND = re.compile(_OPERAND)
_COMPARISONS = frozenset("= \\= != == \\== =:= =\\= < =< <= > >=".split())
_OPERAND_ENDS = frozenset({"VAR", "NUMBER", "DATE", "STRING", "LANGSTRING", "QUOTED", "IRI", "PNAME"})
_CLOSERS = frozenset(")]}")
_TRUTHS = {"true": "TRUE", "false": "FALSE", "fail": "FAIL"}
_AGGREGATES = frozenset("count sum min max avg".split())
AT_WORDS = {"@prefix": "ATPREFIX", "@include": "ATINCLUDE"}
MAX_DEPTH = 100


@dataclass(slots=True)
class Chunk:
    """The tokens of one statement.

    Attributes:
        end: the offset behind its final dot (None where the dot is missing).
        fact: what looks like a plain fact, in groups: the statement, its weight (or None), its atom, the atom's name
            and its arguments, each of which `OPERAND` takes.
    """

    _tokens: list[Token] | None
    end: int | None
    fact: re.Match[str] | None = None

    @property
    def tokens(self) -> list[Token]:
        """The tokens, without the final dot."""
        if self._tokens is None:
            assert self.fact is not None
            tokens = _tokens(self.fact.string, self.fact.start(1), PL, [])
            self._tokens = list(takewhile(lambda token: token[0] != "END", tokens))
        return self._tokens

    @property
    def broken(self) -> list[Token]:
        """Tokens that no statement can hold; their type says what is wrong with them."""
        return [t for t in self.tokens if t[0].startswith("!")]


@dataclass(slots=True)
class Scan:
    """A text, split into statements and comments."""

    text: str
    file: str
    dialect: str
    chunks: list[Chunk] = field(default_factory=list)
    comments: list[Token] = field(default_factory=list)
    _lines: list[int] = field(default_factory=list)

    @property
    def lines(self) -> list[int]:
        """The offset at which each line starts."""
        if not self._lines:
            self._lines.append(0)
            self._lines.extend(m.end() for m in re.finditer("\n", self.text))
        return self._lines

    def span(self, start: int, end: int) -> Span:
        """The place of `text[start:end]`."""
        lines = self.lines
        line = bisect_right(lines, start)
        last = bisect_right(lines, end) if end > start else line
        return Span(self.file, line, start - lines[line - 1] + 1, last, end - lines[last - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a line."""
        start = self.lines[number - 1]
        stop = self.text.find("\n", start)
        return self.text[start : stop if stop >= 0 else len(self.text)].rstrip("\r")

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column, the inverse of `span`."""
        return self.lines[line - 1] + column - 1


def scan(text: str, file: str, dialect: str) -> Scan:
    """Split a text into statements at their final dots.

    Strings, comments, IRIs, decimals and prefixed names are respected. Faults become tokens whose type starts with `!`.
    """
    result = Scan(text, file, dialect)
    position: int | None = 0
    while position is not None:
        position = _statements(result, _plain_facts(result, position))
    return result


def _plain_facts(result: Scan, position: int) -> int:
    """Take the plain facts that follow one another, and comments between them; gives the offset behind them."""
    text, chunks = result.text, result.chunks
    fact, remark = _FACT.match, _REMARK.match
    while True:
        if found := fact(text, position):
            position = found.end()
            chunks.append(Chunk(None, position, found))
        elif found := remark(text, position):
            position = found.end()
            result.comments.append(("COMMENT", found[1], found.start(1), position))
        else:
            return position


def _statements(result: Scan, position: int) -> int | None:
    """Take statements up to an end that a plain fact may follow; gives its offset, or None at the end of the text."""
    tokens: list[Token] = []
    for token in _tokens(result.text, position, result.dialect, result.comments):
        if token[0] != "END":
            tokens.append(token)
            continue
        result.chunks.append(Chunk(tokens, token[3]))
        if not tokens or tokens[-1][0] != "!text":  # behind that one, the scanner is further on than its dot
            return token[3]
        tokens = []
    if tokens:
        result.chunks.append(Chunk(tokens, None))
    return None


def rescan(text: str, start: int, stop: int, dialect: str) -> list[Token]:
    """The tokens of a part of the text, read afresh from `start`; for names that were joined by a colon."""
    return list(_tokens(text[:stop], start, dialect, []))


def _tokens(text: str, position: int, dialect: str, comments: list[Token]):
    """Yield the tokens from a position on; statement ends have the type END."""
    match = _SCAN[dialect].match
    punctuation = _punctuation()
    keywords = load().keywords
    before: Token = ("", "", 0, 0)
    size = len(text)
    skip = _SPACE.match
    while True:
        space = skip(text, position)
        assert space is not None
        start = space.end()
        if start == size:
            return
        found = match(text, start)
        assert found is not None, "the scanner takes every character"
        kind, value, position = found.lastgroup, found.group(), found.end()
        end = position
        if kind == "WORD":
            token = (_word_type(text, value, end), value, start, end)
        elif kind == "OP":
            if value[0] == "<" and _may_start_term(before, keywords) and (iri := _IRI.match(text, start)):
                position = iri.end()
                token = ("IRI", iri.group(), start, position)
            else:
                token = (punctuation[value], value, start, end)
        elif kind == "COMMENT":
            if value[0] == "%" and start and text[start - 1].isdigit():
                position = start + 1
                yield ("!percent", "%", start, position)
            else:
                comments.append(("COMMENT", value, start, end))
            continue
        elif kind == "QVAR":
            token = ("VAR", value, start, end)
        elif kind in ("OPEN_TEXT", "OPEN_COMMENT", "SMART", "BAD_NUMBER", "DOT", "BAD", "AT", "PROLOG"):
            faults, position = _faulty(kind, text, value, start, end)
            yield from faults
            before = faults[-1]
            continue
        else:
            assert kind is not None
            token = (kind, value, start, end)
        before = token
        yield token


def _word_type(text: str, word: str, end: int) -> str:
    first = word[0]
    if first == "_" or first != first.lower():
        return "VAR"
    if word in _TRUTHS and text[end : end + 1] != "(":
        return _TRUTHS[word]
    if word in _AGGREGATES and text[end : end + 40].lstrip().startswith("{"):
        return "AGG"
    return "NAME"


def _may_start_term(before: Token, keywords: dict[str, str]) -> bool:
    """Whether a term, so an IRI, may follow: not after an operand, where `<` is a comparison."""
    if before[0] == "NAME":
        return before[1] in keywords or before[1] in ("not", "is")
    return before[0] not in _OPERAND_ENDS and before[1] not in _CLOSERS


def _faulty(kind: str, text: str, value: str, start: int, end: int) -> tuple[list[Token], int]:
    """The tokens for what cannot be read, and where to go on."""
    if kind == "AT":
        return [(AT_WORDS.get(value, "!at"), value, start, end)], end
    if kind == "OPEN_COMMENT":
        return [("!comment", value, start, end)], len(text)
    if kind == "OPEN_TEXT":
        # The dot that ends the line most likely ended the statement too, where the next line is not indented.
        line = value.split("%")[0].rstrip()
        faults: list[Token] = [("!text", line or value, start, start + max(len(line), 1))]
        if line.endswith(".") and not re.match(r"\n[ \t]+\S", text[end:]):
            faults.append(("END", ".", start + len(line) - 1, start + len(line)))
        return faults, end
    name = {
        "SMART": "!smart", "BAD_NUMBER": "!number", "DOT": "!dot", "BAD": "!character", "PROLOG": "!prolog"
    }[kind]  # fmt: skip
    return [(name, value, start, end)], end


_PUNCTUATION: dict[str, str] = {}


def _punctuation() -> dict[str, str]:
    if not _PUNCTUATION:
        _PUNCTUATION.update(load().punctuation)
        _PUNCTUATION.update(dict.fromkeys(_COMPARISONS, "CMP"))
        _PUNCTUATION.update({"\\+": "NOT", "!": "CUT", "->": "ARROW", "^": _PUNCTUATION["**"]})
    return _PUNCTUATION
