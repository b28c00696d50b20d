"""The peer's side: ProbLog in process, from the same text to probabilities, by what it chooses itself."""

from __future__ import annotations

from typing import Any

from benchmarks.common.process import timed


def solve(text: str, warm_up: str, limit: float) -> dict[str, Any]:
    """CPU seconds of one program, its answers, and into what it was compiled."""
    from problog import get_evaluatable
    from problog.program import PrologString

    def answer(program: str) -> tuple[str, dict[Any, float]]:
        compiled = get_evaluatable().create_from(PrologString(program))
        return type(compiled).__name__, compiled.evaluate()

    answer(warm_up)
    cpu, (compiled, found) = timed(lambda: answer(text), limit)
    # a query of which nothing can be derived is given back with its variables
    values = {str(atom).replace(" ", ""): value for atom, value in found.items() if atom.is_ground()}
    return {"cpu": cpu, "answers": values, "compiled": compiled}
