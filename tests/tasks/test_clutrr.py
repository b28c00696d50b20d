"""Kinship in stories: composition against enumeration, the ceiling by hand, tables as files, passages, the runs."""

from __future__ import annotations

import json
import weakref
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

import neurosym as ns
from neurosym.lang import Symbol
from neurosym.neural import TextNet, WordsNet
from tasks.clutrr import data, model, run
from tasks.clutrr.data import Story, ceiling, parted, sentences, sexes_of, story_of
from tasks.clutrr.plain import ceiling_of_text, contradicted, statements
from tasks.clutrr.tables import ANSWERS, READ, RELATIONS, TOLD, learned_table, table_text

ROW = {
    "story": "[Ann] and her brother [Bob] ate. They were late. [Cy] is [Bob]'s son, says [Dan]. [Dan] sleeps",
    "genders": "Ann:female,Bob:male,Cy:male", "story_edges": "[(0, 1), (1, 2)]", "edge_types": "['brother', 'son']",
    "target": "nephew",
}  # fmt: skip


def story(relations: tuple[str, ...], label: str, people: tuple[str, ...] = ()) -> Story:
    """A story whose sentences name two neighbours each."""
    people = people or tuple(f"P{k}" for k in range(len(relations) + 1))
    told = tuple(f"[{b}] is the {r} of [{a}]." for a, b, r in zip(people, people[1:], relations, strict=False))
    return Story(told, people, relations, label)


# -------------------------------------------------------------------------------------------------------------- data


def test_a_row() -> None:
    found = story_of(ROW)
    assert found.people == ("Ann", "Bob", "Cy") and found.relations == ("brother", "son") and found.label == "nephew"
    assert found.sentences == sentences(ROW["story"]) and len(found.sentences) == 3
    assert found.passage(0) == "<first> and her brother <second> ate. They were late."
    assert found.passage(1) == "<second> is <first>'s son, says <other>."
    assert found.passage(1, {"Bob": "male"}) == "<second> is <first> <male>'s son, says <other>."


def test_names_in_place_of_names() -> None:
    text = "[Ann] and [Bob] saw [Cy], [Dan], [Eve] and [Cy] [Fay] [Gil] [Hal]."
    found = Story((text,), ("Ann", "Bob"), ("brother",), "brother")
    sexes = {"Bob": "male", "Cy": "female", "Eve": "female", "Gil": "female"}
    assert found.passage(0, sexes, naming=data.NAMES) == (
        "alex and david saw anna, sam, laura and anna chris emma robin."
    )
    assert found.passage(0, sexes | {"Hal": "female"}, True, data.NAMES) == (
        "jamie and john saw anna, sam, laura and anna chris emma emma."
    )


def test_what_is_said_plainly() -> None:
    text = (
        "[Ann] and her mom, [Bea] met [Cy] 's uncle [Dan]. [Eve] is the aunt of [Fay]. [Gil] is [Hal]'s son. [Ida] ate."
    )
    assert set(statements(text)) == {
        ("Ann", "mother", "Bea"), ("Cy", "uncle", "Dan"), ("Fay", "aunt", "Eve"), ("Hal", "son", "Gil"),
    }  # fmt: skip
    assert not list(statements("[Ann] saw [Bob]. Her son [Cy] ate. [Dan] is [Eve]'s mother-in-law. Her cat [Fay]."))
    assert not list(statements("[Dan] is [Eve]'s mother's son. [Dan] is [Eve] 's brother in law."))
    assert list(statements("[Ann] left. [Bob] saw his mother's sister [Cy]")) == []


def test_stories_that_their_own_sentences_contradict() -> None:
    people = ("Al", "Bo", "Cy")
    right = Story(("[Al] took his son [Bo] out.", "[Cy] is [Bo]'s brother."), people, ("son", "brother"), "son")
    swapped = replace(right, sentences=("[Bo] took his son [Al] out.", right.sentences[1]))
    assert not contradicted(right) and contradicted(swapped) == [0]
    back = replace(right, sentences=("[Bo] saw his father [Al].", "[Bo] has a brother: [Cy]"))
    assert not contradicted(back)  # the other way round, and nothing said plainly
    both = replace(right, sentences=(*right.sentences, *swapped.sentences))
    assert not contradicted(both)
    assert ceiling_of_text([right, right, swapped, back]) == 0.75
    assert ceiling_of_text([right, replace(right, label="nephew")]) == 0.5


def test_a_walk_may_come_back() -> None:
    row = ROW | {"story_edges": "[(0, 1), (1, 2), (2, 1)]", "edge_types": "['brother', 'father-in-law', 'son']"}
    found = story_of(row)
    assert found.people == ("Ann", "Bob", "Cy", "Bob") and found.relations[1] == "father_in_law"


