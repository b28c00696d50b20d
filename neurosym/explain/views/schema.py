"""The JSON schema of an explanation, made from the dataclasses that it is the JSON of (draft 2020-12).

`python -m neurosym.explain.views.schema` writes it to explanation.schema.json beside this file; a test fails where it
was not run after a change. A field's description is what its class's docstring says of it, or stands in `SAID`.

The `format` field is the version. New fields with a default leave it as it is: a schema of the same version takes the
explanations of every earlier release. A field that goes, or that changes its meaning, makes a new one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from neurosym.explain.model import CERTIFICATE_FORMAT, FORMAT, Certificate, Explanation
from neurosym.explain.views.dataclass_schema import schema_of

PATH = Path(__file__).with_name("explanation.schema.json")
ID = f"urn:neurosym:schema:{FORMAT}"

_NUMBERS = {"type": "array", "items": {"type": "integer", "minimum": 0}}
_TEXT = {"type": "string"}
_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def _record(description: str, properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {
            "description": description, "type": "object", "properties": properties,
            "required": sorted(properties.keys() - set(optional)), "additionalProperties": False,
        },
    }  # fmt: skip


# The certificate's lists are plain data, so that a verifier needs none of our classes.
CERTIFICATE = {
    "facts": _record("A fact of the ground subgraph; others name it by its number in this list.", {
        "atom": _TEXT, "kind": {"enum": ["certain", "leaf", "derived", "open", "absent"]}, "hidden": _TEXT}),
    "choices": _record("Facts that exclude one another, with their probabilities.", {
        "outcomes": _NUMBERS, "probabilities": {"type": "array", "items": {"type": "number"}}, "origin": _TEXT,
        "kind": {"enum": ["constant", "learned", "neural", "open"]}}),
    "groundings": _record("A rule with its variables replaced.", {
        "rule": _TEXT, "statement": {"type": "integer", "minimum": -1}, "part": _TEXT,
        "head": {"type": "integer", "minimum": 0}, "body": _NUMBERS, "negated": _NUMBERS,
        "absent": {"type": "array", "items": _TEXT}}, "statement"),
    "evidence": _record("What was observed.", {
        "fact": {"type": "integer", "minimum": 0}, "observed": {"type": "boolean"}}),
}  # fmt: skip
_COUNT = {"type": "integer", "minimum": 0}
_LOGIC = {
    "units": _record("A ground formula; its number is how many facts there are, plus its place in this list.", {
        "kind": {"enum": ["false", "true", "not", "and", "or", "implies", "iff", "forall", "exists"]},
        "children": _NUMBERS, "exhaustive": {"type": "boolean"},
        "weights": {"type": "array", "items": {"type": "number"}}, "bias": {"type": "number"}},
        "exhaustive", "weights", "bias"),
    "asserted": _record("A constraint, or an instance of it, with its least truth.", {
        "constraint": _COUNT, "label": _TEXT, "unit": _COUNT, "least": {"type": "number"},
        "instance": {"anyOf": [{"type": "object", "additionalProperties": _TEXT}, {"type": "null"}]}}),
    "weights": _NUMBERS,
    "settings": {
        "type": "object", "additionalProperties": False,
        "required": ["alpha", "learned", "max_rounds", "rounds", "slack"],
        "properties": {"max_rounds": _COUNT, "rounds": _COUNT, "alpha": {"type": "number"},
                       "slack": {"type": "number"}, "learned": {"type": "boolean"}}},
}  # fmt: skip
CERTIFICATE["logic"] = {
    "anyOf": [
        {"type": "object", "properties": _LOGIC, "required": sorted(_LOGIC), "additionalProperties": False},
        {"type": "null"},
    ]
}
DIAGNOSTICS = {
    "description": "what the command line had to say beside the explanation; not in `Explanation.to_json`",
    "type": "array",
    "items": {"type": "object", "required": ["code", "severity", "message"]},
}
SAID = {
    "Claim.lower": "lower bound; equal to the probability where the method is exact",
    "Claim.upper": "upper bound, likewise",
    "Claim.semantics": "what the number means, such as `exact`",
    "Claim.method": "how it was computed, such as `circuit`",
    "Claim.detail": "why so, in words",
    "Credible.lower": "the lower end of the interval, with equal tails",
    "Credible.upper": "its upper end",
    "RunnerUp.value": "the value",
    "RunnerUp.probability": "what the network gave it",
    "Node.atom": "as the rule language spells it",
    "Step.rule": "index into the explanation's rules",
    "RuleText.file": "the rule file",
    "RuleText.line": "the line in it, from 1",
    "Provenance.version": "of the library",
    "Provenance.rules_sha256": "SHA-256 of the rules",
    "Provenance.facts_sha256": "SHA-256 of the facts, whatever their order",
    "Provenance.weights_sha256": "SHA-256 of the weights and networks",
    "Provenance.time": "when the explanation was made, ISO 8601",
    "Provenance.seed": "of everything that is random; null if none was given",
    "Certificate.hashes": "SHA-256 of `rules`, `facts` and `weights`",
    "Certificate.evidence": "what was observed",
    "Certificate.format": "name and version of the certificate's format",
    "Explanation.claim": "what is explained",
    "Explanation.nodes": "id → a fact in a proof",
    "Explanation.steps": "the firings of rules that the proofs consist of",
    "Explanation.rules": "the rules that the proofs used",
    "Explanation.provenance": "enough to recompute the claim",
    "Explanation.certificate": "the ground subgraph from which the claim can be recomputed",
    "Explanation.format": "name and version of this format",
    "Credible.level": "the probability with which the interval holds the number",
}


def _fixed() -> dict[tuple[type, str], Any]:
    """What the types of these fields do not say."""
    names = ["rules", "facts", "weights"]
    hashes = {"type": "object", "properties": dict.fromkeys(names, _HASH), "required": names,
              "additionalProperties": False}  # fmt: skip
    lists = {(Certificate, name): about for name, about in CERTIFICATE.items()}
    formats = {(Certificate, "format"): {"const": CERTIFICATE_FORMAT}, (Explanation, "format"): {"const": FORMAT}}
    return {**lists, **formats, (Certificate, "hashes"): hashes}


def schema() -> dict[str, Any]:
    """The JSON schema of `Explanation.to_json`."""
    found = schema_of(Explanation, FORMAT, ID, SAID, _fixed())
    found["properties"]["diagnostics"] = DIAGNOSTICS
    return found


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text(), "utf-8", newline="\n")
