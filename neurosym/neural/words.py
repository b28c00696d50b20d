"""A network for short texts that needs nothing but torch: a vector for each word, read in both directions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from neurosym.errors import NetworkError
from neurosym.neural.features import FeatureTable

PADDING, UNKNOWN = 0, 1  # numbers of the first two words
UNKNOWN_WORD = "<unknown>"
_WORD = re.compile(r"<\w+>|\w+|[^\w\s]")


def split(text: str) -> list[str]:
    """The words and signs of a text, in lower case; `<word>` is one, so that a text can hold marks."""
    return _WORD.findall(text.lower())


def _highest(found: Tensor, where: Tensor) -> Tensor:
    """(n, length, D) values and (n, length) places → (n, D) the greatest at a row's places; zeros where it has none."""
    highest = found.masked_fill(~where[:, :, None], float("-inf")).amax(dim=1)
    return torch.where(where.any(dim=1)[:, None], highest, torch.zeros_like(highest))


class WordsNet(nn.Module):
    """A bidirectional GRU over words, the greatest value of each unit over the text, and a linear layer.

    After Conneau et al. (Supervised Learning of Universal Sentence Representations, EMNLP 2017), with a GRU in place of
    their LSTM. A text is a row of numbers of words, padded at its end; `tokens` makes rows. The words belong to the
    network, and are saved with it. `TextNet` has transformers and pieces of words, and needs two more packages.

    Args:
        words: that it knows; all others are one unknown word.
        classes: number of logits.
        length: words of a row.
        marks: some of the words, such as `<first>`, which say where to look: the greatest values over the places of
            each are taken as well.
        dim: width of the vectors of words; `hidden`: of the GRU, in each direction.
        dropout: share of the vectors' and the embedding's units that is left out in training; `forget`: of the words
            that become the unknown word in training, marks never.

    Attributes:
        width: D of the embeddings, twice `hidden` for the text and for each mark.

    Raises:
        NetworkError: NS600, no such network can be made.
    """

    def __init__(
        self, words: Sequence[str], classes: int, length: int, marks: Sequence[str] = (), dim: int = 64,
        hidden: int = 64, dropout: float = 0.3, forget: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.vocabulary, self.classes, self.length, self.marks = tuple(words), classes, length, tuple(marks)
        self._sizes = {"dim": dim, "hidden": hidden, "dropout": float(dropout), "forget": float(forget)}
        self._numbers = {word: k for k, word in enumerate(self.vocabulary, UNKNOWN + 1)}
        if len(self._numbers) < len(self.vocabulary) or min(classes, length, dim, hidden) < 1:
            raise NetworkError(
                f"no WordsNet can be made of {len(self.vocabulary):,} words, {len(self._numbers):,} of them different, "
                f"for {length} in a row, with {dim} and {hidden} numbers and {classes} logits"
            )
        if strange := [mark for mark in self.marks if mark not in self._numbers]:
            raise NetworkError(
                f"the mark `{strange[0]}` is none of the network's words", help="marks are words as well"
            )
        self._marked = [self._numbers[mark] for mark in self.marks]
        self.width = 2 * hidden * (1 + len(self.marks))
        self.vectors = nn.Embedding(len(self.vocabulary) + 2, dim, padding_idx=PADDING)
        self.reader = nn.GRU(dim, hidden, batch_first=True, bidirectional=True)
        self.dropout, self.forget = nn.Dropout(dropout), forget
        self.head = nn.Linear(self.width, classes)

    @classmethod
    def of_texts(
        cls, texts: Iterable[str], classes: int, *, length: int | None = None, words: int = 30_000, least: int = 2,
        marks: Sequence[str] = (), dim: int = 64, hidden: int = 64, dropout: float = 0.3, forget: float = 0.0,
    ) -> WordsNet:  # fmt: skip
        """A network with fresh weights that knows the words of some texts.

        Args:
            texts: those of the training part.
            length: words of a row; that of the longest text by default.
            words: at most so many, the most frequent; `least`: how often a word must occur. What is left out is one
                unknown word, which is trained only where some is.
        """
        made = [split(text) for text in texts]
        counts = Counter(word for text in made for word in text)
        known = sorted((w for w, n in counts.items() if n >= least), key=lambda w: (-counts[w], w))[:words]
        known += [mark for mark in marks if mark not in known]
        longest = max(map(len, made), default=1)
        length = max(1, longest if length is None else length)
        return cls(known, classes, length, marks, dim, hidden, dropout, forget)

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {
            "words": list(self.vocabulary), "classes": self.classes, "length": self.length,
            "marks": list(self.marks), **self._sizes,
        }  # fmt: skip

    def tokens(self, texts: Iterable[str], cut: bool = False) -> Tensor:
        """(n, length) long numbers of words, what `forward` takes.

        Args:
            cut: leave out the end of a text that is too long.

        Raises:
            NetworkError: NS632, a text is too long, and would be cut.
        """
        made = [split(text) for text in texts]
        rows = torch.full((len(made), self.length), PADDING, dtype=torch.long)
        for k, words in enumerate(made):
            if len(words) > self.length and not cut:
                raise NetworkError(
                    f"text {k} has {len(words)} words, and the network takes {self.length}", code="NS632",
                    note=f"it begins `{' '.join(words[:8])} …`",
                    help="make the network with a greater `length`, or pass cut=True",
                )  # fmt: skip
            numbers = [self._numbers.get(word, UNKNOWN) for word in words[: self.length]]
            rows[k, : len(numbers)] = torch.tensor(numbers, dtype=torch.long)
        return rows

    def table(self, ids: Sequence[str], texts: Sequence[str], cut: bool = False) -> FeatureTable:
        """The feature table of entities and their texts, which explanations then show."""
        return FeatureTable(ids, self.tokens(texts, cut), texts=texts)

    def words(self, row: Tensor) -> list[str]:
        """The words that a row of numbers stands for, one for each; the padding is empty."""
        spelled = ("", UNKNOWN_WORD, *self.vocabulary)
        return [spelled[k] for k in row.round().long().tolist()]

    def nothing(self, rows: Tensor) -> Tensor:
        """(n, length) rows of as many unknown words."""
        return torch.where(rows == PADDING, PADDING, UNKNOWN).to(rows)

    def missing(self, rows: Tensor) -> Tensor:
        """(n,) whether a row is an empty text."""
        return (rows == PADDING).all(dim=1)

    def embed(self, rows: Tensor) -> Tensor:
        """(n, length) → (n, width); of an empty text, zeros."""
        if rows.ndim != 2 or rows.shape[1] != self.length:
            raise NetworkError(
                f"WordsNet takes numbers of words (n, {self.length}), not {tuple(rows.shape)}",
                help="make them with its `tokens(texts)`",
            )
        ids = rows if not rows.is_floating_point() else rows.round().long()
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < len(self.vectors.weight):
            raise NetworkError(
                f"a row holds a number that is none of the network's {len(self.vectors.weight):,} words",
                help="make the rows with this network's own `tokens(texts)`",
            )
        ids = ids[:, : max(1, int((ids != PADDING).any(dim=0).sum()))]  # columns of padding only cost time
        there = ids != PADDING
        # packed, or the way back would begin in the padding, and a text's vector depend on the longest beside it
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(self.vectors(self._forgetting(ids))), there.sum(dim=1).clamp(min=1).cpu(),
            batch_first=True, enforce_sorted=False,
        )  # fmt: skip
        found, _ = nn.utils.rnn.pad_packed_sequence(self.reader(packed)[0], batch_first=True, total_length=ids.shape[1])
        return torch.cat([_highest(found, there), *(_highest(found, ids == mark) for mark in self._marked)], dim=1)

    def _forgetting(self, ids: Tensor) -> Tensor:
        """In training, the same words with some of them unknown."""
        if not self.training or self.forget == 0:
            return ids
        lost = torch.rand(ids.shape, device=ids.device) < self.forget
        for kept in (PADDING, *self._marked):
            lost &= ids != kept
        return ids.masked_fill(lost, UNKNOWN)

    def forward(self, rows: Tensor) -> Tensor:
        """(n, length) → (n, classes) logits."""
        return self.head(self.dropout(self.embed(rows)))


__all__ = ["WordsNet"]
