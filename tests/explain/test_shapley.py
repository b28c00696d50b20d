"""Shapley values as such: the axioms that define them, on games drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from math import factorial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurosym.explain.contributions.polynomial import evaluations, polynomial_shares
from neurosym.explain.contributions.shapley import Value, exact_shares, sampled_shares

NUMBERS = st.floats(-1, 1).map(lambda x: round(x, 3))


def game(table: NDArray[np.float64]) -> Value:
    """The game whose coalitions have the values of a table, coalition number Σ 2^k."""

    def value(members: NDArray[np.bool_]) -> NDArray[np.float64]:
        return table[members @ (1 << np.arange(members.shape[1]))].copy()

    return value


def by_orders(table: NDArray[np.float64], players: int) -> NDArray[np.float64]:
    """The definition: what each adds, on average over all orders."""
    shares = np.zeros(players)
    for order in permutations(range(players)):
        there = 0
        for player in order:
            shares[player] += table[there | 1 << player] - table[there]
            there |= 1 << player
    return shares / factorial(players)


@st.composite
def tables(draw: st.DrawFn) -> tuple[NDArray[np.float64], int]:
    players = draw(st.integers(1, 5))
    return np.array(draw(st.lists(NUMBERS, min_size=2**players, max_size=2**players))), players


@given(tables())
def test_they_are_the_average_over_all_orders_and_add_up(drawn: tuple[NDArray[np.float64], int]):
    table, players = drawn
    split = exact_shares(game(table), players, float(table[-1]))
    assert split.shares == pytest.approx(by_orders(table, players), abs=1e-9)
    assert split.shares.sum() == pytest.approx(table[-1] - table[0], abs=1e-12)
    assert split.baseline == table[0] and split.errors is None


@given(tables(), st.integers(0, 5), st.booleans())
def test_a_dummy_has_nothing(drawn: tuple[NDArray[np.float64], int], place: int, sampled: bool):
    table, players = drawn
    place = min(place, players)
    low = np.arange(2 ** (players + 1))
    without = (low & (1 << place) - 1) | (low >> place + 1) << place  # the coalition without the new player
    value, together = game(table[without]), float(table[-1])
    made = sampled_shares(value, players + 1, together, 8, 1) if sampled else exact_shares(value, players + 1, together)
    assert made.shares[place] == pytest.approx(0, abs=1e-12)


@given(tables(), st.data())
def test_players_that_can_stand_in_for_one_another_have_the_same(
    drawn: tuple[NDArray[np.float64], int], data: st.DataObject
):
    table, players = drawn
    one, other = data.draw(st.integers(0, players - 1)), data.draw(st.integers(0, players - 1))
    numbers = np.arange(2**players)
    differ = ((numbers >> one) ^ (numbers >> other)) & 1
    swapped = numbers ^ (differ << one) ^ (differ << other if other != one else 0)
    alike = (table + table[swapped]) / 2
    shares = exact_shares(game(alike), players, float(alike[-1])).shares
    assert shares[one] == pytest.approx(shares[other], abs=1e-12)


@given(tables(), st.data())
def test_they_are_linear_in_the_game(drawn: tuple[NDArray[np.float64], int], data: st.DataObject):
    table, players = drawn
    other = np.array(data.draw(st.lists(NUMBERS, min_size=2**players, max_size=2**players)))
    shares = [exact_shares(game(t), players, float(t[-1])).shares for t in (table, other, table + 2 * other)]
    assert shares[2] == pytest.approx(shares[0] + 2 * shares[1], abs=1e-9)


@given(tables(), st.integers(0, 1000))
def test_sampled_ones_add_up_and_repeat(drawn: tuple[NDArray[np.float64], int], seed: int):
    table, players = drawn
    split = sampled_shares(game(table), players, float(table[-1]), 6, seed)
    assert split.shares.sum() == pytest.approx(table[-1] - table[0], abs=1e-12)
    again = sampled_shares(game(table), players, float(table[-1]), 6, seed)
    assert np.array_equal(split.shares, again.shares)


def test_sampled_ones_lie_where_their_errors_say():
    """Of 200 estimates of 8 shares, within two standard errors lie about 95%; a wrong error would be far off."""
    random = np.random.default_rng(7)
    table = random.random(2**8)
    true = exact_shares(game(table), 8, float(table[-1])).shares
    inside, size = [], []
    for seed in range(200):
        split = sampled_shares(game(table), 8, float(table[-1]), 40, seed)
        assert split.errors is not None and (split.errors > 0).all()
        inside.append(np.abs(split.shares - true) <= 2 * split.errors)
        size.append(split.shares - true)
    assert 0.90 < np.mean(inside) < 0.985
    # the mean over 200 runs has a 14th of the error of one
    assert np.abs(np.mean(size, axis=0)).max() < 4 * np.std(size) / np.sqrt(200)


def test_reversing_each_order_pays():
    """Two players that stand in for one another: with each order and its reverse there is no chance left."""
    table = np.array([0.0, 1.0, 1.0, 1.0])
    split = sampled_shares(game(table), 2, 1.0, 4, 3)
    assert split.shares.tolist() == [0.5, 0.5] and split.errors is not None and split.errors.tolist() == [0.0, 0.0]


def test_together_is_taken_from_the_claim():
    """The claim may have been computed in less precision: the shares add up to it, not to the game's own end."""
    table = np.array([0.1, 0.3, 0.4, 0.7])
    for made in (exact_shares(game(table), 2, 0.7 + 1e-7), sampled_shares(game(table), 2, 0.7 + 1e-7, 4, 0)):
        assert made.shares.sum() + made.baseline == pytest.approx(0.7 + 1e-7, abs=1e-15)


def extension(table: NDArray[np.float64], several: NDArray[np.bool_]) -> Callable[[torch.Tensor], torch.Tensor]:
    """The game as a function of factors: linear in each player, but for those of several leaves, squared."""
    players = len(several)
    members = torch.from_numpy((np.arange(len(table))[:, None] >> np.arange(players)) & 1 == 1)

    def scaled(factors: torch.Tensor) -> torch.Tensor:
        bent = torch.where(torch.from_numpy(several), factors**2, factors)[:, None, :]
        return (torch.where(members, bent, 1 - bent).prod(dim=2) * torch.from_numpy(table)).sum(dim=1)

    return scaled


@given(tables(), st.data())
def test_those_of_a_polynomial_need_no_coalitions(drawn: tuple[NDArray[np.float64], int], data: st.DataObject):
    table, players = drawn
    several = np.array(data.draw(st.lists(st.booleans(), min_size=players, max_size=players)))
    rows = data.draw(st.integers(1, 40))
    split = polynomial_shares(extension(table, several), several, float(table[-1]), rows)
    assert split is not None and split.errors is None and split.baseline == pytest.approx(table[0])
    assert split.shares == pytest.approx(by_orders(table, players), abs=1e-9)


def test_a_game_that_is_not_linear_is_found_out():
    table = np.array([0.0, 0.3, 0.4, 0.9])
    scaled = extension(table, np.array([True, False]))
    assert polynomial_shares(scaled, np.array([False, False]), 0.9, 8) is None
    assert polynomial_shares(scaled, np.array([True, False]), 0.9, 8) is not None


def test_what_a_polynomial_costs():
    count = 0
    several = np.array([True, False, False, True, False])

    def counted(factors: torch.Tensor) -> torch.Tensor:
        nonlocal count
        count += len(factors)
        return extension(np.arange(32.0), several)(factors)

    assert polynomial_shares(counted, several, 31.0, 7) is not None
    assert count == evaluations(5, 2) == 2**2 * 3 + 7
