"""Explanations by several processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import neurosym as ns
from neurosym.errors import ExplanationError
from neurosym.explain.report import BatchPage, in_order, write_batch, write_pages


@pytest.mark.parametrize("workers", [1, 2, 3, 20])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_they_come_in_order(count: int, workers: int) -> None:
    assert list(in_order(lambda k: k * k, count, workers)) == [k * k for k in range(count)]


def test_others_than_the_first_are_made_elsewhere() -> None:
    made = list(in_order(lambda _: os.getpid(), 5, 2))
    assert made[0] == os.getpid() and os.getpid() not in made[1:] and len(set(made)) == 3


def test_explanations_are_the_same_by_any_number_of_processes() -> None:
    program = ns.Program.from_text(" ".join(f"0.{k}::a({k}). b({k}) :- a({k})." for k in range(1, 9)), "p.pl", "pl")
    answers = ns.Reasoner(program).query("b(X)")

    def made(k: int) -> ns.Explanation:
        return ns.explain(answers, answers.atoms[k]).checked()

    alone, together = list(in_order(made, 8, 1)), list(in_order(made, 8, 2))
    assert [w.nodes for w in alone] == [w.nodes for w in together]
    assert all(w.verified and "the facts are in the data" not in " ".join(w.unverified) for w in together)


def test_pages_are_the_same_by_whoever_they_are_put_together(tmp_path: Path) -> None:
    program = ns.Program.from_text(" ".join(f"0.{k}::a({k}). b({k}) :- a({k})." for k in range(1, 6)), "p.pl", "pl")
    answers = ns.Reasoner(program).query("b(X)")
    explained = [(ns.explain(answers, atom).checked(), k % 2 == 0) for k, atom in enumerate(answers.atoms)]
    write_batch(tmp_path / "one", explained, "Pages")
    write_pages(tmp_path / "two", in_order(lambda k: BatchPage.of(*explained[k]), 5, 2), "Pages")
    one, two = ({p.name: p.read_text("utf-8") for p in (tmp_path / n).iterdir()} for n in ("one", "two"))
    assert one == two and len(one) == 6


def test_an_error_is_raised_here() -> None:
    def task(k: int) -> int:
        if k == 3:
            raise ExplanationError("no", code="NS801")
        return k

    found: list[int] = []
    with pytest.raises(ExplanationError, match="no"):
        found.extend(in_order(task, 6, 2))


def test_a_process_that_ends_early_is_noticed() -> None:
    def task(k: int) -> int:
        if k == 2:
            os._exit(9)
        return k

    with pytest.raises(ExplanationError) as found:
        list(in_order(task, 6, 2))
    assert found.value.code == "NS865"


def test_giving_up_ends_the_processes() -> None:
    stream: Iterator[int] = in_order(lambda k: k, 1_000, 2)
    assert [next(stream), next(stream)] == [0, 1]
    stream.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert multiprocessing.active_children() == []
