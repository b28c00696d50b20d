"""What all tests share: one thread a process, the same examples in every run, and the data folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.explain.chromium import Browser, Tab, chromium, find_chromium

# Before torch is imported, and by environment, so that commands run by a test keep to it as well. Two test processes
# with a thread for each core would wait for each other.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"

settings.register_profile("neurosym", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("neurosym")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder that NEUROSYM_DATA names; a test that asks for it is skipped where there is none."""
    name = os.environ.get("NEUROSYM_DATA", "")
    if not name:
        pytest.skip("NEUROSYM_DATA is not set: it names the folder of the data sets")
    path = Path(name).resolve()
    if not path.is_dir():
        pytest.skip(f"NEUROSYM_DATA={name} is no folder")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; a test that asks for it is skipped where there is none."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine")
    with chromium(program, tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Tab:
    """A page of it."""
    return browser.tab()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core: from a cache outside of the repository, or from npm."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neurosym-tests"
    script = cache / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("axe-core is not in the cache, and there is no npm to fetch it")
        cache.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--prefix", str(cache), "--no-save", "--no-audit", "--no-fund", "axe-core@4"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=60)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"axe-core cannot be fetched: {error}")
    return script.read_text("utf-8")
