"""How inner loops are compiled: with written signatures, without the interpreter's lock, kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def kernel(signature: str) -> Callable[[F], F]:
    """Compile a function for one signature; a wrong dtype or layout is an error, never a silent second compilation."""

    def compiled(function: F) -> F:
        try:
            return njit(signature, cache=True, nogil=True)(function)  # pyright: ignore
        except RuntimeError:  # nowhere to keep it: a read-only installation without a home directory
            return njit(signature, nogil=True)(function)  # pyright: ignore

    return compiled
