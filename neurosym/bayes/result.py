"""What is known of the weights after the data: samples, intervals, and predictions with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosym.bayes.likelihood import Question, in_parts
from neurosym.bayes.predictions import Predictions, check_level, credible
from neurosym.bayes.space import Space, Weights
from neurosym.errors import ModelError, SemanticsError
from neurosym.lang.ast import Atom
from neurosym.reasoner import Answers, Reasoner
from neurosym.reasoner.priors import Credible

LEVEL = 0.9


@dataclass(frozen=True)
class Diagnostics:
    """Whether the samples can be relied on.

    Attributes:
        r_hat, ess: of NUTS, for each number of a statement: how far the chains disagree (1 where they agree), and how
            many independent samples theirs are worth; divergences: its steps that went astray.
        elbo: of SVI, the bound on the log evidence at each step; converged: whether it no longer rises; k_hat: whether
            importance resampling could correct the fit (up to 0.7; -inf where there was nothing to correct).
        warnings: what is wrong, in words; none where the samples can be relied on.
    """

    r_hat: dict[str, list[float]] = field(default_factory=dict)
    ess: dict[str, list[float]] = field(default_factory=dict)
    divergences: int = 0
    elbo: tuple[float, ...] = field(default=(), repr=False)
    converged: bool | None = None
    k_hat: float | None = None
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON: a number that is not finite is None."""
        return _finite(asdict(self))