def test_names_that_never_meet_are_read_in_the_shortest_stretch() -> None:
    apart = Story(("[A] x.", "[B] y.", "[A] z.", "[C] u."), ("A", "C", "B"), ("son", "son"), "grandson")
    assert apart.passage(0) == "<first> z. <second> u."
    assert apart.passage(1) == "<second> y. <other> z. <first> u."


def test_the_ceiling_is_the_most_frequent_label_of_equal_walks() -> None:
    told = [story(("wife", "son"), "son")] * 3 + [story(("wife", "son"), "grandson")]
    back = [story(("wife", "son"), "brother", ("a", "b", "a"))]  # another walk: it comes back to where it began
    assert ceiling(told) == 0.75 and ceiling(told + back) == 0.8


def test_validation_has_no_sentence_of_training() -> None:
    stories = [Story((f"[A] saw number {k % 9}.", f"[B] saw {k % 7}."), ("A", "B"), ("son",), "son") for k in range(60)]
    train, valid = parted(stories, 1, 0.5)
    seen, new = ({s for t in part for s in t.sentences} for part in (train, valid))
    assert train and valid and not seen & new and len(train) + len(valid) < 60
    assert parted(stories, 1, 0.5) == (train, valid) != parted(stories, 2, 0.5)
    assert parted(stories, 1, 0.0) == (tuple(stories), ())


def test_sexes_are_those_of_labels() -> None:
    told = [story(("wife", "son"), label, ("A", "B", "C")) for label in ("son", "daughter", "son")]
    assert sexes_of(told, {"son": "male", "daughter": "female"}) == {"C": "male"}  # of A and B no label tells


# ------------------------------------------------------------------------------------------------------- composition


def test_the_rule_files_own_tests_hold() -> None:
    from neurosym.reasoner.tests_of import run_tests

    found = list(run_tests(ns.Program.from_file(model.WALK, model.KINSHIP)))
    assert len(found) == 3 and all(r.passed for r in found)


def test_the_given_table_has_one_relative_for_each_pair() -> None:
    entries = model.with_table(model.KINSHIP).query("compose(A, B, R)").args
    pairs = Counter(args[:2] for args in entries)
    assert set(pairs.values()) == {1} and len(pairs) == 68
    assert {r.name for args in entries for r in args if isinstance(r, Symbol)} <= set(RELATIONS)


def test_probabilities_are_those_of_enumeration() -> None:
    """All 16³ readings of a story of three steps, each put together in both orders; relatives by blood come first."""
    reasoner, reader = model.with_reader([story(("son", "son", "son"), "son")], model.KINSHIP, seed=1)
    reasoner.eval()
    assert isinstance(reader.network, WordsNet)
    torch.nn.init.normal_(reader.network.head.bias, std=2.0)
    asked = story(("wife", "son", "father"), "father")
    (batch,) = model.batches_of(model.QUERY, [model.written(asked, reader)], 1)
    with torch.no_grad():
        found = batch.ask(reasoner).of(0)  # pyright: ignore[reportAttributeAccessIssue]
        rows = torch.stack([batch.inputs[f"passage{k}"][0] for k in (1, 2, 3)])
        says = reader.network(rows).double().softmax(1).tolist()
    table = {}
    for args in model.with_table(model.KINSHIP).query("compose(A, B, R)").args:
        a, b, both = (r.name for r in args if isinstance(r, Symbol))
        table[a, b] = both

    @cache
    def readings(steps: tuple[str, ...]) -> frozenset[str]:
        cuts = [(readings(steps[:j]), readings(steps[j:])) for j in range(1, len(steps))]
        return frozenset(steps) if len(steps) == 1 else frozenset(
            table[a, b] for left, right in cuts for a in left for b in right if (a, b) in table
        )  # fmt: skip

    expected: dict[str, float] = defaultdict(float)
    for chosen in product(range(len(READ)), repeat=3):
        possible = readings(tuple(READ[k] for k in chosen))
        for answer in [r for r in possible if not r.endswith("_in_law")] or possible:
            p = 1.0
            for step, k in enumerate(chosen):
                p *= says[step][k]
            expected[f"answer({answer})"] += p
    assert set(found) == set(expected)
    assert all(float(p) == pytest.approx(expected[atom], rel=1e-5, abs=1e-12) for atom, p in found.items())


