"""Rights of what is written: temporary files are private, and what takes their place has the user's usual rights."""

from __future__ import annotations

import os


def usual(mode: int) -> int:
    """A mode, such as 0o666 for a file and 0o777 for a folder, less what the user's mask takes away."""
    mask = os.umask(0)
    os.umask(mask)
    return mode & ~mask


__all__ = ["usual"]
