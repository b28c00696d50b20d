"""Networks for images: any size and channels, gradients, embeddings, MobileNetV3's parts against their formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neurosym.errors import NetworkError
from neurosym.neural import Block, DigitNet, MobileNet
from neurosym.neural.images import InvertedResidual, SqueezeExcite


def images(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(4, 4), (5, 9), (8, 8), (19, 30), (20, 20), (28, 40), (33, 21)])
@pytest.mark.parametrize("channels", [1, 3])
def test_digit_net_takes_any_size_and_channels(size: tuple[int, int], channels: int) -> None:
    network = DigitNet(size, 5, channels)
    x = images(3, channels, *size).requires_grad_()
    logits = network(x)
    assert logits.shape == (3, 5) and network.embed(x).shape == (3, network.width)
    logits.square().sum().backward()
    assert x.grad is not None and all(p.grad is not None and bool((p.grad != 0).any()) for p in network.parameters())


@pytest.mark.parametrize("size", [8, 28])
def test_a_digit_net_that_was_saved_before_has_the_same_state(size: int) -> None:
    """Old configs have no channels, and a number for the size."""
    network = DigitNet(size=size, classes=10)
    side = {8: 4, 28: 4}[size]
    shapes = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    assert shapes["head.0.weight"] == ({8: 64, 28: 120}[size], {8: 32, 28: 16}[size] * side * side)
    layers = ("convolutions.0", {8: "convolutions.2", 28: "convolutions.3"}[size], "head.0", "head.2")
    assert set(shapes) == {f"{layer}.{p}" for layer in layers for p in ("weight", "bias")}


@pytest.mark.parametrize("network", [DigitNet(8), MobileNet(4)])
def test_logits_are_linear_in_the_embeddings(network: nn.Module) -> None:
    network.eval()
    x = images(6, 1, 8, 8)
    last = [m for m in network.modules() if isinstance(m, nn.Linear)][-1]
    embedded = network.embed(x)  # pyright: ignore[reportCallIssue]
    assert torch.allclose(last(embedded), network(x), atol=1e-6)


@pytest.mark.parametrize("size", [(28, 28), (7, 50), (1, 1), (64, 64)])
def test_mobile_net_takes_any_size(size: tuple[int, int]) -> None:
    network = MobileNet(4, channels=3)
    x = images(2, 3, *size).requires_grad_()
    assert network(x).shape == (2, 4) and network.embed(x).shape == (2, network.width)
    network(x).square().sum().backward()
    assert x.grad is not None and bool(torch.isfinite(x.grad).all())
    assert sum(p.numel() for p in network.parameters()) < 60_000


def test_what_it_says_of_an_image_depends_on_others_in_training_only() -> None:
    network, x = MobileNet(4), images(3, 1, 32, 32)
    network(x)
    assert not torch.allclose(network(x)[:1], network(x[:1]), atol=1e-4)
    network.eval()
    assert torch.allclose(network(x)[:1], network(x[:1]), atol=1e-5)


def test_squeeze_and_excite_weighs_channels() -> None:
    block, x = SqueezeExcite(8), images(2, 8, 3, 3)
    layers: list[Any] = list(block.weigh)
    down, up = layers[1], layers[3]
    hidden = torch.relu(x.mean((2, 3)) @ down.weight[:, :, 0, 0].T + down.bias)
    weights = torch.clamp(hidden @ up.weight[:, :, 0, 0].T + up.bias + 3, 0, 6) / 6
    assert torch.allclose(block(x), x * weights[:, :, None, None], atol=1e-6)


@pytest.mark.parametrize(("stride", "out", "residual"), [(1, 4, True), (1, 5, False), (2, 4, False)])
def test_residuals_where_the_shapes_allow(stride: int, out: int, residual: bool) -> None:
    layer = InvertedResidual(4, Block(3, 12, out, True, True, stride)).eval()
    x = images(2, 4, 7, 7)
    found = layer(x)
    assert found.shape == (2, out, 7 if stride == 1 else 4, 7 if stride == 1 else 4)
    for parameter in layer.parameters():
        parameter.data.zero_()
    assert torch.equal(layer(x), x if residual else torch.zeros_like(found))


def test_the_depthwise_convolution_keeps_channels_apart() -> None:
    layer = InvertedResidual(3, Block(5, 12, 3, False, False, 1))
    depthwise = next(m for m in layer.modules() if isinstance(m, nn.Conv2d) and m.groups > 1)
    assert depthwise.groups == 12 and depthwise.weight.shape == (12, 1, 5, 5)


def test_what_cannot_be_made_or_taken_is_refused() -> None:
    with pytest.raises(NetworkError, match="4 × 4 pixels or more, not 3 × 9"):
        DigitNet((3, 9))
    with pytest.raises(NetworkError, match=r"\(n, 3, 8, 8\), not \(2, 1, 8, 8\)"):
        DigitNet(8, channels=3)(images(2, 1, 8, 8))
    with pytest.raises(NetworkError, match="strides 1 or 2"):
        MobileNet(blocks=[Block(3, 8, 8, False, False, 3)])
    with pytest.raises(NetworkError, match="at least one of each"):
        MobileNet(classes=0)
    with pytest.raises(NetworkError, match=r"\(n, 3, h, w\), not \(2, 1, 8, 8\)"):
        MobileNet(channels=3)(images(2, 1, 8, 8))


def test_a_single_image_of_one_pixel_left_cannot_be_trained_on() -> None:
    network = MobileNet(4)
    with pytest.raises(NetworkError, match="nothing to normalise by"):
        network(images(1, 1, 16, 16))
    assert network(images(1, 1, 17, 17)).shape == (1, 4) and network.eval()(images(1, 1, 16, 16)).shape == (1, 4)
