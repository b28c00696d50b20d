"""The canonical layout of a rule file.

It moves tokens and never changes one, so that the program stays the same; comments stay where they are: before,
behind or within their statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from neurosym.errors import RuleError
from neurosym.lang.actions import Actions
from neurosym.lang.parser import Loader, parse_source, run
from neurosym.lang.scanner import Chunk, Scan, Token, scan
from neurosym.lang.terms import STANDARD_PREFIXES

WIDTH = 100
_BLOCK_BREAKS = frozenset("weight source because exception if then and or".split())
_TEST_BREAKS = frozenset({"given", "expect"})
_DECLARATIONS = frozenset("rule pred neural constraint forbid test @prefix @include".split())
_NEEDS_OTHER_FILES = frozenset({"NS114", "NS130", "NS131", "NS132"})
_NAME_TYPES = frozenset({"NAME", "VAR", "QUOTED", "PNAME", "IRI", "AGG", "TRUE", "FALSE", "FAIL"})
_OPERANDS = _NAME_TYPES | {"NUMBER", "DATE", "STRING", "LANGSTRING"}
_WORD_OPERATORS = frozenset("and or not if then implies iff is mod weight given expect rule forbid".split())


@dataclass
class _Line:
    """A line under construction: tokens with what stands between them, and how deep it is indented."""

    indent: int
    text: str = ""


@dataclass
class _Layout:
    """The state of one statement's layout."""

    tokens: list[Token]
    lines: list[_Line] = field(default_factory=lambda: [_Line(0)])

    def break_line(self, indent: int) -> None:
        if self.lines[-1].text:
            self.lines.append(_Line(indent))
        else:
            self.lines[-1].indent = indent

    def render(self) -> str:
        return "\n".join(" " * line.indent + line.text for line in self.lines)


def format_text(text: str, file: str = "<text>", dialect: str = "rules") -> str:
    """The text in canonical layout; formatting twice changes nothing.

    Raises:
        RuleError: the text cannot be read.
    """
    faults = [d for d in parse_source(text, file, dialect, None).diagnostics if d.code not in _NEEDS_OTHER_FILES]
    if any(d.severity == "error" for d in faults):
        raise RuleError(faults)
    scanned = scan(text, file, dialect)
    # `arg:int` and `{X:p(X)}` look like prefixed names to the scanner; the parser splits them. Which prefixes there
    # are is known only where nothing is included.
    closed = not any(chunk.tokens[0][0] == "ATINCLUDE" for chunk in scanned.chunks)
    prefixes = STANDARD_PREFIXES | Loader().collect_prefixes(scanned, quiet=True)
    for chunk in scanned.chunks:
        if any(token[0] == "PNAME" for token in chunk.tokens):
            run(Actions(scanned, prefixes), chunk.tokens, guess=closed)
    result = _assemble(scanned)
    again = scan(result, file, dialect)
    assert _words(scanned) == _words(again), "the formatter keeps every token and comment"
    return result


def _words(scanned: Scan) -> tuple[list[str], list[str]]:
    return ["".join(t[1] for t in c.tokens) for c in scanned.chunks], [c[1].rstrip() for c in scanned.comments]


def _assemble(scanned: Scan) -> str:
    """Statements and the comments between them, with at most one blank line where there were some."""
    text = scanned.text
    comments = list(scanned.comments)
    pieces: list[tuple[int, int, str]] = []  # start, end, formatted text
    for chunk in scanned.chunks:
        first, end = chunk.tokens[0][2], chunk.end or chunk.tokens[-1][3]
        inner = [c for c in comments if first < c[2] < end]
        pieces.append((first, end, _statement(scanned, chunk, inner)))
        comments = [c for c in comments if not first < c[2] < end]
    pieces.extend((c[2], c[3], c[1].rstrip()) for c in comments)
    pieces.sort()
    out = ""
    last = 0
    for start, end, piece in pieces:
        gap = text[last:start]
        if not out:
            pass
        elif "\n" not in gap and piece[0] in "%/":
            out += "  "
        elif gap.count("\n") > 1:
            out += "\n\n"
        else:
            out += "\n"
        out += piece
        last = end
    return out + "\n" if out else ""


def _statement(scanned: Scan, chunk: Chunk, comments: list[Token]) -> str:
    tokens = chunk.tokens
    first = tokens[0][1]
    dot = " ." if scanned.dialect == "rules" and first in _DECLARATIONS and len(tokens) > 1 else "."
    joints = _joints(tokens)
    one_line = "".join(joint + token[1] for joint, token in zip(joints, tokens, strict=True)) + dot
    block = first == "rule" and dot == " ."
    if not comments and not block and (len(one_line) <= WIDTH or not _breakable(tokens)):
        return one_line
    return _spread(scanned, tokens, joints, comments, dot, block)


