"""What a network saw and said, for a leaf that it decided."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.explain.model import Neural, RunnerUp
from neurosym.grounding import DerivationGraph
from neurosym.lang.terms import Symbol, spell
from neurosym.neural import FeatureTable
from neurosym.reasoner import Answers
from neurosym.reasoner.leaves import feature_names, find_table

if TYPE_CHECKING:
    from neurosym.explain.attribution import Attributions

MAX_SHOWN = 12  # input columns; more are no reading matter
MAX_TEXT = 1_000  # characters of a text


class NeuralEvidence:
    """Finds the network, the runner-ups and the inputs behind neural leaves.

    Attributes:
        attribution: tells where in its input a network's word comes from, where that was asked for.
    """

    def __init__(self, answers: Answers, sample: int) -> None:
        self.graph: DerivationGraph = answers.grounded.graph
        self.leaves = answers.grounded.leaves
        self.tags = answers.leaf_tags[sample].detach()
        self.inputs = answers.inputs
        self.sample = sample
        self.attribution: Attributions | None = None
        self._pictures: dict[str, str] = {}

    def __contains__(self, fact: int) -> bool:
        return bool(self.graph.choice[fact] >= 0) and self.graph.choice_of(fact)[0].kind == "neural"

    def _word(self, fact: int) -> str:
        """The value that a leaf says, as people read it."""
        value = self.graph.symbols.value(self.graph.args(fact)[-1])
        return (
            value.name
            if isinstance(value, Symbol)
            else value
            if isinstance(value, str)
            else spell(value, self.graph.prefixes)
        )

    def _picture(self, slot: str) -> str:
        """An input as a data URI, where it is an image."""
        if slot not in self._pictures:
            self._pictures[slot] = png_uri(self.inputs[slot][self.sample])
        return self._pictures[slot]

    def of(self, fact: int) -> Neural:
        """What the network said about a leaf."""
        group, row = self.graph.choice_of(fact)
        declaration = self.graph.neural_of(group)
        value, runners = "true", []
        if declaration.values is not None:
            value = self._word(fact)
            told = zip(group.facts[row].tolist(), self.tags[group.facts[row]].tolist(), strict=True)
            others = sorted(((f, p) for f, p in told if f != fact), key=lambda pair: -pair[1])
            runners = [RunnerUp(self._word(f), p) for f, p in others[:3]]
        assert group.inputs is not None
        shown: list[tuple[str, str, str]] = []
        image = ""
        for argument, term in zip(declaration.args, group.inputs[row].tolist(), strict=False):
            term_value = self.graph.symbols.value(term)
            network = self.leaves.networks[declaration.network]
            if isinstance(term_value, Symbol) and term_value.name in self.inputs:
                tensor = self.inputs[term_value.name][self.sample]
                if argument.type.kind == "Text":
                    shown.extend(_text(_words(network, tensor)))
                elif bool(tensor.isnan().all()):
                    shown.append((argument.name, "missing", ""))
                else:
                    image = image or self._picture(term_value.name)
            else:
                table = find_table(argument, self.leaves.features, self.graph.prefixes)
                if table is not None:
                    name = next((n for n in feature_names(term_value, self.graph.prefixes) if n in table), None)
                    if name is not None:
                        shown.extend(_columns(network, table, name))
                        if table.rows.dim() > 2 and bool(table.row(name).isnan().all()):
                            shown.append((argument.name, "missing", ""))
                        elif table.rows.dim() > 2:
                            image = image or png_uri(table.row(name))
        where = None if self.attribution is None else self.attribution.of(fact)
        return Neural(declaration.network, value, tuple(runners), tuple(shown[:MAX_SHOWN]), image, where)


def _columns(network: torch.nn.Module, table: FeatureTable, name: str) -> list[tuple[str, str, str]]:
    """The columns that a network sees of an entity, with its thresholds where it has such; or the entity's text."""
    if getattr(network, "uses_graph", False):
        return []
    if table.texts:
        return _text(table.texts[table.position(name)])
    if table.rows.dim() != 2:
        return []
    names = table.columns
    seen = getattr(network, "columns", range(len(names)))
    describe = getattr(network, "describe", None)
    thresholds: Mapping[str, str] = {t.column: str(t) for t in describe()} if describe else {}
    return [(names[c], table.told(name, c), thresholds.get(names[c], "")) for c in seen]


def _text(text: str) -> list[tuple[str, str, str]]:
    """A text as it is shown; of a long one the beginning."""
    return [("text", text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + " …", "")] if text else []


def _words(network: torch.nn.Module, row: Tensor) -> str:
    """The text that a row of numbers stands for, as its network reads it; empty where the network cannot say."""
    text: Any = getattr(network, "text", None)
    if text is not None:
        return str(text(row))
    words: Any = getattr(network, "words", None)
    return "" if words is None else " ".join(w for w in map(str, words(row)) if w)


def png_uri(tensor: Tensor) -> str:
    """A greyscale or colour image tensor (1 or 3, h, w) as a data URI; an empty string for anything else."""
    image = tensor.detach().cpu().float().numpy()
    if image.ndim == 2:
        image = image[None]
    if image.ndim != 3 or image.shape[0] not in (1, 3) or max(image.shape[1:]) > 512:
        return ""
    low, high = image.min(), image.max()
    scaled = (image - low) / (high - low) if high > low else image * 0
    return png_of((scaled * 255).round().transpose(1, 2, 0).astype(np.uint8))


def png_of(pixels: NDArray[np.uint8]) -> str:
    """(h, w, 1 or 3) pixels as a data URI of a PNG."""
    height, width, channels = pixels.shape
    lines = np.zeros((height, 1 + width * channels), np.uint8)  # each begins with a zero: no filter
    lines[:, 1:] = pixels.reshape(height, -1)
    raw = lines.tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(raw)), _chunk(b"IEND", b""))
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
