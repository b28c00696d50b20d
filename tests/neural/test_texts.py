"""Networks for texts: from scratch, from a folder that is made here, behind a predicate, saved and explained."""

from __future__ import annotations

import builtins
import json
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import neurosym as ns
from neurosym.errors import ModelError, NetworkError
from neurosym.neural import MLP, Fusion, TextNet, from_config

STORIES = ["Ann is the mother of Bob.", "Bob likes the red car", "ann sold her car", "Eve is Bob's aunt"]


def test_without_transformers_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.partition(".")[0] in ("transformers", "tokenizers"):
            raise ImportError(f"No module named '{name}'")
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    for make in (lambda: TextNet.of_texts(STORIES, 2), lambda: TextNet({}, "{}", 2, 5)):
        with pytest.raises(NetworkError, match="need the package transformers") as caught:
            make()
        assert caught.value.code == "NS630" and "neurosym-logic[text]" in str(caught.value)


# what follows needs the libraries


@pytest.fixture
def net() -> TextNet:
    pytest.importorskip("transformers")
    torch.manual_seed(0)
    return TextNet.of_texts(STORIES, 2, hidden=8, heads=2, dropout=0.0)


def test_rows_of_tokens(net: TextNet) -> None:
    rows = net.tokens(["Ann is kind", "", STORIES[0]])
    assert rows.shape == (3, net.length) and rows.dtype == torch.long and net.length == 7
    assert [w for w in net.words(rows[0]) if w] == ["ann", "is", "[UNK]"]
    assert net.missing(rows).tolist() == [False, True, False]
    with pytest.raises(NetworkError, match="text 0 has 8 tokens, and the network takes 7") as caught:
        net.tokens(["a b c d e f g h"])
    assert caught.value.code == "NS632"
    assert torch.equal(net.tokens(["ann is the mother of bob . Eve"], cut=True), net.tokens([STORIES[0]]))


def test_the_vocabulary_is_the_words_of_the_texts(net: TextNet) -> None:
    again = TextNet.of_texts(STORIES[::-1], 2, hidden=8, heads=2, length=net.length)
    assert again.tokenizer.get_vocab() == net.tokenizer.get_vocab()
    few = TextNet.of_texts(STORIES, 2, hidden=8, heads=2, words=4)
    assert set(few.tokenizer.get_vocab()) == {"[PAD]", "[UNK]", "bob", "ann"} or len(few.tokenizer.get_vocab()) == 4
    often = TextNet.of_texts(STORIES, 2, hidden=8, heads=2, least=2)
    assert set(often.tokenizer.get_vocab()) == {"[PAD]", "[UNK]", "ann", "bob", "is", "the", "car"}


def test_padding_says_nothing(net: TextNet) -> None:
    net.eval()
    longer = from_config("TextNet", net.config() | {"length": 7})
    longer.load_state_dict(net.state_dict())
    rows = net.tokens([STORIES[1], STORIES[0]])
    alone = net.model(input_ids=rows[:1, :5]).last_hidden_state.mean(dim=1)
    assert torch.allclose(net.embed(rows)[:1], alone, atol=1e-5)
    net.train()  # where columns of padding alone are left out; without dropout that changes nothing
    assert torch.allclose(net.embed(rows[:1]), alone, atol=1e-5)
    empty = net.eval().embed(net.tokens([""]))
    assert torch.equal(empty, torch.zeros_like(empty))


def test_texts_of_all_lengths_beside_each_other(net: TextNet) -> None:
    texts = [STORIES[k % 4].rsplit(" ", k % 3)[0] for k in range(70)]  # more than pass at once
    rows = net.eval().tokens([*texts, ""])
    whole = net.embed(rows)
    with torch.no_grad():
        assert torch.allclose(net.embed(rows), whole, atol=1e-5)
        assert net.embed(rows[:0]).shape == (0, net.width)
    assert torch.allclose(net.train().embed(rows), whole, atol=1e-5)
    net.embed(rows).sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.model.parameters())


