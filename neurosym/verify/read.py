"""Certificates from files: data only, nothing in them is run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TypeGuard

from neurosym.errors import ExplanationError
from neurosym.verify.structure import fault

MAX_BYTES = 64 * 1024 * 1024


def read_explanation(
    path: str | os.PathLike[str], max_bytes: int = MAX_BYTES
) -> tuple[dict[str, Any], float | None, tuple[float, float] | None]:
    """The certificate in a JSON file, and the probability and the bounds that an explanation there shows its reader.

    Returns:
        The certificate; None for what is not shown, as in a file that holds a certificate alone.

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
    claim = data.get("claim") if "certificate" in data else None
    if claim is None:
        return certificate, None, None
    value = claim.get("probability") if isinstance(claim, dict) else None
    if not _is_number(value):
        raise fault("NS810", f"{path}: the explanation's claim has no probability")
    if "lower" not in claim or "upper" not in claim:
        return certificate, float(value), None
    lower, upper = claim["lower"], claim["upper"]
    if not (_is_number(lower) and _is_number(upper)):
        raise fault("NS810", f"{path}: the bounds of the explanation's claim are no numbers")
    return certificate, float(value), (float(lower), float(upper))


def read_certificate(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The certificate in a JSON file, which holds it alone or as part of an explanation.

    Raises:
        ExplanationError: as `read_explanation`.
    """
    return read_explanation(path, max_bytes)[0]


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
