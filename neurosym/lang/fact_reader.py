"""Plain facts read straight from the text: `coin(1).`, `0.3::edge(a, b).`, of which data have thousands.

They give what the automaton gives, much faster. Whether a name can head a fact is not said a second time
here: the first fact of each name goes through the automaton, and only where that finds no fault at all are the others
read here. A statement about which there is any doubt goes the long way, too.
"""

from __future__ import annotations

from collections.abc import Iterable

from neurosym.errors import Span
from neurosym.lang.ast import TRUE, Alternative, Atom, Const, Rule, Statement, Weight
from neurosym.lang.lalr import WORDS
from neurosym.lang.prolog import TAKE_GOALS
from neurosym.lang.scanner import OPERAND, Chunk, Scan
from neurosym.lang.tables import load
from neurosym.lang.terms import Symbol, Value


class FactReader:
    """Reads the plain facts of one text, in the order in which they stand there.

    Attributes:
        quoted, plain: names among the arguments of the facts read here, with quotation marks and without.
    """

    def __init__(self, scanned: Scan) -> None:
        self.quoted: set[str] = set()
        self.plain: set[str] = set()
        self._file = scanned.file
        self._lines = [*scanned.lines, len(scanned.text) + 1]  # with the line that would follow the last
        self._line = 0  # the index of the line in which the last fact stands
        self._heads: set[str] = set()
        self._values: dict[str, Value] = {}  # as written → what it stands for
        self._words = WORDS.union(load().keywords)

    def learn(self, chunk: Chunk, made: Iterable[Statement]) -> None:
        """Take note of what the automaton made, without any fault, of a statement that looks like a plain fact."""
        # Whether these may have an argument depends on how it is written.
        if chunk.fact is not None and chunk.fact[4] not in TAKE_GOALS and [type(one) for one in made] == [Rule]:
            self._heads.add(chunk.fact[4])

    def read(self, chunk: Chunk) -> Rule | None:
        """The fact that a statement is, or None where the automaton has to say what it is."""
        found = chunk.fact
        if found is None or found[4] not in self._heads:
            return None
        _, (start, end), weight_place, (atom_start, atom_end), _, arguments = found.regs
        lines, line = self._lines, self._line
        while lines[line + 1] <= start:
            line += 1
        self._line = line
        if lines[line + 1] < end:
            return None  # it goes on in the next line
        file, before = self._file, lines[line] - 1  # columns count from 1
        line += 1
        values = self._values
        args: list[Const] = []
        for operand in OPERAND.finditer(found.string, *arguments):
            written = operand.group()
            value = values.get(written)
            if value is None:
                value = self._value(written)
                if value is None:
                    return None
            left, right = operand.span()
            args.append(Const(value, _span(file, line, left - before, right - before)))
        atom = Atom(found[4], tuple(args), _span(file, line, atom_start - before, atom_end - before))
        weight = None
        if found[2] is not None:
            place = _span(file, line, weight_place[0] - before, weight_place[1] - before)
            weight = Weight(Const(_number(found[2]), place), False, place)
        span = _span(file, line, start - before, end - before)
        return Rule((Alternative((atom,), weight),), TRUE, None, None, None, None, None, False, span)

    def _value(self, written: str) -> Value | None:
        """What an operand stands for that was not seen before; None for a word with a meaning of its own somewhere."""
        first = written[0]
        value: Value
        if first == '"':
            value = written[1:-1]
        elif first == "'":
            value = Symbol(written[1:-1])
            self.quoted.add(value.name)
        elif not first.isalpha():
            value = _number(written)
        elif written in self._words:
            return None
        else:
            value = Symbol(written)
            self.plain.add(written)
        self._values[written] = value
        return value


def _number(written: str) -> int | float:
    return float(written) if "." in written or "e" in written or "E" in written else int(written)


def _span(file: str, line: int, left: int, right: int) -> Span:
    """`Span(file, line, left, line, right)`, in half the time: its own constructor sets each field by name."""
    span = _NEW(Span)
    _SET_FILE(span, file)
    _SET_LINE(span, line)
    _SET_COLUMN(span, left)
    _SET_END_LINE(span, line)
    _SET_END_COLUMN(span, right)
    return span


_NEW = object.__new__
_SET_FILE, _SET_LINE, _SET_COLUMN, _SET_END_LINE, _SET_END_COLUMN = (
    getattr(Span, name).__set__ for name in ("file", "line", "column", "end_line", "end_column")
)