def test_marks_say_where_to_look() -> None:
    pytest.importorskip("transformers")
    words = [["ann", "bob"], ["car"]]
    net = TextNet.of_texts(STORIES, 2, hidden=8, heads=2, dropout=0.0, marks=words).eval()
    assert net.width == 24 and net.head[1].in_features == 24
    rows = net.tokens(["bob has the car", "the the"])
    found = net.model(input_ids=rows[:1, :4]).last_hidden_state
    assert torch.allclose(net.embed(rows)[0], torch.cat([found[0].mean(0), found[0, 0], found[0, 3]]), atol=1e-5)
    assert torch.equal(net.embed(rows)[1, 8:], torch.zeros(16))
    again = from_config("TextNet", json.loads(json.dumps(net.config())))
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.eval()(rows), net(rows))
    with pytest.raises(NetworkError, match="the mark `carl` is none of the tokens"):
        TextNet.of_texts(STORIES, 2, hidden=8, heads=2, marks=[["carl"]])


def test_the_text_of_a_row(folder: Path) -> None:
    net = TextNet.from_folder(folder, 2)
    assert net.text(net.tokens(["Bob likes ann"])[0]) == "bob likes ann"
    assert net.text(net.tokens([""])[0]) == ""


def test_floats_are_numbers_of_tokens_as_well(net: TextNet) -> None:
    rows = net.eval().tokens(STORIES)
    assert torch.equal(net(rows), net(rows.float()))
    assert torch.allclose(net(rows), net.head(net.embed(rows)))


@pytest.mark.parametrize("rows", [torch.zeros(2, 3).long(), torch.full((2, 7), 99), torch.full((2, 7), -1)])
def test_rows_of_another_network(net: TextNet, rows: torch.Tensor) -> None:
    with pytest.raises(NetworkError, match=r"tokens\(texts\)"):
        net(rows)


def test_config_round_trip(net: TextNet) -> None:
    again = from_config("TextNet", json.loads(json.dumps(net.config()))).eval()
    again.load_state_dict(net.state_dict())
    rows = net.eval().tokens(STORIES)
    assert torch.equal(net(rows), again(rows)) and isinstance(again, TextNet)
    assert torch.equal(again.tokens(STORIES), rows)


# ---------------------------------------------------------------------------------------------------------- a folder


@pytest.fixture
def folder(tmp_path: Path, net: TextNet) -> Path:
    """A folder as `save_pretrained` writes it, of a BERT with other weights than a fresh one has."""
    from transformers import BertConfig, BertModel  # pyright: ignore[reportMissingImports]

    torch.manual_seed(5)
    config = BertConfig(vocab_size=net.tokenizer.get_vocab_size(), hidden_size=8, num_hidden_layers=1,
                        num_attention_heads=2, intermediate_size=16, max_position_embeddings=9)  # fmt: skip
    BertModel(config).save_pretrained(tmp_path / "bert")
    net.tokenizer.save(str(tmp_path / "bert" / "tokenizer.json"))
    return tmp_path / "bert"


def test_a_folder_is_read_with_its_weights(folder: Path) -> None:
    from transformers import BertModel  # pyright: ignore[reportMissingImports]

    net = TextNet.from_folder(folder, 3).eval()
    assert net.length == 9 and net.width == 8 and net(net.tokens(STORIES)).shape == (4, 3)
    there = BertModel.from_pretrained(str(folder)).state_dict()
    assert all(torch.equal(v, net.model.state_dict()[k]) for k, v in there.items())
    again = from_config("TextNet", json.loads(json.dumps(net.config()))).eval()
    again.load_state_dict(net.state_dict())
    assert torch.equal(again(net.tokens(STORIES)), net(net.tokens(STORIES)))
    assert str(folder) not in json.dumps(net.config())


def test_nothing_is_fetched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)
    net = TextNet.from_folder(folder, 2)
    from_config("TextNet", net.config())


