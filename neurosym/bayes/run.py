"""From a reasoner and data to a posterior over its weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from neurosym.bayes.importance import TRUSTED
from neurosym.bayes.inference import Draws, mixing, nuts, require_pyro, svi
from neurosym.bayes.likelihood import Data, Likelihood
from neurosym.bayes.progress import bar
from neurosym.bayes.result import Diagnostics, Posterior
from neurosym.bayes.space import Space, space_of
from neurosym.errors import DataError, SemanticsError
from neurosym.reasoner import Reasoner
from neurosym.reasoner.priors import CONFIDENCE, Prior

AGREE = 1.05  # the largest R-hat without a warning
ENOUGH = 100  # the least effective sample size without one


def posterior(
    reasoner: Reasoner,
    data: Data,
    *,
    priors: Mapping[str, Prior | float] | None = None,
    confidence: float = CONFIDENCE,
    method: str = "svi",
    samples: int = 1000,
    seed: int = 0,
    steps: int = 1000,
    warmup: int = 200,
    chains: int = 4,
    target_accept: float = 0.8,
    progress: bool = True,
) -> Posterior:
    """What the data says of the learnable weights, as a distribution over them.

    The likelihood is that of the exact semantics. Networks are kept as they are, and the reasoner's weights too
    (`Posterior.use_mean` sets them).

    Args:
        data: labels, as `fit` takes them (a `Batch` or several): each label is an experiment of its own. Or
            interpretations, mappings from atoms to true or false: each is what was seen together in one world. The
            program's own evidence is a condition, and teaches nothing.
        priors: statement → a `Beta` or `Dirichlet`, or how many observed cases the expert's own weight counts for.
        confidence: how many cases the others' weights count for: `t(0.8)` is Beta(1 + 8, 1 + 2) by default; `t(_)` is
            uniform.
        method: `svi`, variational inference with importance resampling; or `nuts`, for small programs, slower, and
            right for posteriors of any shape.
        samples: how many in all.
        seed: torch's global random state is as before afterwards.
        steps: of SVI; warmup, chains, target_accept: of NUTS, whose chains run one after the other.
        progress: whether to show a bar on standard error.

    Raises:
        NeurosymError: NS660, pyro is not installed.
        DataError: NS620, no data; NS621, nothing to learn; NS661, arguments out of range; NS662, a prior that does not
            fit; NS663, data that cannot be.
        SemanticsError: NS664, the reasoner's semantics has no probabilities, or labels rest on unknown atoms.
        NetworkError: NS607, a graph network reads derived facts.
    """
    require_pyro()
    _check(reasoner, method, samples, steps, warmup, chains, target_accept)
    space = space_of(reasoner.learnable, priors, confidence)
    total = steps if method == "svi" else chains * (warmup + -(-samples // chains))
    with _apart(reasoner, seed):
        likelihood = Likelihood(reasoner, data)
        _check_possible(space, likelihood)
        with bar(progress, total, "posterior") as tick:
            if method == "svi":
                draws = svi(space, likelihood, samples, steps, tick)
            else:
                draws = nuts(space, likelihood, samples, warmup, chains, target_accept, tick)
        diagnostics = _judged_svi(draws) if method == "svi" else _judged_nuts(space, draws)
    return Posterior(space, draws.points, method, seed, diagnostics, reasoner.rules_sha256(), reasoner)


def _check(
    reasoner: Reasoner, method: str, samples: int, steps: int, warmup: int, chains: int, target_accept: float
) -> None:
    if reasoner.semantics is not None:
        raise SemanticsError(
            "a posterior needs probabilities", code="NS664",
            note=f"the reasoner's semantics is {reasoner.semantics_name}", help='semantics="exact"',
        )  # fmt: skip
    if not reasoner.learnable:
        raise DataError("there is nothing to train", code="NS621", help="a weight needs `learn`, or `t(_) ::`")
    if method not in ("svi", "nuts"):
        raise DataError(f"there is no method `{method}`", code="NS661", note="there are svi and nuts")
    least = {"samples": (samples, 2), "steps": (steps, 8), "warmup": (warmup, 1), "chains": (chains, 1)}
    for name, (value, smallest) in least.items():
        if value < smallest:
            raise DataError(f"{name}={value}", code="NS661", note=f"at least {smallest}")
    if not 0 < target_accept < 1:
        raise DataError(f"target_accept={target_accept}", code="NS661", note="between 0 and 1")
    if samples < 4 * chains and method == "nuts":
        raise DataError(f"samples={samples}", code="NS661", note=f"at least 4 for each of {chains} chains")


def _check_possible(space: Space, likelihood: Likelihood) -> None:
    """Refuse data that has probability 0 under weights that rule out nothing."""
    rows = [torch.tensor(p.concentration, dtype=torch.float64) for p in space.priors]
    means = [r / r.sum() for r in rows]
    single = torch.stack([means[k][0] for k in space.single]) if space.single else torch.zeros(0, dtype=torch.float64)
    point = torch.cat([single, *(means[k] for k in space.several)]).clamp(0.05, 0.95)[None]
    wrong = likelihood.impossible(space.weights(point))
    if wrong:
        raise DataError(
            "the data cannot be: it has probability 0, whatever the weights", code="NS663", note=wrong,
            help="correct the data, or allow for error in a rule",
        )  # fmt: skip


@contextmanager
def _apart(reasoner: Reasoner, seed: int) -> Iterator[None]:
    """Random numbers, threads and the networks' mode of our own; whatever ends the run, all are as before."""
    training, threads = reasoner.training, torch.get_num_threads()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            torch.set_num_threads(1)  # steps are small: a second thread on a busy machine made them 25 times slower
            reasoner.eval()
            yield
    finally:
        torch.set_num_threads(threads)
        reasoner.train(training)


