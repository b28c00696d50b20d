"""Both methods are calibrated: a few simulations in the ordinary suite, many in the slow one."""

from __future__ import annotations

import pytest

from tests.bayes.calibration import once, p_values, ranks


def test_a_few_simulations_are_even() -> None:
    assert min(p_values(ranks(24, "svi", steps=40), bins=4)) > 0.001


@pytest.mark.slow
def test_many_simulations_of_svi_are_even() -> None:
    assert min(p_values(ranks(200, "svi", steps=100), bins=10)) > 0.005


@pytest.mark.slow
def test_many_simulations_of_nuts_are_even() -> None:
    assert min(p_values(ranks(60, "nuts", chains=1, warmup=100), bins=5)) > 0.005


@pytest.mark.slow
def test_a_posterior_that_is_too_sure_of_itself_is_noticed() -> None:
    assert min(p_values(ranks(200, "svi", lambda labels: once(labels) * 4, steps=100), bins=10)) < 0.001
