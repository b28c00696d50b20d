"""Samples of a posterior: the only door to pyro.

NUTS: Hoffman & Gelman, The No-U-Turn Sampler (JMLR 2014), on unconstrained coordinates. SVI: Hoffman, Blei, Wang &
Paisley, Stochastic variational inference (JMLR 2013), with independent Betas and Dirichlets as the family: where every
statement is observed directly, the posterior is a member of it. Elsewhere it lacks the statements' correlations, which
importance resampling puts back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurosym.bayes.importance import resample
from neurosym.bayes.likelihood import Likelihood
from neurosym.bayes.space import Space, inside
from neurosym.errors import NeurosymError

PARTICLES = 16  # weight vectors in each step of SVI
RATE = 0.1  # of its optimiser at the start, a tenth of it at the end: still enough to see a bound that rises
WIDER = (1.0, 0.5, 0.25)  # parts of the fitted concentrations, for proposals of importance resampling
Tick = Callable[[int, str], None]


@dataclass(frozen=True, eq=False)
class Draws:
    """What a method gives.

    Attributes:
        points: (C, S, D) of each chain; SVI has one.
        elbo: of each step of SVI; k_hat: of its importance weights, NaN for NUTS.
        divergences: of NUTS.
    """

    points: Tensor
    elbo: tuple[float, ...] = ()
    k_hat: float = float("nan")
    divergences: int = 0


def require_pyro() -> Any:
    """The module pyro.

    Raises:
        NeurosymError: NS660, it is not installed.
    """
    try:
        import pyro
    except ImportError as error:
        raise NeurosymError(
            "a posterior needs pyro, which is not installed", code="NS660", note=str(error),
            help="pip install 'neurosym-logic[bayes]'",
        ) from None  # fmt: skip
    return pyro


def nuts(
    space: Space, likelihood: Likelihood, samples: int, warmup: int, chains: int, target_accept: float, tick: Tick
) -> Draws:
    """Samples by NUTS.

    Args:
        samples: in all chains together; warmup: steps before them, in each.
        tick: called after each step with (steps so far, a note).
    """
    require_pyro()
    from pyro.infer import MCMC, NUTS

    def potential(site: dict[str, Tensor]) -> Tensor:
        points, prior = space.free_density(site["free"][None])
        return -(likelihood(space.weights(points)) + prior).sum()

    each = -(-samples // chains)
    done = divergences = 0
    found: list[Tensor] = []
    for chain in range(chains):
        kernel = NUTS(potential_fn=potential, full_mass=True, target_accept_prob=target_accept)

        def hook(kernel: Any, _: object, stage: str, __: int, chain: int = chain) -> None:
            nonlocal done
            done += 1
            tick(done, f"chain {chain + 1} of {chains}, {stage.lower()}")

        # from the prior, so that chains that agree have come from different places
        start = space.to_free(space.draw(1).clamp(0.02, 0.98))[0]
        run = MCMC(
            kernel, num_samples=each, warmup_steps=warmup, initial_params={"free": start}, hook_fn=hook,
            disable_progbar=True,
        )  # fmt: skip
        run.run()
        divergences += len(run.diagnostics()["divergences"]["chain 0"])
        with torch.no_grad():
            found.append(inside(space.from_free(run.get_samples()["free"])))
    return Draws(torch.stack(found), divergences=divergences)


def svi(space: Space, likelihood: Likelihood, samples: int, steps: int, tick: Tick) -> Draws:
    """Samples by SVI, and importance resampling from what it found.

    Args:
        steps: of the optimiser.
        tick: called after each step with (steps so far, a note).
    """
    pyro = require_pyro()
    import pyro.distributions as law
    from pyro.distributions import constraints
    from pyro.infer import SVI, TraceMeanField_ELBO
    from pyro.optim import ClippedAdam

    def sites(betas: Tensor, dirichlets: list[Tensor]) -> Tensor:
        parts = []
        if space.single:
            parts.append(pyro.sample("single", law.Beta(betas[:, 0], betas[:, 1]).to_event(1)))
        parts += [pyro.sample(f"several {k}", law.Dirichlet(d)) for k, d in enumerate(dirichlets)]
        return torch.cat(parts, dim=-1)

    def model() -> None:
        points = inside(sites(space.betas, space.dirichlets))
        pyro.factor("data", likelihood(space.weights(points)))

    def family() -> tuple[Tensor, list[Tensor]]:
        betas = pyro.param("betas", space.betas.clone(), constraint=constraints.positive)
        several = [
            pyro.param(f"dirichlet {k}", d.clone(), constraint=constraints.positive)
            for k, d in enumerate(space.dirichlets)
        ]
        return betas, several

    def guide() -> None:
        sites(*family())

    with pyro.get_param_store().scope():  # pyro's store is global: ours is gone afterwards
        decay = 0.1 ** (1 / max(1, steps))
        bound = TraceMeanField_ELBO(num_particles=PARTICLES, vectorize_particles=True, max_plate_nesting=0)
        engine = SVI(model, guide, ClippedAdam({"lr": RATE, "lrd": decay, "betas": (0.9, 0.99)}), bound)
        elbo = []
        total: list[Tensor] = []
        for step in range(steps):
            elbo.append(-float(engine.step()))  # pyright: ignore[reportArgumentType]
            if step >= steps - steps // 4:  # the mean of the last steps has less of their noise
                with torch.no_grad():
                    betas, several = family()
                    now = [betas.log(), *(s.log() for s in several)]
                    total = now if not total else [a + b for a, b in zip(total, now, strict=True)]
            tick(step + 1, f"elbo {elbo[-1]:.2f}")
        mean = [(t / max(1, steps // 4)).exp().detach() for t in total]
    points, k_hat = _corrected(space, likelihood, mean[0], mean[1:], samples)
    return Draws(points[None], tuple(elbo), k_hat)


def _corrected(
    space: Space, likelihood: Likelihood, betas: Tensor, dirichlets: list[Tensor], samples: int
) -> tuple[Tensor, float]:
    """(samples, D) points of the posterior, and how far importance resampling can be trusted.

    A fit without correlations is too narrow, and what it never proposes no weight brings back: two thirds of the
    proposals are from the same laws made wider.
    """
    families = [(betas * w, [d * w for d in dirichlets]) for w in WIDER]
    each = max(2 * samples, 2000)
    points = torch.cat([space.draw(each, *family) for family in families])
    with torch.no_grad():
        proposal = torch.stack([space.log_density(points, *family) for family in families]).logsumexp(dim=0)
        ratios = likelihood.in_parts(space.weights(points)) + space.log_prior(points) - proposal
    chosen, k_hat = resample(ratios, samples)
    return points[chosen], k_hat


def mixing(points: Tensor) -> tuple[Tensor, Tensor]:
    """(D,) R-hat and (D,) effective sample sizes of (C, S, D) points (Gelman et al., BDA3, 11.4 and 11.5)."""
    require_pyro()
    from pyro.ops.stats import effective_sample_size, split_gelman_rubin

    return split_gelman_rubin(points), effective_sample_size(points)
