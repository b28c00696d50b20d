"""Certificates from files: data only, nothing in them is run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from neurosym.errors import ExplanationError
from neurosym.verify.structure import fault

MAX_BYTES = 64 * 1024 * 1024


class ReadExplanation(NamedTuple):
    """What a JSON file holds; None for what is not there, as in a file that holds a certificate alone.

    Attributes:
        certificate: as plain data.
        probability, bounds: of the claim, as they are shown; `shown`: all that is shown to a reader.
    """

    certificate: dict[str, Any]
    probability: float | None
    bounds: tuple[float, float] | None
    shown: dict[str, Any] | None


def read_explanation(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> ReadExplanation:
    """The certificate in a JSON file, and what an explanation there shows its reader.

    Raises:
        ExplanationError: NS810 the file cannot be read, is no JSON, holds no certificate, or a claim without numbers;
            NS820 it is too large.
    """
    data = _read(Path(path), max_bytes)
    if not isinstance(data, dict):
        raise _other_file(f"{path} holds no JSON object")
    certificate = data.get("certificate", data)
    if not isinstance(certificate, dict) or "groundings" not in certificate:
        raise _other_file(f"{path} holds no certificate")
    shown = data if "certificate" in data else None
    claim = None if shown is None else shown.get("claim")
    if claim is None:
        return ReadExplanation(certificate, None, None, shown)
    value = claim.get("probability") if isinstance(claim, dict) else None
    if not _is_number(value):
        raise fault("NS810", f"{path}: the explanation's claim has no probability")
    if "lower" not in claim or "upper" not in claim:
        return ReadExplanation(certificate, float(value), None, shown)
    lower, upper = claim["lower"], claim["upper"]
    if not (_is_number(lower) and _is_number(upper)):
        raise fault("NS810", f"{path}: the bounds of the explanation's claim are no numbers")
    return ReadExplanation(certificate, float(value), (float(lower), float(upper)), shown)


def read_certificate(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The certificate in a JSON file, which holds it alone or as part of an explanation.

    Raises:
        ExplanationError: as `read_explanation`.
    """
    return read_explanation(path, max_bytes).certificate


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


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
        raise _other_file(f"{path} is no JSON", str(error)[:200]) from error


def _other_file(message: str, note: str = "") -> ExplanationError:
    """That a file is no explanation at all: the wrong one was named, and nothing speaks against the right one."""
    return ExplanationError(
        message, code="NS810", note=note, help="this is not an explanation's JSON: use what `explain --json` prints"
    )


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key given twice is refused, since two readers could take either value."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has the same key twice")
    return result
