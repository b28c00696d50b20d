"""The likelihood of interpretations, with gradients, and which choices they make: what each round of learning asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from neurosym.errors import DataError, SemanticsError
from neurosym.lang import Atom
from neurosym.learning.active import Activity
from neurosym.learning.interpretations import Interpretation, name_of
from neurosym.reasoner import Reasoner
from neurosym.semantics.exact import Exact, Shape, Solution


@dataclass(frozen=True)
class Expectation:
    """What interpretations say under some weights.

    Attributes:
        log_likelihood: Σ log P(interpretation).
        counts: for each learnable statement (n,) how often each of its outcomes is expected to have been chosen, then
            'none of them', where its body held.
    """

    log_likelihood: float
    counts: list[list[float]]


@dataclass
class _Units:
    """The places at which one solution is needed: n independent parts of interpretations.

    Attributes:
        leaves: for each the leaf facts; `roots`: the parameter whose choice each root of the solution is about.
        times: how often each was seen; `first`: the interpretation where it was seen first.
    """

    leaves: list[tuple[int, ...]] = field(default_factory=list)
    roots: list[tuple[int, ...]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    first: list[int] = field(default_factory=list)


class Likelihood:
    """The probability of interpretations as a function of the learnable weights.

    All are grounded together. An interpretation falls into independent parts; parts that are equal are evaluated once,
    and parts of one shape share a circuit and are evaluated as one batch.
    """

    def __init__(self, reasoner: Reasoner, interpretations: Sequence[Interpretation]) -> None:
        """Ground, and compile what was observed.

        Raises:
            DataError: NS641, an interpretation cannot be; it is named. NS643, unknown atoms.
            SemanticsError: NS520, a circuit grew past its limit.
        """
        self.reasoner = reasoner
        self.interpretations = interpretations
        own = [(reasoner.atom(e.atom), e.positive) for e in reasoner.program.evidence]
        # equal interpretations → (how often they were seen, the number of the first)
        seen: dict[frozenset[tuple[Atom, bool]], list[float]] = {}
        for number, interpretation in enumerate(interpretations):
            seen.setdefault(frozenset(interpretation.observed), [0.0, number])[0] += interpretation.times
        atoms = dict.fromkeys(a for a, _ in own)
        for observed, (_, number) in seen.items():
            for atom, _ in observed:
                if atom not in atoms:
                    self._check_known(atom, int(number))
                    atoms.setdefault(atom)
        self.grounded = reasoner.grounded((), [reasoner.atom(a) for a in sorted(atoms, key=str)])
        if self.grounded.has_unknown:
            raise DataError("there is no likelihood where atoms are unknown", code="NS643",
                            note="a predicate is declared `open`", help="leave `open` out")  # fmt: skip
        self.activity = Activity(self.grounded.graph)
        # likewise, in facts of the graph
        distinct: dict[tuple[tuple[int, bool], ...], list[float]] = {}
        for observed, (times, number) in seen.items():
            try:
                evidence = self.grounded.evidence([*own, *((reasoner.atom(a), v) for a, v in observed)])
            except SemanticsError as error:
                raise self._impossible(int(number), error.note) from None
            distinct.setdefault(evidence, [0.0, number])[0] += times
        self.distinct = len(distinct)
        self.always = [0.0] * len(reasoner.learnable)  # choices that are made for sure, by parameter
        self._solutions: dict[Shape, Solution] = {}
        units: dict[int, _Units] = {}
        self._known: dict[tuple, int] = {}
        for evidence, (times, number) in distinct.items():
            self._add(evidence, times, int(number), units)
        by_id = {id(s): s for s in self._solutions.values()}
        self._batches = [_Batch(by_id[k], u) for k, u in units.items()]

    def _add(
        self, evidence: tuple[tuple[int, bool], ...], times: float, number: int, units: dict[int, _Units]
    ) -> None:  # fmt: skip
        made = self.activity.made(dict(evidence))
        parameter, probe = self.activity.parameter, self.activity.probe
        for choice in made.sure:
            self.always[parameter[choice]] += times
        roots = [probe[c] for c in made.open]
        try:
            exact = Exact(self.activity.graph, roots, evidence, self.reasoner.max_circuit, self._solutions)
        except SemanticsError as error:
            if error.code != "NS502":  # a circuit that grew too large
                error.note = "; ".join([name_of(self.interpretations[number], number + 1), error.note]).strip("; ")
                raise
            raise self._impossible(number, error.note) from None
        for solution, leaves, queries in exact._groups:
            if not solution.conditional:
                continue
            for row, asked in zip(leaves.tolist(), queries.tolist(), strict=True):
                of = tuple(parameter[made.open[q]] for q in asked)
                key = (id(solution), tuple(row), of)
                unit = units.setdefault(id(solution), _Units())
                if key not in self._known:
                    self._known[key] = len(unit.times)
                    unit.leaves.append(tuple(row))
                    unit.roots.append(of)
                    unit.times.append(0.0)
                    unit.first.append(number)
                unit.times[self._known[key]] += times

    def _check_known(self, atom: Atom, number: int) -> None:
        try:
            self.reasoner.check_known(atom)
        except DataError as error:
            error.note = "; ".join([f"in {name_of(self.interpretations[number], number + 1)}", error.note]).strip("; ")
            raise

    def _impossible(self, number: int, note: str) -> DataError:
        name = name_of(self.interpretations[number], number + 1)
        return DataError(
            f"{name}: what was observed cannot be: it has probability 0", code="NS641", note=note,
            help="take back an observation, allow for error in a rule, or start from weights between 0 and 1",
        )  # fmt: skip

    def log_evidence(self, weights: Sequence[Tensor]) -> tuple[Tensor, list[float]]:
        """Σ log P(interpretation), with gradients to the weights, and how many choices of each parameter are made.

        The only place that asks the exact engine.

        Args:
            weights: for each learnable statement its (K,) probabilities.
        """
        tags = self.grounded.leaves(lambda k: weights[k], {})[0].to("cpu", torch.float64)
        total = tags.new_zeros(())
        made = torch.tensor(self.always, dtype=tags.dtype)
        for batch in self._batches:
            result = batch.solution.circuit(tags[batch.leaves.T])  # (R + 1, n); the evidence comes last
            evidence = result[-1]
            if not bool((evidence.detach() > 0).all()):
                worst = min(batch.first[k] for k in (evidence <= 0).nonzero()[:, 0].tolist())
                raise self._impossible(worst, "under the weights that it has now; or below 1e-308")
            total = total + (batch.times * torch.log(evidence)).sum()
            if len(result) > 1:
                share = (result[:-1] / evidence).detach() * batch.times
                made.index_add_(0, batch.roots, share.T.reshape(-1))
        return total, made.tolist()

    def expect(self, weights: Sequence[Sequence[float]]) -> Expectation:
        """The log-likelihood and the expected counts under some weights.

        For a choice with weights w, made with probability m, and g the gradient of log P(interpretation) by w,
        P(outcome k chosen and the choice made | interpretation) = w_k (m + g_k - Σ w g): P is linear in the weights of
        each choice, and a choice that is not made falls as its weights say.
        """
        tensors = [torch.tensor(list(w), dtype=torch.float64, requires_grad=True) for w in weights]
        total, made = self.log_evidence(tensors)
        if total.requires_grad:
            total.backward()
        counts: list[list[float]] = []
        for parameter, tensor, m in zip(self.reasoner.learnable, tensors, made, strict=True):
            w = tensor.detach()
            g = torch.zeros_like(w) if tensor.grad is None else tensor.grad
            chosen = (w * (m + g - (w * g).sum())).clamp_min(0).tolist()
            counts.append([*chosen, max(0.0, m - sum(chosen))] if parameter.rest else chosen)
        return Expectation(float(total.detach()), counts)


class _Batch:
    """The places of one solution as tensors."""

    def __init__(self, solution: Solution, units: _Units) -> None:
        self.solution = solution
        self.leaves = torch.tensor(units.leaves, dtype=torch.long).reshape(len(units.leaves), -1)
        self.roots = torch.tensor(units.roots, dtype=torch.long).reshape(-1)
        self.times = torch.tensor(units.times, dtype=torch.float64)
        self.first = units.first
