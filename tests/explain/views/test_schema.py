"""The JSON of explanations: its schema, and reading it back."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

import neurosym as ns
from neurosym.explain import model
from neurosym.explain.views import schema as made
from tests.explain.samples import addition, diagnosis
from tests.explain.views.made import care, of_program
from tests.explain.views.validator import faults
from tests.test_programs import CASES

SCHEMA = json.loads(made.PATH.read_text("utf-8"))
EXACT = [c.name for c in CASES if json.loads((c / "expected.json").read_text("utf-8")).get("answers")]


def plain(explanation: ns.Explanation) -> dict[str, Any]:
    return json.loads(explanation.to_json())


def test_the_file_is_up_to_date() -> None:
    text = made.PATH.read_text("utf-8")
    assert text == made.schema_text(), "run `python -m neurosym.explain.views.schema`"


def test_every_field_is_described() -> None:
    """In the `Attributes` of its class's docstring, or in `SAID`."""
    bare = [
        f"{name}.{field}"
        for name, part in {"Explanation": SCHEMA, **SCHEMA["$defs"]}.items()
        for field, about in part["properties"].items()
        if not about.get("description")
    ]
    assert not bare


def test_every_class_of_the_model_is_in_it() -> None:
    classes = {n for n, c in vars(model).items() if is_dataclass(c) and c.__module__ == model.__name__}
    assert classes - {"Explanation"} <= set(SCHEMA["$defs"])


@pytest.mark.parametrize("explanation", [diagnosis(), addition()], ids=["diagnosis", "addition"])
def test_samples_follow_it(explanation: ns.Explanation) -> None:
    assert not [*faults(plain(explanation), SCHEMA, SCHEMA)]


@pytest.mark.parametrize("name", EXACT)
def test_programs_follow_it_and_are_read_back(name: str) -> None:
    for explanation in of_program(name):
        assert not [*faults(plain(explanation), SCHEMA, SCHEMA)]
        again = ns.Explanation.from_json(explanation.to_json())
        assert again == explanation
        assert again.to_json() == explanation.to_json()


def test_pages_and_texts_are_made_from_stored_json() -> None:
    why = ns.explain(care(), "ex:complication(ex:ann, ex:Bleeding)")
    again = ns.Explanation.from_json(why.to_json(indent=None))
    assert again.to_html() == why.to_html()
    assert again.to_text() == why.to_text()
    assert again.to_rdf() == why.to_rdf()
    again.verify()


def test_bounds_under_logic_are_read_back() -> None:
    text = "pred p(x: any) open . q(a). constraint c weight 0.9 : q(X) implies p(X) . "
    answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query("p(a)")
    why = ns.explain(answers, "p(a)")
    assert not [*faults(plain(why), SCHEMA, SCHEMA)]
    assert ns.Explanation.from_json(why.to_json()) == why


def places(value: Any) -> list[dict[str, Any]]:
    """All objects in an explanation's JSON that are of a class of the model, or of the certificate's lists."""
    found = [value] + [value[n] for n in ("claim", "provenance", "certificate")]
    found += [*value["proofs"], *value["nodes"].values(), *value["steps"], *value["rules"], *value["contributions"]]
    found += [n["neural"] for n in value["nodes"].values() if n["neural"]]
    return found + [row for n in ("facts", "choices", "groundings") for row in value["certificate"][n]]


@pytest.mark.parametrize("number", range(len(places(plain(addition())))))
def test_an_unknown_or_missing_field_fails(number: int) -> None:
    data = plain(addition())
    places(data)[number]["extra"] = 1
    assert len([*faults(data, SCHEMA, SCHEMA)]) == 1
    data = plain(addition())
    part = places(data)[number]
    del part[next(iter(part))]  # the first field of each has no default
    assert [*faults(data, SCHEMA, SCHEMA)]


