"""Recursions that arithmetic keeps going: `n(T1) :- n(T), T1 is T + 1`, and what ends them."""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.grounding.core import Builtin, Compare, CoreRule
from neurosym.lang.ast import Arithmetic, Const, Term, Var
from neurosym.lang.terms import spell

FAR = 400.0  # rounds, where a comparison ends it at a value that is not known


def endless(rules: Sequence[CoreRule]) -> tuple[str, float | None] | None:
    """The expression that keeps a recursion growing, and the rounds until a comparison ends it, if one does.

    Args:
        rules: the recursive ones of a component.
    """
    for rule in rules:
        made = {
            x.left.name: x.right for x in rule.body
            if isinstance(x, Compare) and x.op in ("=", "is") and isinstance(x.left, Var)
            and isinstance(x.right, Arithmetic)
        }  # fmt: skip
        heads = {a for h, _ in rule.heads for a in h.args if isinstance(a, str)}
        for name in sorted(made.keys() & heads):
            value = made[name]
            step, up = _step(value)
            related = {name} | {a.name for a in value.args if isinstance(a, Var)}
            ends = [_end(rule, related, up)]
            ends += [_end(other, None, up) for other in rules if other is not rule]
            known = [e for e in ends if e is not None]
            text = f"{name.replace('#v', 'V')} is {term_text(value)}"
            return text, min(known) / step if known else None
    return None


def _step(value: Arithmetic) -> tuple[float, bool | None]:
    """How far one round goes, and whether upwards; None where that cannot be told."""
    steps = [float(a.value) for a in value.args if isinstance(a, Const) and isinstance(a.value, int | float)]
    step = steps[0] if steps and value.op in ("+", "-") else 1.0
    if value.op not in ("+", "-", "*", "**"):
        return 1.0, None
    return max(abs(step), 1e-9), (step > 0) != (value.op == "-")


def _end(rule: CoreRule, names: set[str] | None, up: bool | None) -> float | None:
    """The distance to the value at which a comparison of one of the variables (None: of any) stops the way."""
    for literal in rule.body:
        if isinstance(literal, Compare) and literal.op in ("<", "=<", ">", ">=") and not literal.negated:
            sides = (literal.left, literal.right)
            for k, (side, other) in enumerate((sides, sides[::-1])):
                if isinstance(side, Var) and (names is None or side.name in names):
                    above = (literal.op in ("<", "=<")) == (k == 0)  # the variable lies below the other side
                    if up is None or above == up:
                        number = _number(other)
                        return FAR if number is None else abs(number)
        if isinstance(literal, Builtin) and literal.name == "between" and not literal.negated:
            target = literal.args[2]
            if isinstance(target, Var) and (names is None or target.name in names):
                low, high = map(_number, literal.args[:2])
                return FAR if low is None or high is None else high - low
    return None


def _number(term: Term) -> float | None:
    return float(term.value) if isinstance(term, Const) and isinstance(term.value, int | float) else None


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
