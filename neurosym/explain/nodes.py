"""The nodes, steps and rules that proofs consist of, each once.

A node is named by a hash of its kind, its rule, its fact and the nodes it rests on. So proofs that share a part share
its nodes, two ways to derive a fact are two nodes, and the same proof has the same names in every explanation.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cached_property

from neurosym.explain.believed import Believed
from neurosym.explain.chances import Chances
from neurosym.explain.introduced import Introduced
from neurosym.explain.model import Neural, Node, NodeKind, RuleText, Step
from neurosym.explain.neural import NeuralEvidence
from neurosym.explain.proofs import Derivation
from neurosym.explain.searched import Searched
from neurosym.explain.views.statements import atom_triple, fact_triple
from neurosym.explain.words import NOT_SO, Words
from neurosym.grounding.builtins import constant_weight
from neurosym.grounding.core import Key
from neurosym.lang.ast import Weight
from neurosym.reasoner import Answers, Reasoner


class ProofNodes:
    """Collects what proofs consist of.

    Attributes:
        nodes: id → node; `steps`: id of a derived node → its step; `facts`: id → fact of the graph.
        rules: statement → its text, in the order in which they were met.
        mentioned: statements of exceptions that keep a proof's rules from firing if they apply, and do not.
    """

    def __init__(
        self,
        answers: Answers,
        reasoner: Reasoner,
        chances: Chances,
        sample: int,
        language: str,
        posterior: Believed | None,
        level: float,
    ) -> None:
        self.graph = answers.grounded.graph
        self.base = answers.grounded.leaves.facts
        self.reasoner, self.program = reasoner, reasoner.program
        self.chances = chances
        self.words = Words(self.graph, self.program, self.base.labels(language))
        self.neural = NeuralEvidence(answers, sample)
        self.posterior, self.level = posterior, level
        self.nodes: dict[str, Node] = {}
        self.steps: dict[str, Step] = {}
        self.facts: dict[str, int] = {}
        self.rules: dict[int, RuleText] = {}
        self._made: dict[Derivation, str] = {}  # proofs share derivations
        self.mentioned: dict[int, None] = {}
        self.introduced = Introduced(self.graph, self.program, self.words)
        self.searched = Searched(self.graph, self.program, self.base)

    @property
    def step_number(self) -> dict[str, int]:
        """Id of a derived node → the position of its step."""
        return {name: k for k, name in enumerate(self.steps)}

    def add(self, tree: Derivation) -> str:
        """The id of a proof's root; what it consists of is collected, bottom up."""
        made = self._made
        stack: list[tuple[Derivation, bool]] = [(tree, False)]
        while stack:  # a stack of its own: proofs nest deeper than Python does
            node, ready = stack.pop()
            if node in made:
                continue
            if not ready and node.children:
                stack.append((node, True))
                stack.extend((child, False) for child in node.children)
                continue
            made[node] = "" if self._is_passed_over(node) or self._is_start(node) else self._derived(node)
        return made[tree]

    def oppose(self, fact: int, tree: Derivation) -> None:
        """Tell below the `not` node of a fact a proof of that fact.

        A fact that the engine introduced is passed over in other proofs. An exception is told here, by its rule; a fact
        that stands for one other, as the member of an aggregate does, is told as that one.
        """
        root = self.add(tree) or self._told_alone(tree) or self._derived(tree)
        name = self._negated(fact)
        self.nodes[name] = replace(self.nodes[name], opposite=root)

    def rule_number(self, statement: int) -> int:
        """The position of a rule among those that were met."""
        if statement not in self.rules:
            self.rules[statement] = self._rule_text(statement)
        return list(self.rules).index(statement)

    # ------------------------------------------------------------------------------------------------- nodes

    def _derived(self, tree: Derivation) -> str:
        """The node of a derivation whose children are made."""
        graph, fact = self.graph, tree.fact
        if tree.grounding is None:
            return self._leaf(fact)
        if self.chances.assumptions.made_by(tree.grounding):
            return self._assumption(fact)
        kind = "aggregate" if graph.hidden(fact) and self._is_result(fact) else "derived"
        body = self._body(tree)
        rule = graph.rules[graph.rule[tree.grounding]]
        number = self.rule_number(rule.statement)
        atom, label = self._names(kind, fact)
        name = _hash(kind, self.rules[rule.statement].name, rule.part, atom, *body)
        if name not in self.nodes:
            self._put(name, kind, fact, (atom, label))
            labels = [self.nodes[b].label for b in body if self.nodes[b].kind != "choice"]
            because = self.words.because(tree.grounding, labels)
            if kind == "aggregate":
                because = f"{label}: {', '.join(labels)}" if labels else label
            elif graph.hidden(fact) and rule.part != "exception" and labels:  # it has no name but what it stands for
                because = " and ".join(labels)
                self.nodes[name] = replace(self.nodes[name], label=because)
            self.steps[name] = Step(name, number, body, because, self.words.substitution(tree.grounding))
        return name

    def _is_passed_over(self, tree: Derivation) -> bool:
        """Whether a derivation is of a fact that the engine introduced, for which what it rests on stands."""
        hidden = self.graph.hidden(tree.fact)
        return hidden and tree.grounding is not None and not self._is_result(tree.fact)

    def _is_start(self, tree: Derivation) -> bool:
        """Whether a leaf is the start of an aggregate's chain, which says nothing."""
        return tree.grounding is None and self.graph.hidden(tree.fact) and self.graph.choice[tree.fact] < 0

    def _body(self, tree: Derivation) -> tuple[str, ...]:
        """Nodes of a derivation's literals; what the engine introduced is replaced by what it stands for."""
        graph = self.graph
        found: list[str] = []
        stack: list[Derivation | str] = [tree]
        while stack:
            at = stack.pop()
            if isinstance(at, str):
                found.append(at)
                continue
            if at is not tree and not self._is_passed_over(at):
                if not self._is_start(at):
                    found.append(self._made[at])
                continue
            below: list[Derivation | str] = [*at.children]
            below.extend(self._negated(fact) for fact in at.negated)
            if at.grounding is not None:
                part = slice(graph.absent_start[at.grounding], graph.absent_start[at.grounding + 1])
                below.extend(self._absent(int(index)) for index in graph.absent[part])
            stack.extend(reversed(below))
        return tuple(dict.fromkeys(found))

    def _told_alone(self, tree: Derivation) -> str:
        """The one node that a fact which the engine introduced stands for; empty where there are several, or a rule."""
        part = self.graph.rules[self.graph.rule[tree.grounding]].part
        body = () if part == "exception" else self._body(tree)
        return body[0] if len(body) == 1 else ""

    def _is_result(self, fact: int) -> bool:
        """Whether a hidden fact is the result of an aggregate, which reads as a fact of its own."""
        return self.graph.program.hidden[self.graph.key(fact)].endswith("over the members")

    def _leaf(self, fact: int) -> str:
        """A fact that no rule derives: recorded, said by a network, or chosen."""
        kind = "neural" if fact in self.neural else "choice" if self.graph.hidden(fact) else "data"
        atom, label = self._names(kind, fact)
        # what the engine chooses has no name of its own: how often one rule chooses is told by the number
        name = _hash(kind, atom, *([self.graph.atom(fact)] if kind == "choice" else []))
        if name not in self.nodes:
            neural = self.neural.of(fact) if kind == "neural" else None
            self._put(name, kind, fact, (atom, label), neural=neural)
        return name

    def _names(self, kind: str, fact: int) -> tuple[str, str]:
        """Atom and label of a fact; what the engine introduced is called by what it does."""
        graph = self.graph
        if kind == "choice":
            return self.introduced.choice(fact)
        if kind == "aggregate":
            return self.introduced.aggregate(fact)
        return graph.atom(fact), self.introduced.possible(fact)[1] if graph.hidden(fact) else self.words.fact(fact)

    def _assumption(self, fact: int, sign: bool = True) -> str:
        """The node of an atom that is unknown, and that a proof assumes to hold, or not to."""
        atom, label = self.graph.atom(fact), self.words.fact(fact)
        if not sign:
            atom, label = f"not {atom}", NOT_SO + label
        name = _hash("assumption", atom)
        if name not in self.nodes:
            place = self.chances.assumptions.place(fact)
            self._put(name, "assumption", fact, (atom, label), sign, place)
        return name

    def _negated(self, fact: int) -> str:
        """The node of a possible fact that a negated literal needs false."""
        if self.chances.assumptions.bare(fact):
            return self._assumption(fact, False)
        graph = self.graph
        hidden = graph.hidden(fact)
        what, words = self.introduced.possible(fact) if hidden else (graph.atom(fact), self.words.fact(fact))
        name = _hash("not", f"not {what}", graph.atom(fact))
        if name not in self.nodes:
            self._mention(graph.key(fact))
            neural = self.neural.of(fact) if fact in self.neural else None
            self._put(name, "not", fact, (f"not {what}", NOT_SO + words), False, neural=neural)
        return name

    def _absent(self, index: int) -> str:
        """The node of an atom that a negated literal needs to be absent, and that no fact matches."""
        graph = self.graph
        predicate, args = graph.absent_atoms[index]
        key = graph.predicates[predicate]
        values = [None if a < 0 else graph.symbols.value(a) for a in args]
        if key in graph.program.hidden:
            what, words = self.introduced.matching(key, args)
            atom, label = f"not {what}", NOT_SO + words
        else:
            atom, label = f"not {graph.spell(key, args)}", self.words.absence(key, values)
        name = _hash("absent", atom)
        if name not in self.nodes:
            self._mention(key)
            triple = atom_triple(key, values)
            self.nodes[name] = Node(name, "absent", atom, label, 1.0, self.searched.place(key, args), triple=triple)
        return name

    def _mention(self, key: Key) -> None:
        """An exception that does not apply is among the rules that are shown: who doubts that can read it."""
        statement = self.introduced.exception(key)
        if statement is not None:
            self.mentioned[statement] = None

    def _put(
        self, name: str, kind: NodeKind, fact: int, named: tuple[str, str], sign: bool = True, place: str = "",
        neural: Neural | None = None,
    ) -> None:  # fmt: skip
        """Make a node: that a fact holds, or that it does not.

        Args:
            named: atom and label.
        """
        graph = self.graph
        if not place and kind != "not" and graph.place[fact] >= 0:
            place = str(graph.places[graph.place[fact]])
        self.facts[name] = fact
        triple = fact_triple(graph, fact)
        lower, upper = self.chances.interval(fact, sign) or (None, None)
        probability = self.chances.of(fact, sign)
        self.nodes[name] = Node(
            name, kind, *named, probability, place, neural, triple, lower=lower, upper=upper
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------- rules

    def _rule_text(self, statement: int) -> RuleText:
        """A rule as the expert wrote it, with its current weight."""
        rule = self.program.rules[statement]
        weight = rule.exception_weight or next((h.weight for h in rule.heads if h.weight is not None), None)
        learned = weight is not None and weight.learn
        now = self._learned.get(statement)
        if now is not None:
            parameter = next(p for p in self.reasoner.learnable if p.statement == statement)
            current, initial = now[0], parameter.initial[0] if parameter.initial else None
        else:
            current = initial = constant_weight(weight)
        credible = None if self.posterior is None else self.posterior.of_statement(statement, self.level)
        text, place = self.program.text_of(rule) or rule.label, rule.span
        weights = self._weights(statement)
        if weights:
            current = initial = None
        given = "" if weights or current is not None else self._calculated(weight)
        return RuleText(
            rule.label, text, place.file, place.line, rule.source or "", current, learned, initial, credible, weights,
            given,
        )  # fmt: skip

    def _calculated(self, weight: Weight | None) -> str:
        """The expression that gives a rule's weight, as it is written; an empty string where none does."""
        if weight is None or weight.value is None:
            return ""
        return self.graph.program.notation.printer(self.graph.prefixes).term(weight.value)

    @cached_property
    def _learned(self) -> dict[int, list[float]]:
        return self.reasoner.statement_weights()

    def _weights(self, statement: int) -> tuple[float, ...]:
        """The weights of a disjunction's alternatives as they are now; none where one of them is calculated."""
        heads = self.program.rules[statement].heads
        if len(heads) < 2:
            return ()
        found = self._learned.get(statement, [constant_weight(h.weight) for h in heads])
        return tuple(w for w in found if w is not None) if None not in found else ()


def _hash(*parts: str) -> str:
    """A short name made of what a node is."""
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]
