"""Downloads: what is there is kept, what was begun is gone on with, and nothing is taken that has another hash."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from neurosym.datasets.sets import DataFile, DataSet
from neurosym.errors import DataError

CHUNK = 1 << 16
TIMEOUT = 30  # seconds without an answer
# (file, bytes so far, bytes in all or None)
Progress = Callable[[str, int, int | None], None]


def fetch(data: DataSet, folder: Path, progress: Progress | None = None) -> list[Path]:
    """Bring the files of a data set into a folder; those that are there with the right hash stay.

    A file is written beside its place, as `….part`, and renamed once its hash is right; an interrupted download goes on
    where it was.

    Returns:
        The files that were written.

    Raises:
        DataError: NS942, the source cannot be reached; NS943, what came has another hash; NS944, it cannot be written.
    """
    written: list[Path] = []
    archives: dict[str, Path] = {}
    try:
        for file in data.files:
            target = folder / file.path
            if target.is_file() and _hash(target, file.unpacked) == file.sha256:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(target.name + ".part")
            if file.member:
                if file.url not in archives:
                    archives[file.url] = folder / data.name / (Path(file.url).name + ".part")
                    _download(file.url, archives[file.url], data.name, progress)
                _extract(archives[file.url], file, part)
            else:
                _download(file.url, part, file.path, progress)
            _accept(file, part, target)
            written.append(target)
        for archive in archives.values():
            archive.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error}", code="NS944") from None
    return written


def _accept(file: DataFile, part: Path, target: Path) -> None:
    """Rename a whole file to its place; one with another hash is deleted."""
    found = _hash(part, file.unpacked)
    if found != file.sha256:
        part.unlink()
        raise DataError(
            f"{file.url} is not the file it was: SHA-256 {found}, where {file.sha256} is expected", code="NS943",
            note="nothing was kept", help="try again; if it stays so, the source has changed",
        )  # fmt: skip
    os.replace(part, target)


def _download(url: str, part: Path, name: str, progress: Progress | None) -> None:
    """Fetch a url into a file, from where an earlier attempt has stopped."""
    if not url.startswith(("https://", "http://")):
        raise DataError(f"{url} is no web address", code="NS942")
    part.parent.mkdir(parents=True, exist_ok=True)
    done = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            resumed = done > 0 and answer.status == 206
            length = answer.headers.get("Content-Length")
            total = None if length is None else int(length) + (done if resumed else 0)
            with open(part, "ab" if resumed else "wb") as stream:
                _copy(answer, stream, done if resumed else 0, total, name, progress)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # the part is already all there is
            return
        raise _unreachable(url, f"{error.code} {error.reason}") from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise _unreachable(url, str(getattr(error, "reason", error))) from None


def _copy(
    answer: BinaryIO, stream: BinaryIO, done: int, total: int | None, name: str, progress: Progress | None
) -> None:
    while chunk := answer.read(CHUNK):
        stream.write(chunk)
        done += len(chunk)
        if progress is not None:
            progress(name, done, total)
    if total is not None and done < total:
        raise ConnectionError(f"the connection ended after {done:,} of {total:,} bytes")


def _unreachable(url: str, why: str) -> DataError:
    return DataError(
        f"{url} cannot be fetched: {why}", code="NS942",
        help="run it again to go on where it stopped, or put the file there by hand",
    )  # fmt: skip


def _extract(archive: Path, file: DataFile, part: Path) -> None:
    """One member of a tar archive, read as a stream: nothing is unpacked to where the archive says."""
    try:
        with tarfile.open(archive) as tar:
            member = next((m for m in tar.getmembers() if Path(m.name).name == file.member and m.isfile()), None)
            source = None if member is None else tar.extractfile(member)
            if source is None:
                raise DataError(f"{file.url} holds no `{file.member}`", code="NS943")
            with source, open(part, "wb") as stream:
                _copy(source, stream, 0, None, file.path, None)  # pyright: ignore[reportArgumentType]
    except tarfile.TarError as error:
        archive.unlink(missing_ok=True)
        raise DataError(f"{file.url} is no tar archive: {error}", code="NS943", note="nothing was kept") from None


def _hash(path: Path, unpacked: bool) -> str:
    digest = hashlib.sha256()
    try:
        with gzip.open(path) if unpacked else open(path, "rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except (gzip.BadGzipFile, EOFError):
        return "no gzip"
    return digest.hexdigest()