def test_a_table_is_learned_written_and_read_back(tmp_path: Path) -> None:
    """From labels alone: what two steps make, and one entry that only stories of three steps need."""
    known = [story(("father", "brother"), "uncle"), story(("wife", "son"), "son"), story(("son", "sister"), "daughter"),
             story(("father", "son", "son"), "nephew"), story(("brother", "son"), "nephew")]  # fmt: skip
    relations = ("father", "son", "daughter", "brother", "sister", "wife", "uncle", "nephew")
    reasoner = model.with_open_table(0, relations)
    model.learn_table(reasoner, known, run.Settings(15, 20, 8, 0.3), seed=0, progress=False)
    found = learned_table(reasoner)
    assert {pair: both for pair, (both, _) in found.items()} == {
        ("father", "brother"): "uncle", ("wife", "son"): "son", ("son", "sister"): "daughter",
        ("brother", "son"): "nephew", ("father", "son"): "brother",
    }  # fmt: skip
    path = tmp_path / "learned.rules"
    path.write_text(table_text(found, "A test."), "utf-8")
    again = model.with_table(path)
    asked = [*known, story(("wife", "son", "sister"), "daughter")]
    assert model.accuracy(again, asked) == 1.0
    path.write_text(path.read_text("utf-8").replace("(father, brother, uncle)", "(father, brother, aunt)"), "utf-8")
    assert model.accuracy(model.with_table(path), known[:1]) == 0.0  # what is edited is what holds


def test_a_story_that_cannot_be_put_together_has_no_answer() -> None:
    told = [model.told(story(("son", "father"), "husband")), model.told(story(("son", "son"), "grandson"))]
    assert model.answers_of(model.with_table(model.KINSHIP), told) == ["", "grandson"]


def test_reading_is_learned_from_labels() -> None:
    """Chance is one of fourteen; whole training is measured in the task's README."""
    entries = [tuple(r.name for r in args if isinstance(r, Symbol))
               for args in model.with_table(model.KINSHIP).query("compose(A, B, R)").args]  # fmt: skip
    known = [story((a, b), both) for a, b, both in entries if a in TOLD and b in TOLD and both in ANSWERS] * 4
    reasoner, reader = model.with_reader(known, model.KINSHIP, seed=0)
    model.learn_to_read(reasoner, reader, known, run.Settings(12, 1, 16, 0.02), seed=0, progress=False)
    assert model.read_rightly(reader, known) > 0.7
    why = model.explain(reasoner, known[0], reader)
    why.verify()
    assert "passage1 tells that P1 is the" in str(why)


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """A small transformer in the format of Hugging Face, which knows the names of `NAMES` and the relations."""
    pytest.importorskip("transformers")
    naming = [*data.NAMES.first.values(), *data.NAMES.second.values(), *sum(data.NAMES.others.values(), ())]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = TextNet.of_texts([*naming, *READ, "is the of ."], len(READ), hidden=32, layers=1, length=96)
    net.model.save_pretrained(tmp_path / "encoder")  # pyright: ignore[reportCallIssue]
    net.tokenizer.save(str(tmp_path / "encoder" / "tokenizer.json"))
    return tmp_path / "encoder"


def test_an_encoder_reads_names_for_the_persons(encoder: Path) -> None:
    known = [story(("son", "brother"), "son", ("Ann", "Bob", "Cy")), story(("mother", "son"), "brother")] * 20
    reasoner, reader = model.with_reader(known, model.KINSHIP, 0, encoder)
    assert reader.sexes == {"Cy": "male", "P2": "male"}
    assert isinstance(reader.network, TextNet)
    assert reader.network.text(reader.rows(known[:1])[1]) == "david is the brother of alex ."
    assert reader.network.text(reader.rows(known[:1], hidden=("Cy",))[1]) == "jamie is the brother of alex ."
    before = {k: v.clone() for k, v in reader.network.state_dict().items()}
    model.learn_to_read(reasoner, reader, known, run.Settings(1, 4, 8, 3e-3), seed=0, progress=False)
    same = {k for k, v in reader.network.state_dict().items() if torch.equal(v, before[k])}
    assert [k for k in same if "weight" in k] == ["model.embeddings.word_embeddings.weight"]
    assert model.accuracy(reasoner, known, reader) == 1
    why = model.explain(reasoner, known[0], reader)
    why.verify()
    assert "david is the brother of alex" in why.to_json()


def test_an_encoder_is_for_texts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.run(["--encoder", "somewhere"])
    assert "--encoder is for --mode text" in capsys.readouterr().err


def test_a_series_that_is_stopped_keeps_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = story(("son", "brother"), "son")
    monkeypatch.setattr(run, "parts", lambda *_: ((known,), {2: (known,)}))
    before, seeds = run.train, iter([0])

    def train(*args: Any) -> run.Trained:
        if next(seeds, None) is None:
            raise KeyboardInterrupt
        return before(*args)

    monkeypatch.setattr(run, "train", train)
    with pytest.raises(KeyboardInterrupt):
        run.run(["--seeds", "2", "--table", str(model.KINSHIP), "--json", str(tmp_path / "a.json")])
    record = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert [r["seed"] for r in record["results"]] == [0] and record["settings"]["ceiling"] == {"2": 1.0}
    assert record["command"] == "neurosym run clutrr --seeds 2 --table kinship.rules"


