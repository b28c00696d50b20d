"""The library's version, as its installed distribution says."""

from __future__ import annotations

from functools import cache


@cache
def version() -> str:
    """The version of the distribution `neurosym-logic`; `0.0.0` in a source tree that was never installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("neurosym-logic")
    except PackageNotFoundError:
        return "0.0.0"