def _breakable(tokens: list[Token]) -> bool:
    return any(t[1] in (":-", "<-", "if", "given", "expect") for t in tokens)


def _spread(scanned: Scan, tokens: list[Token], joints: list[str], comments: list[Token], dot: str, block: bool) -> str:
    layout = _Layout(tokens)
    waiting = list(comments)
    depth = 0
    arrow = False
    for i, (joint, token) in enumerate(zip(joints, tokens, strict=True)):
        word = token[1]
        while waiting and waiting[0][2] < token[2]:
            _comment(scanned, layout, waiting.pop(0), tokens[i - 1], 2 if block else 4)
        calls = i + 1 < len(tokens) and tokens[i + 1][1] == "(" and tokens[i + 1][2] == token[3]
        breaks = _BLOCK_BREAKS if block else _TEST_BREAKS
        if i and depth == 0 and token[0] == "NAME" and not calls and word in breaks:
            layout.break_line(2)
        line = layout.lines[-1]
        line.text += (joint if line.text else "") + word
        if block and word == "if" and depth == 0:
            line.text += "  "  # so that conditions stand under one another: `if   a`, `and  b`
        elif block and word == "and" and depth == 0 and line.text == "and":
            line.text += " "
        if word in ("(", "[", "{"):
            depth += 1
        elif word in (")", "]", "}"):
            depth -= 1
        elif (depth == 0 and word in (":-", "<-")) or (word == "if" and not block and token[0] == "NAME"):
            arrow = True
            layout.break_line(4)
        elif depth == 0 and word == "," and (arrow or block):
            layout.break_line(4 if not block else 7)
    for comment in waiting:
        _comment(scanned, layout, comment, tokens[-1], 2 if block else 4)
    if not layout.lines[-1].text:
        layout.lines[-1].text = "."
    else:
        layout.lines[-1].text += dot
    return layout.render()


def _comment(scanned: Scan, layout: _Layout, comment: Token, before: Token, indent: int) -> None:
    """Put a comment behind the token before it, or on a line of its own."""
    own_line = "\n" in scanned.text[before[3] : comment[2]]
    line = layout.lines[-1]
    if own_line:
        layout.break_line(indent)
        layout.lines[-1].text = comment[1].rstrip()
    elif not line.text and len(layout.lines) > 1:
        layout.lines.pop()
        layout.lines[-1].text += "  " + comment[1].rstrip()
    else:
        line.text = line.text.rstrip() + "  " + comment[1].rstrip()
    layout.lines.append(_Line(indent))


def _joints(tokens: list[Token]) -> list[str]:
    """What stands before each token: a space or nothing."""
    joints = [""]
    braces: list[bool] = []  # of a template or exists, or of an enumeration
    unary = _is_unary(tokens, 0)
    for i in range(1, len(tokens)):
        before, token = tokens[i - 1], tokens[i]
        if before[1] == "{":
            braces.append(i > 1 and tokens[i - 2][1] != ":" and tokens[i - 2][0] in ("AGG", "NAME"))
        spread = bool(braces and braces[-1])
        if unary or _tight(before, token) or (tokens[0][0] == "ATPREFIX" and "-" in (token[1], before[1])):
            joint = ""
        elif before[1] == "{" or token[1] in ("}", ":"):
            joint = " " if spread else ""
        else:
            joint = " "
        joints.append(joint)
        unary = _is_unary(tokens, i)
        if token[1] == "}" and braces:
            braces.pop()
    return joints


def _tight(before: Token, token: Token) -> bool:
    """Whether nothing stands between the two."""
    if before[1] in ("(", "[", "..", "^^") or token[1] in (")", "]", ",", ";", "..", "^^"):
        return True
    calls = token[1] == "(" and before[0] in _NAME_TYPES and before[3] == token[2]
    return calls or (token[1] == "{" and before[0] in ("AGG", "NAME"))


def _is_unary(tokens: list[Token], i: int) -> bool:
    """Whether the token is a sign rather than an operator between two terms."""
    if tokens[i][1] not in ("-", "+"):
        return False
    if i == 0:
        return True
    before = tokens[i - 1]
    if before[0] == "NAME" and before[1] in _WORD_OPERATORS:
        return True
    return before[0] not in _OPERANDS and before[1] not in (")", "]", "}")
