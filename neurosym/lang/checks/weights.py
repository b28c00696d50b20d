"""Weights: their range, annotated disjunctions, and variables that multiply choices. Also singleton variables."""

from __future__ import annotations

import re
from collections import Counter

from neurosym.errors import Span, did_you_mean
from neurosym.lang.actions import constant_number
from neurosym.lang.ast import Aggregate, Body, Comparison, Const, Rule, Var, Weight
from neurosym.lang.checks.context import Context
from neurosym.lang.checks.safety import Binding, outer_variables, spelled, weight_variables
from neurosym.lang.terms import spell_predicate
from neurosym.lang.walk import atom_variables, body_atoms, body_variables, conjuncts, head_atoms, variables


def check_weights(context: Context) -> None:
    """NS210, NS211, NS215, NS216, NS221, NS226."""
    for rule in context.rules_with(()):
        for weight in (*(a.weight for a in rule.heads), rule.exception_weight):
            if weight is not None:
                _range(context, weight)
        if len(rule.heads) > 1:
            _disjunction(context, rule)
        if not rule.is_fact and not rule.exception_to:
            _multiplied(context, rule)
    for constraint in context.program.constraints:
        if constraint.weight is not None and constraint.weight.value is not None:
            value = constant_number(constraint.weight.value)
            if value is None:
                context.error("NS226", "the weight of a constraint is a number", constraint.weight.span)
            elif value < 0:
                context.error("NS226", f"the weight {value:g} of a constraint is negative", constraint.weight.span,
                              help="weights are 0 or more; negate the formula instead")  # fmt: skip


def _range(context: Context, weight: Weight) -> None:
    term = weight.value
    if term is None:
        return
    value = constant_number(term)
    if value is None:
        if isinstance(term, Const):
            context.error("NS210", "a weight is a number", weight.span, help="write a number from 0 to 1")
        elif weight.learn:
            context.error("NS210", "a learnable weight starts at a number", weight.span,
                          help="write `t(0.5)`, or `t(_)` for a random start")  # fmt: skip
        return
    if not 0 <= value <= 1:
        percent = f"write {value / 100:g} for {value:g} percent" if 2 <= value <= 100 else ""
        context.error("NS210", f"the weight {value:g} is outside [0, 1]", weight.span,
                      note="a weight is a probability", help=percent)  # fmt: skip


def _disjunction(context: Context, rule: Rule) -> None:
    weights = [a.weight for a in rule.heads]
    for alternative in rule.heads:
        if alternative.weight is None:
            context.error("NS216", "a head without a weight among several", alternative.atoms[0].span,
                          note="at most one of the heads holds, each with its own probability",
                          help="give each head a weight: `0.4 :: a; 0.6 :: b`")  # fmt: skip
    present = [w for w in weights if w is not None]
    if len(present) < len(weights):
        return
    first = present[0].span
    if len({w.learn for w in present}) > 1:
        odd = next(w for w in present if w.learn != present[0].learn)
        context.error("NS215", "fixed and learnable weights in one annotated disjunction", odd.span,
                      help="make all of them `t(…)`, or none")  # fmt: skip
    numbers = [constant_number(w.value) for w in present if w.value is not None]
    total = sum(n for n in numbers if n is not None)
    if total > 1 + 1e-9 and all(n is None or 0 <= n <= 1 for n in numbers):
        last = present[-1].span
        place = Span(first.file, first.line, first.column, last.end_line, last.end_column)
        context.error("NS211", f"the weights of this annotated disjunction sum to {total:g}", place,
                      note="at most one of its heads holds, so they sum to at most 1")  # fmt: skip


def _multiplied(context: Context, rule: Rule) -> None:
    """NS221: one choice for each value of a variable that the head does not show."""
    if not any(_uncertain(a.weight) for a in rule.heads):
        return
    fixed = {v.name for atom in head_atoms(rule) for v in atom_variables(atom)} | {
        v.name for v in weight_variables(rule)
    }
    fixed = _determined(rule.body, frozenset(fixed))
    bound = Binding(context.program).closure(rule.body, frozenset())
    shown: dict[str, Var] = {}
    for v in outer_variables(rule.body):
        if v.name in bound and v.name not in fixed:
            shown.setdefault(v.name, v)
    if shown:
        names = " and of ".join(_named(context, rule, list(shown.values())))
        context.warn("NS221", f"each value of {names} makes a choice of its own", next(iter(shown.values())).span,
                     note="the rule's weight counts once for every grounding of all its variables",
                     help="derive the condition by a rule without a weight, and weigh a rule over it")  # fmt: skip


