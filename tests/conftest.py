"""What all tests share: one thread a process, the same examples in every run, and the data folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
