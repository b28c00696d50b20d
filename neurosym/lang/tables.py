"""The parse tables: made from grammar.lark by lark's LALR(1), stored as JSON, loaded in a few milliseconds.

Building a grammar of this size with lark costs about half a second and its cache is a pickle, so the tables are
generated and a test checks that they are up to date; after a change of the grammar run

    python -c "from neurosym.lang import tables; tables.write()"

Reading a rule file imports neither lark nor anything else outside the standard library.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
GRAMMAR, TABLES = _HERE / "grammar.lark", _HERE / "_tables.json"
STARTS = {"rules": "rules_statement", "pl": "pl_statement"}


@dataclass(frozen=True, slots=True)
class Production:
    """`head → body`; `keep` are the positions of the symbols whose values the action gets.

    `action` is None where the only child's value is passed on.
    """

    head: str
    size: int
    action: str | None
    keep: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """An LALR(1) automaton.

    Attributes:
        states: for each state, symbol → n > 0 (go to state n - 1) or n < 0 (reduce by production -n - 1).
        punctuation: `:-` → its terminal's name; `keywords`: `rule` → its terminal's name.
        starts: dialect → (start state, end state).
    """

    states: list[dict[str, int]]
    productions: list[Production]
    punctuation: dict[str, str]
    keywords: dict[str, str]
    starts: dict[str, tuple[int, int]]


def generate() -> str:
    """The tables as JSON text. States are numbered by breadth-first search, so the text depends on the grammar only."""
    import lark
    from lark.parsers.lalr_analysis import Shift

    built: Any = lark.Lark(GRAMMAR.read_text("utf-8"), parser="lalr", lexer="basic", start=list(STARTS.values()))
    table = built.parser.parser._parse_table
    rules = sorted(built.rules, key=lambda r: (str(r.origin.name), [s.name for s in r.expansion], str(r.alias)))
    order = [table.start_states[start] for start in STARTS.values()]
    states: list[dict[str, int]] = []
    for state in order:  # grows while it is walked
        row = {}
        for symbol, (kind, target) in sorted((str(name), action) for name, action in table.states[state].items()):
            if kind is Shift:
                if target not in order:
                    order.append(target)
                row[symbol] = order.index(target) + 1
            else:
                row[symbol] = -rules.index(target) - 1
        states.append(row)
    literals = {t.pattern.value: str(t.name) for t in built.terminals if t.pattern is not None}
    data = {
        "states": states,
        "productions": [_production(rule) for rule in rules],
        "punctuation": {text: name for text, name in sorted(literals.items()) if not text.isalpha()},
        "keywords": {text: name for text, name in sorted(literals.items()) if text.isalpha()},
        "starts": {
            dialect: [order.index(table.start_states[start]), order.index(table.end_states[start])]
            for dialect, start in STARTS.items()
        },
    }
    return json.dumps(data, separators=(",", ":")) + "\n"


def _production(rule: Any) -> list[object]:
    keep = [i for i, symbol in enumerate(rule.expansion) if not getattr(symbol, "filter_out", False)]
    name = str(rule.alias) if rule.alias else str(rule.origin.name)
    passes = not rule.alias and len(keep) == 1
    return [str(rule.origin.name), len(rule.expansion), None if passes else name, keep]


@cache
def load() -> Tables:
    """The stored tables."""
    data = json.loads(TABLES.read_text("utf-8"))
    productions = [Production(head, size, action, tuple(keep)) for head, size, action, keep in data["productions"]]
    starts = {dialect: (start, end) for dialect, (start, end) in data["starts"].items()}
    return Tables(data["states"], productions, data["punctuation"], data["keywords"], starts)


def write() -> None:
    """Store the tables anew; to be called whenever the grammar has changed."""
    TABLES.write_text(generate(), "utf-8")