def _named(context: Context, rule: Rule, found: list[Var]) -> list[str]:
    """The variables by their names, and each `_` by the argument that it stands for."""
    plain = ", ".join(f"`{spelled(v)}`" for v in found if not v.anonymous)
    named = [plain] if plain else []
    nameless = {v.name for v in found if v.anonymous}
    for atom, _ in body_atoms(rule.body):
        places = [k for k, t in enumerate(atom.args) if isinstance(t, Var) and t.name in nameless]
        if not places:
            continue
        nameless -= {t.name for t in atom.args if isinstance(t, Var)}
        declared = context.signatures.get(atom.key)
        which = _and([_ordinal(k + 1) for k in places]) + f" argument{'s' * (len(places) > 1)}"
        which += f", {_and([declared[k].name for k in places])}," if declared else ""
        named.append(f"the {which} of `{spell_predicate(atom.predicate, context.program.prefixes)}`")
    return [*named, *(["`_`"] if nameless else [])]


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _uncertain(weight: Weight | None) -> bool:
    if weight is None:
        return False
    number = None if weight.value is None else constant_number(weight.value)
    return weight.learn or number not in (0.0, 1.0)


def _determined(body: Body, fixed: frozenset[str]) -> frozenset[str]:
    """The variables that have one value where the fixed ones have."""
    parts = conjuncts(body)
    while True:
        wider = set(fixed)
        for part in parts:
            if isinstance(part, Comparison) and part.op in ("=", "is"):
                for target, value in ((part.left, part.right), (part.right, part.left)):
                    if isinstance(target, Var) and all(v.name in wider for v in variables(value)):
                        wider.add(target.name)
            elif isinstance(part, Aggregate) and part.op == "=" and isinstance(part.result, Var):
                wider.add(part.result.name)
        if wider == fixed:
            return fixed
        fixed = frozenset(wider)


def check_singletons(context: Context) -> None:
    """NS219: a variable that occurs once. NS230: a reason that speaks of no variable of its rule."""
    places = {(d.span.file, d.span.line, d.span.column) for d in context.found if d.span is not None}
    wrong = {(d.span.file, d.span.line) for d in context.found if d.span is not None and d.severity == "error"}
    for rule in context.program.plain_facts.others:
        if rule.is_fact and rule.because is None:
            continue
        head = [v for atom in head_atoms(rule) for v in atom_variables(atom)]
        found = [*head, *weight_variables(rule), *body_variables(rule.body)]
        counts = Counter(v.name for v in found)
        if rule.exception_to and (target := context.named_rules.get(rule.exception_to)):
            counts.update(v.name for atom in head_atoms(target) for v in atom_variables(atom))
        words = re.findall(r"\{\??(\w+)\}", rule.because or "")
        names = set(counts)
        for word in words:
            if word not in names:
                context.warn("NS230", f"the reason speaks of `{{{word}}}`, which is no variable of the rule",
                             context.word_span(rule, rf"(\{{\??{word}\}})"),
                             help=did_you_mean(word, names))  # fmt: skip
        counts.update(words)
        span = rule.span
        if any(file == span.file and span.line <= line <= span.end_line for file, line in wrong):
            continue  # most likely the other end of the same misspelling
        for v in found:
            place = (v.span.file, v.span.line, v.span.column)
            if counts[v.name] == 1 and not v.name.startswith("_") and place not in places:
                context.warn("NS219", f"the variable `{spelled(v)}` occurs only once", v.span,
                             help=_singleton_help(v, names))  # fmt: skip


def _singleton_help(v: Var, names: set[str]) -> str:
    near = did_you_mean(v.name, [n for n in names if n != v.name and not n.startswith("_")]) if len(v.name) > 2 else ""
    return near or "write `_` if its value does not matter"
