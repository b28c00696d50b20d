"""Python's cyclic garbage collector while a text is read."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_waits() -> Iterator[None]:
    """Let the collector wait: it walks everything that there is again and again while a large syntax tree grows.

    That takes longer than to read the text, and finds nothing: a syntax tree has no cycles, and what a parser drops is
    freed at once by its reference count. A collector that is switched off already stays so.
    """
    works = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if works:
            gc.enable()
