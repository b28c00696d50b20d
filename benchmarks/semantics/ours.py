"""The engine's side: from program text to probabilities, and where the time of that goes."""

from __future__ import annotations

import pkgutil
import signal
from collections import Counter, defaultdict
from pathlib import Path
from types import FrameType
from typing import Any

import neurosym
from benchmarks.common.process import cpu_seconds, timed
from neurosym.grounding.compiled import load
from neurosym.lang import Program
from neurosym.reasoner import Answers, Reasoner

ROOM = str(Path(neurosym.__file__).parent) + "/"
TICK = 0.001  # CPU seconds between two looks at the stack; Linux looks every 4 ms
LONG = 2.0  # CPU seconds that a short program is repeated for


def parse(text: str) -> Program:
    """A program in ProbLog's syntax."""
    return Program.from_text(text, "program.pl", "pl")


def answer(text: str) -> Answers:
    """Text to exact probabilities; a circuit too large is a failure, bounds are not what the peer gives."""
    return Reasoner(parse(text), on_limit="stop").query()


def load_kernels() -> None:
    """Load all compiled loops, of which a small program to warm up needs some only."""
    for module in pkgutil.walk_packages(neurosym.__path__, "neurosym."):
        if module.name.endswith(("kernels", ".walks")):
            load(module.name)


def solve(text: str, warm_up: str, limit: float) -> dict[str, Any]:
    """CPU seconds of one program, its answers, and how many of them each method gave."""
    load_kernels()
    answer(warm_up)
    cpu, answers = timed(lambda: answer(text), limit)
    values = {atom.replace(" ", ""): value for atom, value in answers.detach().items()}
    return {"cpu": cpu, "answers": values, "methods": Counter(answers.methods)}


class Stages:
    """CPU seconds of each stage, by looking at the stack at short intervals.

    The interval of a look is counted whole for the stage that it meets: after a long call of compiled code there is one
    late look, and it stands for all of the call.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._last = 0.0

    def __enter__(self) -> Stages:
        signal.signal(signal.SIGPROF, self._look)
        self._last = cpu_seconds()
        signal.setitimer(signal.ITIMER_PROF, TICK, TICK)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)

    def _look(self, number: int, frame: FrameType | None) -> None:
        now = cpu_seconds()
        self.seconds[_stage(frame)] += now - self._last
        self._last = now


def _stage(frame: FrameType | None) -> str:
    """The stage that a stack is in: the outermost room below the reasoner, `exact` by its files."""
    files: list[str] = []
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(ROOM):
            files.append(name.removeprefix(ROOM).removesuffix(".py"))
        frame = frame.f_back
    inner = files[0] if files else ""
    for name in reversed(files):
        room = name.split("/")[0]
        if room == "lang":
            return "check" if any(f.startswith(("lang/check", "lang/stratify")) for f in files) else "parse"
        if room == "grounding":
            return "ground"
        if room == "semantics":
            return inner if inner.startswith("semantics/") else name
    return "reasoner" if inner else "other"


def profile(text: str, warm_up: str) -> dict[str, Any]:
    """CPU seconds of the stages of one program; a short one is solved many times."""
    load_kernels()
    answer(warm_up)
    stages, calls, start = Stages(), 0, cpu_seconds()
    with stages:
        while not calls or cpu_seconds() - start < LONG:
            answer(text)
            calls += 1
    shares = {stage: cpu / calls for stage, cpu in sorted(stages.seconds.items(), key=lambda pair: -pair[1])}
    return {"cpu": sum(shares.values()), "stages": shares}
