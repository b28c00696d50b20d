"""The connectives of constraints as they are written, numbered without looking at any fact."""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.errors import Span
from neurosym.grounding.formulas.graph import AND, EXISTS, FORALL, IFF, IMPLIES, NOT, OR, Connective
from neurosym.grounding.formulas.sentences import Sentence
from neurosym.lang import ast

Path = tuple[int, ...]


def parts_of(formula: ast.Formula) -> tuple[int, tuple[ast.Formula, ...]]:
    """The kind of a connective, and its operands."""
    match formula:
        case ast.FormulaNot(inner):
            return NOT, (inner,)
        case ast.FormulaJunction():
            return (AND if formula.op == "and" else OR), formula.parts
        case ast.Implies(left, right):
            return IMPLIES, (left, right)
        case ast.Iff(left, right):
            return IFF, (left, right)
        case ast.Quantified():
            return (FORALL if formula.quantifier == "forall" else EXISTS), (formula.formula,)
    raise AssertionError(formula)


def connectives_of(
    sentences: Sequence[Sentence],
) -> tuple[dict[tuple[int, Path | None], int], tuple[Connective, ...]]:
    """(sentence, path) → number, and the connectives; the quantifier over a sentence's instances has the path None."""
    numbers: dict[tuple[int, Path | None], int] = {}
    found: list[Connective] = []

    def add(formula: int, path: Path | None, kind: int, span: Span, operands: int) -> None:
        first = found[-1].first + found[-1].operands if found else 0
        numbers[formula, path] = len(found)
        found.append(Connective(formula, kind, span, operands, first))

    def walk(number: int, node: ast.Formula, path: Path) -> None:
        if isinstance(node, ast.Literal | ast.Comparison):
            return
        kind, parts = parts_of(node)
        add(number, path, kind, node.span, len(parts))
        for k, part in enumerate(parts):
            walk(number, part, (*path, k))

    for number, sentence in enumerate(sentences):
        add(number, None, FORALL, sentence.constraint.span, 1)
        walk(number, sentence.formula, ())
    return numbers, tuple(found)