def _judged_svi(draws: Draws) -> Diagnostics:
    """Whether the bound settled, and whether resampling could correct the fit."""
    quarter = max(1, len(draws.elbo) // 4)
    last, before = np.array(draws.elbo[-quarter:]), np.array(draws.elbo[-2 * quarter : -quarter])
    # from neighbours' differences, which know nothing of the rise
    noise = math.sqrt((np.mean(np.diff(last) ** 2) + np.mean(np.diff(before) ** 2)) / 2 / quarter)
    converged = bool(last.mean() - before.mean() <= max(0.1, 4 * noise))
    warnings = []
    if not converged:
        warnings.append("the bound of SVI still rises: take more steps")
    if draws.k_hat > TRUSTED:
        warnings.append(
            f"SVI's fit is too far from the posterior to be corrected (k {draws.k_hat:.2f}, more than {TRUSTED}): "
            "take the method nuts"
        )
    return Diagnostics(elbo=draws.elbo, converged=converged, k_hat=draws.k_hat, warnings=tuple(warnings))


def _judged_nuts(space: Space, draws: Draws) -> Diagnostics:
    """Whether the chains agree, and how many samples theirs are worth."""
    r_hat, ess = mixing(draws.points)
    warnings = []
    if draws.divergences:
        count = draws.points.shape[0] * draws.points.shape[1]
        warnings.append(f"{draws.divergences} of {count} steps of NUTS diverged: raise target_accept, or warmup")
    if not bool((r_hat <= AGREE).all()):
        warnings.append(f"the chains disagree (R-hat {float(r_hat.max()):.2f}): raise warmup and samples")
    if not bool((ess >= ENOUGH).all()):
        warnings.append(f"the samples are worth only {float(ess.min()):.0f} independent ones: raise samples")
    return Diagnostics(_by_name(space, r_hat), _by_name(space, ess), draws.divergences, warnings=tuple(warnings))


def _by_name(space: Space, values: Tensor) -> dict[str, list[float]]:
    return {name: values[space.columns(k)].tolist() for k, name in enumerate(space.names)}
