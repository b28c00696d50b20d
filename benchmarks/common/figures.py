"""A figure beside its bound, and what figures were measured with."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import neurosym


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        name: what it is; `value`: None where it could not be measured, and `note` says why.
        ours, peer: what the value was made of, as text; `bound`: none where the figure is for information.
        at_least: the bound is a lower one.
    """

    name: str
    value: float | None
    unit: str = ""
    ours: str = ""
    peer: str = ""
    bound: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """`met`, `not met`, `not measured`, or nothing where there is no bound."""
        if self.value is None:
            return f"not measured: {self.note}" if self.note else "not measured"
        if self.bound is None:
            return ""
        return "met" if (self.value >= self.bound if self.at_least else self.value <= self.bound) else "not met"


def seconds(value: float | None) -> str:
    """Seconds, or milliseconds where they are few."""
    if value is None:
        return ""
    return f"{value:.3f} s" if value >= 0.1 else f"{1000 * value:.2f} ms"


def environment(packages: Sequence[str]) -> dict[str, str | int | None]:
    """The machine, Python, neurosym and the versions of packages; None for one that is not installed."""
    names: dict[str, str | int | None] = {"machine": platform.machine(), "cpus": os.cpu_count()}
    names |= {"python": platform.python_version(), "neurosym": neurosym.__version__}
    for package in packages:
        try:
            names[package] = version(package)
        except PackageNotFoundError:
            names[package] = None
    return names
