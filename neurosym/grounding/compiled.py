"""The door to numba: loads the compiled kernels when grounding first needs them."""

from __future__ import annotations

import logging
import threading
from functools import cache
from types import ModuleType

ANNOUNCE_AFTER = 1.5  # seconds; loading compiled kernels takes a fraction of that, compiling them several times as much


@cache
def kernels() -> ModuleType:
    """The kernels. The first import in an installation compiles them, which takes seconds and is announced."""
    notice = threading.Timer(ANNOUNCE_AFTER, _announce)
    notice.daemon = True
    notice.start()
    try:
        from neurosym.grounding import kernels as module
    finally:
        notice.cancel()
    return module


def _announce() -> None:
    logging.getLogger("neurosym").warning("compiling the join kernels: a few seconds, once for each installation")
