"""Labels of facts and reasons of steps, compared with what rules and data say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from neurosym.lang.ast import Const
from neurosym.lang.notation import substituted
from neurosym.lang.terms import Value
from neurosym.verify.atoms import split_atom
from neurosym.verify.rules.basis import Basis
from neurosym.verify.rules.form import Part, Pattern
from neurosym.verify.structure import fault
from neurosym.verify.view.read import ShownNode, ShownStep, View
from neurosym.verify.view.sources import ByRules, Derivation, Fact
from neurosym.verify.view.steps import Matched, Traced
from neurosym.verify.view.words import Words, filled

NEGATED = "it is not so that "
SLOT = re.compile(r"\{\??([^{}\s]+)\}")


class Sentences:
    """What is written beside facts and steps."""

    def __init__(self, view: View, traced: Traced, basis: Basis, source: ByRules, words: Words) -> None:
        self.view, self.traced, self.basis, self.source, self.words = view, traced, basis, source, words

    def compare(self) -> list[str]:
        """See that each sentence is what rules and data make of the fact or the step.

        Returns:
            What was not looked at.

        Raises:
            ExplanationError: NS836 one is not.
        """
        self._claim()
        left: list[str] = []
        for name, node in self.view.nodes.items():
            known = name in self.traced.facts or name in self.traced.absent
            if not known or not node.atom:
                left.append(node.atom)
            elif not self.words.says(node.label, lambda language, n=node: self._labels(n, language)):
                raise fault("NS836", f"{node.atom:.200} is shown as `{node.label:.200}`, which it is not called")
        for number, step in enumerate(self.view.steps):
            matched = self.traced.matched.get(number)
            if matched is not None:
                self._reason(step, matched)
        return [f"the wording of {len(left)} facts, {left[0]:.80} among them"] if left else []

    def _claim(self) -> None:
        view, found = self.view, self.basis.found
        fact = self.basis.facts[found.claim]
        absent = found.kinds[found.claim] == "absent"
        if not (view.label == view.atom if absent else self._is_called(view.label, fact, True)):
            raise fault("NS836", f"the claim {view.atom:.200} is shown as `{view.label:.200}`, which it is not called")
        if absent:
            return
        for text, (number, holds) in zip(view.given, found.evidence.items(), strict=True):
            if not self._is_called(text, self.basis.facts[number], holds):
                raise fault("NS836", f"`{text:.200}` is said to be observed, and was not")

    def _is_called(self, text: str, fact: Fact, holds: bool) -> bool:
        return self.words.says(text, lambda language: [("" if holds else NEGATED) + self._fact(fact, language)])

    # --------------------------------------------------------------------------------------------------- labels

    def _labels(self, node: ShownNode, language: str) -> Iterator[str]:
        """What a node may be called."""
        if node.kind == "aggregate":
            yield node.atom
            yield from self._result(node, language)
            return
        if node.kind == "choice":
            yield self._bound(node.atom, self.traced.facts[node.id][1], language)[0]  # pyright: ignore[reportIndexIssue]
            return
        absent = self.traced.absent.get(node.id)
        if absent is not None:
            assert absent.key is not None
            if isinstance(absent.key, Part):
                yield NEGATED + self._part(absent.key, node.atom[4:], absent.pattern, language)
            else:
                yield NEGATED + absent.text
                yield self.words.absence(absent.key, absent.pattern, language)
            return
        fact = self.traced.facts[node.id]
        if node.kind == "not" or (node.kind == "assumption" and node.atom.startswith("not ")):
            for text in self._negated(fact, node, language):
                yield NEGATED + text
        else:
            yield self._fact(fact, language)

    def _result(self, node: ShownNode, language: str) -> Iterator[str]:
        fact = self.traced.facts[node.id]
        value = self.basis.normal.terms.value(fact[1][-1])  # pyright: ignore[reportIndexIssue] - a fact of the program
        yield f"{self.source.result(fact)[0]} = {self.words.value(value, language)}"

    def _negated(self, fact: Fact, node: ShownNode, language: str) -> Iterator[str]:
        """What a fact under a negation may be called; a member of an aggregate by what it rests on."""
        if self.source.atom(fact):
            yield self._fact(fact, language)
            return
        if self.source.role(fact) == "choice":
            yield "outcome 1 of the choice made by the rule's weight"
            return
        described = self.source.described(fact)
        if described:
            key, row = fact  # pyright: ignore[reportGeneralTypeIssues] - a fact of the program
            yield self._part(key, node.atom[4:], row, language)
        for derivation in self.source.derivations(fact) if not described else ():
            members = [f for f in derivation.body if self.source.atom(f)]
            members.sort(key=lambda f: node.atom.find(self.source.atom(f)))  # in whatever order they are named
            if node.atom == f"not {' and '.join(map(self.source.atom, members))}":
                yield " and ".join(self._fact(f, language) for f in members)

    def _bound(self, text: str, row: Pattern, language: str) -> tuple[str, dict[str, Value]]:
        """A text for people whose atom ends in the values of variables, and these: `… (t = ada)`."""
        begin, _, rest = text.rpartition(" (")
        if not begin or " = " not in rest:
            return text, {}
        left = [n for n in row if n is not None]
        values: dict[str, Value] = {}
        names = self.basis.identities.names
        for part in split_atom(f"x({rest}")[1]:
            name, _, spelled = part.partition(" = ")
            while left:
                term = left.pop(0)
                if names.spell_terms((term,))[0] == spelled:
                    values[name] = self.basis.normal.terms.value(term)
                    break
        said = ", ".join(f"{n} = {self.words.value(v, language)}" for n, v in values.items())
        return f"{begin} ({said})", values

    def _part(self, key: Part, text: str, row: Pattern, language: str) -> str:
        """What the engine introduced, for people; an exception is told by its sentence, or by its conditions."""
        if key.role != "exception":
            return text
        values = self._bound(text, row, language)[1]
        rules = self.basis.normal.program.rules
        rule = rules[key.statement]
        texts = {name: self.words.value(value, language) for name, value in values.items()}
        if rule.because and set(SLOT.findall(rule.because)) <= texts.keys():
            when = " ".join(filled(rule.because, texts).split()).rstrip(".")
        else:
            known = {name: Const(value) for name, value in values.items()}
            names = self.basis.identities.names
            when = names.notation.printer(names.prefixes).body(substituted(rule.body, known), joint=" and ")
        weighted = rule.exception_weight is not None or any(h.weight is not None for h in rule.heads)
        if weighted or (rule.name is not None and any(r.exception_to == rule.name for r in rules)):
            return f"the exception {rule.label} applies (its condition: {when})"
        return f"{when} (exception {rule.label})"

    def _fact(self, fact: Fact, language: str) -> str:
        return self.words.fact(fact, language)  # pyright: ignore[reportArgumentType] - a fact of the program

    # -------------------------------------------------------------------------------------------------- reasons

    def _reason(self, step: ShownStep, matched: Matched) -> None:
        node = self.view.nodes[step.node]
        labels = [x.label for x in map(self.view.nodes.__getitem__, step.body) if x.kind != "choice"]
        if node.kind == "aggregate":
            said = f"{node.label}: {', '.join(labels)}" if labels else node.label
            right = step.because == said
        else:
            plain = f"{node.label}, because {' and '.join(labels)}" if labels else node.label
            bound = step.substitution
            right = any(
                self.words.says(step.because, lambda language, d=d: self._because(bound, d, plain, language))
                for d in matched.ways
            )
        if not right:
            raise fault("NS836", f"the reason for {node.atom:.200} is not what the rule says: `{step.because:.200}`")

    def _because(
        self, shown: Mapping[str, str], derivation: Derivation, plain: str, language: str
    ) -> Iterator[str]:  # fmt: skip
        """What the rule says, if its variables are what they are said to be."""
        rules = self.basis.normal.program.rules
        bound = self.words.bound(derivation.bindings or {}, language)
        if not _within(shown, bound):
            return
        template = rules[derivation.statement].because
        if not template or derivation.part not in ("rule", "exception"):
            yield plain
            return
        yield filled(template, bound)
        yield filled(template, shown)  # what the graph does not tell stays in braces


def fitting(words: Words, step: ShownStep, derivation: Derivation) -> bool:
    """Whether a derivation has the bindings that a step shows."""
    return words.says(
        "", lambda lang: [""] if _within(step.substitution, words.bound(derivation.bindings or {}, lang)) else []
    )


def _within(shown: Mapping[str, str], bound: Mapping[str, str]) -> bool:
    return all(bound.get(name) == value for name, value in shown.items())


__all__ = ["NEGATED", "Sentences", "fitting"]
