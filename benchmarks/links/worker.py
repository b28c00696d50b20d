"""One graph and one seed in a process of its own.

python -m benchmarks.links.worker '{"graph": "umls", "seed": 0, "parts": ["rules", "prior", "paths"], "mask": null,
    "members": null, "quick": false, "work": "out"}'
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import torch

from benchmarks.common.process import peak_memory
from neurosym.links.network.reach import Mask
from tasks.links.graphs import SETTINGS
from tasks.links.run import folder_of, train


def work(job: dict[str, Any]) -> dict[str, Any]:
    """What a job measures: with a mask, prior and paths alone."""
    torch.set_num_threads(1)
    setting = SETTINGS[job["graph"]]
    setting = replace(setting, members=job["members"] or setting.members)
    parts = tuple(job["parts"])
    folder = folder_of(Path(job["work"]) / job["graph"], parts, setting.members)
    if job["mask"] is not None:
        recipe = replace(setting.recipe, mask=cast(Mask, job["mask"]))
        setting, parts, folder = replace(setting, recipe=recipe), parts[1:], folder / job["mask"]
    if job["quick"]:
        setting = replace(setting, recipe=replace(setting.recipe, epochs=1), seconds=2.0)
        folder = folder / "quick"
    folder.mkdir(parents=True, exist_ok=True)
    split, check = setting.read()
    trained = train(setting, split, parts, job["seed"], folder, quiet=True)
    return {
        "variants": [o.to_dict() for o in trained.outcomes], "explained": trained.told,
        "reliability": asdict(trained.reliability), "notes": list(check.notes), "peak": peak_memory(),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
