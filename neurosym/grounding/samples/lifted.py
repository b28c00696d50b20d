"""A program for many samples at once: what depends on a sample's facts gets the sample as one more first argument.

    total(S) :- number(left, A), number(right, B), S = A + B.

becomes, where samples have facts from which `number` is derived,

    total(#, S) :- number(#, left, A), number(#, right, B), S = A + B.

so that one run of the engine grounds all samples. Predicates that depend on no sample stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from neurosym.grounding.core import (
    AggregateStep,
    ChoiceSpec,
    CoreAtom,
    CoreLiteral,
    CoreProgram,
    CoreRule,
    GroundFact,
    Key,
    Negated,
    Scan,
)
from neurosym.lang.ast import Argument, TypeRef

SAMPLE: Key = ("sample #", 1)  # holds the numbers of the samples; a question, so that they are no facts
VARIABLE = "#sample"
Numbered = tuple[int, CoreRule]


@dataclass(frozen=True)
class Lifted:
    """A program whose rules range over samples.

    Attributes:
        original: the program that was lifted; core: what the engine evaluates, without the facts of `facts`.
        rules: with their numbers, for the engine.
        keys: predicate that depends on samples → its name with one more argument; questions among them.
        facts: facts of the rule text that hold in every sample.
    """

    original: CoreProgram
    core: CoreProgram
    rules: list[Numbered]
    keys: dict[Key, Key]
    facts: list[GroundFact]


def lift(core: CoreProgram, rules: list[Numbered], given: Iterable[Key]) -> Lifted:
    """Lift a program.

    Args:
        rules: those to evaluate, with questions as guards where only what queries need is grounded.
        given: predicates of which samples have facts, by the names that hold their facts.
    """
    dependent = _dependent(core, set(given))
    dependent |= {question for group, question in core.demands.items() if group in dependent}
    dependent |= _questions(core, rules, dependent)
    asked = {*core.demands, *core.neural}
    keys = {key: (f"{key[0]} of a sample #", key[1] + 1) for key in sorted(dependent)}
    hidden = {keys.get(key, key): what for key, what in core.hidden.items()}
    lifted = replace(
        core,
        rules=[_rule(rule, keys, asked) for rule in core.rules],
        facts=[f for f in core.facts if f.key not in keys],
        hidden=hidden | {keys[key]: f"`{key[0]}/{key[1]}` of a sample" for key in keys if key not in core.hidden},
        demands={keys.get(group, group): keys.get(question, question) for group, question in core.demands.items()},
        questions={keys.get(key, key) for key in core.questions} | {SAMPLE},
        neural={
            keys.get(key, key): replace(d, args=(Argument(VARIABLE, TypeRef("any")), *d.args)) if key in keys else d
            for key, d in core.neural.items()
        },
    )
    facts = [f for f in core.facts if f.key in keys]
    return Lifted(core, lifted, [(n, _rule(r, keys, asked)) for n, r in rules], keys, facts)


def _dependent(core: CoreProgram, given: set[Key]) -> set[Key]:
    """The predicates that depend on given ones. The heads of one rule share its choice, so that all or none do."""
    found = set(given)
    left = [(_read(rule), {head.key for head, _ in rule.heads}, rule) for rule in core.rules]
    while touched := [entry for entry in left if not found.isdisjoint(entry[0] | entry[1])]:
        left = [entry for entry in left if found.isdisjoint(entry[0] | entry[1])]
        for _, heads, rule in touched:
            found |= heads | set(rule.choice.leaves if rule.choice else ())
    steps = [x for rule in core.rules for x in rule.body if isinstance(x, AggregateStep) and x.members in found]
    return found.union(*((step.key, step.states) for step in steps))


def _read(rule: CoreRule) -> set[Key]:
    """The predicates of a body."""
    read = {x.atom.key for x in rule.body if isinstance(x, Scan | Negated)}
    return read | {x.members for x in rule.body if isinstance(x, AggregateStep)}


def _questions(core: CoreProgram, rules: list[Numbered], dependent: set[Key]) -> set[Key]:
    """The questions about what depends on samples. What does not is asked about once, by whichever sample."""
    found: set[Key] = set()
    for number, rule in rules:
        first = rule.body[0] if rule.body else None
        if number >= 0 and isinstance(first, Scan) and first.atom.key in core.questions - set(core.demands.values()):
            found |= {first.atom.key for head, _ in rule.heads if head.key in dependent}
    return found


def _rule(rule: CoreRule, keys: dict[Key, Key], asked: set[Key]) -> CoreRule:
    """A rule for all samples. What binds the sample is one of its literals, or the list of the samples.

    Args:
        asked: predicates whose literals bind nothing, as they have to be asked with what is bound: groups, networks.
    """
    body = [_literal(x, keys) for x in rule.body]
    heads = tuple((_atom(head, keys), outcome) for head, outcome in rule.heads)
    needed = any(new is not old for new, old in zip(body, rule.body, strict=True))
    needed |= any(head.key in keys for head, _ in rule.heads)
    if not needed:
        return rule
    if not any(isinstance(x, Scan) and x.atom.key in keys and x.atom.key not in asked for x in rule.body):
        # at the end: the places of the others, which windows and edges go by, stay
        body.append(Scan(CoreAtom(SAMPLE, (VARIABLE,)), record=False))
    choice = rule.choice
    if choice is not None and choice.leaves[0] in keys:
        leaves = tuple(keys[leaf] for leaf in choice.leaves)
        choice = ChoiceSpec(choice.weights, choice.parameter, (VARIABLE, *choice.variables), leaves)
    return replace(rule, heads=heads, body=tuple(body), choice=choice)


def _atom(atom: CoreAtom, keys: dict[Key, Key]) -> CoreAtom:
    return CoreAtom(keys[atom.key], (VARIABLE, *atom.args)) if atom.key in keys else atom


def _literal(literal: CoreLiteral, keys: dict[Key, Key]) -> CoreLiteral:
    if isinstance(literal, Scan | Negated) and literal.atom.key in keys:
        return replace(literal, atom=_atom(literal.atom, keys))
    if isinstance(literal, AggregateStep) and literal.members in keys:
        return replace(
            literal, members=keys[literal.members], key=keys[literal.key], states=keys[literal.states],
            group=(VARIABLE, *literal.group),
        )  # fmt: skip
    return literal