def test_a_series_lets_the_models_of_earlier_seeds_go(monkeypatch: pytest.MonkeyPatch) -> None:
    known = story(("son", "brother"), "son")
    monkeypatch.setattr(run, "parts", lambda *_: ((known,), {2: (known,)}))
    before, made, alive = run.train, [], []

    def train(*args: Any) -> run.Trained:
        alive.append([reasoner() is not None for reasoner in made])
        trained = before(*args)
        made.append(weakref.ref(trained.reasoner))
        return trained

    monkeypatch.setattr(run, "train", train)
    assert run.run(["--seeds", "3", "--quiet"]) == 0
    assert alive == [[], [False], [False, False]]


# -------------------------------------------------------------------------------------------------------------- runs


loaded = cache(data.load)  # read once for all tests


@pytest.fixture
def stories(data_dir: Path) -> data.Clutrr:
    if not (data_dir / "clutrr").is_dir():
        pytest.skip("the data folder has no clutrr")
    return loaded()


def test_the_data(stories: data.Clutrr) -> None:
    assert len(stories.train) == 10_094 and not stories.valid and {s.length for s in stories.train} == {2, 3}
    assert {k: len(s) for k, s in stories.test.items()} == {
        2: 38, 3: 105, 4: 190, 5: 174, 6: 107, 7: 144, 8: 150, 9: 119, 10: 119,
    }  # fmt: skip
    assert ceiling(stories.test[3]) == pytest.approx(100 / 105) and ceiling(stories.test[10]) == 1
    exchanged = {k: sum(bool(contradicted(s)) for s in part) for k, part in stories.test.items()}
    assert exchanged[2] == 0 and exchanged[3] == 12 and sum(exchanged.values()) == 177
    known = {k: [bool(contradicted(s)) for s in stories.train if s.length == k] for k in (2, 3)}
    assert [round(sum(x) / len(x), 2) for x in known.values()] == [0.03, 0.04]
    assert ceiling_of_text(stories.test[2]) == 1 and ceiling_of_text(stories.test[3]) == pytest.approx(88 / 105)
    assert {s.label for s in stories.train} == set(ANSWERS)
    assert {r for s in stories.train for r in s.relations} == set(TOLD)


@pytest.mark.usefixtures("stories")
def test_the_parts_of_a_run() -> None:
    known, tests = run.parts(0, validate=True, most=100)
    assert len(known) == 100 and {k: len(part) for k, part in tests.items()} == {2: 234, 3: 52}
    assert {k: len(part) for k, part in run.parts(0, validate=False, most=None)[1].items()}[2] == 38


def test_a_table_of_pairs_of_names_needs_no_text(stories: data.Clutrr) -> None:
    """Why names are taken out of the passages: the families of the short test stories are those of training."""
    told: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for known in stories.train:
        for k, said in enumerate(known.relations):
            told[known.people[k : k + 2]][said] += 1

    def right(part: tuple[Story, ...]) -> float:
        steps = [(s.people[k : k + 2], said) for s in part for k, said in enumerate(s.relations)]
        return sum(pair in told and told[pair].most_common(1)[0][0] == said for pair, said in steps) / len(steps)

    found = [right(stories.test[k]) for k in (2, 3, 4)]
    assert found == [1.0, pytest.approx(0.9968, abs=1e-4), 0.0]


def test_given_relations_reach_the_ceiling(stories: data.Clutrr) -> None:
    reasoner = model.with_table(model.KINSHIP)
    for part in stories.test.values():
        assert model.accuracy(reasoner, part) > ceiling(part) - 0.01


@pytest.mark.slow
def test_the_learned_file_has_the_accuracy_of_the_run(stories: data.Clutrr, tmp_path: Path) -> None:
    options = ["--mode", "learned", "--quiet", "--short", "20", "--epochs", "1"]
    options += ["--out", str(tmp_path), "--json", str(tmp_path / "a.json")]
    assert run.run(options) == 0
    again = model.with_table(tmp_path / "learned-0.rules")
    (told,) = json.loads((tmp_path / "a.json").read_text("utf-8"))["results"]
    for length, part in stories.test.items():
        found = model.accuracy(again, part)
        assert found == told[f"accuracy_{length}"] and found > ceiling(part) - 0.03
    assert "answer(" in (tmp_path / "explanation.html").read_text("utf-8")


@pytest.mark.slow
def test_the_run_from_text(stories: data.Clutrr, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--mode", "text", "--quiet", "--short", "1", "--epochs", "1", "--stories", "200"]
    assert run.run([*options, "--out", str(tmp_path), "--json", str(tmp_path / "a.json")]) == 0
    shown = capsys.readouterr().out
    assert "steps read" in shown and "1 runs, 0 failed" in shown
    record = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert [r["seed"] for r in record["results"]] == [0] and record["settings"]["ceiling"]["2"] == 1
