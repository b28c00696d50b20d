"""Python's cyclic garbage collector while much is built that has no cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_waits() -> Iterator[None]:
    """Let the collector wait: it walks everything that there is again and again while a large structure grows.

    That takes longer than to read a text or to write down a certificate, and finds nothing: syntax trees and
    explanations have no cycles, and what is dropped meanwhile is freed at once by its reference count. A collector that
    is switched off already stays so.
    """
    works = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if works:
            gc.enable()
