"""Boards of 4 × 4 digit images, of which only is known whether they are valid.

Training sees `Boards`, which hold images and validity and nothing else. Digits leave this module in one place only:
`Sudoku.test_digits`, by which a trained network is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import permutations

import torch
from torch import Tensor

from neurosym.errors import DataError
from tasks.common.digits import Labelled, parts, pools_of, with_moved

CELLS = tuple(f"c{row}{column}" for row in range(1, 5) for column in range(1, 5))
# scikit-learn has 724 images of 1 to 4, enough for 45 boards; so each may stand in this many boards of its part.
REUSED = {"digits": 8, "mnist": 1}

Board = tuple[int, ...]  # 16 digits from 1 to 4, row by row


@dataclass(frozen=True, eq=False)
class Boards:
    """What is known of n boards.

    Attributes:
        images: (n, 16, 1, S, S) the cells row by row, values in [0, 1].
        valid: (n, 1) float, 1 for valid boards and 0 for others.
    """

    images: Tensor
    valid: Tensor

    def __len__(self) -> int:
        return len(self.valid)

    @property
    def inputs(self) -> dict[str, Tensor]:
        """The images under the names of the cells, (n, 1, S, S) each."""
        return {cell: self.images[:, k] for k, cell in enumerate(CELLS)}

    def take(self, rows: Tensor) -> Boards:
        """Some of the boards."""
        return Boards(self.images[rows], self.valid[rows])


@dataclass(frozen=True, eq=False)
class Sudoku:
    """The task's data.

    Attributes:
        name: `digits` or `mnist`; `size`: height and width S of the images.
        train, valid: to fit, and to choose when to stop; `test`: looked at once. No image is in two of them.
        test_digits: (n, 16) what the cells of `test` show: for judging only.
    """

    name: str
    size: int
    train: Boards
    valid: Boards
    test: Boards
    test_digits: Tensor


@cache
def valid_boards() -> tuple[Board, ...]:
    """All 288 boards whose rows, columns and blocks have no digit twice, in lexicographic order."""
    rows = list(permutations(range(1, 5)))
    halves = [a + b for a in rows for b in rows if len({*a[:2], *b[:2]}) == 4]  # then the right blocks are right, too
    return tuple(
        top + bottom
        for top in halves for bottom in halves
        if all(len({top[k], top[k + 4], bottom[k], bottom[k + 4]}) == 4 for k in range(4))
    )  # fmt: skip


def corrupted(board: Board, random: torch.Generator) -> Board:
    """A board that is not valid, from one that is.

    A random cell gets a random other digit, or two cells change places, each with probability ½; and once more with
    probability ½, and so on, and as long as the board is valid. Corrupting valid boards by replacements and swaps is
    after Augustine et al. (2022); how often is our choice.
    """
    cells = list(board)
    while True:
        first, second = _pick(16, random), _pick(16, random)
        if _pick(2, random):
            cells[first] = (cells[first] + _pick(3, random)) % 4 + 1
        else:
            cells[first], cells[second] = cells[second], cells[first]
        if tuple(cells) not in _valid_set() and _pick(2, random):
            return tuple(cells)


@cache
def _valid_set() -> frozenset[Board]:
    return frozenset(valid_boards())


def _pick(count: int, random: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=random))


def boards_of(data: Labelled, random: torch.Generator, reused: int = 1) -> tuple[Boards, Tensor]:
    """Boards, valid and corrupted ones in turn, until the images of a digit run out; and (n, 16) their digits.

    Args:
        reused: how many cells an image may be in.

    Raises:
        DataError: the images are too few for a valid and a corrupted board.
    """
    pools = pools_of(data, range(1, 5), random, reused)
    chosen: list[list[int]] = []
    made: list[Board] = []
    while True:
        board = valid_boards()[_pick(288, random)]
        board = corrupted(board, random) if len(made) % 2 else board
        if any(board.count(d) > len(pool) for d, pool in pools.items()):
            break
        chosen.append([pools[d].pop() for d in board])
        made.append(board)
    even = len(made) // 2 * 2  # half of them valid
    if not even:
        raise DataError("there are too few images of the digits 1 to 4 for a valid and a corrupted board")
    valid = torch.tensor([[float(b in _valid_set())] for b in made[:even]])
    return Boards(data.images[torch.tensor(chosen[:even])], valid), torch.tensor(made[:even])


def with_shifts(boards: Boards, copies: int, seed: int = 0) -> Boards:
    """The boards, and copies of them whose images are each moved by at most a pixel; that leaves them what they are."""
    random = torch.Generator().manual_seed(seed)
    return Boards(with_moved(boards.images, copies, random), boards.valid.repeat(copies + 1, 1))


def load(source: str = "auto", seed: int = 0) -> Sudoku:
    """The data; the seed draws boards and images of training and validation. The test boards are the same for all.

    Args:
        source: `digits`, `mnist`, or `auto`: MNIST where the data folder has it.

    Raises:
        DataError: MNIST is asked for and not there, or a file of it is damaged.
    """
    p = parts(source, seed)
    reused = REUSED[p.name]
    random = torch.Generator().manual_seed(seed)
    train, valid = (boards_of(part, random, reused)[0] for part in (p.train, p.valid))
    test, digits = boards_of(p.test, torch.Generator().manual_seed(0), reused)
    return Sudoku(p.name, p.size, train, valid, test, digits)
