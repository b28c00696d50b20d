"""Recursions that arithmetic keeps going: `n(T1) :- n(T), T1 is T + 1`, and what ends them."""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.grounding.core import Builtin, Compare, CoreRule
from neurosym.lang.ast import Arithmetic, Const, Term, Var
from neurosym.lang.terms import spell

FAR = 400.0  # rounds, where a comparison ends it at a value that is not known


def endless(rules: Sequence[CoreRule]) -> tuple[str, float | None] | None:
    """The expression that keeps a recursion growing, and the rounds until a comparison ends it, if one does."""
    for rule in rules:
        made = {
            x.left.name: x.right for x in rule.body
            if isinstance(x, Compare) and x.op in ("=", "is") and isinstance(x.left, Var)
            and isinstance(x.right, Arithmetic)
        }  # fmt: skip
        heads = {a for h, _ in rule.heads for a in h.args if isinstance(a, str)}
        for name in sorted(made.keys() & heads):
            text = f"{name.replace('#v', 'V')} is {term_text(made[name])}"
            return text, _end(rule, name, made[name])
    return None


def _end(rule: CoreRule, name: str, value: Arithmetic) -> float | None:
    """Rounds until a constant that the variable is compared with is reached, one step at a time."""
    steps = [abs(float(a.value)) for a in value.args if isinstance(a, Const) and isinstance(a.value, int | float)]
    step = max(steps[0], 1e-9) if steps and value.op in ("+", "-") else 1.0
    related = {name} | {a.name for a in value.args if isinstance(a, Var)}
    for literal in rule.body:
        if isinstance(literal, Compare) and literal.op in ("<", "=<", ">", ">="):
            sides = (literal.left, literal.right)
            if any(isinstance(s, Var) and s.name in related for s in sides):
                ends = [float(s.value) for s in sides if isinstance(s, Const) and isinstance(s.value, int | float)]
                return abs(ends[0]) / step if ends else FAR
        if isinstance(literal, Builtin) and literal.name == "between":
            target = literal.args[2]
            if isinstance(target, Var) and target.name in related:
                ends = [float(a.value) for a in literal.args[:2] if isinstance(a, Const)]  # pyright: ignore
                return (max(ends) - min(ends)) / step if len(ends) == 2 else FAR
    return None


def term_text(term: Term) -> str:
    """An expression as it is written, near enough for a message."""
    match term:
        case Var(name):
            return "_" if name.startswith("#") else name
        case Const(value):
            return spell(value)
        case Arithmetic("neg", (inner,)):
            return f"-{term_text(inner)}"
        case Arithmetic(op, (left, right)) if not op.isalpha() or op == "mod":
            return f"{term_text(left)} {op} {term_text(right)}"
        case Arithmetic(op, args):
            return f"{op}({', '.join(map(term_text, args))})"
    raise AssertionError(term)


__all__ = ["endless", "term_text"]
