"""Builds an explanation from the graph and the tags that made the prediction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np
import torch

from neurosym.errors import ExplanationError
from neurosym.explain.assumptions import best_case
from neurosym.explain.attribution import Attributions
from neurosym.explain.believed import Believed, remarks
from neurosym.explain.bounds import Alternatives, explain_bounds
from neurosym.explain.certificates import certificate, hashes_of, nothing, provenance
from neurosym.explain.chances import Chances
from neurosym.explain.changes import check_threshold, with_alternatives, with_bounds_alternatives
from neurosym.explain.changes.setting import asked_atom
from neurosym.explain.contributions import Asked, asked_for, contribute
from neurosym.explain.model import Claim, Explanation, Proof
from neurosym.explain.nodes import ProofNodes
from neurosym.explain.opposites import Opposites, Told, opposites
from neurosym.explain.proofs import Derivation, ProofSearch, proof_probability
from neurosym.explain.verification import remember
from neurosym.grounding import with_conjunctions
from neurosym.lang.ast import Const
from neurosym.lang.collector import collector_waits
from neurosym.reasoner import Answers, Reasoner
from neurosym.semantics import Exact, TopK, relevant_part

TRIES = 20  # proof trees looked at for each proof asked for: different trees may rest on the same leaves


def explain(
    answers: Answers,
    atom: str,
    *,
    proofs: int = 3,
    sample: int = 0,
    language: str = "en",
    contributions: bool | str | Collection[str] = True,
    budget: float = 2.0,
    posterior: Believed | None = None,
    level: float = 0.9,
    exact_players: int = 12,
    permutations: int = 256,
    seed: int = 0,
    attributions: bool = False,
    threshold: float | None = 0.5,
    depth: int = 2,
    changeable: Iterable[str] = (),
    others: bool = False,
    against: int = 20,
    against_depth: int = 3,
) -> Explanation:
    """Why an answer has its probability.

    Args:
        answers: of `Reasoner.query`; the explanation is read off their graph and tags.
        atom: one of the answers.
        proofs: how many of the best proofs.
        sample: which sample of the batch.
        language: of the labels, a BCP 47 tag, where the knowledge graph has them in several; see `FactBase.labels`.
        contributions: how to tell what each rule and leaf adds: some of `leave-one-out`, `gradient`, `shapley`; True
            is leave-one-out, False none of them.
        budget: seconds that leaving out unweighted rules and recorded facts may take, which grounds anew; and seconds
            for looking for the rules that came nearest.
        posterior: of the weights; the claim and the learnable rules then have credible intervals, which hold them
            with probability `level`.
        exact_players: Shapley values may cost as many evaluations as so many rules and leaves have coalitions; where
            exact ones need more, so many `permutations` are drawn with `seed`, and the values have standard errors.
        attributions: whether to run the networks again to tell where in their inputs their words come from.
        threshold: a claim under it is also explained by the rules that came nearest (`why_not`); None for none.
        depth: for how many levels of atoms that are not derived, one below the other, it is said why not.
        changeable: which facts may change: the explanation then has the smallest `changes` that take the claim across
            the threshold, as `what_would_change` finds them.
        others: whether `why_not` may name what nothing recorded connects with the claim, such as the facts about others
            that would have done; by default a page about one person says nothing of another.
        against: of so many facts that the proofs need to be false, the likeliest first, it is told what speaks for them
            (`Node.opposite`); 0 for none.
        against_depth: through how many negations, one below the other.

    Raises:
        DataError: the atom is not among the answers.
        ExplanationError: NS801, the answers were made without their reasoner; NS840, attributions need a package that
            is not installed; NS841 and NS842, contributions that cannot be computed; NS848, a threshold that makes no
            sense.
    """
    asked = asked_for(contributions, budget, exact_players, permutations, seed)
    if threshold:
        check_threshold(threshold, answers)
    position = answers.position(atom)
    fact = answers.facts[position]
    if answers.logic is not None and answers.reasoner is not None:
        more: Alternatives = lambda why, number, texts: with_bounds_alternatives(  # noqa: E731
            why, answers, position, number, texts, sample, threshold, depth, changeable, language, budget, others
        )
        with answers.reasoner.aside():
            return explain_bounds(answers, position, sample, asked, language, more)
    grounded = answers.grounded.proved([fact]) if fact >= 0 else answers.grounded
    answers = replace(answers, grounded=grounded.beside(answers.derived, answers.evidence))
    reasoner = answers.reasoner
    if reasoner is None:
        raise ExplanationError("these answers do not know their reasoner", code="NS801")
    chances = Chances(answers, sample)
    nodes = ProofNodes(answers, reasoner, chances, sample, language, posterior, level)
    builder = _Builder(answers, reasoner, chances, nodes, sample, Told(against, against_depth))
    if attributions:
        nodes.neural.attribution = Attributions(answers, sample)
    with reasoner.aside():
        with collector_waits():
            why = builder.build(position, proofs, asked, posterior, level)
        return with_alternatives(
            why, answers, position, nodes, sample, threshold, depth, changeable, language, budget, others
        )


class _Builder:
    """Puts one explanation together.

    Attributes:
        warnings: what the reader should know, so far.
    """

    def __init__(
        self, answers: Answers, reasoner: Reasoner, chances: Chances, nodes: ProofNodes, sample: int, against: Told
    ) -> None:
        self.answers, self.reasoner = answers, reasoner
        self.grounded = answers.grounded
        self.graph = answers.grounded.graph
        self.chances, self.nodes = chances, nodes
        self.sample, self.against = sample, against
        self.warnings: list[str] = []

    def build(self, position: int, proofs: int, asked: Asked, posterior: Believed | None, level: float) -> Explanation:
        """The explanation of an answer.

        Args:
            position: of the answer; asked: which contributions.
        """
        answers, nodes = self.answers, self.nodes
        fact = answers.facts[position]
        claim = self._claim(position, posterior, level)
        found = self._proofs(fact, proofs) if fact >= 0 else []
        if posterior is not None:
            self.warnings.extend(remarks(posterior, claim.credible, list(nodes.rules.values())))
        self.warnings.extend(u.sentence() for u in answers.unheard_of if u.observed or u.atom in claim.atom)
        self.warnings.extend(f"{times} times while grounding: {n}" for n, times in self.graph.counters.items())
        hashes = hashes_of(answers)
        added, shares = (), None
        if fact < 0:
            proof = nothing(claim.atom, answers, hashes)
        else:
            bounds = (claim.lower, claim.upper)
            proof = certificate(answers, fact, claim.probability, self.sample, hashes, bounds)
            if asked.methods:
                added, shares, remarked = contribute(
                    answers, self.reasoner, nodes, fact, claim.probability, self.sample, asked
                )  # fmt: skip
                self.warnings.extend(remarked)
        if nodes.neural.attribution is not None:
            self.warnings.extend(nodes.neural.attribution.warnings())
        for statement in nodes.mentioned:  # after the contributions: nothing that was shown rests on them
            nodes.rule_number(statement)
        made = Explanation(
            claim, tuple(found), nodes.nodes, tuple(nodes.steps.values()), tuple(nodes.rules.values()), added,
            tuple(self.warnings), provenance(answers, hashes), proof, self._given(), shares=shares,
        )  # fmt: skip
        return remember(made, answers)

    def _claim(self, position: int, posterior: Believed | None, level: float) -> Claim:
        answers, fact = self.answers, self.answers.facts[position]
        atom = answers.atoms[position]
        label = self.nodes.words.fact(fact) if fact >= 0 else self._absent(position)
        value, lower, upper = (
            float(t[self.sample, position].detach()) for t in (answers.tags, answers.lower, answers.upper)
        )
        credible = None
        if posterior is not None:
            credible = posterior.of_answer(answers, position, self.sample, level)
        method, detail = answers.methods[position], answers.details[position]
        if isinstance(answers.algebra, TopK):
            self.warnings.append(
                f"the claim is the midpoint of proved bounds, {lower:.6g} and {upper:.6g}, {detail}; "
                "so is all that is compared with it; verification asks whether the probability lies between the bounds"
            )
        elif upper - lower > 1e-9:
            self.warnings.append(
                "the claim rests on what is unknown: it lies between its bounds, and nothing tells where in between; "
                f"{detail}"
            )
        return Claim(atom, label, value, lower, upper, answers.semantics, method, detail, credible)

    def _absent(self, position: int) -> str:
        """What was asked and cannot be derived, in words."""
        asked = asked_atom(self.answers, position)
        program = self.graph.program
        if asked.key in program.hidden or asked.key in program.notation.joint:
            return self.answers.atoms[position]
        values = [t.value for t in asked.args if isinstance(t, Const)]
        return self.nodes.words.atom(asked.key, values)

    def _given(self) -> tuple[str, ...]:
        """What was observed, as sentences."""
        words = self.nodes.words
        return tuple(
            words.fact(f) if seen else f"it is not so that {words.fact(f)}" for f, seen in self.answers.evidence
        )

    # ------------------------------------------------------------------------------------------------ proofs

    def _proofs(self, fact: int, count: int) -> list[Proof]:
        chances = self.chances
        part = relevant_part(self.graph, np.array([fact], np.int32), drop_certain=False)
        chances.evaluate(part.facts[part.body[~part.sign]].tolist())
        search = ProofSearch(self.graph, part, chances.costs, TRIES * (count + 1))
        trees: list[tuple[float, Derivation]] = []
        seen: set[frozenset] = set()
        for tree in search.proofs(fact):
            leaves = frozenset(tree.leaves)
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
        if search.cut:
            self.warnings.append(f"the search for further proofs ended after {search.max_steps:,} steps")
        trees = sorted(trees[:count], key=lambda pair: (self._assumes(pair[1]), -pair[0]))
        opposed = self._opposites(search, [tree for _, tree in trees])
        every = [*(tree for _, tree in trees), *opposed.proofs.values()]
        chances.evaluate(f for tree in every for f in tree.facts())
        made = [(probability, tree, self.nodes.add(tree)) for probability, tree in trees]
        for fact, tree in opposed.proofs.items():
            self.nodes.oppose(fact, tree)
        number = self.nodes.step_number
        return [Proof(p, root, self._steps(root, number), self._assumes(tree)) for p, tree, root in made]

    def _opposites(self, search: ProofSearch, trees: list[Derivation]) -> Opposites:
        """What speaks for the facts that proofs need to be false."""
        found = opposites(search, self.chances, trees, self.nodes.neural, self.against)
        if found.untold and self.against.most:
            self.warnings.append(
                f"what speaks for {found.untold} of the facts that are held to be false is not told: against is "
                f"{self.against.most}, and against_depth {self.against.depth}"
            )
        return found

    def _steps(self, root: str, number: dict[str, int]) -> tuple[int, ...]:
        """The steps below a node, its own first."""
        steps = self.nodes.steps
        found: dict[str, None] = {}
        stack = [root]
        while stack:
            name = stack.pop()
            if name in steps and name not in found:
                found[name] = None
                stack.extend(reversed(steps[name].body))
        return tuple(number[name] for name in found)

    def _assumes(self, tree: Derivation) -> bool:
        """Whether a proof assumes something; those that do not come first."""
        chances = self.chances
        return any(f in chances.assumptions if sign else chances.open(f) for f, sign in tree.leaves)

    def _of_proof(self, tree: Derivation) -> float:
        """The probability that all leaves of a proof hold."""
        product = proof_probability(self.graph, tree, self.chances.supposed)
        literals = sorted(tree.leaves)
        derived = [f for f, sign in literals if not sign and self.graph.choice[f] < 0]
        if product == 0 or not derived or self.answers.algebra is not None or self.answers.evidence:
            return product
        # Facts under negation may share choices with the rest: solved exactly, as one more fact of the graph.
        graph = with_conjunctions(self.graph, [literals])
        tags = torch.cat([self.chances.tags, self.chances.tags.new_zeros(1)])
        with torch.no_grad():
            if self._assumes(tree):
                return best_case(graph, self.grounded, tags, product)
            exact = Exact(graph, [self.graph.num_facts], (), self.grounded.max_circuit, self.grounded.solutions)
            return float(exact(tags[None])[0, 0])
