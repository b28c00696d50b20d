"""Names for what the engine introduced: choices, aggregates, exceptions, groups under a negation.

Atoms are spelled by identifiers, labels are for people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from neurosym.explain.words import Words, fill
from neurosym.grounding import DerivationGraph
from neurosym.grounding.core import CoreRule, Key
from neurosym.lang.ast import Const, Program, Rule
from neurosym.lang.notation import substituted
from neurosym.lang.terms import Value, spell

Named = tuple[str, str]  # atom, label
_SLOT = re.compile(r"\{\??([^{}\s]+)\}")


class Introduced:
    """Names for the hidden facts of one graph."""

    def __init__(self, graph: DerivationGraph, program: Program, words: Words) -> None:
        self.graph, self.program, self.words = graph, program, words
        self._rules: dict[Key, CoreRule] = {}
        self._choices: dict[Key, tuple[str, ...]] = {}
        for rule in graph.program.rules:
            for atom, _ in rule.heads:
                if atom.key in graph.program.hidden:
                    self._rules.setdefault(atom.key, rule)
            if rule.choice is not None:
                self._choices |= dict.fromkeys(rule.choice.leaves, rule.choice.variables)

    def choice(self, fact: int) -> Named:
        """The firing of a weighted rule: for which values of its variables it holds tells it from its other firings."""
        graph = self.graph
        group, row = graph.choice_of(fact)
        text = f"the rule {self.program.rules[int(group.statements[row])].label} holds here"
        names = self._choices.get(graph.key(fact), ())
        values = dict(zip(names, graph.symbols.values(graph.args(fact)), strict=False))
        return self._bound(text, values)

    def aggregate(self, fact: int) -> Named:
        """The result of an aggregate."""
        graph = self.graph
        value = graph.symbols.value(graph.args(fact)[-1])
        function = graph.program.hidden[graph.key(fact)].split("`")[1]
        return f"{function} = {spell(value, graph.prefixes)}", f"{function} = {self.words.value(value)}"

    def possible(self, fact: int) -> Named:
        """A hidden fact that may hold; of a member of an aggregate, the member."""
        graph = self.graph
        key = graph.key(fact)
        if graph.program.hidden[key].endswith("ranges over"):
            for grounding in np.nonzero(graph.head == fact)[0][:1].tolist():
                body, signs = graph.body_of(grounding)
                members = [f for f, sign in zip(body, signs, strict=True) if sign and not graph.hidden(f)]
                if members:
                    return " and ".join(map(graph.atom, members)), " and ".join(map(self.words.fact, members))
        return self.matching(key, graph.args(fact))

    def matching(self, key: Key, args: Sequence[int]) -> Named:
        """What a hidden predicate stands for, for some arguments; -1 is any."""
        described = self.graph.program.hidden[key]
        statement = self.exception(key)
        if statement is None:
            return described, described
        rule, core = self.program.rules[statement], self._rules.get(key)
        names = next((a.args for a, _ in core.heads if a.key == key), ()) if core is not None else ()
        values = {str(name): self.graph.symbols.value(arg) for name, arg in zip(names, args, strict=False) if arg >= 0}
        atom = self._bound(described, values)[0]
        texts = {name: self.words.value(value) for name, value in values.items()}
        if rule.because and set(_SLOT.findall(rule.because)) <= texts.keys():
            when = " ".join(fill(rule.because, texts).split()).rstrip(".")
        else:
            known = {name: Const(value) for name, value in values.items()}  # pyright: ignore[reportArgumentType]
            printer = self.graph.program.notation.printer(self.graph.prefixes)
            when = printer.body(substituted(rule.body, known), joint=" and ")
        if self._may_fail(rule):  # what it says may well be so, and the exception not apply all the same
            return atom, f"{described} (its condition: {when})"
        return atom, f"{when} (exception {rule.label})"

    def _may_fail(self, rule: Rule) -> bool:
        """Whether an exception need not apply where its conditions hold: it has a weight, or exceptions of its own."""
        weighted = rule.exception_weight is not None or any(h.weight is not None for h in rule.heads)
        return weighted or (rule.name is not None and any(r.exception_to == rule.name for r in self.program.rules))

    def exception(self, key: Key) -> int | None:
        """The statement whose exception a hidden predicate stands for; None where it stands for anything else."""
        statement, what, _ = self.graph.program.parts.get(key, (-1, "", 0))
        return statement if what == "exception" else None

    def _bound(self, text: str, values: Mapping[str, Value]) -> Named:
        """A text with the values of variables after it; those that the engine named have none to show."""
        said = {n: v for n, v in values.items() if not n.startswith(("#", "_"))}
        if not said:
            return text, text
        atoms = ", ".join(f"{n} = {spell(v, self.graph.prefixes)}" for n, v in said.items())
        labels = ", ".join(f"{n} = {self.words.value(v)}" for n, v in said.items())
        return f"{text} ({atoms})", f"{text} ({labels})"


__all__ = ["Introduced"]
