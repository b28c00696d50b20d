"""One measurement in a process of its own: `python -m benchmarks.grounding.worker JOB`, a JSON object in and out."""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.common.process import peak_memory


def case_of(name: str, quick: bool) -> Any:
    """A case by name; `growth` takes the number of facts after a colon."""
    if name in ("rand", "chain", "sg"):
        from benchmarks.grounding import closures

        return getattr(closures, name)(quick)
    if name.startswith("growth:"):
        from benchmarks.grounding.closures import layered

        return layered(int(name.partition(":")[2]))
    if name == "mixed":
        from benchmarks.grounding.mixed import mixed

        return mixed(quick)
    from benchmarks.grounding.lubm import lubm, lubm_triples

    return {"lubm": lubm, "lubm triple/3": lubm_triples}[name](quick)


def work(job: dict[str, Any]) -> dict[str, Any]:
    """What a job measures; nothing is imported that it does not need."""
    name, engine, quick = job["case"], job.get("engine", ""), job.get("quick", False)
    if name == "fixed":
        from benchmarks.grounding import fixed

        return fixed.first() if engine == "first" else fixed.repeated(5 if quick else 50)
    if name.startswith("deep:"):
        from benchmarks.grounding.deep import deep

        return deep(int(name.partition(":")[2]))
    if name == "batch":
        from benchmarks.grounding.batch import batch

        return batch(1_000 if quick else 100_000)
    case = case_of(name, quick)
    if engine in ("clingo", "duckdb"):
        from benchmarks.grounding import peers

        return getattr(peers, engine)(case)
    from benchmarks.grounding import ours

    return ours.solve(case, engine)


if __name__ == "__main__":
    answer = work(json.loads(sys.argv[1]))
    print(json.dumps(answer | {"peak": peak_memory()}))
