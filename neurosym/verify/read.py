"""Certificates from files: data only, nothing in them is run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from neurosym.errors import ExplanationError
from neurosym.verify.structure import fault

MAX_BYTES = 64 * 1024 * 1024


def read_certificate(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The certificate in a JSON file, which holds it alone or as part of an explanation.

    Raises:
        ExplanationError: NS810 the file cannot be read, is no JSON, or holds no certificate; NS820 it is too large.
    """
    data = _read(Path(path), max_bytes)
    if not isinstance(data, dict):
        raise fault("NS810", f"{path} holds no JSON object")
    certificate = data.get("certificate", data)
    if not isinstance(certificate, dict) or "groundings" not in certificate:
        raise fault("NS810", f"{path} holds no certificate")
    return certificate


def read_claim(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> float | None:
    """The probability that an explanation in a JSON file shows its reader; None if the file is a bare certificate.

    Raises:
        ExplanationError: as `read_certificate`.
    """
    data = _read(Path(path), max_bytes)
    claim = data.get("claim") if isinstance(data, dict) and "certificate" in data else None
    if claim is None:
        return None
    value = claim.get("probability") if isinstance(claim, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise fault("NS810", f"{path}: the explanation's claim has no probability")
    return float(value)


def read_bounds(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> tuple[float, float] | None:
    """The bounds that an explanation in a JSON file shows its reader; None if the file is a bare certificate.

    Raises:
        ExplanationError: as `read_certificate`.
    """
    data = _read(Path(path), max_bytes)
    claim = data.get("claim") if isinstance(data, dict) and "certificate" in data else None
    if not isinstance(claim, dict) or "lower" not in claim or "upper" not in claim:
        return None
    ends = (claim["lower"], claim["upper"])
    if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in ends):
        raise fault("NS810", f"{path}: the bounds of the explanation's claim are no numbers")
    return float(ends[0]), float(ends[1])


def read_shown(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> dict[str, Any] | None:
    """What an explanation in a JSON file shows its reader, as plain data; None if the file is a bare certificate.

    Raises:
        ExplanationError: as `read_certificate`.
    """
    data = _read(Path(path), max_bytes)
    return data if isinstance(data, dict) and "certificate" in data else None


def _read(path: Path, max_bytes: int) -> Any:
    try:
        with path.open("rb") as file:
            text = file.read(max_bytes + 1)
    except OSError as error:
        raise ExplanationError(f"{path} cannot be read: {error.strerror}", code="NS810") from error
    if len(text) > max_bytes:
        raise ExplanationError(f"{path} is larger than {max_bytes:,} bytes", code="NS820", help="raise max_bytes")
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_constant, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise fault("NS810", f"{path} is no JSON", str(error)[:200]) from error


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key given twice is refused, since two readers could take either value."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has the same key twice")
    return result
