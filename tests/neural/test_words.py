"""The network for texts that needs torch alone: rows of words, padding, saving, behind a predicate."""

from __future__ import annotations

import json

import pytest
import torch

import neurosym as ns
from neurosym.errors import NetworkError
from neurosym.learning import batches
from neurosym.neural import WordsNet, from_config
from neurosym.neural.words import split

TEXTS = ["<first> Ann's car.", "the red car", "ann sold THE car", ""]


@pytest.fixture
def net() -> WordsNet:
    torch.manual_seed(0)
    return WordsNet.of_texts(TEXTS, 3, marks=["<first>"], dim=6, hidden=5).eval()


def test_words_signs_and_marks() -> None:
    assert split("<first> Ann's car.") == ["<first>", "ann", "'", "s", "car", "."]


def test_the_vocabulary_is_the_frequent_words(net: WordsNet) -> None:
    assert net.vocabulary == ("car", "ann", "the", "<first>") and net.length == 6
    assert WordsNet.of_texts(TEXTS, 3, words=1, length=9).vocabulary == ("car",)
    assert "red" in WordsNet.of_texts(TEXTS, 3, least=1).vocabulary


def test_rows_of_words(net: WordsNet) -> None:
    rows = net.tokens(["The car of Ann", ""])
    assert rows.shape == (2, 6) and rows.dtype == torch.long
    assert net.words(rows[0]) == ["the", "car", "<unknown>", "ann", "", ""]
    assert net.missing(rows).tolist() == [False, True]
    assert net.nothing(rows).tolist() == [[1, 1, 1, 1, 0, 0], [0] * 6]
    with pytest.raises(NetworkError, match="text 1 has 7 words, and the network takes 6") as caught:
        net.tokens(["a", "a b c d e f g"])
    assert caught.value.code == "NS632"
    assert torch.equal(net.tokens(["ann sold the car a b c"], cut=True), net.tokens(["ann sold the car a b"]))


def test_neither_padding_nor_other_texts_change_a_text(net: WordsNet) -> None:
    rows = net.tokens(TEXTS)
    together = net(rows)
    assert together.shape == (4, 3) and net.embed(rows).shape == (4, net.width) == (4, 20)
    assert torch.allclose(together[1], net(rows[1:2])[0], atol=1e-6)
    assert torch.equal(net.embed(rows)[3], torch.zeros(20))
    assert torch.equal(net(rows.float()), together)


def test_the_order_of_words_counts(net: WordsNet) -> None:
    assert not torch.allclose(net(net.tokens(["ann the car"])), net(net.tokens(["car the ann"])), atol=1e-3)


@pytest.mark.parametrize("rows", [torch.zeros(2, 3).long(), torch.full((2, 6), 99), torch.full((2, 6), -1)])
def test_rows_of_another_network(net: WordsNet, rows: torch.Tensor) -> None:
    with pytest.raises(NetworkError, match=r"tokens\(texts\)"):
        net(rows)


def test_marks_say_where_to_look(net: WordsNet) -> None:
    found = net.embed(net.tokens(["<first> sold the car", "ann sold the car", "ann sold the car <first>"]))[:, 10:]
    assert found[0].any() and not found[1].any() and not torch.allclose(found[0], found[2], atol=1e-4)


def test_words_are_forgotten_in_training_only(net: WordsNet) -> None:
    forgetful = WordsNet(net.vocabulary, 3, 6, net.marks, 6, 5, dropout=0.0, forget=1.0)
    rows = forgetful.tokens(["<first> the ann car"])
    blank = torch.where(rows == rows[0, 0], rows, forgetful.nothing(rows))
    in_training = forgetful(rows)
    assert torch.equal(in_training, forgetful.eval()(blank)) and not torch.equal(in_training, forgetful(rows))


def test_no_such_network() -> None:
    with pytest.raises(NetworkError, match="the mark `<b>` is none"):
        WordsNet(["a"], 2, 5, ["<b>"])
    with pytest.raises(NetworkError, match="2 words, 1 of them different"):
        WordsNet(["a", "a"], 2, 5)
    with pytest.raises(NetworkError, match="0 logits"):
        WordsNet(["a"], 0, 5)


def test_config_round_trip(net: WordsNet) -> None:
    again = from_config("WordsNet", json.loads(json.dumps(net.config()))).eval()
    again.load_state_dict(net.state_dict())
    rows = net.tokens(TEXTS)
    assert isinstance(again, WordsNet) and torch.equal(net(rows), again(rows))
    assert torch.equal(again.tokens(TEXTS), rows)


def test_behind_a_predicate_it_learns_and_is_explained() -> None:
    program = ns.Program.from_text(
        "neural says(t: Text, r: {son, father}) by reader . kin(T, X) :- says(T, X).", "kin.rules"
    )
    texts = ["<first> has a son <second>", "<second> has a son <first>"] * 8
    torch.manual_seed(0)
    net = WordsNet.of_texts(texts, 2, dim=8, hidden=8, dropout=0.0)
    reasoner = ns.Reasoner(program, networks={"reader": net})
    named = [ns.Symbol("son"), ns.Symbol("father")] * 8
    data = batches("kin(a, R)", {"a": net.tokens(texts)}, named, 8)
    ns.fit(reasoner, data, epochs=40, lr=0.03, progress=False)
    answers = reasoner.query("kin(a, R)", inputs={"a": net.tokens(texts[:2])})
    assert answers.best() == named[:2]
    why = ns.explain(answers, "kin(a, son)", sample=0)
    why.verify()
    assert "has a son" in str(why)
