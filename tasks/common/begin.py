"""First weights that a seed draws, and networks that are begun anew because they got stuck."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

import neurosym as ns

Made = TypeVar("Made")
STUCK = 0.9  # share of validation sums below which a run counts as failed and is begun anew


def drawn(make: Callable[[], Made], seed: int) -> Made:
    """What `make` makes, with random numbers that the seed decides; torch's own stay as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def unstuck(
    attempt: Callable[[int], ns.Reasoner], right: Callable[[ns.Reasoner], float], attempts: int, seed: int
) -> tuple[ns.Reasoner, int, bool]:
    """A trained reasoner, how many before it got stuck, and whether it is stuck as well.

    Sums have local optima, such as reading each digit as its two neighbours with probability ½ each. Which networks are
    stuck is seen from the sums of the validation part; digits play no part in it.

    Args:
        attempt: trains a reasoner whose weights a seed draws; right: its share of right validation sums.
        attempts: at most.
    """
    failed = 0
    while True:
        reasoner = attempt(seed + 1_000 * failed)
        stuck = right(reasoner) < STUCK
        if not stuck or failed + 1 >= attempts:
            return reasoner, failed, stuck
        failed += 1
