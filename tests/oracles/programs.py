"""The random programs of the benchmarks as strategies of hypothesis, so that failures shrink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

from benchmarks.common import programs as random_programs
from benchmarks.common.programs import LAYERS, AbstractDraw, Style

__all__ = ["LAYERS", "Style", "programs", "propositions", "strata"]

T = TypeVar("T")


class _Draw(AbstractDraw):
    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def pick(self, options: Sequence[T]) -> T:
        return self.draw(st.sampled_from(options))

    def integer(self, least: int, most: int) -> int:
        return self.draw(st.integers(least, most))

    def permuted(self, items: Sequence[T]) -> list[T]:
        return self.draw(st.permutations(items))

    def some(self, items: Sequence[T], least: int, most: int) -> list[T]:
        return self.draw(st.lists(st.sampled_from(items), min_size=least, max_size=most, unique=True))


@st.composite
def programs(draw: st.DrawFn, style: Style) -> list[str]:
    """The statements of a program."""
    return random_programs.program(_Draw(draw), style)


@st.composite
def propositions(draw: st.DrawFn, rules: int = 14) -> list[str]:
    """The statements of a program without variables, dense in what a proof of independence can get wrong."""
    return random_programs.propositions(_Draw(draw), rules)


@st.composite
def strata(draw: st.DrawFn) -> list[str]:
    """The statements of a program without variables, some of whose facts rest on choices of their own."""
    return random_programs.strata(_Draw(draw))