@dataclass(frozen=True, eq=False)
class Posterior:
    """A distribution over the learnable weights.

    Attributes:
        points: (C, S, D) samples of each chain, in the layout of `space`.
        method: `svi` or `nuts`; seed: it was made with.
        rules_sha256: of the program that it belongs to.
    """

    space: Space = field(repr=False)
    points: Tensor = field(repr=False)
    method: str
    seed: int
    diagnostics: Diagnostics
    rules_sha256: str
    reasoner: Reasoner = field(repr=False)

    @property
    def samples(self) -> dict[str, Tensor]:
        """Statement → (S, K) probabilities of its outcomes; rows of all statements belong together."""
        flat = self._flat
        return {name: flat[:, self.space.columns(k)] for k, name in enumerate(self.space.names)}

    def mean(self) -> dict[str, list[float]]:
        """Statement → (K,) means."""
        return {name: s.mean(dim=0).tolist() for name, s in self.samples.items()}

    def sd(self) -> dict[str, list[float]]:
        """Statement → (K,) standard deviations."""
        return {name: s.std(dim=0).tolist() for name, s in self.samples.items()}

    def interval(self, level: float = LEVEL) -> dict[str, list[tuple[float, float]]]:
        """Statement → the credible interval of each of its probabilities, with equal tails."""
        check_level(level)
        found = {name: [credible(s[:, k], level) for k in range(s.shape[1])] for name, s in self.samples.items()}
        return {name: [(c.lower, c.upper) for c in cs] for name, cs in found.items()}

    def predict(
        self, *queries: str | Atom, inputs: Mapping[str, Tensor] | None = None,
        evidence: Mapping[str, bool] | None = None, level: float = LEVEL,
    ) -> Predictions:  # fmt: skip
        """Ask for atoms; arguments as of `Reasoner.query`.

        Each sampled weight vector gives a probability: their mean is the prediction, their spread is what is not known
        of the weights. Evidence is a condition of each of them, and teaches the weights nothing.

        Raises:
            SemanticsError: NS664, an answer rests on unknown atoms.
        """
        check_level(level)
        with _asking(self.reasoner), torch.no_grad():
            answers = self.reasoner.query(*queries, inputs=inputs, evidence=evidence, semantics="exact")
            question = Question(answers)
            draws = in_parts(question, self._weights, question.width)
        return Predictions(answers.atoms, draws, level, answers)

    def over(self, reasoner: Reasoner) -> Posterior:
        """The same weights for a reasoner with the same rules over other facts.

        Raises:
            ModelError: NS667, its rules are others.
        """
        _check_rules(self.rules_sha256, reasoner)
        return replace(self, reasoner=reasoner)

    def use_mean(self) -> None:
        """Give the reasoner the posterior's means as its weights, so that plain queries are near the predictions."""
        for k, mean in enumerate(self.mean().values()):
            self.reasoner.set_weights(k, mean)

    # ------------------------------------------------------------------------------------ what explanations read

    def of_statement(self, statement: int, level: float = LEVEL) -> Credible | None:
        """The interval of a statement's first probability; None if it is not learnable."""
        found = [k for k, p in enumerate(self.space.parameters) if p.statement == statement]
        return credible(self._flat[:, self.space.columns(found[-1]).start], level) if found else None

    def of_answer(self, answers: Answers, position: int, sample: int = 0, level: float = LEVEL) -> Credible | None:
        """The interval of an answer; None where it has no probability: unknown atoms, or another semantics.

        Raises:
            ModelError: NS667, the answers are of other rules.
        """
        assert answers.reasoner is not None
        check_level(level)
        _check_rules(self.rules_sha256, answers.reasoner)
        inputs = {k: v[sample : sample + 1] for k, v in answers.inputs.items()}
        one = replace(
            answers, atoms=answers.atoms[position : position + 1], facts=answers.facts[position : position + 1],
            methods=answers.methods[position : position + 1], details=answers.details[position : position + 1],
            leaf_tags=answers.leaf_tags[sample : sample + 1], inputs=inputs,
        )  # fmt: skip
        try:
            question = Question(one)
        except SemanticsError:
            return None
        return credible(in_parts(question, self._weights, question.width)[:, 0, 0], level)

    # ------------------------------------------------------------------------------------------------ keeping

    def to_json(self, level: float = LEVEL) -> dict[str, Any]:
        """A summary as plain data: priors, means and intervals of each statement, and the diagnostics."""
        means, sds, intervals = self.mean(), self.sd(), self.interval(level)
        statements = [
            {
                "name": name, "prior": list(prior.concentration), "mean": means[name], "sd": sds[name],
                "interval": [list(i) for i in intervals[name]],
            }
            for name, prior in zip(self.space.names, self.space.priors, strict=True)
        ]  # fmt: skip
        return {
            "method": self.method, "seed": self.seed, "samples": len(self._flat), "level": level,
            "statements": statements, "diagnostics": self.diagnostics.to_dict(), "rules_sha256": self.rules_sha256,
        }  # fmt: skip

    def save(self, path: str | PathLike[str]) -> None:
        """Write the samples as safetensors, with the rest as JSON in the file's header.

        Raises:
            ModelError: NS666, the file cannot be written.
        """
        from neurosym.bayes.keeping import save

        save(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str], reasoner: Reasoner) -> Posterior:
        """Read a posterior of a reasoner's rules.

        Raises:
            ModelError: NS666, the file cannot be read; NS667, it belongs to other rules.
        """
        from neurosym.bayes.keeping import load

        return load(path, reasoner)

    def __str__(self) -> str:
        lines = [f"{len(self._flat)} samples by {self.method}"]
        for name, row in self.samples.items():
            parts = [credible(row[:, k], LEVEL) for k in range(row.shape[1])]
            shown = "; ".join(f"{c.mean:.3f} ({c.level:.0%}: {c.lower:.3f} to {c.upper:.3f})" for c in parts)
            lines.append(f"{name}: {shown}")
        return "\n".join([*lines, *(f"warning: {w}" for w in self.diagnostics.warnings)])

    @property
    def _flat(self) -> Tensor:
        return self.points.flatten(0, 1)

    @property
    def _weights(self) -> Weights:
        return self.space.weights(self._flat)


class _asking:
    """Networks in evaluation mode, and afterwards in the mode that they were in."""

    def __init__(self, reasoner: Reasoner) -> None:
        self.reasoner = reasoner
        self.training = reasoner.training

    def __enter__(self) -> None:
        self.reasoner.eval()

    def __exit__(self, *_: object) -> None:
        self.reasoner.train(self.training)


def _check_rules(rules_sha256: str, reasoner: Reasoner) -> None:
    if reasoner.rules_sha256() != rules_sha256:
        raise ModelError(
            "the posterior belongs to other rules", code="NS667",
            note="its weights are those of the statements of one program", help="make it anew for these rules",
        )  # fmt: skip


def _finite(value: Any) -> Any:
    """Plain data with None for what JSON has no number for."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


__all__ = ["Diagnostics", "Posterior", "Predictions", "credible"]
