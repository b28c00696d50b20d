"""Resampling by Pareto-smoothed importance weights.

Vehtari, Simpson, Gelman, Yao & Gabry, Pareto smoothed importance sampling (JMLR 2024); Yao, Vehtari, Simpson & Gelman,
Yes, but did it work? (ICML 2018), who judge variational inference by the shape k of the largest weights' tail.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

TRUSTED = 0.7  # the largest k for which the weights can be relied on


def resample(log_ratios: Tensor, count: int) -> tuple[Tensor, float]:
    """Which of M proposals to take so that they are samples of the target, and k.

    Args:
        log_ratios: (M,) log target minus log proposal density, each up to a constant.

    Returns:
        (count,) indices, in random order, and the shape k of the tail of the weights.
    """
    smooth, k = smoothed(log_ratios)
    share = torch.softmax(smooth, dim=0).cumsum(0)
    # systematic resampling: one random offset, so that equal weights give each proposal at most once
    places = (torch.arange(count, dtype=share.dtype) + torch.rand((), dtype=share.dtype)) / count
    chosen = torch.searchsorted(share, places * share[-1]).clamp_max(len(share) - 1)
    return chosen[torch.randperm(count)], k


def smoothed(log_ratios: Tensor) -> tuple[Tensor, float]:
    """The log weights with their largest ones replaced by quantiles of a generalised Pareto law, and its shape k."""
    count = len(log_ratios)
    tail = int(min(count // 5, 3 * math.sqrt(count)))
    values = log_ratios - log_ratios.max()
    if tail < 5 or not bool(torch.isfinite(values).any()):
        return values, math.inf
    order = values.argsort()
    largest = order[-tail:]
    threshold = values[order[-tail - 1]].exp()
    over = values[largest].exp() - threshold
    if float(over[-1]) <= 1e-10:  # as good as equal: the proposal is the target
        return values, -math.inf
    k, sigma = _pareto(over.clamp_min(1e-300))
    if math.isfinite(k):
        p = (torch.arange(tail, dtype=values.dtype) + 0.5) / tail
        quantiles = threshold + (sigma * torch.expm1(-k * torch.log1p(-p)) / k if k else -sigma * torch.log1p(-p))
        values = values.clone()
        values[largest] = quantiles.log().clamp_max(0.0)
    return values, k


def _pareto(x: Tensor) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto law (Zhang & Stephens, Technometrics 2009), for ascending x.

    The shape is drawn a little towards 0.5, as by ten more observations.
    """
    n = len(x)
    grid = 30 + int(math.sqrt(n))
    quartile = x[int(n / 4 + 0.5) - 1]
    j = torch.arange(1, grid + 1, dtype=x.dtype)
    theta = (1 - (grid / (j - 0.5)).sqrt()) / (3 * quartile) + 1 / x[-1]
    shape = torch.log1p(-theta[:, None] * x).mean(dim=1)
    profile = n * ((-theta / shape).log() - shape - 1)
    weight = torch.softmax(profile.nan_to_num(-math.inf), dim=0)
    best = float((theta * weight).sum())
    k = float(torch.log1p(-best * x).mean())
    sigma = -k / best
    return (n * k + 10 * 0.5) / (n + 10), sigma