def test_a_frozen_transformer_is_not_trained(folder: Path) -> None:
    net = TextNet.from_folder(folder, 1, frozen=True).train()
    net(net.tokens(STORIES)).sum().backward()
    assert {n.partition(".")[0] for n, p in net.named_parameters() if p.grad is not None} == {"head"}
    assert not net.model.training and net.head.training


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"config.json": None}, "no folder that holds a `config.json`"),
        ({"model.safetensors": None, "pytorch_model.bin": b""}, "no safetensors"),
        ({"tokenizer.json": None}, "no `tokenizer.json`"),
        ({"adapter_config.json": b"{}"}, "an adapter of another model"),
        ({"config.json": b"{"}, "Expecting property name"),
        ({"config.json": b"[]"}, "no object"),
        ({"config.json": b'{"model_type": "mine", "pad_token_id": 0}'}, "no model of the kind `mine`"),
        ({"config.json": b'{"model_type": "gpt2", "pad_token_id": null}'}, "no number for padding"),
        ({"model.safetensors": b"no tensors"}, "header"),
    ],
)
def test_folders_that_are_refused(folder: Path, change: dict[str, bytes | None], said: str) -> None:
    for name, content in change.items():
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
    with pytest.raises(NetworkError, match="no transformer can be read from") as caught:
        TextNet.from_folder(folder, 2)
    assert caught.value.code == "NS631" and said in str(caught.value) and "help: " in str(caught.value)


def test_weights_that_lack_a_layer(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text()) | {"num_hidden_layers": 2}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(NetworkError, match=r"its weights lack `encoder\.layer\.1"):
        TextNet.from_folder(folder, 2)


def test_a_name_of_the_hub_is_no_folder(net: TextNet, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NetworkError, match="nothing is fetched"):
        TextNet.from_folder("bert-base-uncased", 2)


@pytest.mark.parametrize("where", ["folder", "config"])
def test_no_code_from_a_folder_or_a_config_is_run(folder: Path, where: str) -> None:
    """A config may name Python files in `auto_map`, or compiled code in `attn_implementation`."""
    mark = folder / "ran"
    (folder / "mine.py").write_text(f"open({str(mark)!r}, 'w').close()\nclass Mine: pass\n")
    evil = {
        "auto_map": {"AutoModel": f"{folder}--mine.Mine", "AutoConfig": "mine.Mine"}, "_name_or_path": str(folder),
        "attn_implementation": "somebody/kernel", "_attn_implementation": "somebody/kernel",
    }  # fmt: skip
    if where == "folder":
        config = json.loads((folder / "config.json").read_text()) | evil
        (folder / "config.json").write_text(json.dumps(config))
        net = TextNet.from_folder(folder, 2)
    else:
        config = TextNet.from_folder(folder, 2).config()
        config["model"] = {**config["model"], **evil}  # type: ignore[dict-item]
        made = from_config("TextNet", config)
        assert isinstance(made, TextNet)
        net = made
    assert not mark.exists() and "mine" not in json.dumps(net.config()) and "somebody" not in json.dumps(net.config())
    assert net.model.config._attn_implementation == "eager"  # type: ignore[union-attr]


def test_configs_that_are_refused(net: TextNet) -> None:
    config: dict[str, Any] = net.config()
    for change, said in (
        ({"model": {**config["model"], "quantization_config": {"load_in_4bit": True}}}, "quantised"),
        ({"model": {**config["model"], "model_type": "mine"}}, "kind `mine`"),
        ({"tokenizer": "{}"}, "tokenizer of a TextNet"),
    ):
        with pytest.raises(NetworkError, match=said):
            TextNet(**{**config, **change})  # pyright: ignore[reportArgumentType]


# ------------------------------------------------------------------------------------------------ behind a predicate

RULES = """
neural sells(t: symbol) by reader .
story(s1). story(s2). story(s3).
sale(S) :- story(S), sells(S).
"""
SLOTS = "neural sells(t: Text) by reader .\nsale(S) :- sells(S)."
TEXTS = ["Ann sold the car to Bob", "Bob likes the red car", "she sold a house"]


