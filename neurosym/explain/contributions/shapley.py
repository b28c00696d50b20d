"""Shapley values: what each player adds, on average over all orders in which they could join.

Shapley, A value for n-person games (1953). The values of all players add up to the value of all together minus that of
none; players that can stand in for one another get the same; one that never changes anything gets 0. Sampled by orders
and their reverses: Castro, Gómez & Tejada (2009); Mitchell, Cooper, Frank & Holmes, Sampling permutations for Shapley
value estimation (JMLR 2022), who find such pairs to reduce the error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

Value = Callable[[NDArray[np.bool_]], NDArray[np.float64]]
CELLS = 1 << 24  # numbers in the coalitions that are made at a time


@dataclass(frozen=True)
class Split:
    """How a value is shared out.

    Attributes:
        shares: (P,) of each player; `errors`: (P,) their standard errors, None where all coalitions were evaluated.
        baseline: the value of no player.
    """

    shares: NDArray[np.float64]
    errors: NDArray[np.float64] | None
    baseline: float


def exact_shares(value: Value, players: int, together: float) -> Split:
    """The Shapley values from the values of all 2^P coalitions.

    Args:
        value: (R, P) coalitions → (R,) values; asked once.
        together: the value of all players, which the shares and the baseline add up to.
    """
    numbers = np.arange(2**players, dtype=np.int64)
    members = (numbers[:, None] >> np.arange(players)) & 1 == 1
    values = value(members)
    values[-1] = together
    size = members.sum(axis=1)
    # A player joins a coalition of s others in s! (P - 1 - s)! of all P! orders.
    weight = np.array([1 / (players * comb(players - 1, s)) for s in range(players)] + [0.0])
    joined, alone = values * weight[size - 1], values * weight[size]
    shares = joined @ members - alone @ ~members
    return Split(adding_up(shares, together - values[0]), None, float(values[0]))


def sampled_shares(value: Value, players: int, together: float, permutations: int, seed: int) -> Split:
    """Estimates of the Shapley values from random orders, each followed by its reverse.

    In each order the players' additions add up to the value of all minus that of none, so the estimates do as well.
    The standard error is that of the mean over pairs, which are independent.

    Args:
        value: (R, P) coalitions → (R,) values.
        together: as of `exact_shares`.
        permutations: rounded down to an even number, 4 at least.
    """
    random = np.random.default_rng(seed)
    baseline = float(value(np.zeros((1, players), np.bool_))[0])
    pairs = permutations // 2
    step = max(1, CELLS // (2 * players * max(1, players - 1)))
    total, squares = np.zeros(players), np.zeros(players)
    for start in range(0, pairs, step):
        orders = np.stack([random.permutation(players) for _ in range(min(step, pairs - start))])
        added = (_added(value, orders, baseline, together) + _added(value, orders[:, ::-1], baseline, together)) / 2
        total += added.sum(axis=0)
        squares += (added**2).sum(axis=0)
    mean = total / pairs
    spread = np.maximum(squares / pairs - mean**2, 0) * pairs / (pairs - 1)
    return Split(adding_up(mean, together - baseline), np.sqrt(spread / pairs), baseline)


def _added(value: Value, orders: NDArray[np.int64], baseline: float, together: float) -> NDArray[np.float64]:
    """(Q, P) what each player adds in each of Q orders."""
    count, players = orders.shape
    rank = np.argsort(orders, axis=1)
    # (Q, P - 1, P): who is there after 1, …, P - 1 have joined; the ends are known
    there = rank[:, None, :] < np.arange(1, players)[None, :, None]
    values = np.full((count, players + 1), baseline)
    values[:, -1] = together
    if players > 1:
        values[:, 1:-1] = value(there.reshape(-1, players)).reshape(count, players - 1)
    return np.take_along_axis(np.diff(values, axis=1), rank, axis=1)


def adding_up(shares: NDArray[np.float64], wanted: float) -> NDArray[np.float64]:
    """Shares without what rounding left over, taken by each in proportion to its size: who has nothing, keeps that."""
    sizes = np.abs(shares)
    if not sizes.sum():
        return shares
    return shares + (wanted - shares.sum()) * sizes / sizes.sum()


__all__ = ["Split", "adding_up", "exact_shares", "sampled_shares"]
