"""Certificates from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neurosym.errors import ExplanationError
from neurosym.verify import read_certificate, read_explanation, verify_certificate
from tests.verify.programs import certificate


def test_alone_and_inside_an_explanation(tmp_path: Path):
    data = certificate("0.3 :: a.", "a", 0.3)
    (tmp_path / "alone.json").write_text(json.dumps(data))
    (tmp_path / "whole.json").write_text(json.dumps({"claim": {"probability": 0.3}, "certificate": data}))
    for name, claim in (("alone.json", None), ("whole.json", 0.3)):
        assert read_certificate(tmp_path / name) == data
        assert read_explanation(tmp_path / name)[:3] == (data, claim, None)
        verify_certificate(read_certificate(tmp_path / name), expected=claim)


def test_the_bounds_that_an_explanation_shows(tmp_path: Path):
    data = certificate("0.3 :: a.", "a", 0.3)
    path = tmp_path / "whole.json"
    shown = {"probability": 0.3, "lower": 0, "upper": 0.5}
    path.write_text(json.dumps({"claim": shown, "certificate": data}))
    assert read_explanation(path)[:3] == (data, 0.3, (0.0, 0.5))
    for claim in ("0.3", {}, {"probability": True}, {**shown, "lower": "0"}, {**shown, "upper": None}):
        path.write_text(json.dumps({"claim": claim, "certificate": data}))
        with pytest.raises(ExplanationError) as error:
            read_explanation(path)
        assert error.value.code == "NS810"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"a": 1}',
        '{"value": NaN, "groundings": []}',
        '{"groundings": [], "groundings": []}',
        "[" * 100_000,
    ],
)
def test_broken_files(tmp_path: Path, text: str):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(ExplanationError) as error:
        read_certificate(path)
    assert error.value.code == "NS810"


def test_missing_binary_and_large_files(tmp_path: Path):
    with pytest.raises(ExplanationError, match="cannot be read"):
        read_certificate(tmp_path / "none.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(ExplanationError, match="no JSON"):
        read_certificate(tmp_path / "b.json")
    (tmp_path / "l.json").write_text(" " * 100)
    with pytest.raises(ExplanationError, match="larger than 50 bytes"):
        read_certificate(tmp_path / "l.json", max_bytes=50)
