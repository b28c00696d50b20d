"""A grounding that is stopped, by a limit or by Ctrl-C: what it says, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

import neurosym as ns
from neurosym.errors import LimitError
from neurosym.facts import FactBase
from neurosym.grounding import Limits

JOIN = "pred a(k: int) . pairs(X, Y) :- a(X), a(Y), a(Z), a(W), X + Y + Z + W < 0. few(X) :- a(X), X > 2997."
CLOSURE = (
    "pred edge(x: int, y: int) . path(X, Y) :- edge(X, Y). path(X, Z) :- path(X, Y), edge(Y, Z). near(Y) :- edge(1, Y)."
)


def facts() -> FactBase:
    edges = [("edge", (k, (k * 7919 * j + j) % 4000)) for k in range(4000) for j in range(1, 6)]
    return FactBase.from_facts([("a", (k,)) for k in range(3000)] + edges)


LIMITS = {
    "facts": (CLOSURE, "path(X, Y)", Limits(facts=100_000), "more than 100,000 facts, while deriving path/2"),
    "firings": (CLOSURE, "path(X, Y)", Limits(firings=550_000), "more than 550,000 firings"),
    "memory": (CLOSURE, "path(X, Y)", Limits(memory=20e6), "more than 0.02 GB"),
    "seconds": (JOIN, "pairs(X, Y)", Limits(seconds=0.3, firings=10**12), "longer than the 0.3 s"),
    "a join": (JOIN, "pairs(X, Y)", Limits(firings=5_000_000), "a join with a/1 gives 9,000,000 rows"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_names_the_rule_its_size_and_its_largest_join(name: str) -> None:
    text, query, limits, message = LIMITS[name]
    base = facts()
    before = base.sha256()
    reasoner = ns.Reasoner(ns.Program.from_text(text, file="big.rules"), base, limits=limits)
    with pytest.raises(LimitError) as caught:
        reasoner.query(query)
    assert caught.value.code == "NS410" and message in caught.value.message
    note = caught.value.note
    assert note.count("in rule `big.rules:1` (big.rules:1:") == 1
    assert ("path/2 has " if text is CLOSURE else "pairs/2 has 0 facts") in note and " groundings so far" in note
    assert f"its largest join, with {'edge/2' if text is CLOSURE else 'a/1'}, gave " in note
    assert base.sha256() == before
    small = "near(Y)" if text is CLOSURE else "few(X)"
    assert len(reasoner.query(small)) == (5 if text is CLOSURE else 2)  # it can be asked for less


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
@pytest.mark.parametrize(("text", "query"), [(JOIN, "pairs(X, Y)"), (CLOSURE, "path(X, Y)")])
def test_ctrl_c_within_a_second_leaves_everything_as_it_was(text: str, query: str) -> None:
    base = facts()
    before = base.sha256()
    small, number = ("near(Y)", 5) if text is CLOSURE else ("few(X)", 2)
    reasoner = ns.Reasoner(ns.Program.from_text(text, file="big.rules"), base, limits=Limits(firings=10**12))
    reasoner.query(small)  # kernels are loaded
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.4, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        reasoner.query(query)
    assert time.monotonic() - sent[0] < 1.0
    assert "in rule `big.rules:1`" in caught.value.__notes__[0]
    assert base.sha256() == before
    assert len(reasoner.query(small)) == number


def test_progress_is_told_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurosym.grounding.clock.REPORT_EVERY", 0.05)
    lines: list[str] = []
    program = ns.Program.from_text(JOIN, file="big.rules")
    reasoner = ns.Reasoner(program, facts(), limits=Limits(firings=10**12, seconds=0.5), progress=lines.append)
    with pytest.raises(LimitError):
        reasoner.query("pairs(X, Y)")
    assert 3 <= len(lines) <= 10
    assert lines[0].startswith("big.rules:1, round 0: ") and " facts, 0 firings, " in lines[0]
    assert reasoner.over(facts()).progress is reasoner.progress


def test_proofs_have_time_of_their_own() -> None:
    """What is asked later than the limit after the grounding is rebuilt all the same."""
    program = ns.Program.from_text(
        "pred edge(x: int, y: int) . path(X, Y) :- edge(X, Y). path(X, Z) :- path(X, Y), edge(Y, Z)."
    )
    base = FactBase.from_facts([("edge", (k, k + 1)) for k in range(5)])
    reasoner = ns.Reasoner(program, base, semantics="boolean", limits=Limits(seconds=1.0))
    answers = reasoner.query("path(0, 5)")
    time.sleep(1.1)
    ns.explain(answers, "path(0, 5)").verify()
