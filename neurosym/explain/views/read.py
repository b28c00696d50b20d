"""Reads an explanation back from its JSON, strictly."""

from __future__ import annotations

from typing import Any

from neurosym.explain.model import CERTIFICATE_FORMAT, FORMAT, Explanation
from neurosym.explain.views.names import bottom_up
from neurosym.explain.views.typed import check_format, parse_object, read_value, refuse


def explanation_from_json(text: str) -> Explanation:
    """The explanation that `Explanation.to_json` wrote, or `neurosym explain --json`.

    Raises:
        ExplanationError: NS860, it is no JSON, a field is missing, unknown or of another type, or a part names one that
            there is not; NS861, it has another format, such as that of a later version.
    """
    data = parse_object(text)
    check_format("the explanation", data, FORMAT)
    if isinstance(data.get("certificate"), dict):
        check_format("its certificate", data["certificate"], CERTIFICATE_FORMAT)
    read_value(data.pop("diagnostics", []), list[dict[str, Any]], "diagnostics")  # of the command line
    explanation = read_value(data, Explanation)
    assert isinstance(explanation, Explanation)
    bottom_up(explanation)
    for k, proof in enumerate(explanation.proofs):
        if any(not 0 <= step < len(explanation.steps) for step in proof.steps):
            refuse(f"`proofs[{k}].steps`", "names a step that there is not")
    return explanation
