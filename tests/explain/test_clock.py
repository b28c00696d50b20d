"""The time of a search does not count what is compiled once for each installation."""

from __future__ import annotations

import time

import pytest

from neurosym.explain.changes.clock import Clock
from neurosym.grounding import compiled


def test_compiling_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(0.05)

    def slow(name: str) -> object:
        time.sleep(0.2)
        return name

    monkeypatch.setattr(compiled.importlib, "import_module", slow)
    before = compiled.loading_seconds()
    assert compiled.load.__wrapped__("kernels of no module") == "kernels of no module"
    assert compiled.loading_seconds() >= before + 0.2
    assert not clock.spent()
    time.sleep(0.1)
    assert clock.spent()
