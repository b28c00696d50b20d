"""Learning from interpretations: weights from examples that were observed in full or in part.

Expectation maximisation for the distribution semantics: Sato, A statistical learning method for logic programs with
distribution semantics (ICLP 1995); Gutmann, Thon & De Raedt, Learning the parameters of probabilistic logic programs
from interpretations (ECML PKDD 2011), which ProbLog calls LFI.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike

import torch

from neurosym.errors import DataError
from neurosym.grounding import Parameter
from neurosym.lang import Program
from neurosym.learning.beliefs import beliefs, categories, heads_of, logits
from neurosym.learning.climb import Climb, Climber, Weights
from neurosym.learning.interpretations import Interpretation, as_interpretations
from neurosym.learning.learned import learned_program
from neurosym.learning.likelihood import Likelihood
from neurosym.learning.progress import progress_bar
from neurosym.learning.weights import Belief, Limit, Prior
from neurosym.reasoner import Reasoner


@dataclass(frozen=True)
class LearnedWeight:
    """The weights of one learnable statement.

    Attributes:
        label: its name or `file:line`; `heads`: its heads, one for each probability.
        observations: how often its choice is expected to have been made in the interpretations; 0: they say nothing
            about it, and it is as before, or as its prior says.
        fixed: whether learning left it alone.
    """

    label: str
    heads: tuple[str, ...]
    probabilities: tuple[float, ...]
    observations: float
    fixed: bool = False


@dataclass(frozen=True)
class InterpretationFit:
    """What learning from interpretations did.

    Attributes:
        weights: of each learnable statement, in the order of the program.
        log_likelihood: of the interpretations under these weights (natural logarithm); `log_prior`: what the priors
            add to it, without their constants.
        history: log-likelihood plus log-prior at the best start, and after each step taken; it never decreases.
        iterations: how often all interpretations were evaluated after that.
        converged: whether the last iteration moved no weight by more than the tolerance; `interrupted`: whether
            Ctrl-C ended it.
        starts: the final log-likelihood plus log-prior from each start; `best`: the number of the best one.
        interpretations: how many; `distinct`: different ones among them.
    """

    weights: tuple[LearnedWeight, ...]
    log_likelihood: float
    log_prior: float
    history: tuple[float, ...]
    iterations: int
    converged: bool
    interrupted: bool
    starts: tuple[float, ...]
    best: int
    interpretations: float
    distinct: int
    _program: Program = field(repr=False)

    def program(self, learnable: bool = False) -> Program:
        """The program with the learned weights in the place of `t(_)` and `learn`.

        Args:
            learnable: keep the marks, so that learning can go on from these weights.
        """
        return learned_program(self._program, self._by_statement(), learnable)

    def _by_statement(self) -> list[tuple[float, ...]]:
        return [w.probabilities for w in self.weights]


def fit_interpretations(
    reasoner: Reasoner,
    interpretations: Iterable[Interpretation | Mapping[str, bool]] | str | PathLike[str],
    *,
    iterations: int = 1000,
    tolerance: float = 1e-6,
    accelerate: bool = True,
    priors: Mapping[str, Prior] | None = None,
    limits: Mapping[str, Limit] | None = None,
    restarts: int = 0,
    seed: int = 0,
    progress: bool = True,
) -> InterpretationFit:
    """Learn the weights of rules from interpretations, by expectation maximisation.

    Each interpretation says of some ground atoms whether they held; the others may have been either. The likelihood of
    all interpretations, times the priors, grows with each iteration, to a maximum that may be a local one: `restarts`
    looks for others. Afterwards the reasoner has the weights that were found. Its networks stay as they are. Evidence
    in the program counts in each interpretation.

    Args:
        interpretations: the name of an `.ev` file, or a list: mappings atom → observed, or `Interpretation` values.
        iterations: evaluations of all interpretations at most, from each start; tolerance: stop where an iteration
            moves no weight by more than this.
        accelerate: try long steps in the direction of two iterations; False for plain ones, as in ProbLog.
        priors: statement → `Beta`, `Dirichlet` or `Anchor`; limits: statement → `Fixed` or `Range`. A statement
            is named by its rule's name, by `file:line`, or by its heads as they are printed (`heads; tails`).
        restarts: further starts from random weights, drawn with `seed`; the best result counts.
        progress: whether to show a bar on standard error.

    Raises:
        DataError: NS621, nothing is learnable; NS640 to NS643, interpretations or weights that do not fit.
        SemanticsError: NS520, a circuit grew past its limit.
    """
    if not reasoner.learnable:
        raise DataError("there is nothing to train", code="NS621", help="write `t(_) ::` or `learn` at a weight")
    given = as_interpretations(interpretations, reasoner.atom)
    current = [reasoner.weights(k).detach().tolist() for k in range(len(reasoner.learnable))]
    known = beliefs(reasoner.program, reasoner.learnable, current, priors, limits)
    known = [_held(reasoner, k, b, current[k]) for k, b in enumerate(known)]
    starting: Weights = [
        b.nearest(categories(p, w)) for p, b, w in zip(reasoner.learnable, known, current, strict=True)
    ]
    draw = random.Random(seed)
    climbs: list[Climb] = []
    with progress_bar(progress) as bar:
        task = bar.add_task("learning", total=iterations * (1 + restarts), note="grounding") if bar else None
        likelihood = Likelihood(reasoner, given)

        def tell(objective: float) -> None:
            if bar is not None and task is not None:
                bar.update(task, advance=1, note=f"log-likelihood {objective:.6g}")

        climb = Climber(likelihood, known, iterations, tolerance, accelerate, tell)
        for start in range(1 + restarts):
            climbs.append(climb(starting if start == 0 else _drawn(reasoner.learnable, known, draw)))
            if bar is not None and task is not None:
                bar.update(task, completed=iterations * (start + 1))
            if climbs[-1].interrupted:
                break
    best = max(range(len(climbs)), key=lambda k: climbs[k].history[-1])
    _write(reasoner, climbs[best].weights)
    return _result(reasoner, likelihood, known, climbs, best)


def _held(reasoner: Reasoner, index: int, belief: Belief, weights: list[float]) -> Belief:
    """Weights that `freeze_rules` holds are fixed."""
    if reasoner.weight_logits[index].requires_grad or belief.fixed is not None:
        return belief
    return replace(belief, fixed=categories(reasoner.learnable[index], weights))


def _drawn(learnable: tuple[Parameter, ...], known: list[Belief], draw: random.Random) -> Weights:
    """Random weights, uniform over distributions, a little away from 0."""
    result: Weights = []
    for parameter, belief in zip(learnable, known, strict=True):
        shares = [0.05 + draw.expovariate(1.0) for _ in range(parameter.outcomes + parameter.rest)]
        result.append(belief.nearest([s / sum(shares) for s in shares]))
    return result


def _write(reasoner: Reasoner, weights: Weights) -> None:
    with torch.no_grad():
        for parameter, target, values in zip(reasoner.learnable, reasoner.weight_logits, weights, strict=True):
            target.copy_(logits(parameter, values))


def _result(
    reasoner: Reasoner, likelihood: Likelihood, known: list[Belief], climbs: list[Climb], best: int
) -> InterpretationFit:  # fmt: skip
    climb = climbs[best]
    rows = zip(reasoner.learnable, climb.weights, climb.expectation.counts, known, strict=True)
    learned = tuple(
        LearnedWeight(p.label, heads_of(reasoner.program, p), w[: p.outcomes], sum(c), b.fixed is not None)
        for p, w, c, b in rows
    )
    return InterpretationFit(
        weights=learned,
        log_likelihood=climb.expectation.log_likelihood,
        log_prior=sum(b.log_prior(w) for b, w in zip(known, climb.weights, strict=True)),
        history=tuple(climb.history),
        iterations=climb.rounds,
        converged=climb.converged,
        interrupted=any(c.interrupted for c in climbs),
        starts=tuple(c.history[-1] for c in climbs),
        best=best,
        interpretations=sum(i.times for i in likelihood.interpretations),
        distinct=likelihood.distinct,
        _program=reasoner.program,
    )
