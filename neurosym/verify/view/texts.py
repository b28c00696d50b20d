"""The rules that are shown, compared with those of the program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neurosym.lang.ast import Program, Rule, Weight
from neurosym.lang.walk import variables
from neurosym.verify.rules.basis import Basis
from neurosym.verify.rules.values import evaluate
from neurosym.verify.structure import fault
from neurosym.verify.view.read import ShownRule

FAR = 1e-6


def compare_rules(rules: tuple[ShownRule, ...], basis: Basis) -> list[str]:
    """See that each rule that is shown is one of the program, with its text, source and weight.

    Returns:
        What was not looked at.

    Raises:
        ExplanationError: NS836 one is not.
    """
    program, weights, left = basis.normal.program, basis.weights, list[str]()
    printer = program.notation.printer(basis.prefixes)
    for shown in rules:
        among = [(k, r) for k, r in enumerate(program.rules) if r.label == shown.name]
        same = [(k, r) for k, r in among if (r.source or "") == shown.source and _same_text(shown.text, r, program)]
        if not same:
            what = "its text or source is another one" if among else "the program has none of that name"
            raise fault("NS836", f"the rule `{shown.name:.60}` is not shown as it stands: {what}")
        rule = same[0][1]
        if not any(_same_weight(shown, r, weights, k) for k, r in same):
            raise fault("NS836", f"the weight shown of the rule `{shown.name:.60}` is not its own")
        if shown.given and not any(shown.given == printer.term(w.value) for w in _weights(rule) if w and w.value):
            raise fault("NS836", f"the weight of the rule `{shown.name:.60}` is not given by `{shown.given:.60}`")
        if weights is None and any(w is not None and w.learn for w in _weights(rule)):
            left.append(f"the weight that is shown of `{shown.name:.60}`")
        if (shown.file, shown.line) != (rule.span.file, rule.span.line):
            left.append(f"where `{shown.name:.60}` stands: shown is {shown.file:.60}:{shown.line}")
    return left


def _same_text(text: str, rule: Rule, program: Program) -> bool:
    """Whether a text is that of a rule, whatever its layout; it is not parsed, for it may name files to be read."""
    return _bare(text) == _bare(program.text_of(rule) or rule.label)


def _bare(text: str) -> str:
    return "".join(text.split())


def _weights(rule: Rule) -> list[Weight | None]:
    return [rule.exception_weight, *(h.weight for h in rule.heads)]


def _same_weight(shown: ShownRule, rule: Rule, learned: Mapping[int, Sequence[float]] | None, statement: int) -> bool:
    """Whether a rule's weights are those of the program, or the learned ones where they are known."""
    several = len(rule.heads) > 1
    given = [w for w in _weights(rule) if w is not None]
    if any(w.learn for w in given):
        if learned is None or statement not in learned:
            return True
        now: list[float | None] = [float(w) for w in learned[statement]]
    else:
        now = [_constant(w) for w in ([h.weight for h in rule.heads] if several else given[:1])]
    if several and None not in now:
        pairs = zip(now, shown.weights, strict=False)
        same = all(w is not None and abs(w - s) <= FAR for w, s in pairs)
        return shown.weight is None and len(shown.weights) == len(now) and same
    own = now[0] if now else None
    if own is None or shown.weight is None:
        return own is shown.weight and not shown.weights
    return abs(own - shown.weight) <= FAR and not shown.weights


def _constant(weight: Weight | None) -> float | None:
    """The number that a weight is, `0.3` or `1/4`; None where there is none, or it is calculated for each case."""
    term = weight.value if weight is not None else None
    if term is None or next(variables(term), None) is not None:
        return None
    number = evaluate(term, {})
    return float(number) if isinstance(number, int | float) else None


__all__ = ["compare_rules"]
