"""`neurosym run`."""

from __future__ import annotations

import pytest

RUN = """
from __future__ import annotations
import sys
from dataclasses import dataclass
from neurosym.errors import DataError
{imports}

@dataclass
class Seen:
    words: list[str]

def run(args: list[str]) -> int:
    print(Seen(args))
    if "--fail" in args:
        raise DataError("no data", code="NS610")
    if "--usage" in args:
        sys.exit(2)
    return 7 if "--seven" in args else 0
"""


@pytest.fixture
def tasks(file, tmp_path, monkeypatch):
    file("tasks/tiny/run.py", RUN.format(imports="from tasks.tiny.data import COUNT\nfrom .data import COUNT"))
    file("tasks/tiny/data.py", "COUNT = 3\n")
    file("tasks/alone/data.py", "")
    file("packaged/__init__.py", "")
    file("packaged/tiny/run.py", RUN.format(imports="from packaged.tiny import data"))
    file("packaged/tiny/data.py", "")
    monkeypatch.chdir(tmp_path)
    # `tasks` of this repository must not stand in for the test's own
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    kept = {n: m for n, m in sys.modules.items() if n == "tasks" or n.startswith("tasks.")}
    for name in kept:
        del sys.modules[name]
    yield
    for name in [n for n in sys.modules if n == "tasks" or n.startswith("tasks.")]:
        del sys.modules[name]
    sys.modules.update(kept)


@pytest.mark.parametrize("task", ["tiny", "tasks/tiny", "./tasks/tiny/", "packaged/tiny"])
def test_a_task_by_name_and_by_folder(cli, tasks, task):
    found = cli("run", task, "--folds", 2, "--help", "--", "-x")
    assert (found.status, found.out) == (0, "Seen(words=['--folds', '2', '--help', '--', '-x'])\n")


def test_common_options_are_handed_on(cli, tasks):
    assert (
        cli("run", "--seed", 3, "--max-seconds", 50, "-q", "tiny", "--a").out
        == "Seen(words=['--seed', '3', '--quiet', '--a'])\n"
    )


def test_its_status_is_ours(cli, tasks):
    assert cli("run", "tiny", "--seven").status == 7
    assert cli("run", "tiny", "--usage").status == 2
    found = cli("run", "tiny", "--fail")
    assert found.status == 1
    assert "error[NS610]: no data" in found.err


@pytest.mark.parametrize("task", ["tinny", "alone", "tasks/alone", "../tasks", "..", ""])
def test_no_such_task(cli, tasks, task):
    found = cli("run", task)
    assert found.status == 2
    assert "error[NS910]" in found.err
    assert "tiny" in found.err


def test_a_task_that_needs_more(cli, tasks, file):
    file("tasks/needy/run.py", "import a_package_that_is_not_there\n")
    found = cli("run", "needy")
    assert found.status == 1
    assert "needs the package `a_package_that_is_not_there`" in found.err
    file("tasks/empty/run.py", "")
    assert "no function `run" in cli("run", "empty").err
