"""Downloads from a server of our own: whole, broken off, gone on with, changed, packed."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from neurosym.datasets import DataFile, DataSet, data_sets, fetch, find
from neurosym.datasets.sets import folder_of
from neurosym.errors import DataError

CONTENT = bytes(range(256)) * 2000


class Source:
    """A web server: path → content; `breaks` says after how many bytes the next answer ends."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.breaks: int | None = None
        self.ranges: list[str | None] = []
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source.ranges.append(self.headers.get("Range"))
                content = source.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                begin = 0
                if wanted := self.headers.get("Range"):
                    begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
                    if begin >= len(content):
                        self.send_error(416)
                        return
                self.send_response(206 if begin else 200)
                self.send_header("Content-Length", str(len(content) - begin))
                self.end_headers()
                self.wfile.write(content[begin : source.breaks])
                source.breaks = None

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    made.server.shutdown()
    made.server.server_close()


def one(source: Source, content: bytes = CONTENT, **more: object) -> DataSet:
    digest = hashlib.sha256(content).hexdigest()
    return DataSet("s", "", "", (DataFile("s/a.txt", f"{source.url}/a.txt", digest, len(content), **more),))  # type: ignore[arg-type]


def test_what_is_there_is_not_fetched_again(source: Source, tmp_path: Path):
    source.files["/a.txt"] = CONTENT
    assert fetch(one(source), tmp_path) == [tmp_path / "s/a.txt"]
    assert (tmp_path / "s/a.txt").read_bytes() == CONTENT
    assert fetch(one(source), tmp_path) == []
    assert len(source.ranges) == 1


def test_a_download_that_broke_off_goes_on(source: Source, tmp_path: Path):
    source.files["/a.txt"], source.breaks = CONTENT, 100_000
    with pytest.raises(DataError) as fault:
        fetch(one(source), tmp_path)
    assert fault.value.code == "NS942"
    assert not (tmp_path / "s/a.txt").exists()
    told: list[tuple[int, int | None]] = []
    fetch(one(source), tmp_path, lambda _, done, total: told.append((done, total)))
    assert source.ranges[1] == "bytes=100000-"
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert (tmp_path / "s/a.txt").read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / "s").iterdir()] == ["a.txt"]


def test_a_part_that_is_whole_already_is_taken(source: Source, tmp_path: Path):
    source.files["/a.txt"] = CONTENT
    (tmp_path / "s").mkdir()
    (tmp_path / "s/a.txt.part").write_bytes(CONTENT)
    fetch(one(source), tmp_path)
    assert (tmp_path / "s/a.txt").read_bytes() == CONTENT


def test_another_content_is_refused_and_not_kept(source: Source, tmp_path: Path):
    source.files["/a.txt"] = CONTENT + b"x"
    with pytest.raises(DataError) as fault:
        fetch(one(source), tmp_path)
    assert fault.value.code == "NS943"
    assert list((tmp_path / "s").iterdir()) == []


def test_a_source_that_is_gone_is_told(source: Source, tmp_path: Path):
    with pytest.raises(DataError) as fault:
        fetch(one(source), tmp_path)
    assert fault.value.code == "NS942"
    assert "404" in str(fault.value)


def test_a_member_of_an_archive(source: Source, tmp_path: Path):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in (("../../evil/b.txt", b"other"), ("X/a.txt", CONTENT)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    source.files["/x.tar.gz"] = packed.getvalue()
    digest = hashlib.sha256(CONTENT).hexdigest()
    data = DataSet("s", "", "", (DataFile("s/a.txt", f"{source.url}/x.tar.gz", digest, len(CONTENT), "a.txt"),))
    fetch(data, tmp_path)
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()] == ["s/a.txt"]
    absent = DataSet("s", "", "", (DataFile("s/c.txt", f"{source.url}/x.tar.gz", digest, 1, "c.txt"),))
    with pytest.raises(DataError):
        fetch(absent, tmp_path)


def test_the_hash_of_what_a_gzip_holds(source: Source, tmp_path: Path):
    source.files["/a.txt"] = gzip.compress(CONTENT, 1)
    fetch(one(source, unpacked=True), tmp_path)
    source.files["/a.txt"] = gzip.compress(CONTENT, 9)  # other bytes, the same data
    (tmp_path / "s/a.txt").unlink()
    fetch(one(source, unpacked=True), tmp_path)
    assert gzip.decompress((tmp_path / "s/a.txt").read_bytes()) == CONTENT


def test_a_data_set_that_is_missing_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEUROSYM_DATA", str(tmp_path))
    with pytest.raises(DataError) as fault:
        find("umls", "pykeen/train.txt")
    assert fault.value.code == "NS941"
    assert "neurosym data get umls" in fault.value.help
    with pytest.raises(DataError) as fault:
        find("ulms")
    assert "umls" in fault.value.help


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("NEUROSYM_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder_of() == tmp_path / "neurosym" / "data"


def test_the_manifest_is_that_of_the_data(data_dir: Path):
    for data in data_sets().values():
        for file in data.files:
            path = data_dir / file.path
            content = path.read_bytes()
            content = gzip.decompress(content) if file.unpacked else content
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (file.sha256, file.size), file.path
            assert file.url.startswith("https://")
