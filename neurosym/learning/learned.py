"""A program with learned weights in the place of `t(_)` and `learn`: as a syntax tree, and as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from neurosym.errors import ModelError
from neurosym.lang import Const, Include, Program, Rule, Weight, to_text
from neurosym.lang.parser import dialect_of, parse_source

# where a learnable weight stands: `t(0.5) ::` in a clause, `weight 0.5 learn` in a block
_MARK = re.compile(r"\bt\(\s*[^()]*\)(?=\s*::)|\bweight\s+\S+\s+learn\b")


def learned_program(program: Program, weights: Sequence[Sequence[float]], learnable: bool = False) -> Program:
    """The program with learned weights.

    Args:
        weights: the probabilities of each learnable statement, in the order of `Reasoner.learnable`.
        learnable: keep the marks, so that learning can go on.
    """
    rules = _rules(program, weights, learnable)
    statements = tuple(rules.get(k, s) for k, s in enumerate(program.statements))
    return replace(program, statements=statements, texts={})


def learned_text(
    program: Program, weights: Sequence[Sequence[float]], dialect: str = "rules", learnable: bool = False
) -> str:
    """The same as text: the file as it was where the program is one file, else printed anew, includes joined.

    Args:
        dialect: `rules`, or `pl` for ProbLog's.

    Raises:
        ModelError: NS720, the program has no text in this dialect that reads back as the same.
    """
    wanted = learned_program(program, weights, learnable)
    if len(program.texts) == 1:
        (name,) = program.texts
        text = _in_place(program, wanted)
        if dialect_of(name) == dialect and _same(text, wanted, dialect):
            return text
    text = to_text(wanted)
    if not _same(text, wanted, dialect):
        raise ModelError(
            f"the learned program cannot be written in the dialect `{dialect}`", code="NS720",
            note="its text would not read back as the same program", help="write it as `.rules`",
        )  # fmt: skip
    return text


def _rules(program: Program, weights: Sequence[Sequence[float]], learnable: bool) -> dict[int, Rule]:
    """Number of a learnable statement → the statement with its weights; they come in the order of `normalise`."""
    order = _order(program)
    assert len(order) == len(weights)
    return {k: _weighted(program.statements[k], w, learnable) for k, w in zip(order, weights, strict=True)}


def _order(program: Program) -> list[int]:
    """The learnable statements in the order of `Reasoner.learnable`."""
    from neurosym.facts import SymbolTable
    from neurosym.grounding.normalise import normalise

    positions = [k for k, s in enumerate(program.statements) if isinstance(s, Rule)]
    return [positions[p.statement] for p in normalise(program, SymbolTable()).parameters]


def _weighted(statement: object, weights: Sequence[float], learnable: bool) -> Rule:
    assert isinstance(statement, Rule)
    given = [Weight(Const(float(w)), learnable) for w in weights]
    if statement.exception_weight is not None and statement.exception_weight.learn:
        return replace(statement, exception_weight=given[0])
    heads = tuple(replace(a, weight=w) for a, w in zip(statement.heads, given, strict=True))
    return replace(statement, heads=heads)


def _in_place(program: Program, wanted: Program) -> str:
    """The text of the only file with new weights written over the old ones."""
    (name,) = program.texts
    lines = program.texts[name].splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    text = program.texts[name]
    for before, after in reversed(list(zip(program.statements, wanted.statements, strict=True))):
        if before == after or not isinstance(after, Rule):
            continue
        span = before.span
        first = starts[span.line - 1] + span.column - 1
        last = starts[span.end_line - 1] + span.end_column - 1
        new = [after.exception_weight] if after.exception_weight else [a.weight for a in after.heads]
        text = text[:first] + _marked(text[first:last], [w for w in new if w is not None]) + text[last:]
    return text


def _marked(text: str, weights: list[Weight]) -> str:
    """A statement with its learnable weights replaced, one after the other; checked by whoever calls."""
    left = iter(weights)

    def written(match: re.Match[str]) -> str:
        weight = next(left, None)
        if weight is None or not isinstance(weight.value, Const):
            return match[0]
        number = repr(weight.value.value)
        if match[0].startswith("weight"):
            return f"weight {number}{' learn' if weight.learn else ''}"
        return f"t({number})" if weight.learn else number

    return _MARK.sub(written, text)


def _same(text: str, wanted: Program, dialect: str) -> bool:
    """Whether a text reads as the statements of a program."""
    parsed = parse_source(text, "<learned>", dialect, None)
    kept = tuple(s for s in wanted.statements if not isinstance(s, Include))
    return not any(d.severity == "error" for d in parsed.diagnostics) and tuple(parsed.statements) == kept
