"""One measurement in a process of its own: `python -m benchmarks.semantics.worker JOB`, a JSON object in and out.

A case is written `part|family|size|seed`, for the parts without families `addition|kind|digits`,
`firings|graph|semantics`, `bounds|theory|formulas`, `proved|kind`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.common.process import limit_process, peak_memory

LIMIT = 120.0  # CPU seconds of one solving


def work(job: dict[str, Any]) -> dict[str, Any]:
    """What a job measures; nothing is imported that it does not need."""
    part, *rest = job["case"].split("|")
    limit = job.get("limit", LIMIT)
    if part in ("problog", "hmm", "again", "diagrams", "profile"):
        from benchmarks.semantics.families import FAMILIES

        name, size, seed = rest
        family = FAMILIES[name]
        text, warm_up = family.text(int(size), int(seed)), family.text(family.quick[0], 0)
        if part == "again":
            from benchmarks.semantics import again

            return again.solve(text, warm_up, limit)
        if part == "diagrams":
            from benchmarks.semantics import diagrams

            return diagrams.solve(text, job["engine"], limit)
        if job["engine"] == "problog":
            from benchmarks.semantics import peers

            return peers.solve(text, warm_up, limit)
        from benchmarks.semantics import ours

        return ours.profile(text, warm_up) if part == "profile" else ours.solve(text, warm_up, limit)
    if part == "addition":
        from benchmarks.semantics import addition

        kind, n = rest
        return addition.joint(int(n), limit) if kind == "naive" else addition.solve(kind, int(n))
    if part == "firings":
        from benchmarks.semantics import firings

        name, algebra = rest
        return firings.solve(name, algebra, firings.FIRINGS_QUICK if job["quick"] else firings.FIRINGS)
    if part == "bounds":
        from benchmarks.semantics import bounds

        name, size = rest
        return bounds.solve(name, int(size))
    if part == "proved":
        from benchmarks.semantics import figures, proved

        return proved.solve(rest[0], figures.PROVED_QUICK if job["quick"] else figures.PROVED[rest[0]])
    raise ValueError(f"there is no part {part}")


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    limit_process(2 * job.get("limit", LIMIT) + 60)
    try:
        answer = work(job)
    except Exception as error:
        if "--trace" in sys.argv:
            raise
        sys.exit(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
    print(json.dumps(answer | {"peak": peak_memory()}))
