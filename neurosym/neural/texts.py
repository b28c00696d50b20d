"""Networks for texts, which the extra `text` brings.

A text reaches a network as a row of token numbers, padded to one length with the number of the padding: so it is a
tensor like any other, an input of a sample or a row of a feature table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

import torch
from torch import Tensor, nn

from neurosym.errors import NetworkError
from neurosym.neural.features import FeatureTable
from neurosym.neural.transformer import (
    UNKNOWN,
    folder_of,
    made,
    plain,
    refused,
    tokenizer_of,
    weights,
    words_of,
)  # fmt: skip

AT_ONCE = 32  # rows of like length that pass the transformer together


class TextNet(nn.Module):
    """A transformer of the library `transformers` with a linear layer on the mean of what it makes of the tokens.

    `TextNet.of_texts` makes a small one from scratch, with a vocabulary of its own; `TextNet.from_folder` reads a
    folder that a Hugging Face model was saved in. The tokenizer is part of the network, and is saved with it.

    Where a text speaks of some things among others, such as two of its persons, `marks` say where to look: the mean
    over the places of each is taken as well (after Soares et al., Matching the Blanks, ACL 2019). A model that has read
    real text reads real words best, so a mark is several words of its vocabulary, any of which may stand for it.

    Args:
        model: the transformer's config as plain data, `model_type` among it.
        tokenizer: as JSON, as the library `tokenizers` writes it.
        classes: number of logits.
        length: tokens of a row; `padding`: their number where a text has ended.
        dropout: share of the embedding that is left out in training.
        frozen: train the linear layer only.
        marks: for each thing to look at, the words that stand for it, each one token: `[["john", "mary"], ["david"]]`.

    Attributes:
        width: D of the embeddings, H of the transformer for the text and for each mark.

    Raises:
        NetworkError: NS630, transformers is not installed; NS600, no such network can be made.
    """

    def __init__(
        self, model: Mapping[str, Any], tokenizer: str, classes: int, length: int, padding: int = 0,
        dropout: float = 0.1, frozen: bool = False, marks: Sequence[Sequence[str]] = (),
    ) -> None:  # fmt: skip
        super().__init__()
        self._settings, self._tokenizer_text = plain(model), tokenizer
        self.classes, self.length, self.padding = classes, length, padding
        self.dropout, self.frozen = float(dropout), frozen
        self.tokenizer = tokenizer_of(tokenizer)
        self.model = made(self._settings)
        if frozen:
            self.model.requires_grad_(False)
        self.marks = tuple(tuple(words) for words in marks)
        self._marked = [[self._number_of(word) for word in words] for words in self.marks]
        self.width = int(self.model.config.hidden_size) * (1 + len(self.marks))  # type: ignore[union-attr]
        self.head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(self.width, classes))

    def _number_of(self, word: str) -> int:
        """The number of a mark."""
        number = self.tokenizer.token_to_id(word)
        if number is None:
            raise NetworkError(
                f"the mark `{word}` is none of the tokens of the network's vocabulary",
                help="take words that are one token each, spelled as the tokenizer spells them",
            )
        return int(number)

    @classmethod
    def of_texts(
        cls, texts: Iterable[str], classes: int, *, hidden: int = 64, layers: int = 2, heads: int = 4,
        length: int | None = None, words: int = 30_000, least: int = 1, dropout: float = 0.1,
        marks: Sequence[Sequence[str]] = (),
    ) -> TextNet:  # fmt: skip
        """A small transformer with fresh weights whose vocabulary is the words of some texts, in lower case.

        Args:
            texts: those of the training part.
            hidden: width D; `layers`, `heads`: of the transformer.
            length: tokens of a row; that of the longest text by default.
            words: at most so many, the most frequent; `least`: how often a word must occur. What is left out is one
                unknown word, which is trained only where some is.
        """
        texts = list(texts)
        made_of = words_of(texts, words, least)
        longest = max((len(e.ids) for e in made_of.encode_batch(texts)), default=1)
        length = max(1, longest if length is None else length)
        model = {
            "model_type": "distilbert", "vocab_size": made_of.get_vocab_size(), "dim": hidden, "n_layers": layers,
            "n_heads": heads, "hidden_dim": 4 * hidden, "max_position_embeddings": length, "dropout": dropout,
            "attention_dropout": dropout, "pad_token_id": 0,
        }  # fmt: skip
        return cls(model, made_of.to_str(), classes, length, 0, dropout, marks=marks)

    @classmethod
    def from_folder(
        cls, path: str | PathLike[str], classes: int, *, length: int | None = None, dropout: float = 0.1,
        frozen: bool = False, marks: Sequence[Sequence[str]] = (),
    ) -> TextNet:  # fmt: skip
        """The transformer that a folder holds: `config.json`, `model.safetensors` and `tokenizer.json`.

        Args:
            path: of the folder, on this machine.
            length: tokens of a row; as many as the model takes by default, at most 512.

        Raises:
            NetworkError: NS631, a file is missing or damaged, weights are not safetensors, or the model needs code or
                weights that are not in it.
        """
        folder, settings, tokenizer = folder_of(path)
        padding = settings.get("pad_token_id")
        if padding is None:
            raise refused(folder, "it has no number for padding", "give its config a `pad_token_id`")
        most = settings.get("max_position_embeddings", 512)
        # RoBERTa numbers positions from the padding's number on, and has that many fewer
        most -= padding + 1 if "roberta" in str(settings.get("model_type")) else 0
        network = cls(settings, tokenizer, classes, length or min(512, most), padding, dropout, frozen, marks)
        network.model.load_state_dict(weights(folder, network.model))
        return network

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {
            "model": self._settings, "tokenizer": self._tokenizer_text, "classes": self.classes,
            "length": self.length, "padding": self.padding, "dropout": self.dropout, "frozen": self.frozen,
            "marks": [list(words) for words in self.marks],
        }  # fmt: skip

    def train(self, mode: bool = True) -> TextNet:
        """As for any module, but a frozen transformer stays as it is used."""
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self

    def tokens(self, texts: Iterable[str], cut: bool = False) -> Tensor:
        """(n, length) long numbers of tokens, what `forward` takes.

        Args:
            cut: leave out the end of a text that is too long.

        Raises:
            NetworkError: NS632, a text is too long, and would be cut.
        """
        texts = list(texts)
        rows = torch.full((len(texts), self.length), self.padding, dtype=torch.long)
        for k, encoded in enumerate(self.tokenizer.encode_batch(texts)):
            if len(encoded.ids) > self.length and not cut:
                start = texts[k] if len(texts[k]) <= 60 else texts[k][:60] + " …"
                raise NetworkError(
                    f"text {k} has {len(encoded.ids)} tokens, and the network takes {self.length}", code="NS632",
                    note=f"it begins `{start}`", help="make the network with a greater `length`, or pass cut=True",
                )  # fmt: skip
            ids = encoded.ids[: self.length]
            rows[k, : len(ids)] = torch.tensor(ids, dtype=torch.long)
        return rows

    def table(self, ids: Sequence[str], texts: Sequence[str], cut: bool = False) -> FeatureTable:
        """The feature table of entities and their texts, which explanations then show."""
        return FeatureTable(ids, self.tokens(texts, cut), texts=texts)

    def words(self, row: Tensor) -> list[str]:
        """The pieces of text that a row of numbers stands for, one for each; the padding is empty."""
        ids = row.round().long().tolist()
        return ["" if i == self.padding else self.tokenizer.id_to_token(i) or UNKNOWN for i in ids]

    @property
    def _unknown(self) -> str | None:
        """The unknown word, where the tokenizer has one."""
        return getattr(self.tokenizer.model, "unk_token", None)

    def text(self, row: Tensor) -> str:
        """The text that a row of numbers stands for, without what the tokenizer put around it."""
        added = self.tokenizer.get_added_tokens_decoder()
        around = {k for k, token in added.items() if token.special and token.content != self._unknown}
        ids = [k for k in row.round().long().tolist() if k not in around]
        return self.tokenizer.decode(ids, skip_special_tokens=False)  # that a word was unknown is told

    def nothing(self, rows: Tensor) -> Tensor:
        """(n, length) rows of as many tokens that say nothing: the unknown word, or the padding where there is none."""
        number = None if self._unknown is None else self.tokenizer.token_to_id(self._unknown)
        return torch.where(rows == self.padding, self.padding, self.padding if number is None else number).to(rows)

    def missing(self, rows: Tensor) -> Tensor:
        """(n,) whether a row is an empty text."""
        return (rows == self.padding).all(dim=1)

    def embed(self, rows: Tensor) -> Tensor:
        """(n, length) → (n, width) means over the tokens, and over the places of each mark; of nothing, zeros."""
        if rows.ndim != 2 or rows.shape[1] != self.length:
            raise NetworkError(
                f"TextNet takes token numbers (n, {self.length}), not {tuple(rows.shape)}",
                help="make them with its `tokens(texts)`",
            )
        ids = rows if not rows.is_floating_point() else rows.round().long()
        there = ids != self.padding
        most = int(ids.max()) if ids.numel() else 0
        if most >= self.tokenizer.get_vocab_size() or (ids.numel() and int(ids.min()) < 0):
            raise NetworkError(
                f"a row holds the token number {most}, and the vocabulary has {self.tokenizer.get_vocab_size()}",
                help="make the rows with this network's own `tokens(texts)`",
            )
        if torch.is_grad_enabled() and not self.training:  # what attributes to tokens counts on one row for each text
            return self._means(ids, there)
        # rows of like length together: padding costs as much as words
        order = there.sum(dim=1).argsort(stable=True)
        used = there.sum(dim=1).clamp(min=1)
        parts = [(part, int(used[part[-1]])) for part in order.split(AT_ONCE) if len(part)]
        if not parts:
            return next(self.parameters()).new_zeros((0, self.width))
        return torch.cat([self._means(ids[part, :n], there[part, :n]) for part, n in parts])[order.argsort()]

    def _means(self, ids: Tensor, there: Tensor) -> Tensor:
        """(n, length) numbers and where they are no padding → (n, width)."""
        found = self.model(input_ids=ids, attention_mask=there.long()).last_hidden_state
        places = [there, *(torch.isin(ids, ids.new_tensor(numbers)) for numbers in self._marked)]
        weights = [where[:, :, None].to(found.dtype) for where in places]
        return torch.cat([(found * w).sum(dim=1) / w.sum(dim=1).clamp(min=1.0) for w in weights], dim=1)

    def forward(self, rows: Tensor) -> Tensor:
        """(n, length) → (n, classes) logits."""
        return self.head(self.embed(rows))


__all__ = ["TextNet"]
