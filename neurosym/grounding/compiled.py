"""The door to numba: compiled inner loops, kept on disk, and loaded when they are first needed."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
ANNOUNCE_AFTER = 1.5  # seconds; loading compiled kernels takes a fraction of that, compiling them several times as much


def kernel(*signatures: str, reorder: bool = False) -> Callable[[F], F]:
    """Compile a function for its signatures; a wrong dtype or layout is an error, never a silent second compilation.

    Args:
        reorder: sums of floats may be added up in another order, several numbers at a time.
    """
    from numba import njit

    options = {"nogil": True} | ({"fastmath": {"reassoc", "nsz", "contract"}} if reorder else {})

    def compiled(function: F) -> F:
        try:
            return njit(list(signatures), cache=True, **options)(function)  # pyright: ignore
        except RuntimeError:  # nowhere to keep it: a read-only installation without a home directory
            return njit(list(signatures), **options)(function)  # pyright: ignore

    return compiled


class _Spent:
    seconds = 0.0


_spent = _Spent()


@cache
def load(name: str) -> ModuleType:
    """A module of kernels. The first import in an installation compiles them, which takes seconds and is announced."""
    notice = threading.Timer(ANNOUNCE_AFTER, _announce)
    notice.daemon = True
    notice.start()
    begun, inside = time.monotonic(), _spent.seconds
    try:
        return importlib.import_module(name)
    finally:
        notice.cancel()
        _spent.seconds = inside + time.monotonic() - begun  # that of kernels that these load is part of it


def loading_seconds() -> float:
    """Seconds that kernels took to be loaded so far, most of them to be compiled: no search should pay for that."""
    return _spent.seconds


def kernels() -> ModuleType:
    """The kernels of grounding."""
    return load("neurosym.grounding.kernels")


def _announce() -> None:
    logging.getLogger("neurosym").warning(
        "compiling inner loops: some seconds for each part that is used, once for each installation"
    )
