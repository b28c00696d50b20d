"""The likelihood of interpretations, with gradients, and which choices they make: what each round of learning asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurosym.errors import DataError, ImpossibleEvidence, SemanticsError
from neurosym.lang import Atom
from neurosym.learning.active import Activity
from neurosym.learning.interpretations import Interpretation, name_of
from neurosym.learning.parts import Impossible, Parts
from neurosym.reasoner import Reasoner
from neurosym.semantics.exact import Exact, Solutions


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


class Likelihood:
    """The probability of interpretations as a function of the learnable weights.

    All are grounded together, and equal ones are evaluated once.
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
            except ImpossibleEvidence as error:
                raise self._impossible(int(number), error.note) from None
            distinct.setdefault(evidence, [0.0, number])[0] += times
        self.distinct = len(distinct)
        self.always = [0.0] * len(reasoner.learnable)  # choices that are made for sure, by parameter
        self._solutions: Solutions = {}
        self.parts = Parts()
        for evidence, (times, number) in distinct.items():
            self._add(evidence, times, int(number))

    def _add(self, evidence: tuple[tuple[int, bool], ...], times: float, number: int) -> None:
        made = self.activity.made(dict(evidence))
        parameter, probe = self.activity.parameter, self.activity.probe
        for choice in made.sure:
            self.always[parameter[choice]] += times
        roots = [probe[c] for c in made.open]
        try:
            exact = Exact(self.activity.graph, roots, evidence, self.reasoner.max_circuit, self._solutions)
        except ImpossibleEvidence as error:
            raise self._impossible(number, error.note) from None
        except SemanticsError as error:  # a circuit that grew too large
            error.note = "; ".join([name_of(self.interpretations[number], number + 1), error.note]).strip("; ")
            raise
        self.parts.add(exact, [parameter[c] for c in made.open], times, number)

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

        Args:
            weights: for each learnable statement its (K,) probabilities.
        """
        tags = self.grounded.leaves(lambda k: weights[k], {})[0].to("cpu", torch.float64)
        made = torch.tensor(self.always, dtype=torch.float64)
        try:
            total = self.parts.log_evidence(tags, made)
        except Impossible as error:
            raise self._impossible(error.number, "under the weights that it has now") from None
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
