"""Builds an explanation from the graph and the tags that made the prediction."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import torch

from neurosym.errors import ExplanationError
from neurosym.explain.assumptions import Assumptions, best_case
from neurosym.explain.believed import Believed, remarks
from neurosym.explain.bounds import explain_bounds
from neurosym.explain.certificates import certificate
from neurosym.explain.contributions import Regrounder, leave_out_leaves, ordered, rule_leaves
from neurosym.explain.model import (
    Claim,
    Contribution,
    Explanation,
    Node,
    Proof,
    Provenance,
    RuleText,
    Step,
)
from neurosym.explain.neural import NeuralEvidence
from neurosym.explain.proofs import Derivation, ProofSearch, proof_probability
from neurosym.explain.words import Words
from neurosym.grounding import CERTAIN, with_conjunctions
from neurosym.reasoner import Answers
from neurosym.semantics import Bounds, Exact, TopK, relevant_part
from neurosym.version import version

TRIES = 20  # proof trees looked at for each proof asked for: different trees may rest on the same leaves


def explain(
    answers: Answers,
    atom: str,
    *,
    proofs: int = 3,
    sample: int = 0,
    language: str = "en",
    contributions: bool = True,
    budget: float = 2.0,
    posterior: Believed | None = None,
    level: float = 0.9,
) -> Explanation:
    """Why an answer has its probability.

    Args:
        answers: of `Reasoner.query`; the explanation is read off their graph and tags.
        atom: one of the answers.
        proofs: how many of the best proofs.
        sample: which sample of the batch.
        language: of the labels, where the knowledge graph has them in several.
        contributions: whether to leave out each rule and leaf in turn.
        budget: seconds that leaving out unweighted rules and recorded facts may take, which grounds anew.
        posterior: of the weights; the claim and the learnable rules then have credible intervals, which hold them
            with probability `level`.

    Raises:
        DataError: the atom is not among the answers.
        ExplanationError: the answers were made without their reasoner.
    """
    position = answers.position(atom)
    fact = answers.facts[position]
    if answers.logic is not None and answers.reasoner is not None:
        return explain_bounds(answers, position, sample, budget)
    if fact >= 0:
        answers = replace(answers, grounded=answers.grounded.proved([fact]))
    builder = _Builder(answers, sample, language, posterior, level)
    return builder.build(position, proofs, contributions, budget)


class _Builder:
    def __init__(
        self, answers: Answers, sample: int, language: str, posterior: Believed | None = None, level: float = 0.9
    ) -> None:
        self.posterior, self.level = posterior, level
        if answers.reasoner is None:
            raise ExplanationError("these answers do not know their reasoner", code="NS801")
        self.answers = answers
        self.reasoner = answers.reasoner
        self.grounded = answers.grounded
        self.graph = answers.grounded.graph
        self.sample = sample
        self.program = self.reasoner.program
        base = self.grounded.leaves.facts
        self.base = base
        self.words = Words(self.graph, self.program, base.labels(language))
        self.neural = NeuralEvidence(answers, sample)
        self.tags = answers.leaf_tags[sample].detach()
        self.observed = dict(answers.evidence)
        self.assumptions = Assumptions(self.graph, self.observed)
        self.values: dict[int, float] = {}
        self.least: dict[int, float] = {}  # lower bounds of facts that rest on unknown atoms
        self.nodes: dict[str, Node] = {}
        self.steps: dict[tuple[str, tuple[str, ...], int], int] = {}
        self.step_list: list[Step] = []
        self.rules: dict[int, int] = {}
        self.rule_list: list[RuleText] = []
        self.warnings: list[str] = []
        self.node_facts: dict[str, int] = {}

    def build(self, position: int, proofs: int, contributions: bool, budget: float) -> Explanation:
        answers = self.answers
        atom, fact = answers.atoms[position], answers.facts[position]
        value = float(answers.tags[self.sample, position].detach())
        label = self.words.fact(fact) if fact >= 0 else atom
        lower, upper = (float(t[self.sample, position].detach()) for t in (answers.lower, answers.upper))
        bounds = (lower, upper)
        posterior, credible = self.posterior, None
        if posterior is not None:
            credible = posterior.of_answer(answers, position, self.sample, self.level)
        claim = Claim(
            atom, label, value, lower, upper, answers.semantics, answers.methods[position], answers.details[position],
            credible,
        )  # fmt: skip
        if isinstance(answers.algebra, TopK):
            self.warnings.append(
                f"the claim is the midpoint of proved bounds, {lower:.6g} and {upper:.6g}, {claim.detail}; "
                "so is all that is compared with it, and no certificate confirms it"
            )
        elif claim.upper - claim.lower > 1e-9:
            self.warnings.append(
                f"the claim rests on what is unknown, and is given as the midpoint of its bounds; {claim.detail}"
            )
        found = self._proofs(fact, proofs) if fact >= 0 else []
        if posterior is not None:
            self.warnings.extend(remarks(posterior, credible, self.rule_list))
        self.warnings.extend(f"{times} times while grounding: {n}" for n, times in self.graph.counters.items())
        hashes = self.hashes
        if fact >= 0:
            proof = certificate(answers, fact, value, self.sample, hashes, bounds)
        else:
            proof = _nothing(atom, answers.semantics, hashes)
        added = self._contributions(fact, value, budget) if contributions and fact >= 0 else ()
        provenance = Provenance(
            version(), hashes["rules"], hashes["facts"], hashes["weights"],
            datetime.now(UTC).isoformat(timespec="seconds"), self.reasoner.seed,
        )  # fmt: skip
        return Explanation(
            claim, tuple(found), self.nodes, tuple(self.step_list), tuple(self.rule_list), added,
            tuple(self.warnings), provenance, proof, self._given(),
        )  # fmt: skip

    def _given(self) -> tuple[str, ...]:
        """What was observed, as sentences."""
        return tuple(
            self.words.fact(f) if seen else f"it is not so that {self.words.fact(f)}"
            for f, seen in self.answers.evidence
        )

    # ------------------------------------------------------------------------------------------------ proofs

    def _proofs(self, fact: int, count: int) -> list[Proof]:
        part = relevant_part(self.graph, np.array([fact], np.int32), drop_certain=False)
        self._evaluate(sorted({int(part.facts[b]) for b in part.body[~part.sign].tolist()}))
        search = ProofSearch(self.graph, part, self._cost)
        trees: list[tuple[float, Derivation]] = []
        seen: set[frozenset] = set()
        for tree in search.proofs(fact, TRIES * (count + 1)):
            leaves = frozenset(tree.leaves())
            if leaves in seen:
                continue
            seen.add(leaves)
            probability = self._of_proof(tree)
            if probability > 0:
                trees.append((probability, tree))
            if len(trees) > count:
                best = "the best proof is" if count == 1 else f"the best {count} proofs are"
                self.warnings.append(f"only {best} shown; the claim's probability counts all of them")
                break
        trees = sorted(trees[:count], key=lambda pair: (self._assumes(pair[1]), -pair[0]))
        self._evaluate(sorted({f for _, t in trees for f in _facts(t)}))
        return [self._proof(probability, tree) for probability, tree in trees]

    def _assumes(self, tree: Derivation) -> bool:
        """Whether a proof assumes something; those that do not come first."""
        return any(
            f in self.assumptions if sign else self.values.get(f, 0) - self.least.get(f, self.values.get(f, 0)) > 1e-12
            for f, sign in tree.leaves()
        )

    def _of_proof(self, tree: Derivation) -> float:
        """The probability that all leaves of a proof hold."""
        product = proof_probability(self.graph, tree, self._chance)
        literals = sorted(dict.fromkeys(tree.leaves()))
        derived = [f for f, sign in literals if not sign and self.graph.choice[f] < 0]
        if product == 0 or not derived or self.answers.algebra is not None or self.answers.evidence:
            return product
        # Facts under negation may share choices with the rest: solved exactly, as one more fact of the graph.
        graph = with_conjunctions(self.graph, [literals])
        tags = torch.cat([self.tags, self.tags.new_zeros(1)])
        with torch.no_grad():
            if self._assumes(tree):
                return best_case(graph, self.grounded, tags, product)
            exact = Exact(graph, [self.graph.num_facts], (), self.grounded.max_circuit, self.grounded.solutions)
            return float(exact(tags[None])[0, 0])

    def _proof(self, probability: float, tree: Derivation) -> Proof:
        steps: list[int] = []
        root = self._node(tree, steps)
        return Proof(probability, root, tuple(dict.fromkeys(steps)), self._assumes(tree))

    def _cost(self, fact: int, sign: bool) -> float:
        probability = self._chance(fact, sign)
        if fact in self.assumptions:
            probability /= 2  # what is recorded is the better reason
        return -math.log(probability) if probability > 0 else math.inf

    def _chance(self, fact: int, sign: bool) -> float:
        """The probability that a fact has a sign, if what a proof assumes is so."""
        if fact in self.assumptions:
            return self.assumptions.chance(fact) if sign else 1.0
        if not sign and fact in self.least and fact not in self.observed:
            return min(1.0, max(0.0, 1 - self.least[fact]))
        return self._probability(fact, sign)

    def _probability(self, fact: int, sign: bool) -> float:
        """The probability that a fact has a sign; what was observed is as it was observed."""
        if fact in self.observed:
            return float(self.observed[fact] == sign)
        if self.graph.choice[fact] >= 0:
            value = float(self.tags[fact])
        elif self.graph.status[fact] == CERTAIN:
            value = 1.0
        else:
            value = self.values[fact]
        return min(1.0, max(0.0, value if sign else 1 - value))

    def _evaluate(self, facts: Iterable[int]) -> None:
        """Tags of derived facts, by the evaluator of the answers."""
        wanted = [f for f in facts if f not in self.values and self.graph.choice[f] < 0]
        if wanted:
            evaluator = self.grounded.evaluator(wanted, self.answers.evidence, self.answers.algebra)
            with torch.no_grad():
                tags = evaluator(self.tags[None])[0].tolist()
                if isinstance(evaluator, Bounds):
                    self.least |= dict(zip(wanted, evaluator.bounds(self.tags[None])[0][0].tolist(), strict=True))
            self.values |= dict(zip(wanted, tags, strict=True))

    # ------------------------------------------------------------------------------------------------- nodes

    def _node(self, tree: Derivation, steps: list[int]) -> str:
        """The node of a derivation; adds its steps, the claim's first."""
        graph, fact = self.graph, tree.fact
        name = f"f{fact}"
        if tree.grounding is None:
            self._add(name, fact, self._leaf_kind(fact))
            return name
        if self.assumptions.made_by(tree.grounding):
            self._assume(name, fact)
            return name
        hidden = graph.hidden(fact)
        self._add(name, fact, "aggregate" if hidden else "derived")
        at = len(steps)
        steps.append(-1)
        body = self._body(tree, steps)
        steps[at] = self._step(name, tree.grounding, body)
        return name

    def _body(self, tree: Derivation, steps: list[int]) -> tuple[str, ...]:
        """Nodes of a derivation's literals; what the engine introduced is replaced by what it stands for."""
        graph = self.graph
        nodes: list[str] = []
        for child in tree.children:
            part = graph.rules[graph.rule[child.grounding]].part if child.grounding is not None else ""
            if graph.hidden(child.fact) and child.grounding is not None and not self._is_result(child.fact):
                nodes.extend(self._body(child, steps))
            elif graph.hidden(child.fact) and child.grounding is None and part == "" and graph.choice[child.fact] < 0:
                continue  # the start of an aggregate's chain
            else:
                nodes.append(self._node(child, steps))
        nodes.extend(self._not(fact) for fact in tree.negated)
        if tree.grounding is not None:
            part = slice(graph.absent_start[tree.grounding], graph.absent_start[tree.grounding + 1])
            nodes.extend(self._absent(int(index)) for index in graph.absent[part])
        return tuple(dict.fromkeys(nodes))

    def _is_result(self, fact: int) -> bool:
        """Whether a hidden fact is the result of an aggregate, which reads as a fact of its own."""
        return self.graph.program.hidden[self.graph.key(fact)].endswith("over the members")

    def _leaf_kind(self, fact: int) -> str:
        if fact in self.neural:
            return "neural"
        return "choice" if self.graph.hidden(fact) else "data"

    def _add(self, name: str, fact: int, kind: str) -> None:
        if name in self.nodes:
            return
        graph = self.graph
        atom, label = graph.atom(fact), self.words.fact(fact)
        if kind == "choice":
            group, row = graph.choice_of(fact)
            rule = self.program.rules[int(group.statements[row])]
            atom = label = f"the rule {rule.label} holds here"
        elif kind == "aggregate":
            value = graph.symbols.value(graph.args(fact)[-1])
            function = graph.program.hidden[graph.key(fact)].split("`")[1]
            atom = label = f"{function} = {self.words.value(value)}"
        place = graph.places[graph.place[fact]] if graph.place[fact] >= 0 else ""
        neural = self.neural.of(fact) if kind == "neural" else None
        self.node_facts[name] = fact
        self.nodes[name] = Node(name, kind, atom, label, self._probability(fact, True), str(place), neural)  # pyright: ignore

    def _assume(self, name: str, fact: int, sign: bool = True) -> None:
        """The node of an atom that is unknown, and that a proof assumes to hold, or not to."""
        if name not in self.nodes:
            atom, label = self.graph.atom(fact), self.words.fact(fact)
            if not sign:
                atom, label = f"not {atom}", f"it is not so that {label}"
            self.node_facts[name] = fact
            probability = self._probability(fact, sign)
            self.nodes[name] = Node(name, "assumption", atom, label, probability, self.assumptions.place(fact))

    def _not(self, fact: int) -> str:
        name = f"not{fact}"
        if self.assumptions.bare(fact):
            self._assume(name, fact, False)
            return name
        if name not in self.nodes:
            graph = self.graph
            described = graph.program.hidden.get(graph.key(fact))
            label = f"it is not so that {described or self.words.fact(fact)}"
            atom = f"not {described or graph.atom(fact)}"
            neural = self.neural.of(fact) if fact in self.neural else None
            self.node_facts[name] = fact
            self.nodes[name] = Node(name, "not", atom, label, self._probability(fact, False), "", neural)
        return name

    def _absent(self, index: int) -> str:
        """The node of an atom that a negated literal needs to be absent, and that no fact matches."""
        name = f"absent{index}"
        if name not in self.nodes:
            graph = self.graph
            predicate, args = graph.absent_atoms[index]
            key = graph.predicates[predicate]
            hidden = graph.program.hidden.get(key)
            if hidden is not None:
                atom, label = f"not {hidden}", f"it is not so that {hidden}"
            else:
                atom = f"not {graph.spell(key, args)}"
                label = self.words.absence(key, [None if a < 0 else graph.symbols.value(a) for a in args])
            places = sorted({str(p.file) for p in self.base.places} | set(self.program.texts))
            searched = "searched: " + ", ".join(places[:4]) + (", …" if len(places) > 4 else "")
            self.nodes[name] = Node(name, "absent", atom, label, 1.0, searched)
        return name

    def _step(self, node: str, grounding: int, body: tuple[str, ...]) -> int:
        key = (node, body, grounding)
        if key not in self.steps:
            rule = self.graph.rules[self.graph.rule[grounding]]
            labels = [self.nodes[b].label for b in body if self.nodes[b].kind != "choice"]
            because = self.words.because(grounding, labels)
            if self.nodes[node].kind == "aggregate":
                because = f"{self.nodes[node].label}: {', '.join(labels)}" if labels else self.nodes[node].label
            index = self._rule(rule.statement)
            self.steps[key] = len(self.step_list)
            self.step_list.append(Step(node, index, body, because, self.words.substitution(grounding)))
        return self.steps[key]

    def _rule(self, statement: int) -> int:
        if statement not in self.rules:
            rule = self.program.rules[statement]
            weight = rule.exception_weight or next((h.weight for h in rule.heads if h.weight is not None), None)
            current = initial = None
            learned = weight is not None and weight.learn
            for k, parameter in enumerate(self.reasoner.learnable):
                if parameter.statement == statement:
                    current = float(self.reasoner.weights(k)[0].detach())
                    initial = parameter.initial[0] if parameter.initial else None
            if weight is not None and not learned:
                value = getattr(weight.value, "value", None)
                current = initial = float(value) if isinstance(value, int | float) else None
            self.rules[statement] = len(self.rule_list)
            credible = None if self.posterior is None else self.posterior.of_statement(statement, self.level)
            text, place = self.program.text_of(rule) or rule.label, rule.span
            self.rule_list.append(
                RuleText(
                    rule.label, text, place.file, place.line, rule.source or "", current, learned, initial, credible
                )
            )
        return self.rules[statement]

    # ----------------------------------------------------------------------------------------- contributions

    def _contributions(self, fact: int, value: float, budget: float) -> tuple[Contribution, ...]:
        """Leave out each rule and each leaf that the proofs use."""
        evaluator = self.grounded.evaluator([fact], self.answers.evidence, self.answers.algebra)
        part = relevant_part(self.graph, np.array([fact], np.int32), drop_certain=True)
        among = {int(f) for f in part.facts[part.leaf].tolist()}
        names: list[tuple[str, str, str]] = []
        groups: list[list[int]] = []
        certain_rules: list[tuple[int, int]] = []
        for statement, index in self.rules.items():
            leaves = rule_leaves(self.graph, statement, among)
            if leaves:
                names.append(("rule", self.rule_list[index].name, str(index)))
                groups.append(leaves)
            elif self.program.rules[statement].name not in {k for k, _ in self.program.notation.joint}:
                certain_rules.append((statement, index))
        for name, node in self.nodes.items():
            if node.kind in ("neural", "data", "not") and self.node_facts[name] in among:
                names.append(("leaf", node.label, name))
                groups.append([self.node_facts[name]])
        result = [
            Contribution(kind, name, reference, without, value - without)  # pyright: ignore[reportArgumentType]
            for (kind, name, reference), without in zip(
                names, leave_out_leaves(self.answers, fact, groups, self.sample, evaluator), strict=True
            )
            if not math.isnan(without)
        ]
        result += self._regrounded(fact, value, certain_rules, budget)
        if any(n.kind == "neural" for n in self.nodes.values()):
            self.warnings.append("contributions keep what each network said; no network was run again for them")
        return ordered(result)

    def _regrounded(self, fact: int, value: float, rules: list[tuple[int, int]], budget: float) -> list[Contribution]:
        """Rules without a weight and recorded facts: the program is grounded without each."""
        regrounder = Regrounder(self.answers, self.reasoner, self.base, self.sample, budget)
        result: list[Contribution] = []
        skipped = 0
        for statement, index in rules:
            without = regrounder.without_rule(statement, fact)
            if without is None:
                skipped += 1
            elif not math.isnan(without):
                name = self.rule_list[index].name
                result.append(Contribution("rule", name, str(index), without, value - without))
        for name, node in self.nodes.items():
            if node.kind == "data" and self.graph.status[self.node_facts[name]] == CERTAIN:
                key, args = self._stored(self.node_facts[name])
                without = regrounder.without_fact(key, args, fact)
                if without is None:
                    skipped += regrounder.spent > budget
                elif not math.isnan(without):
                    result.append(Contribution("leaf", node.label, name, without, value - without))
        if skipped:
            self.warnings.append(
                f"{skipped} unweighted rules or recorded facts were not left out: grounding anew took {budget:g} s"
            )
        return result

    def _stored(self, fact: int) -> tuple[tuple[str, int], tuple]:
        """The predicate and arguments under which the fact base keeps a fact."""
        from neurosym.facts import RDF_TYPE
        from neurosym.lang.terms import Iri, predicate_of_iri

        key, args = self.graph.key(fact), tuple(self.graph.symbols.values(self.graph.args(fact)))
        if key == ("triple", 3) and isinstance(args[1], Iri):
            if args[1].value == RDF_TYPE and isinstance(args[2], Iri):
                return (predicate_of_iri(args[2].value), 1), args[:1]
            return (predicate_of_iri(args[1].value), 2), (args[0], args[2])
        if key not in self.base.tables:
            for alias, target in self.graph.program.aliases.items():
                if target == key:
                    return alias, args
        return key, args

    @cached_property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of rules, facts and weights."""
        return {
            "rules": self.reasoner.rules_sha256(),
            "facts": self.grounded.facts_sha256,
            "weights": self.reasoner.weights_sha256(),
        }


def _facts(tree: Derivation) -> set[int]:
    found: set[int] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        found |= {node.fact, *node.negated}
        stack.extend(node.children)
    return found


def _nothing(atom: str, semantics: str, hashes: dict[str, str]):
    from neurosym.explain.model import Certificate

    facts = [{"atom": atom, "kind": "absent", "hidden": ""}]
    return Certificate(0, 0.0, semantics, facts, [], [], [], hashes)
