"""A heat map: what an image shows, faint, and over it what speaks for a fact and what against it."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from neurosym.explain.neural import png_of

FOR, AGAINST = (200, 85, 0), (0, 70, 170)  # orange and blue, told apart without red and green
LARGEST = 512  # pixels on a side


def heat_map(image: Tensor, scores: Tensor) -> str:
    """The scores of an image over it, as a data URI of a PNG; an empty string for what is too large to show.

    Args:
        image, scores: (h, w), (1, h, w) or (3, h, w); of colours the scores are added up.
    """
    if max(image.shape[-2:]) > LARGEST:
        return ""
    pixels = image.detach().cpu().double().reshape(-1, *image.shape[-2:]).mean(dim=0).numpy()
    heat = scores.detach().cpu().double().reshape(-1, *scores.shape[-2:]).sum(dim=0).numpy()
    low, high = float(pixels.min()), float(pixels.max())
    shown = (pixels - low) / (high - low) if high > low else pixels * 0
    grey = 255 - 110 * shown[..., None]  # faint and inverted, so that the colours stand out on white
    strength = np.abs(heat) / (np.abs(heat).max() or 1.0)
    colour = np.where(heat[..., None] >= 0, FOR, AGAINST)
    mixed = grey + (colour - grey) * strength[..., None]
    return png_of(mixed.round().clip(0, 255).astype(np.uint8))


__all__ = ["heat_map"]
