"""Results of a task as a small JSON file: with the command that makes them, the versions and the settings."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from neurosym.learning.runs import versions, without_folders, write_results


def write(
    path: Path, command: Sequence[str], results: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
) -> None:
    """Write the results of a run.

    Args:
        command: the words after `neurosym run`; those that say where to write are left out, and folders of this
            machine.
        results: one object for each seed.
    """
    words = list(command)
    for option in ("--json", "--out"):
        if option in words:
            at = words.index(option)
            del words[at : at + 2]
    record = {
        "command": shlex.join(["neurosym", "run", *without_folders(words)]),
        "versions": versions(),
        "threads": torch.get_num_threads(),
        "settings": dict(settings),
        "results": [dict(r) for r in results],
    }
    write_results(path, record)