def test_it_is_a_schema_to_another_validator() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for explanation in (diagnosis(), addition(), ns.explain(care(), "ex:at_risk(ex:ann)")):
        data = plain(explanation)
        validator.validate(data)
        data["claim"]["extra"] = 1
        assert not validator.is_valid(data)


# ---------------------------------------------------------------------------------------------------- reading back


def changed(path: str, value: Any) -> str:
    data = copy.deepcopy(plain(addition()))
    *parts, last = [int(p) if p.isdecimal() else p for p in path.split(".")]
    target: Any = data
    for part in parts:
        target = target[part]
    target[last] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", "NS860", "is no JSON"),
        ("[]", "NS860", "is no JSON object"),
        ("[" * 100_000, "NS860", "is no JSON"),
        ("{}", "NS861", "format None"),
        (changed("format", "neurosym-explanation/2"), "NS861", "neurosym-explanation/2"),
        (changed("certificate.format", "other"), "NS861", "its certificate"),
        (changed("claim.extra", 1), "NS860", "`claim.extra` is not known"),
        (changed("claim.probability", "0.5"), "NS860", "`claim.probability` is not a number"),
        (changed("claim.probability", True), "NS860", "`claim.probability` is not a number"),
        (changed("claim.probability", float("nan")), "NS860", "NaN"),
        (changed("claim.probability", 10**400), "NS860", "`claim.probability` is not a number"),
        (changed("claim", []), "NS860", "`claim` is no object"),
        (changed("claim.atom", None), "NS860", "`claim.atom` is not text"),
        (changed("rules.0.line", 1.5), "NS860", "`rules[0].line` is not an integer"),
        (changed("rules.0.learned", 1), "NS860", "`rules[0].learned` is not true or false"),
        (changed("nodes.n1.kind", "fact"), "NS860", "`nodes.n1.kind` is 'fact'"),
        (changed("nodes.n1.kind", ["data"]), "NS860", "`nodes.n1.kind` is ['data']"),
        (changed("nodes.n1.triple", ["<a:b>"]), "NS860", "`nodes.n1.triple` has 1 values, and not 3"),
        (changed("steps", {}), "NS860", "`steps` is no list"),
        (changed("steps.0.body", ["n0"]), "NS860", "n0 rests on itself"),
        (changed("steps.0.body", ["n9"]), "NS860", "names node n9"),
        (changed("steps.0.node", "n9"), "NS860", "n9"),
        (changed("steps.0.rule", 7), "NS860", "names rule 7"),
        (changed("proofs.0.steps", [2]), "NS860", "`proofs[0].steps` names a step"),
        (changed("proofs.0.root", "n9"), "NS860", "names node n9"),
        ('{"format": 1, "format": 1}', "NS860", "`format` twice"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused(text: str, code: str, message: str) -> None:
    with pytest.raises(ns.NeurosymError) as caught:
        ns.Explanation.from_json(text)
    assert caught.value.code == code and message in str(caught.value)


def test_a_missing_field_is_named() -> None:
    data = plain(addition())
    del data["claim"]["method"]
    with pytest.raises(ns.NeurosymError, match=r"`claim\.method` is missing"):
        ns.Explanation.from_json(json.dumps(data))


def test_fields_with_a_default_may_be_missing() -> None:
    data = plain(addition())
    for part in (data, *places(data)):
        for name in ("given", "neural", "triple", "place", "substitution", "assumes", "foreign", "bounds"):
            part.pop(name, None)
    for node in data["nodes"].values():
        node.pop("neural", None)
    assert not [*faults(data, SCHEMA, SCHEMA)]
    again = ns.Explanation.from_json(json.dumps(data))
    assert again.claim == addition().claim and not again.nodes["n1"].neural


def test_integers_are_numbers() -> None:
    found = ns.Explanation.from_json(changed("claim.probability", 1)).claim.probability
    assert found == 1.0 and type(found) is float


def test_names_of_the_fields_are_those_of_the_dataclass() -> None:
    assert list(plain(diagnosis())) == [f.name for f in fields(ns.Explanation)]
