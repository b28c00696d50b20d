"""Weights that are never negative: what softplus makes of any number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def inverse_softplus(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What softplus makes these values of; those below 1e-6 count as 1e-6."""
    values = np.maximum(values, 1e-6)
    return values + np.log(-np.expm1(-values))
