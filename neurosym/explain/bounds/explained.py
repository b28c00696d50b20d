"""Explanations under `bounds`: the interval, what each constraint and rule adds to it, and what is in conflict."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from neurosym.explain.bounds.certificate import logic_certificate
from neurosym.explain.bounds.steps import Speaker, Told
from neurosym.explain.certificates import hashes_of, provenance
from neurosym.explain.contributions import Asked
from neurosym.explain.model import Claim, Contribution, Explanation, Neural, RuleText
from neurosym.explain.neural import NeuralEvidence
from neurosym.explain.verification import remember
from neurosym.explain.words import Words
from neurosym.grounding.builtins import constant_weight
from neurosym.lang.ast import Constraint, Rule
from neurosym.reasoner import Answers, Reasoner
from neurosym.reasoner.logic import Logic

# the explanation, what numbers the texts of rules and constraints, and these texts → the explanation with more
Alternatives = Callable[[Explanation, Callable[[bool, int], int], list[RuleText]], Explanation]


def explain_bounds(
    answers: Answers, position: int, sample: int, asked: Asked, language: str, alternatives: Alternatives
) -> Explanation:
    """Why an answer has its bounds: each constraint and rule is left out in turn, and the bounds settle anew.

    Args:
        asked: seconds for that; nothing is left out where no contributions are asked for, and there is no other way.
        language: of labels; `alternatives`: adds why the claim does not hold, and what would change that.
    """
    reasoner, logic = answers.reasoner, answers.logic
    assert reasoner is not None and logic is not None
    atom = answers.atoms[position]
    value, lower, upper = (float(t[sample, position].detach()) for t in (answers.tags, answers.lower, answers.upper))
    hashes, number = hashes_of(answers), _number(answers, logic, position)
    certificate, atoms = logic_certificate(answers, logic, position, number, sample, hashes)
    texts = _Texts(reasoner, logic)
    names = _Names(answers, logic, atoms, sample, language)
    speaker = Speaker(reasoner.program, names.label, names.place, names.neural, texts.number, texts.found)
    told = Told(certificate, speaker)
    claim = Claim(
        atom, names.label(0), value, lower, upper, answers.semantics, answers.methods[position],
        answers.details[position],
    )  # fmt: skip
    warnings = [*told.notes]
    if upper - lower > 1e-9:
        warnings.append("the claim is an interval of truth, and its number is the middle of it")
    warnings += [f"contradiction: {c}" for c in logic.contradictions()]
    warnings += [u.sentence() for u in answers.unheard_of if u.observed or u.atom in atom]
    added, cut = [], 0
    if asked.methods and number is not None:
        added, cut = _left_out(logic, texts, number, sample, value, asked.budget)
    if asked.shared:
        warnings.append("under the semantics bounds, contributions are by leave-one-out alone")
    if cut:
        warnings.append(f"{cut} constraints and rules were not left out in turn, for lack of time")
    given = tuple(e.label for e in logic.inference.theory.elements if e.kind == "evidence")
    made = Explanation(
        claim, tuple(told.proofs), told.nodes, tuple(told.steps.values()), tuple(texts.found), tuple(added),
        tuple(warnings), provenance(answers, hashes), certificate, given,
    )  # fmt: skip
    return alternatives(remember(made, answers), texts.number, texts.found)


def _number(answers: Answers, logic: Logic, position: int) -> int | None:
    """An answer's number in the theory; None if nothing speaks of it."""
    formulas = logic.formulas
    if answers.facts[position] >= 0:
        return answers.facts[position]
    unknown = range(formulas.graph.num_facts, formulas.num_atoms)
    return next((i for i in unknown if formulas.spell_atom(i) == answers.atoms[position]), None)


class _Texts:
    """The rules and constraints that are told of, each once."""

    def __init__(self, reasoner: Reasoner, logic: Logic) -> None:
        self.reasoner, self.logic = reasoner, logic
        self.found: list[RuleText] = []
        self._numbers: dict[tuple[bool, int], int] = {}

    def number(self, constraint: bool, number: int) -> int:
        """The position of the text of a constraint, or of a rule, by its number in the program."""
        if (constraint, number) not in self._numbers:
            self._numbers[constraint, number] = len(self.found)
            self.found.append(self._text(constraint, number))
        return self._numbers[constraint, number]

    def _text(self, constraint: bool, number: int) -> RuleText:
        program, current = self.reasoner.program, None
        found: Rule | Constraint
        if constraint:
            found = program.constraints[number]
            label = self.logic.inference.theory.elements[number].label
            current = min(1.0, float(self.logic.weights[number].detach()))
            learned = found.weight is not None and found.weight.learn
        else:
            found = program.rules[number]
            label, weights = f"rule {found.label}", [h.weight for h in found.heads if h.weight is not None]
            learned = any(w.learn for w in weights)
            known = self.reasoner.statement_weights().get(number) or [constant_weight(w) for w in weights]
            current = known[0] if len(known) == 1 else None
        return RuleText(
            label, program.text_of(found), found.span.file, found.span.line, found.source or "", current, learned
        )  # fmt: skip


class _Names:
    """The facts of a certificate in the expert's words, by their numbers."""

    def __init__(self, answers: Answers, logic: Logic, atoms: list[int], sample: int, language: str) -> None:
        self.answers, self.formulas, self.atoms = answers, logic.formulas, atoms
        self.graph = logic.formulas.graph
        assert answers.reasoner is not None
        labels = answers.grounded.leaves.facts.labels(language)
        self.words = Words(self.graph, answers.reasoner.program, labels)
        self.said = NeuralEvidence(answers, sample)

    def label(self, number: int) -> str:
        """A fact as a sentence."""
        atom = self.atoms[number]
        if atom < 0:
            return self.answers.atoms[self.answers.facts.index(atom)]
        if atom < self.graph.num_facts:
            return self.words.fact(atom)
        key, terms = self.formulas.key_of(atom), self.formulas.terms_of(atom)
        return self.words.atom(key, self.graph.symbols.values(list(terms)))

    def place(self, number: int) -> str:
        """Where a fact stands."""
        atom = self.atoms[number]
        if not 0 <= atom < self.graph.num_facts or self.graph.place[atom] < 0:
            return ""
        return str(self.graph.places[self.graph.place[atom]])

    def neural(self, number: int) -> Neural | None:
        """What a network said of it."""
        atom = self.atoms[number]
        return self.said.of(atom) if 0 <= atom < self.graph.num_facts and atom in self.said else None


def _left_out(
    logic: Logic, texts: _Texts, unit: int, sample: int, value: float, budget: float
) -> tuple[list[Contribution], int]:
    """What makes a difference when it is left out. Also how many were not tried."""
    elements = logic.inference.theory.elements
    tried = [k for k, e in enumerate(elements) if e.kind in ("constraint", "rule")]
    added: list[Contribution] = []
    left = 0
    until = time.monotonic() + budget
    for number, k in enumerate(tried):
        if time.monotonic() > until:
            left = len(tried) - number
            break
        active = torch.ones(len(elements), dtype=torch.bool)
        active[k] = False
        with torch.no_grad():
            tags = logic.leaf_tags[sample][None]
            settled = logic.inference(tags, logic.weights, logic.operands, active)
            without = float((settled.lower[unit, 0] + settled.upper[unit, 0]) / 2)
        if abs(value - without) > 1e-9:
            at = texts.number(elements[k].kind == "constraint", elements[k].number)
            added.append(Contribution.left_out("rule", elements[k].label, str(at), without, value))
    return sorted(added, key=lambda c: -abs(c.difference)), left
