"""`run`: a task's own script, found by name and loaded by its path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from neurosym.cli.session import FAULTY, USAGE, Session, Settings
from neurosym.errors import NeurosymError, did_you_mean

TASKS = Path("tasks")


class TaskError(NeurosymError):
    """A task that cannot be found or started."""

    code = "NS910"


def run_command(
    session: Session,
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="A folder with a run.py, or the name of one under tasks/.")
    ],
    options: Annotated[
        list[str] | None, typer.Argument(metavar="OPTION", help="The task's own; try --help after TASK.")
    ] = None,
) -> int:
    """Train, evaluate and explain a task.

    Of the options before TASK, threads, time and memory hold for it; others that are not the default are handed on.
    """
    script = _script(task)
    if script is None:
        known = sorted(p.parent.name for p in TASKS.glob("*/run.py"))
        session.fail(
            TaskError(
                f"there is no task `{task}`",
                note=f"tasks in {TASKS.resolve()}: {', '.join(known) or 'none'}",
                help=did_you_mean(task, known) or "name a folder that has a run.py",
            )
        )
        return USAGE
    session.limits()  # sets the number of threads
    try:
        module = _load(script)
        function = getattr(module, "run", None)
        if not callable(function):
            raise TaskError(f"{script} has no function `run(args: list[str]) -> int`", code="NS911")
        status = function([*_handed_on(session.settings), *(options or [])])
    except ModuleNotFoundError as error:
        name = (error.name or "").split(".")[0]
        if name in ("", "neurosym", "tasks", script.parent.name):
            raise
        session.fail(
            TaskError(f"the task needs the package `{name}`", code="NS912", help="pip install 'neurosym-logic[tasks]'")
        )
        return FAULTY
    except SystemExit as stop:  # argparse, for one
        if isinstance(stop.code, str):
            raise TaskError(stop.code, code="NS913") from None
        return stop.code or 0
    return status if isinstance(status, int) else 0


def _handed_on(settings: Settings) -> list[str]:
    """Common options that only the task can follow, as words, where they differ from their defaults."""
    words: list[str] = []
    for name, default in vars(Settings()).items():
        value = getattr(settings, name)
        if value != default and name not in ("threads", "max_memory", "max_seconds"):
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return words


def _script(task: str) -> Path | None:
    """The script of a task: of a folder, or of a name under tasks/ (a name, not a path out of it)."""
    folders = [Path(task)] if task else []
    if task and Path(task).name == task and task not in (".", ".."):
        folders.append(TASKS / task)
    return next((f / "run.py" for f in folders if (f / "run.py").is_file()), None)


def _load(script: Path) -> ModuleType:
    """The module of a script, named as its folder names it, so that it can import what lies beside it."""
    folder = script.resolve().parent
    name = f"{folder.parent.name}.{folder.name}.run"
    if all(part.isidentifier() for part in name.split(".")):
        # First, so that `import tasks.…` in the script finds its own repository.
        sys.path.insert(0, str(folder.parent.parent))
        if not (folder.parent / "__init__.py").exists():
            # Python would prefer a package of the same name further down the path, with an __init__.py.
            package = ModuleType(folder.parent.name)
            package.__path__ = [str(folder.parent)]
            sys.modules[folder.parent.name] = package
    else:
        name = "neurosym_task"
        sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(name, script)
    if spec is None or spec.loader is None:
        raise TaskError(f"{script} cannot be loaded", code="NS911")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
