"""Facts and firings in the expert's words: labels, templates, and substitutions rebuilt from the graph."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from neurosym.facts import RDF_TYPE
from neurosym.grounding import CoreRule, DerivationGraph
from neurosym.grounding.bodies import variables_of
from neurosym.grounding.builtins import Evaluator
from neurosym.grounding.core import AggregateStep, Compare, CoreAtom, ForeignCall, Key, Scan
from neurosym.lang.ast import Program, Var
from neurosym.lang.terms import RDFS, Iri, LangString, Symbol, Value, spell

_STANDARD = {RDF_TYPE: "is a", RDFS + "subClassOf": "is a kind of", RDFS + "subPropertyOf": "is a kind of"}
NOT_SO = "it is not so that "  # begins the label of what is denied
_SLOT = re.compile(r"\{([^{}\s]+)\}")


class Words:
    """Names for the facts of one graph.

    Args:
        labels: resource → its rdfs:label.
    """

    def __init__(self, graph: DerivationGraph, program: Program, labels: Mapping[Value, str]) -> None:
        self.graph = graph
        self.program = program
        self.labels = labels
        self._evaluator = Evaluator(graph.symbols)
        self._substitutions: dict[int, dict[str, str]] = {}

    def value(self, value: Value) -> str:
        """A term for people: its label, the last part of its IRI, a number in a few digits."""
        if isinstance(value, Iri):
            return self.labels.get(value) or re.split(r"[#/:]", value.value.rstrip("/#"))[-1] or value.value
        if isinstance(value, Symbol):
            return value.name
        if isinstance(value, LangString):
            return value.text
        if isinstance(value, float):
            return f"{value:.4g}"
        return value if isinstance(value, str) else spell(value, self.graph.prefixes)

    def fact(self, fact: int) -> str:
        """A fact as a sentence: its predicate's `label` template, else the atom with labels for its terms."""
        graph = self.graph
        key, args = graph.key(fact), graph.symbols.values(graph.args(fact))
        if key in graph.program.hidden:
            return graph.program.hidden[key]
        if key in graph.program.notation.joint:
            return graph.atom(fact)
        return self._template(key, [self.value(v) for v in args]) or self._atom(key, args)

    def absence(self, key: Key, args: Sequence[Value | None]) -> str:
        """That no fact matches an atom; None is a wildcard."""
        if None not in args:
            sentence = self._template(key, [self.value(v) for v in args if v is not None])
            if sentence is not None:
                return NOT_SO + sentence
        return f"there is no {self._atom(key, args)}"

    def template(self, key: Key, args: Sequence[Value]) -> str | None:
        """A ground atom by its predicate's `label`; None where it has none."""
        return self._template(key, [self.value(v) for v in args])

    def atom(self, key: Key, args: Sequence[Value | None]) -> str:
        """An atom by its predicate's `label`, else with labels for its terms; None is a wildcard."""
        known = [v for v in args if v is not None]
        return (self.template(key, known) if len(known) == len(args) else None) or self._atom(key, args)

    def _template(self, key: Key, texts: list[str]) -> str | None:
        declaration = self.program.declarations.get(key) or self.program.neural.get(key)
        if declaration is None or not declaration.label:
            return None
        return fill(declaration.label, dict(zip((a.name for a in declaration.args), texts, strict=True)))

    def _atom(self, key: Key, args: Sequence[Value | None]) -> str:
        name = key[0]
        if key == ("triple", 3) and isinstance(args[1], Iri):
            name, args = f"<{args[1].value}>", [args[0], args[2]]
        texts = ["…" if v is None else self.value(v) for v in args]
        if name.startswith("<") and len(args) in (1, 2):
            words = _STANDARD.get(name[1:-1]) or self.value(Iri(name[1:-1]))
            return f"{texts[0]} is a {words}" if len(args) == 1 else f"{texts[0]} {words} {texts[1]}"
        if key in self.graph.program.neural:
            return f"{name.replace('_', ' ')}: {', '.join(texts)}"
        return f"{name}({', '.join(texts)})" if args else name

    def substitution(self, grounding: int) -> dict[str, str]:
        """Variable → value, as text, of a grounding; variables that the graph does not tell are left out."""
        found = self._substitutions.get(grounding)
        if found is None:
            graph = self.graph
            ids = self._ids(graph.rules[graph.rule[grounding]], grounding)
            told = {name: i for name, i in ids.items() if not name.startswith(("#", "_"))}
            found = {name: self.value(graph.symbols.value(i)) for name, i in told.items()}
            self._substitutions[grounding] = found
        return found

    def _ids(self, rule: CoreRule, grounding: int) -> dict[str, int]:
        graph = self.graph
        body, _ = graph.body_of(grounding)
        ids: dict[str, int] = {}

        def match(atom: CoreAtom, fact: int) -> None:
            for arg, value in zip(atom.args, graph.args(fact), strict=True):
                if isinstance(arg, str):
                    ids[arg] = value

        head = int(graph.head[grounding])
        for atom, _ in rule.heads:
            if atom.key == graph.key(head):
                match(atom, head)
                break
        position = 0
        for literal in rule.body:  # recorded literals have their facts first, in this order
            if isinstance(literal, Scan) and literal.record:
                match(literal.atom, body[position])
                position += 1
            elif isinstance(literal, AggregateStep):
                match(CoreAtom(literal.key, (*literal.group, literal.result)), body[position])
                position += 1
        if rule.choice is not None and position < len(body):
            leaf = body[position]
            if graph.key(leaf) in rule.choice.leaves:
                ids |= dict(zip(rule.choice.variables, graph.args(leaf), strict=True))
        self._assign(rule, ids)
        return ids

    def _assign(self, rule: CoreRule, ids: dict[str, int]) -> None:
        """Evaluate the assignments whose inputs are known; functions are not called again."""
        pending = [x for x in rule.body if isinstance(x, Compare) and x.op in ("=", "is") and not x.negated]
        calls = [x for x in rule.body if isinstance(x, ForeignCall) and not x.negated]
        changed = True
        while changed:
            changed = any(self._answer(call, ids) for call in calls)
            for compare in pending:
                for target, value in ((compare.left, compare.right), (compare.right, compare.left)):
                    if isinstance(target, Var) and target.name not in ids and variables_of(value) <= set(ids):
                        columns = {n: np.array([i], np.int32) for n, i in ids.items()}
                        operand = self._evaluator.operand(value, columns, 1)
                        if operand.ok[0]:
                            ids[target.name] = int(operand.to_ids(self.graph.symbols)[0])
                            changed = True

    def _answer(self, call: ForeignCall, ids: dict[str, int]) -> bool:
        """Bind what a function answered while grounding, where only one of its answers fits; whether it bound any."""
        wanted = {k: a.name for k, a in enumerate(call.args) if isinstance(a, Var)}
        answers = self.graph.program.answers.get(call.foreign.key)
        if answers is None or all(wanted.get(k) in {None, *ids} for k in call.foreign.outputs):
            return False
        if not set().union(*(variables_of(a) for a in call.inputs)) <= set(ids):
            return False
        columns = {n: np.array([i], np.int32) for n, i in ids.items()}
        operands = [self._evaluator.operand(a, columns, 1) for a in call.inputs]
        row = np.array([[o.to_ids(self.graph.symbols)[0] for o in operands]], np.int32).reshape(1, len(operands))
        found = answers.of(row)[1].tolist() if answers.known(row) else []
        for column, position in enumerate(call.foreign.outputs):
            known = ids.get(wanted.get(position, ""))
            found = [s for s in found if known is None or s[column] == known]
        if len(found) != 1:
            return False
        pairs = zip(call.foreign.outputs, found[0], strict=True)
        ids |= {wanted[k]: value for k, value in pairs if k in wanted}
        return True

    def because(self, grounding: int, body: list[str]) -> str:
        """The rule's own sentence with its variables filled in, or one made from its literals."""
        graph = self.graph
        rule = graph.rules[graph.rule[grounding]]
        statement = self.program.rules[rule.statement]
        if statement.because and rule.part in ("rule", "exception"):
            return fill(statement.because, self.substitution(grounding))
        head = self.fact(int(graph.head[grounding]))
        return f"{head}, because {' and '.join(body)}" if body else head


def fill(template: str, values: Mapping[str, str]) -> str:
    """A template with `{name}` replaced; unknown names stay as they are."""
    return _SLOT.sub(lambda m: values.get(m.group(1), values.get(m.group(1).lstrip("?"), m.group(0))), template)
