"""Networks for images: one in the manner of LeNet for small ones, one in the manner of MobileNetV3 for any.

Both take images (n, channels, height, width) and give logits; `embed` gives what their last layer reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from torch import Tensor, nn

from neurosym.errors import NetworkError


class DigitNet(nn.Module):
    """A small convolutional network in the manner of LeNet-5 (LeCun et al., Proc. IEEE 86(11), 1998).

    Args:
        size: height and width of the images, or both as a pair, each at least 4: two 3×3 convolutions and one pooling
            where the shorter side is below 20 pixels (scikit-learn's digits have 8), two 5×5 convolutions with pooling
            after each from there on (MNIST has 28).
        classes: number of logits.
        channels: 1 for greyscale, 3 for colour, or any other number.

    Attributes:
        width: D of the embeddings.

    Raises:
        NetworkError: NS600, no such network can be made, or it was given tensors of another shape.
    """

    def __init__(self, size: int | Sequence[int] = 28, classes: int = 10, channels: int = 1) -> None:
        super().__init__()
        height, width = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
        if min(height, width) < 4 or classes < 1 or channels < 1:
            raise NetworkError(
                f"DigitNet takes images of 4 × 4 pixels or more, not {height} × {width}, "
                f"with one channel or more, not {channels}, and gives one logit or more, not {classes}"
            )
        self.size, self.classes, self.channels = (height, width), classes, channels
        first: list[nn.Module]
        if min(height, width) < 20:
            first = [nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()]
            pixels, deep, self.width = (height // 2) * (width // 2), 32, 64
        else:
            first = [nn.Conv2d(channels, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.ReLU()]
            pixels, deep, self.width = _twice_pooled(height) * _twice_pooled(width), 16, 120
        self.convolutions = nn.Sequential(*first, nn.MaxPool2d(2), nn.Flatten())
        self.head = nn.Sequential(nn.Linear(deep * pixels, self.width), nn.ReLU(), nn.Linear(self.width, classes))

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {"size": list(self.size), "classes": self.classes, "channels": self.channels}

    def embed(self, images: Tensor) -> Tensor:
        """(n, channels, height, width) → (n, width), at least 0."""
        if images.ndim != 4 or images.shape[1:] != (self.channels, *self.size):
            wanted = ", ".join(map(str, (self.channels, *self.size)))
            raise NetworkError(f"DigitNet takes images (n, {wanted}), not {tuple(images.shape)}")
        return self.head[:2](self.convolutions(images))

    def forward(self, images: Tensor) -> Tensor:
        """(n, channels, height, width) → (n, classes) logits."""
        return self.head[2](self.embed(images))


def _twice_pooled(side: int) -> int:
    """What two 5×5 convolutions without padding, each pooled by 2, leave of a side."""
    return ((side - 4) // 2 - 4) // 2


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted residual of a MobileNet: a row of Table 2 of Howard et al. (ICCV 2019).

    Attributes:
        kernel: side of the depthwise convolution, odd.
        expanded: channels within; `out`: channels after.
        squeeze: whether squeeze-and-excite weighs the channels within.
        hard_swish: the non-linearity, ReLU otherwise.
        stride: 1 keeps the size, 2 halves it.
    """

    kernel: int
    expanded: int
    out: int
    squeeze: bool
    hard_swish: bool
    stride: int


# the shape of MobileNetV3-Small at about a quarter of its widths and half its depth, for images of 28 to 64 pixels
SMALL = (
    Block(3, 16, 8, True, False, 2),
    Block(3, 32, 12, False, False, 2),
    Block(3, 40, 12, False, False, 1),
    Block(5, 48, 16, True, True, 1),
    Block(5, 64, 24, True, True, 2),
    Block(5, 96, 24, True, True, 1),
)


class SqueezeExcite(nn.Module):
    """Weighs channels by what is in them all (Hu et al., CVPR 2018), with the hard sigmoid of MobileNetV3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 4)
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, inner, 1), nn.ReLU(), nn.Conv2d(inner, channels, 1),
            nn.Hardsigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(n, C, h, w) → the same shape."""
        return x * self.weigh(x)


class InvertedResidual(nn.Module):
    """Widens, convolves each channel by itself, weighs, and narrows again; added to its input where the shapes allow.

    The narrow end has no non-linearity (Sandler et al., CVPR 2018).
    """

    def __init__(self, before: int, block: Block) -> None:
        super().__init__()
        wide, act = block.expanded, nn.Hardswish if block.hard_swish else nn.ReLU
        layers: list[nn.Module] = []
        if wide != before:
            layers += [nn.Conv2d(before, wide, 1, bias=False), nn.BatchNorm2d(wide), act()]
        depthwise = nn.Conv2d(wide, wide, block.kernel, block.stride, block.kernel // 2, groups=wide, bias=False)
        layers += [depthwise, nn.BatchNorm2d(wide), *([SqueezeExcite(wide)] if block.squeeze else []), act()]
        layers += [nn.Conv2d(wide, block.out, 1, bias=False), nn.BatchNorm2d(block.out)]
        self.layers = nn.Sequential(*layers)
        self.residual = block.stride == 1 and before == block.out

    def forward(self, x: Tensor) -> Tensor:
        """(n, C, h, w) → (n, out, h / stride, w / stride), rounded up."""
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileNet(nn.Module):
    """A network in the manner of MobileNetV3 (Howard et al., ICCV 2019), for images of any height and width.

    A strided convolution, inverted residuals, the mean over the pixels, two linear layers. Batch normalisation makes
    what it says in training depend on the batch; in evaluation it does not.

    Args:
        classes: number of logits.
        channels: of the images.
        stem: channels after the first convolution.
        blocks: the inverted residuals, each a `Block` or its fields in order.
        hidden: D of the embeddings.
        dropout: share of the embedding that is left out in training.

    Attributes:
        width: D of the embeddings.

    Raises:
        NetworkError: NS600, no such network can be made; tensors of another shape; or, in training, a single image of
            which one pixel is left, which cannot be normalised.
    """

    def __init__(
        self, classes: int = 10, channels: int = 1, stem: int = 8, blocks: Sequence[Block | Sequence] = SMALL,
        hidden: int = 64, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.blocks = tuple(b if isinstance(b, Block) else Block(*b) for b in blocks)
        odd = [b for b in self.blocks if b.kernel % 2 == 0 or b.stride not in (1, 2) or min(b.expanded, b.out) < 1]
        if odd or min(classes, channels, stem, hidden) < 1:
            raise NetworkError(
                f"no MobileNet can be made with {odd[0]}" if odd else "a MobileNet has at least one of each: classes, "
                f"channels, stem, hidden, not {classes}, {channels}, {stem}, {hidden}",
                help="kernels are odd, strides 1 or 2, widths at least 1",
            )  # fmt: skip
        self.classes, self.channels, self.stem = classes, channels, stem
        self.width, self.dropout = hidden, float(dropout)
        layers: list[nn.Module] = [
            nn.Conv2d(channels, stem, 3, 2, 1, bias=False), nn.BatchNorm2d(stem), nn.Hardswish(),
        ]  # fmt: skip
        before = stem
        for block in self.blocks:
            layers.append(InvertedResidual(before, block))
            before = block.out
        wide = max((b.expanded for b in self.blocks), default=before)
        layers += [nn.Conv2d(before, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.Hardswish()]
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.last = nn.Sequential(nn.Linear(wide, hidden), nn.Hardswish())
        self.head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(hidden, classes))

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        blocks = [list(astuple(b)) for b in self.blocks]
        return {
            "classes": self.classes, "channels": self.channels, "stem": self.stem, "blocks": blocks,
            "hidden": self.width, "dropout": self.dropout,
        }  # fmt: skip

    def embed(self, images: Tensor) -> Tensor:
        """(n, channels, h, w) → (n, width)."""
        if images.ndim != 4 or images.shape[1] != self.channels or 0 in images.shape[2:]:
            raise NetworkError(f"MobileNet takes images (n, {self.channels}, h, w), not {tuple(images.shape)}")
        stride = 2 << sum(b.stride == 2 for b in self.blocks)
        if self.training and len(images) == 1 and max(images.shape[2:]) <= stride:
            raise NetworkError(
                "MobileNet cannot be trained on a single image of which one pixel is left: there is nothing to "
                "normalise by", note=f"{tuple(images.shape)} with a total stride of {stride}",
                help="give batches of two or more, larger images, or fewer strides of 2",
            )  # fmt: skip
        return self.last(self.features(images))

    def forward(self, images: Tensor) -> Tensor:
        """(n, channels, h, w) → (n, classes) logits."""
        return self.head(self.embed(images))


__all__ = ["SMALL", "Block", "DigitNet", "InvertedResidual", "MobileNet", "SqueezeExcite"]
