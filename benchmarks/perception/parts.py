"""All parts of the benchmark, in the order in which they run: `explain` and `hundred` take models of those before."""

from __future__ import annotations

from benchmarks.perception import addition, explain, numbers, peers, puzzles
from benchmarks.perception.part import Part

PARTS: dict[str, Part] = {
    "numbers": numbers.NUMBERS,
    "addition": addition.ADDITION,
    "hundred": numbers.HUNDRED,
    "peers": peers.PEERS,
    "hwf": puzzles.HWF,
    "sudoku": puzzles.SUDOKU,
    "shortcut": puzzles.SHORTCUT,
    "explain": explain.EXPLAIN,
}
