"""The reasoner: a torch module over a rule program, facts and networks."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from os import PathLike
from typing import TYPE_CHECKING, Literal
from warnings import warn

import torch
from torch import Tensor, nn

from neurosym.errors import ApproximationWarning, DataError, SemanticsError
from neurosym.facts import FactBase
from neurosym.grounding import Limits, Parameter, evaluated, ground
from neurosym.grounding.ground import Prepared, prepared
from neurosym.grounding.tables import matched
from neurosym.lang import Foreign, parse_atom, to_text
from neurosym.lang.ast import Atom, Const, Program, Query, Var
from neurosym.lang.terms import term_key
from neurosym.lang.walk import body_atoms, head_atoms
from neurosym.neural import FeatureTable
from neurosym.reasoner.answers import Answers, Details
from neurosym.reasoner.constraints import ConstraintLoss, Violation, check_constraints, constraint_loss
from neurosym.reasoner.doubts import Mentioned
from neurosym.reasoner.formulas import Formulas, constraint_parameters, constraint_weights
from neurosym.reasoner.graph_reader import read_atom
from neurosym.reasoner.grounded import Grounded
from neurosym.reasoner.joint import Joint
from neurosym.reasoner.leaves import Leaves
from neurosym.reasoner.logic import logic_answers, operand_parameters
from neurosym.reasoner.sample_query import Given, SampleAnswers, SampleQuery, cached_query
from neurosym.reasoner.worlds import MostProbable, Worlds, most_probable, sample
from neurosym.semantics import (
    ALGEBRAS,
    MAX_CIRCUIT,
    Boolean,
    Bounds,
    Evaluator,
    Exact,
    LogicBounds,
    ProofBounds,
    Semantics,
    Semiring,
    TopK,
)
from neurosym.semantics.exact import Solutions

if TYPE_CHECKING:
    from neurosym.grounding import DerivationGraph, Forecast
    from neurosym.grounding.ground import Mode, Progress
    from neurosym.reasoner.advice import Advice

MAX_GRAPHS = 64  # kept for queries asked before; the oldest goes first


class Reasoner(nn.Module):
    """Rules, facts and networks as one differentiable module.

    The program is grounded once for its facts and what is asked; every training step then works on the same graph.
    Learnable weights of rules are parameters beside those of the networks.

    Args:
        program: checked rules.
        facts: the fact base; none is an empty one.
        networks: name → module, for the program's neural predicates. A module gets one tensor (n, …) for each argument
            that is no value, and gives (n, values) logits.
        features: class or type (`ex:Patient`) → its feature table.
        semantics: `exact`, `topk`, `bounds`, an algebra's name (`boolean`, `viterbi`, `goedel`, `product`,
            `lukasiewicz`, `count`, `sum-product`), a `TopK` or `LogicBounds` with settings, or your own `Semiring`.
        limits: what grounding may use; max_circuit: nodes of a compiled diagram at which to stop.
        on_limit: what happens then: `bounds` gives those of `topk`, with a warning; `stop` raises NS520.
        demand: ground only what a query can reach, with the arguments that it binds; a graph for each query then. False
            grounds everything once, which pays for many different queries over the same facts.
        progress: called about once a second, while rules are grounded, with a line of text that says how far it is;
            `print` will do.
        seed: of randomly started weights; dtype: of answers and gradients. Between, all is computed in float64.

    Attributes:
        warnings: what is doubtful about the tables of the facts: NS309, NS311.

    Raises:
        RuleError: the program holds statements that cannot be evaluated yet.
        FactError: NS308, the columns of a table contradict the arguments of its predicate.
        SemanticsError: an unknown semantics.
    """

    def __init__(
        self,
        program: Program,
        facts: FactBase | None = None,
        networks: Mapping[str, nn.Module] | None = None,
        features: Mapping[str, FeatureTable] | None = None,
        semantics: str | Semantics = "exact",
        *,
        limits: Limits | None = None,
        max_circuit: int = MAX_CIRCUIT,
        on_limit: Literal["bounds", "stop"] = "bounds",
        demand: bool = True,
        progress: Progress | None = None,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        if facts is not None and not isinstance(facts, FactBase):
            raise DataError(
                f"the facts are a FactBase, and this is a {type(facts).__name__}",
                help="FactBase.from_facts, from_rdf, from_csv … make one; settings such as semantics= go by name",
            )
        self.program = program
        self.facts, self.warnings = matched(program, FactBase() if facts is None else facts)
        self.networks = nn.ModuleDict(dict(networks or {}))
        self.features = dict(features or {})
        self.semantics = algebra(semantics)
        self.limits = limits or Limits()
        self.max_circuit = max_circuit
        self.on_limit: Literal["bounds", "stop"] = on_limit
        self.demand = demand
        self.progress = progress
        self.seed = seed
        self.dtype = dtype
        self._prepared: Prepared | None = prepared(program, self.facts)  # for the first grounding
        self.learnable = _labelled(self._prepared.core.parameters)
        random = torch.Generator().manual_seed(seed)
        self.weight_logits = nn.ParameterList([_start(p, random) for p in self.learnable])
        self.constraint_logits = constraint_parameters(program, random)
        self.operands = operand_parameters(program, self.semantics)
        self.ground_formulas: dict[object, Formulas] = {}  # see `ground_constraints`
        self._grounded: dict[tuple, Grounded] = {}
        self._before: dict[tuple, DerivationGraph] = {}  # graphs over the facts before the last update
        self.sample_queries: dict[object, tuple[Given, SampleQuery]] = {}  # see `query_samples`
        self.sample_solutions: Solutions = {}
        self._rules_sha256 = ""
        self.joint = Joint(self)
        self._atoms: dict[str, Atom] = {}  # queries parsed before: training asks the same one at each step
        self._known_keys: set[tuple[str, int]] = set()
        self._mentioned: set[tuple[str, int]] | None = None
        # what belongs to a saved model beside its weights: see `save`
        self.queries: tuple[str, ...] = ()
        self.background: FactBase | None = None

    # ------------------------------------------------------------------------------------------------ weights

    @property
    def semantics_name(self) -> str:
        """`exact`, `topk`, or the algebra's name."""
        return "exact" if self.semantics is None else self.semantics.name

    def weights(self, index: int) -> Tensor:
        """(K,) the current probabilities of a learnable statement."""
        values = _probabilities(self.learnable[index], self.weight_logits[index])
        if not bool(torch.isfinite(values).all()):
            raise SemanticsError(
                f"the learnable weight of `{self.learnable[index].label}` is not a number", code="NS512",
                help="lower the learning rate, or check the data for NaN",
            )  # fmt: skip
        return values

    def rule_weights(self) -> dict[str, list[float]]:
        """Statement → its learnable probabilities, as they are now."""
        return {p.label: self.weights(k).detach().tolist() for k, p in enumerate(self.learnable)}

    def statement_weights(self) -> dict[int, list[float]]:
        """Learnable statement, as an index into the program's rules, → its probabilities as they are now."""
        return {p.statement: self.weights(k).detach().tolist() for k, p in enumerate(self.learnable)}

    def constraint_weights(self) -> dict[int, float]:
        """Number of a constraint with a learnable weight → that weight as it is now."""
        found = constraint_weights(self)
        return {int(k): float(found[int(k)].detach()) for k in self.constraint_logits}

    def operand_weights(self) -> tuple[list[float], list[float]]:
        """Learned weights of the operands of constraints' connectives, and the connectives' biases; else empty."""
        if "weights" not in self.operands:
            return [], []
        return self.operands["weights"].detach().tolist(), self.operands["biases"].detach().tolist()

    def set_rule_weight(self, rule: str, *probabilities: float) -> None:
        """Set the probabilities of a learnable rule, by its name or `file:line`, or `file:line#2` of several.

        Raises:
            DataError: no learnable rule has the name, or the numbers are no probabilities of its outcomes.
        """
        for k, parameter in enumerate(self.learnable):
            if parameter.label == rule:
                total = sum(probabilities)
                if len(probabilities) != parameter.outcomes or min(probabilities) < 0 or total > 1 + 1e-9:
                    raise DataError(f"{probabilities} are no weights of `{rule}`, which has {parameter.outcomes}")
                self.set_weights(k, probabilities)
                return
        known = ", ".join(p.label for p in self.learnable)
        raise DataError(f"no learnable rule is called `{rule}`", note=f"learnable: {known or 'none'}")

    def set_weights(self, index: int, probabilities: Sequence[float]) -> None:
        """Set the probabilities of a learnable statement."""
        with torch.no_grad():
            self.weight_logits[index].copy_(_logits(self.learnable[index], probabilities))

    def freeze_rules(self, frozen: bool = True) -> None:
        """Keep the rule weights as they are while networks train."""
        for parameter in self.weight_logits:
            parameter.requires_grad_(not frozen)

    # ----------------------------------------------------------------------------------------------- queries

    def grounded(
        self, slots: Iterable[str] = (), queries: Sequence[Atom] = (), facts: FactBase | None = None,
        closed_networks: bool = False, mode: Mode = "firings",
    ) -> Grounded:  # fmt: skip
        """The ground program, made at the first call for these facts, inputs and questions.

        Args:
            queries: what will be asked, evidence included; with `demand`, nothing else can be.
        """
        base, slots = self.facts if facts is None else facts, sorted(slots)
        asked = tuple(queries)
        if self.demand:
            asked += self.read_by_networks()
        else:  # a query matters if a network may have to answer it, if what is absent is unknown, or if only the facts
            # know its predicate
            asked = tuple(q for q in queries if q.key in self.program.neural or q.key in self.program.opened)
            asked += tuple(_free(key) for key in sorted(self._unmentioned(queries)))
        key = (id(base), tuple(slots), tuple(dict.fromkeys(map(_pattern, asked))), closed_networks, mode)
        if key not in self._grounded:
            normal, self._prepared = self._prepared, None
            graph = ground(
                self.program, base, slots=slots, queries=asked, limits=self.limits,
                closed_networks=closed_networks, progress=self.progress, mode=mode, demand=self.demand,
                previous=self._before.pop(key[1:], None) if base is self.facts else None, normal=normal,
            )  # fmt: skip
            leaves = Leaves(graph, base, dict(self.networks.items()), self.features)
            while len(self._grounded) >= MAX_GRAPHS:
                del self._grounded[next(iter(self._grounded))]
            self._grounded[key] = Grounded(graph, leaves, self.max_circuit, slots)
        return self._grounded[key]

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Meanwhile graphs are made for questions and facts that nobody asks about again: they are not kept.

        Else they would push those out that training needs, and each full garbage collection would go through them.
        """
        before = dict(self._grounded)
        try:
            yield
        finally:
            known = {base for base, *_ in before}
            again = {} if self.demand else {k: g for k, g in self._grounded.items() if k[0] in known}
            self._grounded = before | again

    def update(self, added: FactBase | None = None, removed: FactBase | None = None) -> None:
        """Add facts, and take facts away; the next queries ground anew only what depends on them.

        Args:
            added: facts that hold from now on; removed: facts that no longer do, those that are not there are ignored.
        """
        facts = self.facts
        if removed is not None:
            facts = facts - matched(self.program, removed)[0]
        if added is not None:
            facts = facts + matched(self.program, added)[0]
        self._before = {key[1:]: g.graph for key, g in self._grounded.items() if key[0] == id(self.facts)}
        self._grounded, self.ground_formulas = {}, {}
        self.facts = facts

    def forecast(self, *queries: str | Atom) -> Forecast:
        """What grounding for these queries will cost, estimated before anything is grounded.

        Without queries, those that `query` would ask.

        Raises:
            RuleError: statements that cannot be evaluated yet.
        """
        from neurosym.grounding import forecast

        given = queries or self.queries
        asking, asked = self.joint.asking(given, {}, False, unground=True) if given else (self, ())
        return forecast(asking.program, self.facts, asked, limits=self.limits, seed=self.seed)

    def advise(
        self, *queries: str | Atom, seconds: float = 10.0, inputs: Mapping[str, Tensor] | None = None,
        evidence: Mapping[str, bool] | Iterable[str] | None = None,
    ) -> Advice:  # fmt: skip
        """Which semantics suits this program, what it will cost, and what it will get wrong.

        Every semantics is tried on the queries' own answers, at most 100 of them, drawn by the reasoner's seed.

        Args:
            queries, inputs, evidence: as for `query`. Where networks or inputs are missing, their values are taken as
                equally probable.
            seconds: for all of it. What takes longer is given up, and said to be; a single long step of compiled code
                can overrun it.

        Raises:
            DataError: NS615, no query; SemanticsError: NS502, the evidence has probability 0. What one semantics alone
                refuses is in the advice.
        """
        from neurosym.reasoner.advice import advise

        return advise(self, queries, seconds, inputs or {}, evidence)

    def read_by_networks(self) -> tuple[Atom, ...]:
        """What all facts match that graph networks read as edges."""
        names = {str(name) for network in self.networks.values() for name in getattr(network, "reads", ())}
        return tuple(map(read_atom, sorted(names)))

    def _mode(self, semantics: Semantics | None) -> Mode:
        """Facts alone are enough where all are certain and only their truth is asked."""
        certain = not self.program.neural and not self.program.opened and all(
            h.weight is None for r in self.program.rules for h in r.heads
        ) and all(r.exception_weight is None for r in self.program.rules)  # fmt: skip
        return "boolean" if certain and isinstance(semantics, Boolean) else "firings"

    def forward(self, *queries: str | Atom, inputs: Mapping[str, Tensor] | None = None) -> Tensor:
        """(B, A) tags of the answers; `query` also gives their atoms."""
        return self.query(*queries, inputs=inputs).tags

    def query(
        self,
        *queries: str | Atom,
        inputs: Mapping[str, Tensor] | None = None,
        evidence: Mapping[str, bool] | Iterable[str] | None = None,
        semantics: str | Semantics | None = None,
        closed_networks: bool = False,
    ) -> Answers:
        """Ask for atoms.

        Args:
            queries: atoms such as `suspect(P, infection)`, whose variables match anything; negated ones, `not a`; or
                conjunctions and other bodies, `a(X), not b(X)`, asked for each X. `self.queries`, else the program's
                own queries, if there are none.
            inputs: slot → (B, …) tensor of per-sample inputs.
            evidence: atom → observed true or false, beside the program's own evidence; or a list of literals, `not a`.
            semantics: instead of the reasoner's own, for this query.
            closed_networks: neural facts that are not given are false, and no network is asked.

        Returns:
            The answers in the order of derivation; a ground atom that cannot be derived is there with tag 0. One of an
            `open` predicate is unknown: its tag is the midpoint of `lower` and `upper`.

        Raises:
            DataError: no query, or inputs that do not fit; NetworkError, SemanticsError, LimitError.
        """
        given = dict(inputs or {})
        chosen = self.semantics if semantics is None else algebra(semantics)
        asking, atoms = self.joint.asking(queries or self.queries, given, closed_networks)
        if asking is not self:
            return asking.query(
                *atoms, inputs=inputs, evidence=evidence, semantics=chosen or "exact", closed_networks=closed_networks
            )
        if not atoms:
            raise DataError("nothing is asked", code="NS615", help="pass an atom, or write `query(…).` in the rules")
        observed = [(self.atom(e.atom), e.positive) for e in self.program.evidence]
        observed += self.joint.observed(evidence)
        for atom in (*atoms, *(a for a, _ in observed)):
            self.check_known(atom)
        asked = (*atoms, *(a for a, _ in observed))
        if isinstance(chosen, LogicBounds):
            return logic_answers(self, atoms, observed, chosen, given, closed_networks)
        grounded = self.grounded(given, asked, closed_networks=closed_networks, mode=self._mode(chosen))
        answers = self._answer(grounded, atoms, grounded.evidence(observed), chosen, given, closed_networks)
        return replace(answers, observed=tuple(observed))

    def _answer(
        self, grounded: Grounded, atoms: tuple[Atom, ...], evidence: tuple[tuple[int, bool], ...],
        chosen: Semantics | None, inputs: Mapping[str, Tensor], closed_networks: bool, told: Tensor | None = None,
    ) -> Answers:  # fmt: skip
        """The answers; `told`: (B, F) probabilities of the leaves, where they need not be computed."""
        if evidence and chosen is not None and not isinstance(chosen, TopK):
            raise SemanticsError(
                f"the semantics `{chosen.name}` does not define evidence", code="NS503", help="use exact or topk"
            )
        found = grounded.found(atoms, closed_networks)
        name = "exact" if chosen is None else chosen.name
        try:
            evaluator = grounded.evaluator(found.derived, evidence, chosen)
        except SemanticsError as error:
            if error.code != "NS520" or self.on_limit == "stop" or grounded.has_unknown:
                raise
            warn(f"NS521: {error.message}: the answers are bounds", ApproximationWarning, stacklevel=3)
            chosen = TopK()
            evaluator = grounded.evaluator(found.derived, evidence, chosen)
        leaf_tags = grounded.leaves(self.weights, inputs) if told is None else told
        bounds = evaluator.bounds(leaf_tags) if isinstance(evaluator, Bounds | ProofBounds) else None
        bounds = None if bounds is None else (bounds[0].to(self.dtype), bounds[1].to(self.dtype))
        tags = evaluator(leaf_tags).to(self.dtype) if bounds is None else (bounds[0] + bounds[1]) / 2
        methods, details = _methods(grounded, evaluator, found.facts)
        if len(found.derived) < len(found.facts):
            zero = tags.new_zeros((len(tags), len(found.facts)))
            columns = [k for k, f in enumerate(found.facts) if f >= 0]
            at = torch.tensor(columns, dtype=torch.long, device=tags.device)
            tags = zero.index_copy(1, at, tags)
            if bounds is not None:
                bounds = (zero.index_copy(1, at, bounds[0]), zero.index_copy(1, at, bounds[1]))
        return Answers(
            atoms, found.atoms, found.facts, found.args, tags, name, methods, details, grounded,
            leaf_tags, evidence, dict(inputs), chosen, self, bounds,
        )  # fmt: skip

    def query_samples(
        self,
        *queries: str | Atom,
        samples: Given,
        inputs: Mapping[str, Tensor] | None = None,
        evidence: Mapping[str, bool] | Iterable[str] | None = None,
        semantics: str | Semantics | None = None,
        only: Sequence[int] | None = None,
        closed_networks: bool = False,
    ) -> SampleAnswers:
        """Ask each of many samples, which have facts of their own beside the reasoner's.

        All samples are grounded at once, at the first call for these samples (the same object) and queries; those of
        one shape are evaluated as one batch.

        Args:
            queries, semantics, closed_networks: as for `query`; evidence: atom → observed, in every sample.
            samples: `Samples`, or a list of fact bases, or of lists of facts (predicate, arguments).
            inputs: slot → (n, …) tensor, in the order of the samples that are asked.
            only: numbers of the samples to ask, such as those of a mini-batch; all by default. Where it is empty, the
                samples are grounded and no network is asked.

        Raises:
            DataError: as for `query`; or inputs and numbers that do not fit the samples.
            NetworkError: NS606, a graph network; GroundingError: NS427, NS905 and others of `ground_samples`.
        """
        given = dict(inputs or {})
        chosen = self.semantics if semantics is None else algebra(semantics)
        if isinstance(chosen, TopK):
            raise SemanticsError(
                "the semantics `topk` is not defined for many samples at once", code="NS533",
                note="their answers have no bounds", help="query the samples one by one, or use exact",
            )  # fmt: skip
        if isinstance(chosen, LogicBounds):
            raise SemanticsError(
                "the semantics `bounds` does not take many samples together", code="NS542",
                help="ask each sample by itself: `reasoner.over(facts).query(…)`",
            )  # fmt: skip
        asking, atoms = self.joint.asking(queries or self.queries, given, closed_networks)
        if asking is not self:
            return asking.query_samples(
                *atoms, samples=samples, inputs=inputs, evidence=evidence, semantics=chosen or "exact", only=only,
                closed_networks=closed_networks,
            )  # fmt: skip
        if not atoms:
            raise DataError("nothing is asked", code="NS615", help="pass an atom, or write `query(…).` in the rules")
        observed = [(e.atom, e.positive) for e in self.program.evidence]
        observed += self.joint.observed(evidence)
        name = None if chosen is None else type(chosen) if type(chosen) in ALGEBRAS else id(chosen)
        spelled = (tuple(map(_spelled, atoms)), tuple((_spelled(a), v) for a, v in observed))
        key = (spelled, tuple(sorted(given)), name, closed_networks)
        query = cached_query(self, samples, atoms, observed, sorted(given), chosen, closed_networks, key)
        return query(self, given, only, closed_networks)

    def most_probable(
        self, evidence: Mapping[str, bool] | Iterable[str] | None = None, inputs: Mapping[str, Tensor] | None = None,
        queries: Sequence[str | Atom] | str = (), *, row: int = 0, closed_networks: bool = False,
    ) -> MostProbable:  # fmt: skip
        """The most probable world in which the evidence holds, under the distribution semantics.

        A world gives an outcome to every choice that the evidence or the atoms asked rest on.

        Args:
            evidence, inputs, closed_networks: as for `query`.
            queries: atoms whose truth in that world is asked; those that `query` would ask by default, maybe none.
            row: which sample of the inputs.

        Raises:
            SemanticsError: NS502, the evidence has probability 0; NS520, the diagram of the evidence grew past
                `max_circuit`; NS550, something rests on an unknown atom of an open predicate.
        """
        return most_probable(self, evidence, inputs, queries, row, closed_networks)

    def sample(
        self, n: int, evidence: Mapping[str, bool] | Iterable[str] | None = None,
        inputs: Mapping[str, Tensor] | None = None, seed: int = 0, queries: Sequence[str | Atom] | str = (), *,
        row: int = 0, closed_networks: bool = False,
    ) -> Worlds:  # fmt: skip
        """Draw worlds independently from the distribution given the evidence, by its exact probabilities.

        Args:
            n: how many; seed: the same one gives the same worlds.
            evidence, inputs, queries, row, closed_networks: as for `most_probable`.

        Raises:
            SemanticsError: as for `most_probable`.
        """
        return sample(self, n, evidence, inputs, seed, queries, row, closed_networks)

    def constraint_loss(
        self, kind: str = "semantic", p: float = 2.0, *, inputs: Mapping[str, Tensor] | None = None,
        evidence: Mapping[str, bool] | None = None, constraints: Sequence[str] | None = None,
    ) -> ConstraintLoss:  # fmt: skip
        """What the program's constraints cost, as a loss with gradients to weights and networks.

        Args:
            kind: `semantic`, minus the logarithm of the exact probability that the constraint holds (Xu et al. 2018);
                `product`, `lukasiewicz` or `goedel`, one minus its fuzzy truth with power means for quantifiers (Logic
                Tensor Networks); `hinge`, the distances to satisfaction of its instances to the power p (PSL). Atoms
                have their tags under the reasoner's semantics.
            p: of the power means, or of the hinge: 1 linear, 2 squared.
            constraints: their names; all by default.

        Raises:
            DataError: NS623, there are none; SemanticsError: NS543, no such kind; NS544, one speaks of unknown atoms.
        """
        return constraint_loss(self, kind, p, inputs, evidence, constraints)

    def check_constraints(
        self, kind: str = "semantic", least: float = 0.5, *, inputs: Mapping[str, Tensor] | None = None,
        evidence: Mapping[str, bool] | None = None, constraints: Sequence[str] | None = None, sample: int = 0,
    ) -> tuple[Violation, ...]:  # fmt: skip
        """The instances of constraints that are violated by more than `least`, the worst first.

        Args:
            kind: as for `constraint_loss`; under `semantic` the amount is the probability of a violation.
        """
        return check_constraints(self, kind, least, inputs, evidence, constraints, sample)

    def predict(
        self, facts: FactBase, *queries: str, features: Mapping[str, FeatureTable] | None = None,
        background: FactBase | None = None,
    ) -> Answers:  # fmt: skip
        """Ask about new facts, with entities never seen in training; nothing of the training facts is used.

        Args:
            facts: the new facts; background: facts that belong to the model, such as an ontology, joined with them; by
                default, those that were kept with a loaded model.
            features: tables for the new entities, in place of the reasoner's own under the same name.
        """
        background = self.background if background is None else background
        base = facts if background is None else background + facts
        other = self.over(base, {**self.features, **(features or {})})
        with torch.no_grad():
            return other.query(*queries)

    def over(
        self, facts: FactBase, features: Mapping[str, FeatureTable] | None = None, program: Program | None = None
    ) -> Reasoner:
        """The same program, networks and weights over other facts; the weights are shared, not copied.

        Args:
            program: this one with more queries, in place of it.
        """
        other = Reasoner(
            program or self.program, facts, dict(self.networks.items()),
            self.features if features is None else features,
            self.semantics or "exact", limits=self.limits, max_circuit=self.max_circuit, on_limit=self.on_limit,
            demand=self.demand, progress=self.progress, seed=self.seed, dtype=self.dtype,
        )  # fmt: skip
        other.weight_logits = self.weight_logits
        other.constraint_logits, other.operands = self.constraint_logits, self.operands
        other.queries, other.background = self.queries, self.background
        other.warnings = self.warnings if facts is self.facts else other.warnings
        other.training = self.training  # not `train`: that would change the networks, which the two share
        return other

    def atom(self, query: str | Atom) -> Atom:
        """An atom from its text, with the prefixes of the program and the facts; its expressions are evaluated."""
        if not isinstance(query, str):
            return evaluated(query)
        if query not in self._atoms:
            prefixes = self.facts.prefixes | self.program.prefixes
            self._atoms[query] = evaluated(parse_atom(query, prefixes, self.program.dialect))
        return self._atoms[query]

    def _unmentioned(self, queries: Sequence[Atom]) -> set[tuple[str, int]]:
        """The predicates of queries of which the program does not speak."""
        if self._mentioned is None:
            rules, directives = self.program.rules, (*self.program.queries, *self.program.evidence)
            self._mentioned = {a.key for r in rules for a in (*head_atoms(r), *(b for b, _ in body_atoms(r.body)))}
            self._mentioned |= {s.atom.key for s in directives}
            self._mentioned |= {*self.program.declarations, *self.program.neural}
        return {q.key for q in queries} - self._mentioned

    @cached_property
    def _own_keys(self) -> set[tuple[str, int]]:
        """The predicates that the program declares or derives."""
        heads = {h.key for r in self.program.rules for head in r.heads for h in head.atoms}
        return heads | set(self.program.declarations) | set(self.program.neural)

    @cached_property
    def mentioned(self) -> Mentioned:
        """What the program's text speaks of."""
        return Mentioned(self.program)

    def check_known(self, atom: Atom) -> None:
        """Refuse a predicate that neither the program nor the facts know."""
        if atom.key in self._known_keys:
            return
        keys = self._own_keys | self.facts.predicates
        if atom.key in keys or atom.predicate.startswith("<") or atom.key == ("triple", 3):
            self._known_keys.add(atom.key)
            return
        if atom.key in self.program.foreign_predicates:
            raise DataError(
                f"`{atom.predicate}/{len(atom.args)}` is answered by a Python function, and has no facts", code="NS616",
                help="query a predicate whose rule calls it",
            )  # fmt: skip
        from difflib import get_close_matches

        near = get_close_matches(atom.predicate, sorted({n for n, _ in keys}), 1)
        arities = sorted(a for n, a in keys if n == atom.predicate)
        counted = " or ".join(map(str, arities))
        hint = f"it has {counted} argument{'' if arities == [1] else 's'}" if arities else ""
        raise DataError(
            f"the predicate {atom.predicate}/{len(atom.args)} is unknown", code="NS616",
            note=hint or "no rule derives it and no fact has it",
            help=f"did you mean `{near[0]}`?" if near and not arities else "",
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------ keeping

    def rules_sha256(self) -> str:
        """A hash of the program as it is printed: comments and layout do not count, every statement does.

        Queries for bodies that were asked later are no part of the rules.
        """
        if not self._rules_sha256:
            own = tuple(s for s in self.program.statements if not (isinstance(s, Query) and s.span.file == "<query>"))
            self._rules_sha256 = hashlib.sha256(to_text(replace(self.program, statements=own)).encode()).hexdigest()
        return self._rules_sha256

    def weights_sha256(self) -> str:
        """A hash of all parameters and buffers, networks' and rules'."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def save(self, path: str | PathLike[str], background: FactBase | None = None) -> None:
        """Write the model as a folder: JSON, safetensors, the rule text, hashes.

        `self.queries`, if set, are kept as what is asked when nothing is said.

        Args:
            background: facts that every prediction needs (the ontology); they are kept with the model. Other facts are
                not: of them only a hash.

        Raises:
            ModelError: a network cannot be described (it has no `config()`), or the folder cannot be written.
        """
        from neurosym.reasoner.saving import save

        save(self, path, background)

    @classmethod
    def load(
        cls, path: str | PathLike[str], facts: FactBase | None = None,
        features: Mapping[str, FeatureTable] | None = None, classes: Mapping[str, type[nn.Module]] | None = None,
        foreign: Iterable[Foreign] = (),
    ) -> Reasoner:  # fmt: skip
        """Read a model; `background` facts that were kept with it are joined with `facts`.

        Args:
            classes: name → class of the networks that are not the library's own.
            foreign: the functions of the model's foreign predicates; it keeps their names and modes only.

        Raises:
            ModelError: the folder is damaged, its rules do not match their hash, or a foreign predicate's function is
                not given.
        """
        from neurosym.reasoner.saving import load

        return load(path, facts, features, classes, foreign)


def _free(key: tuple[str, int]) -> Atom:
    return Atom(key[0], tuple(Var(f"_{i}", "_") for i in range(key[1])))


def _spelled(atom: Atom) -> tuple:
    """An atom without its place."""
    return (atom.key, *(term_key(t.value) if isinstance(t, Const) else str(t) for t in atom.args))


def _pattern(atom: Atom) -> tuple:
    """What of an atom matters to grounding: its predicate and its constants."""
    return (atom.key, *(term_key(t.value) if isinstance(t, Const) else None for t in atom.args))


def algebra(semantics: str | Semantics) -> Semantics | None:
    """An algebra by its name, or as it is; None stands for `exact`."""
    if isinstance(semantics, Semiring | TopK | LogicBounds):
        return semantics
    if semantics == "exact":
        return None
    if semantics == LogicBounds.name:
        return LogicBounds()
    if semantics == TopK.name:
        return TopK()
    for known in ALGEBRAS:
        if known.name == semantics:
            return known()
    names = ", ".join(["exact", TopK.name, LogicBounds.name, *(a.name for a in ALGEBRAS)])
    raise SemanticsError(f"there is no semantics `{semantics}`", code="NS505", note=f"there are {names}")


def _methods(
    grounded: Grounded, evaluator: Exact | Evaluator | Bounds | ProofBounds, facts: Sequence[int]
) -> tuple[tuple[str, ...], Details]:
    """How each answer was computed, and why so; of facts that are -1, that they cannot be derived.

    Of an evaluator for which that is always the same, it is remembered: a question may have thousands of answers.
    """
    key = (id(evaluator), tuple(facts))
    if key not in grounded.methods:
        methods: list[str] = ["certain"] * len(facts)
        details: list[str | Callable[[], str]] = ["cannot be derived"] * len(facts)
        for column, k in enumerate(k for k, f in enumerate(facts) if f >= 0):
            methods[k], details[k] = method_of(evaluator, column)
        made = tuple(methods), Details(details)
        if not isinstance(evaluator, Exact):
            return made
        grounded.methods[key] = made
    return grounded.methods[key]


def method_of(evaluator: Exact | Evaluator | Bounds | ProofBounds, column: int) -> tuple[str, str | Callable[[], str]]:
    """How an answer was computed, and why so."""
    if isinstance(evaluator, ProofBounds):
        return evaluator.methods[column], evaluator.details[column]
    if isinstance(evaluator, Bounds):
        if evaluator.details[column]:
            return "bounds", evaluator.details[column]
        evaluator, column = evaluator.plain[column]
    if isinstance(evaluator, Exact):
        return evaluator.methods[column].name, partial(evaluator.detail, column)
    return "algebra", _algebra_detail(evaluator)


def _algebra_detail(evaluator: Evaluator) -> str:
    name = evaluator.semiring.name
    return "an approximation: proofs are added as if they excluded one another" if name == "sum-product" else name


def _labelled(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """Parameters with labels of their own: statements on one line are numbered, `file:line#1`."""
    many = Counter(p.label for p in parameters)
    seen: Counter[str] = Counter()
    result = []
    for parameter in parameters:
        label = parameter.label
        seen[label] += 1
        result.append(replace(parameter, label=f"{label}#{seen[label]}") if many[label] > 1 else parameter)
    return tuple(result)


def _start(parameter: Parameter, random: torch.Generator) -> nn.Parameter:
    """Logits to start from; a random start is drawn from [0.1, 0.9]."""
    initial = parameter.initial
    if initial is None:
        drawn = torch.rand(parameter.outcomes, generator=random, dtype=torch.float64) * 0.8 + 0.1
        initial = tuple(
            (drawn / max(1.0, float(drawn.sum()) + 0.1)).tolist() if parameter.outcomes > 1 else drawn.tolist()
        )
    return nn.Parameter(_logits(parameter, initial))


def _logits(parameter: Parameter, probabilities: Sequence[float]) -> Tensor:
    values = torch.tensor(list(probabilities), dtype=torch.float64).clamp(1e-6, 1 - 1e-6)
    if parameter.outcomes == 1:
        return torch.logit(values)
    if parameter.rest:
        values = torch.cat([values, (1 - values.sum()).clamp_min(1e-6)[None]])
    return torch.log(values)


def _probabilities(parameter: Parameter, logits: Tensor) -> Tensor:
    if parameter.outcomes == 1:
        return torch.sigmoid(logits)
    return torch.softmax(logits, dim=0)[: parameter.outcomes]
