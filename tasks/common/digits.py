"""Images of handwritten digits: scikit-learn's, or MNIST from the data folder."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterable
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


def shifted(images: Tensor, random: torch.Generator) -> Tensor:
    """(n, 1, S, S) images, each moved by at most one pixel, in one of four directions or not at all."""
    size = images.shape[-1]
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    corners = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    moved = torch.stack([padded[..., y : y + size, x : x + size] for y, x in corners])
    return moved[torch.randint(len(corners), (len(images),), generator=random), torch.arange(len(images))]


def with_moved(images: Tensor, copies: int, random: torch.Generator) -> Tensor:
    """(n, …, 1, S, S) images, and copies of them each moved as by `shifted`: ((copies + 1) n, …, 1, S, S).

    A digit that is moved stays the digit it is; what leaves the frame is lost.
    """
    flat = images.reshape(-1, *images.shape[-3:])
    return torch.cat([images, *(shifted(flat, random).reshape(images.shape) for _ in range(copies))])


def only(data: Labelled, digits: Iterable[int]) -> Labelled:
    """The images of some digits."""
    kept = torch.isin(data.digits, torch.tensor(list(digits)))
    return Labelled(data.images[kept], data.digits[kept])


def pools_of(data: Labelled, digits: Iterable[int], random: torch.Generator, reused: int = 1) -> dict[int, list[int]]:
    """Digit → rows of the images that show it, mixed, to be taken from the end.

    Args:
        reused: how often each image is there; an image comes again when all of its digit have been taken.
    """
    pools: dict[int, list[int]] = {}
    for digit in digits:
        known = (data.digits == digit).nonzero()[:, 0]
        pools[digit] = [int(k) for _ in range(reused) for k in known[torch.randperm(len(known), generator=random)]]
    return pools


def mnist_folder() -> Path | None:
    """`mnist` in the data folder, if all four files are there."""
    try:
        return find("mnist")
    except DataError:
        return None


def named(source: str) -> str:
    """`digits` or `mnist`: which of them `auto` is here."""
    return source if source != "auto" else "digits" if mnist_folder() is None else "mnist"


def parts(source: str = "auto", seed: int = 0, valid: int | None = None) -> Parts:
    """The images; the seed decides what is for validation, and the order. The test part is the same for all seeds.

    Args:
        source: `digits`, `mnist`, or `auto`: MNIST where the data folder has it.
        valid: images for validation, by default 180 of the digits and 2,000 of MNIST; 0 leaves all for training.

    Raises:
        DataError: MNIST is asked for and not there, or a file of it is damaged; or no images are left for training.
    """
    if source not in SOURCES:
        raise DataError(f"there is no data `{source}`", note=f"there are {', '.join(SOURCES)}")
    folder = mnist_folder() if source != "digits" else None
    if source == "mnist" and folder is None:
        raise DataError(
            "MNIST is not there", note=f"{folder_of() / 'mnist'} lacks one of the four idx.gz files",
            help="neurosym data get mnist, or set NEUROSYM_DATA to a folder that has it, or use --data digits",
        )  # fmt: skip
    if folder is None:
        return _embedded(seed, DIGITS_VALID if valid is None else valid)
    return _mnist(folder, seed, MNIST_VALID if valid is None else valid)


def _embedded(seed: int, held_out: int) -> Parts:
    """scikit-learn's 1,797 digits of 8 × 8 pixels; the test part is the same for all seeds."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    images = torch.tensor(bunch.images / 16.0, dtype=torch.float32)[:, None]
    everything = Labelled(images, torch.tensor(bunch.target, dtype=torch.long))
    test, known = _cut(_shuffled(everything, seed=0), DIGITS_TEST)
    valid, train = _cut(_shuffled(known, seed), held_out)
    return Parts("digits", 8, train, valid, test)


def _mnist(folder: Path, seed: int, held_out: int) -> Parts:
    """MNIST's own test part; the seed draws the rest."""
    known, test = (
        Labelled(_read_idx(folder / images)[:, None].float() / 255.0, _read_idx(folder / digits).long())
        for images, digits in (_MNIST_FILES["train"], _MNIST_FILES["test"])
    )
    valid, train = _cut(_shuffled(known, seed), held_out)
    return Parts("mnist", 28, train, valid, test)


def _shuffled(data: Labelled, seed: int) -> Labelled:
    order = torch.randperm(len(data.digits), generator=torch.Generator().manual_seed(seed))
    return Labelled(data.images[order], data.digits[order])


def _cut(data: Labelled, *sizes: int) -> list[Labelled]:
    """The first so many images, the next so many, …, and the rest."""
    rest = len(data.digits) - sum(sizes)
    if rest < 1 or min(sizes) < 0:
        raise DataError(f"{sum(sizes)} of {len(data.digits)} images cannot be held out", help="hold out fewer")
    images, digits = data.images.split([*sizes, rest]), data.digits.split([*sizes, rest])
    return [Labelled(i, d) for i, d in zip(images, digits, strict=True)]


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
