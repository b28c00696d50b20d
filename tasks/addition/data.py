"""Pairs of digit images with their sum: scikit-learn's digits, or MNIST from the data folder.

Training sees `Pairs`, which hold images and sums and nothing else. Digit labels leave this module in one place only:
`Addition.test_digits`, by which a trained network is judged.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosym.datasets import find, folder_of
from neurosym.errors import DataError

SOURCES = ("auto", "digits", "mnist")
# Of 1,797 images: 360 for test, 180 for validation. Of MNIST's 60,000 for training: 2,000 for validation.
DIGITS_TEST, DIGITS_VALID, MNIST_VALID = 360, 180, 2_000
_MNIST_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
_IDX_BYTES = 0x08  # the element type of MNIST's files


@dataclass(frozen=True, eq=False)
class Pairs:
    """What is known of n pairs.

    Attributes:
        left, right: (n, 1, S, S) images with values in [0, 1].
        sums: (n,) long.
    """

    left: Tensor
    right: Tensor
    sums: Tensor

    def __len__(self) -> int:
        return len(self.sums)

    @property
    def inputs(self) -> dict[str, Tensor]:
        """The images under the names of the query's slots."""
        return {"a": self.left, "b": self.right}


@dataclass(frozen=True, eq=False)
class Labelled:
    """Single images (n, 1, S, S) and what they show, (n,) long."""

    images: Tensor
    digits: Tensor


@dataclass(frozen=True, eq=False)
class Parts:
    """Single images with their digits, from which tasks make samples; no image is in two parts.

    Attributes:
        name: `digits` or `mnist`; `size`: height and width S of the images.
    """

    name: str
    size: int
    train: Labelled
    valid: Labelled
    test: Labelled


@dataclass(frozen=True, eq=False)
class Addition:
    """The task's data.

    Attributes:
        name: `digits` or `mnist`; `size`: height and width S of the images.
        train, valid: to fit, and to choose when to stop; `test`: looked at once.
        test_digits: the images of `test` one by one, with their digits: for judging only.
    """

    name: str
    size: int
    train: Pairs
    valid: Pairs
    test: Pairs
    test_digits: Labelled


def with_shifts(pairs: Pairs, copies: int, seed: int = 0) -> Pairs:
    """The pairs, and copies of them whose images are each moved by one pixel in a random direction, or left alone.

    A digit that is moved stays the digit it is, so the sums stay true; what leaves the frame is lost.
    """
    random = torch.Generator().manual_seed(seed)
    left, right = ([x, *(shifted(x, random) for _ in range(copies))] for x in (pairs.left, pairs.right))
    return Pairs(torch.cat(left), torch.cat(right), pairs.sums.repeat(copies + 1))


def shifted(images: Tensor, random: torch.Generator) -> Tensor:
    """(n, 1, S, S) images, each moved by at most one pixel, in one of four directions or not at all."""
    size = images.shape[-1]
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    corners = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    moved = torch.stack([padded[..., y : y + size, x : x + size] for y, x in corners])
    return moved[torch.randint(len(corners), (len(images),), generator=random), torch.arange(len(images))]


def mnist_folder() -> Path | None:
    """`mnist` in the data folder, if all four files are there."""
    try:
        return find("mnist")
    except DataError:
        return None


def load(source: str = "auto", seed: int = 0) -> Addition:
    """The data; the seed draws the pairs for training and validation. Each image is in one pair only.

    Args:
        source: `digits`, `mnist`, or `auto`: MNIST where the data folder has it.

    Raises:
        DataError: MNIST is asked for and not there, or a file of it is damaged.
    """
    p = parts(source, seed)
    return Addition(p.name, p.size, _pairs(p.train), _pairs(p.valid), _pairs(p.test), p.test)


def parts(source: str = "auto", seed: int = 0) -> Parts:
    """The images one by one; the seed decides what is for validation, and the order. See `load`."""
    if source not in SOURCES:
        raise DataError(f"there is no data `{source}`", note=f"there are {', '.join(SOURCES)}")
    folder = mnist_folder() if source != "digits" else None
    if source == "mnist" and folder is None:
        raise DataError(
            "MNIST is not there", note=f"{folder_of() / 'mnist'} lacks one of the four idx.gz files",
            help="neurosym data get mnist, or set NEUROSYM_DATA to a folder that has it, or use --data digits",
        )  # fmt: skip
    return _embedded(seed) if folder is None else _mnist(folder, seed)


def _embedded(seed: int) -> Parts:
    """scikit-learn's 1,797 digits of 8 × 8 pixels; the test part is the same for all seeds."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    images = torch.tensor(bunch.images / 16.0, dtype=torch.float32)[:, None]
    everything = Labelled(images, torch.tensor(bunch.target, dtype=torch.long))
    test, known = _cut(_shuffled(everything, seed=0), DIGITS_TEST)
    valid, train = _cut(_shuffled(known, seed), DIGITS_VALID)
    return Parts("digits", 8, train, valid, test)


def _mnist(folder: Path, seed: int) -> Parts:
    """MNIST's own test part; the seed draws the rest."""
    known, test = (
        Labelled(_read_idx(folder / images)[:, None].float() / 255.0, _read_idx(folder / digits).long())
        for images, digits in (_MNIST_FILES["train"], _MNIST_FILES["test"])
    )
    valid, train = _cut(_shuffled(known, seed), MNIST_VALID)
    return Parts("mnist", 28, train, valid, test)


def _shuffled(data: Labelled, seed: int) -> Labelled:
    order = torch.randperm(len(data.digits), generator=torch.Generator().manual_seed(seed))
    return Labelled(data.images[order], data.digits[order])


def _cut(data: Labelled, *sizes: int) -> list[Labelled]:
    """The first so many images, the next so many, …, and the rest."""
    rest = len(data.digits) - sum(sizes)
    images, digits = data.images.split([*sizes, rest]), data.digits.split([*sizes, rest])
    return [Labelled(i, d) for i, d in zip(images, digits, strict=True)]


def _pairs(data: Labelled) -> Pairs:
    """Neighbours as pairs; an odd last image is left out."""
    even = len(data.digits) // 2 * 2
    images, digits = data.images[:even], data.digits[:even]
    return Pairs(images[0::2], images[1::2], digits[0::2] + digits[1::2])


def _read_idx(path: Path) -> Tensor:
    """A gzipped idx file of bytes: two zeros, the type, the number of dimensions, their sizes, the elements.

    The format is described at the end of http://yann.lecun.com/exdb/mnist/.

    Raises:
        DataError: the file is no such file, or is cut short.
    """
    try:
        data = gzip.decompress(path.read_bytes())
        zero, kind, dimensions = struct.unpack_from(">HBB", data)
        shape = struct.unpack_from(f">{dimensions}I", data, 4)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    start = 4 + 4 * dimensions
    if zero or kind != _IDX_BYTES or len(data) - start != int(np.prod(shape)):
        raise DataError(f"{path} is no idx file of bytes, or was cut short", note=f"its header says {shape}")
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy())
