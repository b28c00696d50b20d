"""What data sets there are, and where they lie on this machine."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from neurosym.errors import DataError, did_you_mean


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Attributes:
        path: below the data folder; url: of the public source, at a fixed commit.
        sha256, size: of the file, or with `unpacked` of what its gzip holds (packed again, it has other bytes).
        member: its name within the tar archive at the url, empty where the url is the file's.
    """

    path: str
    url: str
    sha256: str
    size: int
    member: str = ""
    unpacked: bool = False


@dataclass(frozen=True)
class DataSet:
    """A data set: what it is, under which licence, and its files."""

    name: str
    about: str
    licence: str
    files: tuple[DataFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(f.size for f in self.files)


def read_manifest(data: dict[str, Any]) -> dict[str, DataSet]:
    """Data sets by name, from the plain data of a manifest."""
    return {
        name: DataSet(name, entry["about"], entry["licence"], tuple(DataFile(**f) for f in entry["files"]))
        for name, entry in data.items()
    }


@cache
def data_sets() -> dict[str, DataSet]:
    """The data sets that the library knows, by name."""
    with open(Path(__file__).with_name("manifest.json"), encoding="utf-8") as stream:
        return read_manifest(json.load(stream))


def folder_of() -> Path:
    """Where data sets lie: the folder that NEUROSYM_DATA names, or `neurosym` in the user's cache."""
    named = os.environ.get("NEUROSYM_DATA")
    if named:
        return Path(named)
    cache_folder = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(cache_folder) if cache_folder else Path.home() / ".cache") / "neurosym" / "data"


def named(name: str) -> DataSet:
    """The data set of a name.

    Raises:
        DataError: NS940, there is none.
    """
    known = data_sets()
    if name not in known:
        raise DataError(
            f"there is no data set `{name}`", code="NS940", note=f"there are {', '.join(sorted(known))}",
            help=did_you_mean(name.lower(), known),
        )  # fmt: skip
    return known[name]


def find(name: str, *paths: str) -> Path:
    """The folder of a data set, with the files that are needed.

    Args:
        paths: of files below the data set's folder that have to be there; all of its files by default.

    Raises:
        DataError: NS941, it has not been fetched.
    """
    data = named(name)
    wanted = [f"{name}/{p}" for p in paths] or [f.path for f in data.files]
    missing = [p for p in wanted if not (folder_of() / p).is_file()]
    if missing:
        raise DataError(
            f"the data set `{name}` is not there", code="NS941", note=f"{folder_of() / missing[0]} is missing",
            help=f"neurosym data get {name}, or set NEUROSYM_DATA to a folder that has it",
        )  # fmt: skip
    return folder_of() / name
