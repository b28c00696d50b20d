"""Shapley values of a polynomial, exact for any number of players without going through their coalitions.

Owen, Multilinear extensions of games (Management Science 1972): the Shapley value of a player is the integral over t
of its slope in the game's multilinear extension, where everyone is there with probability t. A probability without
evidence is its own extension, as it is linear in the probability of each leaf. So the slopes of all are one backward
pass, and as they are polynomials in t of a degree below the number of players P, P / 2 points integrate them exactly.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.explain.contributions.shapley import Split, adding_up

Scaled = Callable[[Tensor], Tensor]
TOLERANCE = 1e-9


def evaluations(players: int, several: int) -> int:
    """How many evaluations it takes, the checks included.

    Args:
        several: players with several leaves, in which a claim is not linear: their coalitions are gone through.
    """
    return 2**several * ((players + 1) // 2) + players + 2


def polynomial_shares(scaled: Scaled, several: NDArray[np.bool_], together: float, rows: int) -> Split | None:
    """The Shapley values of a claim that is linear in each player but some.

    Args:
        scaled: (R, P) factors on the players' probabilities → (R,) values, with gradients.
        several: (P,) who has several leaves.
        together: the value of all players.
        rows: how many to evaluate at a time.

    Returns:
        The values; None where the claim turns out not to be linear.
    """
    players, many = len(several), np.nonzero(several)[0]
    points, weights = np.polynomial.legendre.leggauss((players + 1) // 2)
    points, weights = (points + 1) / 2, weights / 2
    members = np.arange(2 ** len(many))[:, None] >> np.arange(len(many)) & 1 == 1
    # (M, T, P) factors: one of several leaves is there or not, all others with probability t
    factors = np.broadcast_to(points[None, :, None], (len(members), len(points), players)).copy()
    factors[:, :, many] = members[:, None, :]
    ends = np.concatenate([np.zeros((1, players)), 1 - np.eye(players), np.ones((1, players))])
    values, slopes = _with_slopes(scaled, np.concatenate([factors.reshape(-1, players), ends]), rows)
    inner = len(members) * len(points)
    if not _is_linear(values[inner:], slopes[-1], ~several):
        return None
    values, slopes, baseline = (
        values[:inner].reshape(factors.shape[:2]),
        slopes[:inner].reshape(factors.shape),
        values[inner],
    )
    size = members.sum(axis=1)[:, None]
    there = points**size * (1 - points) ** (len(many) - size) * weights  # (M, T)
    shares = np.einsum("mt,mtp->p", there, slopes)
    for place, player in enumerate(many):
        joined = members[:, place]
        before = size - joined[:, None]  # who else is there
        chance = points**before * (1 - points) ** (len(many) - 1 - before) * weights
        shares[player] = (chance * values * np.where(joined, 1, -1)[:, None]).sum()
    if abs(shares.sum() - (together - baseline)) > max(TOLERANCE, 1e-6 * abs(together)):
        return None
    return Split(adding_up(shares, together - float(baseline)), None, float(baseline))


def _is_linear(ends: NDArray[np.float64], slopes: NDArray[np.float64], single: NDArray[np.bool_]) -> bool:
    """Whether leaving out a player takes away what its slope says.

    Args:
        ends: (1 + P + 1,) values of none, of all but each, and of all; slopes: (P,) where all are there.
    """
    lost = ends[-1] - ends[1:-1]
    return bool(np.allclose(lost[single], slopes[single], rtol=0, atol=TOLERANCE))


def _with_slopes(
    scaled: Scaled, factors: NDArray[np.float64], rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(R,) values and (R, P) slopes."""
    values, slopes = [], []
    with torch.enable_grad():
        for start in range(0, len(factors), rows):
            part = torch.from_numpy(factors[start : start + rows].copy()).requires_grad_()
            found = scaled(part)
            (slope,) = torch.autograd.grad(found.sum(), part)
            values.append(found.numpy(force=True))
            slopes.append(slope.numpy(force=True))
    return np.concatenate(values), np.concatenate(slopes)


__all__ = ["evaluations", "polynomial_shares"]
