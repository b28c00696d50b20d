"""The LALR(1) automaton at work: tokens of one statement → the value that the actions make of them.

Keywords are promoted here, in parser state: a word is a keyword where the state has a place for it, else a name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurosym.lang.scanner import PL, Token
from neurosym.lang.tables import load
from neurosym.lang.terms import RESERVED

Action = Callable[[list[Any], int, int], Any]
_PL_WORDS = {"is": "CMP", "mod": "MOD", "rem": "MOD", "div": "//"}  # ProbLog's `rem` is its `mod`
WORDS = RESERVED.union(_PL_WORDS)  # and the keywords of the tables: what is not always a name
STARTERS = frozenset("rule pred neural constraint forbid test".split())
_LOGIC = {"and": "AND", "or": "OR", "not": "NOT", "is": "CMP"}
_LITERAL_START = frozenset({"NAME", "QUOTED", "VAR", "NUMBER", "NOT", "TRUE", "FALSE", "FAIL", "LPAR"})
# What follows a name at the start of a statement. Before these, `rule` or `test` is an atom: `test :- a.`
_AFTER_NAME = frozenset({"CMP", ":-", "<-", ";", "::", ",", "if"})


class ParseFailure(Exception):
    """No statement goes on like this.

    Attributes:
        index: of the token that does not fit; the number of tokens where the statement ends too early.
        tokens: those that were read, with prefixed names split where that was needed.
        expected: the terminals that would fit.
    """

    def __init__(self, index: int, tokens: list[Token], expected: set[str]) -> None:
        super().__init__(index)
        self.index = index
        self.tokens = tokens
        self.expected = expected


def parse(
    given: list[Token],
    dialect: str,
    actions: dict[str, Action],
    split: Callable[[Token, Token | None, bool], list[Token] | None],
) -> Any:
    """Run the automaton over one statement.

    Args:
        given: the tokens, without the final dot; where prefixed names are split, the list is changed.
        actions: production name → function of its children's values and the offsets of its text.
        split: for a prefixed name: the tokens from there on if it is no prefixed name here (`{X:p(X)}`), else None.

    Raises:
        ParseFailure: a token does not fit.
    """
    tables = load()
    states, productions = tables.states, tables.productions
    start, end = tables.starts[dialect]
    tokens = [*given, ("$END", "", given[-1][3], given[-1][3])]
    stack: list[int] = [start]
    values: list[Any] = [None]
    places: list[tuple[int, int]] = [(0, 0)]
    kinds: list[str] = []
    index = 0
    while True:
        token = tokens[index]
        row = states[stack[-1]]
        kind = token[0]
        if kind == "NAME":
            kind = _promoted(tokens, index, row, dialect)
        elif kind == "PNAME" and (rest := split(token, tokens[index - 1] if index else None, "PNAME" in row)):
            tokens = [*tokens[:index], *rest, tokens[-1]]
            given[:] = tokens[:-1]
            continue
        target = row.get(kind, 0)
        while target < 0:
            production = productions[-target - 1]
            size = production.size
            if size == 1 and production.action is None:
                # A chain of productions that pass their value on (name, primary, power, … formula): ten of them
                # for every operand, so where they lead is remembered.
                route = (stack[-2], stack[-1], kind)
                state = _ROUTES.get(route)
                if state is None:
                    state = _ROUTES[route] = _follow(*route)
                stack[-1] = state
            else:
                _reduce(production, stack, values, places, actions, token[2])
                state = states[stack[-1]][production.head] - 1
                stack.append(state)
            if kind == "$END" and state == end:
                return values[-1]
            row = states[state]
            target = row.get(kind, 0)
        if target == 0:
            raise ParseFailure(index, tokens[:-1], _acceptable(start, kinds))
        stack.append(target - 1)
        kinds.append(kind)
        values.append(token)
        places.append((token[2], token[3]))
        index += 1


_ROUTES: dict[tuple[int, int, str], int] = {}  # a memo of what the tables say


def _follow(below: int, state: int, kind: str) -> int:
    """The state on top of `below` when all productions that only pass a value on have been reduced."""
    tables = load()
    while True:
        target = tables.states[state].get(kind, 0)
        if target >= 0:
            return state
        production = tables.productions[-target - 1]
        if production.size != 1 or production.action is not None:
            return state
        state = tables.states[below][production.head] - 1


def _acceptable(start: int, kinds: list[str]) -> set[str]:
    """The terminals that may follow those that were read.

    A state's row alone says too much, for LALR merges the look-ahead of all places with the same state; and the
    automaton may have reduced before it found the fault. So the terminals are run again, and each candidate tried.
    """
    states = load().states
    stack = [start]
    for kind in kinds:
        _advance(stack, kind)
    candidates = {s for s in states[stack[-1]] if s.isupper() or s.startswith(("$", "__"))}
    return {kind for kind in candidates if _advance(list(stack), kind)}


def _advance(stack: list[int], kind: str) -> bool:
    """Reduce and shift, states only; whether the terminal fits."""
    tables = load()
    ends = {end for _, end in tables.starts.values()}
    while True:
        target = tables.states[stack[-1]].get(kind, 0)
        if target > 0:
            stack.append(target - 1)
            return True
        if target == 0:
            return kind == "$END" and stack[-1] in ends
        production = tables.productions[-target - 1]
        if production.size:
            del stack[-production.size :]
        stack.append(tables.states[stack[-1]][production.head] - 1)


def _reduce(production: Any, stack: list, values: list, places: list, actions: dict[str, Action], here: int) -> None:
    size = production.size
    if size == 0:
        begin, finish = here, here
        children: list[Any] = []
    else:
        begin, finish = places[-size][0], places[-1][1]
        window = values[-size:]
        children = [window[i] for i in production.keep]
        del stack[-size:], values[-size:], places[-size:]
    action = production.action
    values.append(children[0] if action is None else actions[action](children, begin, finish))
    places.append((begin, finish))


def _promoted(tokens: list[Token], index: int, row: dict[str, int], dialect: str) -> str:
    """The terminal that a word is in this state: a keyword's, or NAME."""
    word, end = tokens[index][1], tokens[index][3]
    if dialect == PL:
        if word == "not" and "NOT" in row and tokens[index + 1][0] in _LITERAL_START:
            return "NOT"  # ProbLog's prefix operator; elsewhere, as in `f(not)`, an atom
        kind = _PL_WORDS.get(word, "NAME")
        if kind == "//":
            kind = load().punctuation[kind]
        return kind if kind in row and "NAME" not in row else "NAME"  # `p(mod)` has an atom in it
    if word in RESERVED:
        return _LOGIC.get(word) or load().keywords.get(word, "NAME")
    keyword = load().keywords.get(word)
    if keyword is None or keyword not in row:
        return "NAME"
    following = tokens[index + 1]
    if following[1] == "(" and following[2] == end:
        return "NAME"
    if index == 0 and (following[0] == "$END" or following[0] in _AFTER_NAME or following[1] in _AFTER_NAME):
        return "NAME"
    return keyword
