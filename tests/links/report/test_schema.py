"""The JSON of links and classes: its schemas, and reading it back."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from neurosym.errors import ExplanationError
from neurosym.links.report import Reasons
from neurosym.links.report import schema as made
from tests.explain.views.validator import faults
from tests.links.samples import a_class, a_link

SAMPLES = {"link.schema.json": a_link(), "class.schema.json": a_class()}


def plain(why: Reasons) -> dict[str, Any]:
    return json.loads(why.to_json())


@pytest.mark.parametrize("file", made.KINDS)
def test_the_file_is_up_to_date(file: str) -> None:
    text = (made.FOLDER / file).read_text("utf-8")
    assert text == made.schema_text(file), "run `python -m neurosym.links.report.schema`"


@pytest.mark.parametrize("file", made.KINDS)
def test_every_field_is_described(file: str) -> None:
    found = made.schema(file)
    bare = [
        f"{name}.{field}"
        for name, part in {"": found, **found["$defs"]}.items()
        for field, about in part["properties"].items()
        if not about.get("description")
    ]
    assert not bare


@pytest.mark.parametrize("file", made.KINDS)
def test_explanations_follow_it_and_are_read_back(file: str) -> None:
    why, schema = SAMPLES[file], made.schema(file)
    for one in (why, replace(why, rules=(), truth=None, notes=("é\u2028",), labels={})):
        assert not [*faults(plain(one), schema, schema)]
        assert type(one).from_json(one.to_json()) == one == type(one).from_dict(one.to_dict())


@pytest.mark.parametrize("file", made.KINDS)
def test_it_is_a_schema_to_another_validator(file: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(made.schema(file))
    validator = jsonschema.Draft202012Validator(made.schema(file))
    data = plain(SAMPLES[file])
    validator.validate(data)
    for place in (data, data["rules"][0], data["effects"][0]):
        place["extra"] = 1
        assert not validator.is_valid(data)
        del place["extra"]
    del data["score"]
    assert not validator.is_valid(data)


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"format": "neurosym-link/2"}, "NS861", "neurosym-link/2"),
        ({"format": "neurosym-class/1"}, "NS861", "neurosym-class/1"),
        ({"extra": 1}, "NS860", "`extra` is not known"),
        ({"score": "1"}, "NS860", "`score` is not a number"),
        ({"score": float("nan")}, "NS860", "NaN"),
        ({"query": ["a", "b"]}, "NS860", "`query` has 2 values, and not 3"),
        ({"truth": 1}, "NS860", "`truth` is not true or false"),
        ({"rules": [{"rule": "r"}]}, "NS860", "`rules[0].share` is missing"),
    ],
)
def test_what_is_malformed_is_refused(change: dict[str, Any], code: str, message: str) -> None:
    data = copy.deepcopy(plain(a_link())) | change
    with pytest.raises(ExplanationError) as fault:
        type(a_link()).from_json(json.dumps(data))
    assert fault.value.code == code and message in str(fault.value)
