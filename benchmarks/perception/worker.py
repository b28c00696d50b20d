"""One job in a process of its own.

python -m benchmarks.perception.worker '{"part": "numbers", "length": 15, "seed": 0, "work": "out/bench-perception", …}'
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.perception.parts import PARTS


def work(job: dict[str, Any]) -> dict[str, Any]:
    """What a job measures."""
    torch.set_num_threads(1)
    return PARTS[job["part"]].measure(job, Path(job["work"]))


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