def reader(texts: list[str] = TEXTS) -> TextNet:
    pytest.importorskip("transformers")
    torch.manual_seed(0)
    return TextNet.of_texts(texts, 1, hidden=8, heads=2, dropout=0.0)


def test_texts_in_a_table_are_learned_saved_and_told(tmp_path: Path) -> None:
    net = reader()
    table = net.table(["s1", "s2", "s3"], TEXTS)
    model = ns.Reasoner(ns.Program.from_text(RULES), networks={"reader": net}, features={"symbol": table})
    labels = {"sale(s1)": True, "sale(s2)": False, "sale(s3)": True}
    ns.fit(model, ns.Batch(("sale(S)",), labels), epochs=30, lr=0.01, progress=False)
    found = model.query("sale(S)").detach()
    assert all((found[a] > 0.5) == label for a, label in labels.items())
    why = ns.explain(model.query("sale(S)"), "sale(s1)")
    (said,) = [n.neural for n in why.nodes.values() if n.neural is not None]
    assert said.inputs == (("text", TEXTS[0], ""),) and TEXTS[0] in str(why) and TEXTS[0] in why.to_html()
    model.save(tmp_path / "model")
    loaded = ns.Reasoner.load(tmp_path / "model", features={"symbol": table})
    assert loaded.query("sale(S)").detach() == pytest.approx(found)
    other: Any = loaded.networks["reader"]
    fresh = ns.Reasoner.load(tmp_path / "model", features={"symbol": other.table(["s1", "s2", "s3"], TEXTS[::-1])})
    assert fresh.query("sale(S)").detach()["sale(s1)"] == pytest.approx(found["sale(s3)"])


def test_texts_as_inputs_of_samples_are_told_by_their_words() -> None:
    net = reader()
    model = ns.Reasoner(ns.Program.from_text(SLOTS), networks={"reader": net})
    answers = model.query("sale(a)", inputs={"a": net.tokens(["Ann sold a horse", "red"])})
    assert answers.tags.shape == (2, 1)
    why = ns.explain(answers, "sale(a)", sample=0)
    (said,) = [n.neural for n in why.nodes.values() if n.neural is not None]
    assert said.inputs == (("text", "ann sold a [UNK]", ""),)


def test_a_model_whose_tokenizer_was_damaged(tmp_path: Path) -> None:
    model = ns.Reasoner(ns.Program.from_text(SLOTS), networks={"reader": reader()})
    model.save(tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "model.json").read_text())
    manifest["networks"]["reader"]["config"]["tokenizer"] = "nothing"
    (tmp_path / "model" / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="the tokenizer of a TextNet cannot be read"):
        ns.Reasoner.load(tmp_path / "model")


def test_attributions_of_words() -> None:
    pytest.importorskip("captum")
    net = reader()
    table = net.table(["s1", "s2", "s3"], TEXTS)
    model = ns.Reasoner(ns.Program.from_text(RULES), networks={"reader": net}, features={"symbol": table})
    why = ns.explain(model.query("sale(S)"), "sale(s1)", attributions=True)
    (found,) = {n.neural.attribution for n in why.nodes.values() if n.neural is not None}
    assert found is not None and [w for w, _ in found.spans if w] == ["ann", "sold", "the", "car", "to", "bob"]
    total = sum(s for _, s in found.spans) + found.others
    assert found.baseline == "unknown words throughout for s1"
    assert total == pytest.approx(found.probability - found.baseline_probability, abs=2e-3)


def test_texts_are_a_modality() -> None:
    net = reader()
    fused: nn.Module = Fusion([net, MLP([2, 1])], 1, ["text", "row"])
    rows = torch.tensor([[1.0, 2.0], [float("nan")] * 2])
    tokens = net.tokens(["", TEXTS[0]])
    there = fused.there(tokens, rows)  # pyright: ignore[reportCallIssue]
    assert there.tolist() == [[False, True], [True, False]] and fused(tokens, rows).shape == (2, 1)
