"""Asks networks, and looks at what they give before the logic counts on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurosym.errors import NetworkError
from neurosym.lang.ast import NeuralDecl
from neurosym.lang.terms import spell

SQUASH = {"SigmoidBackward0": "a sigmoid", "SoftmaxBackward0": "a softmax"}
RESHAPE = {
    "ViewBackward0", "UnsafeViewBackward0", "ReshapeAliasBackward0", "SqueezeBackward0", "SqueezeBackward1",
    "UnsqueezeBackward0", "ToCopyBackward0", "CloneBackward0", "TBackward0",
}  # fmt: skip
LOOKED_AT = 64  # rows that are looked at for probabilities where logits are expected
FITTING = (
    "it takes one tensor (n, …) for each argument that is no value: compare the shapes of the inputs and feature "
    "tables with those that it was made for"
)
ROUNDING = 1e-4  # of a number that a network says is a probability


@dataclass(frozen=True)
class Asked:
    """A network in its place behind a predicate.

    Attributes:
        predicate: `digit/2`; `outcomes`: K, how many values it declares, 1 if it is true or false.
    """

    declaration: NeuralDecl
    predicate: str
    network: nn.Module
    outcomes: int

    @property
    def name(self) -> str:
        """The network's name in the rules."""
        return self.declaration.network

    @property
    def gives_probabilities(self) -> bool:
        """Whether the network says that it gives probabilities, and no logits."""
        return getattr(self.network, "gives", "logits") == "probabilities"

    def answers(self, tensors: list[Tensor], rows: int) -> Tensor:
        """(rows, K) probabilities that the network gives for its arguments.

        Raises:
            NetworkError: NS608, it cannot take them; and those of `probabilities`.
        """
        like = next((p for p in self.network.parameters() if p.is_floating_point()), None)
        if like is not None:  # tables and images stay as they were given; `reasoner.to(…)` moves the network
            tensors = [t.to(like) if t.is_floating_point() else t.to(like.device) for t in tensors]
        try:
            said = self.network(*tensors)
        except torch.OutOfMemoryError:
            raise
        except NetworkError as error:  # one of the library's own, which does not know where it stands
            where = f"the network `{self.name}`, asked about {self.predicate} ({self.declaration.span}): "
            code = "NS608" if error.code == "NS600" else error.code
            raise NetworkError(where + error.message, code=code, note=error.note, help=error.help or FITTING) from error
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            given = ", ".join(
                f"{a.name} {tuple(t.shape)}" for a, t in zip(self.declaration.args, tensors, strict=False)
            )
            first = str(error).strip().partition("\n")[0]
            raise NetworkError(
                f"the network `{self.name}` cannot take what {self.predicate} asks: {first}", code="NS608",
                note=f"{type(self.network).__name__} was given {given} ({self.declaration.span})",
                help=FITTING,
            ) from error  # fmt: skip
        return self.probabilities(said, rows, tensors)

    def probabilities(self, said: Tensor, rows: int, given: Sequence[Tensor] = ()) -> Tensor:
        """(rows, K) probabilities of what a network gave, checked.

        Args:
            given: (rows, …) what it was asked with, which may explain a NaN.

        Raises:
            NetworkError: NS602 another shape; NS634 another number of classes; NS603 NaN; NS635 probabilities where
                logits are expected; NS636 no probabilities where these are.
        """
        if not isinstance(said, Tensor):
            raise NetworkError(
                f"the network `{self.name}` gave a {type(said).__name__}, and no tensor", code="NS602",
                note=f"{self.predicate} asked it ({self.declaration.span})",
                help="its `forward` returns the tensor of logits alone",
            )  # fmt: skip
        if said.dim() == 1 and self.outcomes == 1:
            said = said[:, None]
        if tuple(said.shape) != (rows, self.outcomes):
            raise self._of_shape(said, rows)
        if not said.is_floating_point():
            said = said.double()
        if not bool(torch.isfinite(said).all()):
            raise self._not_finite(said, rows, given)
        if self.gives_probabilities:
            return self._checked(said)
        squashed = self._squashed(said)
        if squashed:
            raise NetworkError(
                f"the network `{self.name}` of {self.predicate} gives probabilities where logits are expected",
                code="NS635", note=f"{squashed} ({self.declaration.span})",
                help='leave out its last softmax or sigmoid, or set `gives = "probabilities"` in its class',
            )  # fmt: skip
        said = said.double()
        return torch.sigmoid(said) if self.declaration.values is None else torch.softmax(said, dim=1)

    def _not_finite(self, said: Tensor, rows: int, given: Sequence[Tensor]) -> NetworkError:
        """NS603, which says whether the input was no number already."""
        bad = int((~torch.isfinite(said)).any(dim=1).nonzero()[0])
        ill = any(t.is_floating_point() and not bool(torch.isfinite(t[bad]).all()) for t in given)
        return NetworkError(
            f"the network `{self.name}` gave a NaN or an infinity", code="NS603",
            note=f"first for input {bad} of {rows} of {self.predicate} ({self.declaration.span})"
            + ("; that input holds a NaN or an infinity itself" if ill else ""),
            help="fill in what is missing, or use a network that takes it, such as TableNet" if ill
            else "check the learning rate, and the network for logarithms and divisions",
        )  # fmt: skip

    def _of_shape(self, said: Tensor, rows: int) -> NetworkError:
        """What is wrong with a shape: the number of classes alone, or all of it."""
        if said.dim() == 2 and len(said) == rows:
            values = self.declaration.values
            declared = (
                "is true or false: 1 logit" if values is None
                else f"declares {len(values)} values: {', '.join(spell(v) for v in values[:12])}"
                + (" …" if len(values) > 12 else "")
            )  # fmt: skip
            return NetworkError(
                f"the network `{self.name}` gives {said.shape[1]} classes, where {self.predicate} needs "
                f"({rows}, {self.outcomes})",
                code="NS634", note=f"{self.predicate} {declared} ({self.declaration.span})",
                help="make the network's last layer as wide, or correct the values in the declaration",
            )  # fmt: skip
        return NetworkError(
            f"the network `{self.name}` gave a tensor of shape {tuple(said.shape)}, "
            f"where {self.predicate} needs ({rows}, {self.outcomes})",
            code="NS602", note=f"{rows} inputs of {self.outcomes} value(s) each ({self.declaration.span})",
            help="keep the first dimension, one row for each input, and give the logits in the second",
        )  # fmt: skip

    def _checked(self, said: Tensor) -> Tensor:
        """(rows, K) probabilities as they were given; of several values they sum to 1 but for rounding."""
        detached = said.detach().double()
        outside = (detached < -ROUNDING) | (detached > 1 + ROUNDING)
        total = detached.sum(dim=1)
        odd = outside.any(dim=1)
        if self.declaration.values is not None:
            odd = odd | ((total - 1).abs() > max(ROUNDING * self.outcomes, 2 * torch.finfo(said.dtype).eps))
        if bool(odd.any()):
            first = int(odd.nonzero()[0])
            shown = ", ".join(f"{v:.4g}" for v in detached[first, :6].tolist()) + (" …" if self.outcomes > 6 else "")
            raise NetworkError(
                f"the network `{self.name}` of {self.predicate} gave what are no probabilities, and says that it does",
                code="NS636",
                note=f"input {first}: {shown}, with the sum {float(total[first]):.4g} ({self.declaration.span})",
                help='if these are logits, take `gives = "probabilities"` out of its class; else end it in a softmax',
            )  # fmt: skip
        given = said.double().clamp(0, 1)
        return given if self.declaration.values is None else given / given.sum(dim=1, keepdim=True)

    def _squashed(self, said: Tensor) -> str:
        """Why what was given cannot be logits; empty where it can.

        Rows of numbers from 0 to 1 that sum to 1 are no logits, which are free in scale and place; but one row may be
        so by chance once in a million, so two are needed that differ. Of a single number that cannot be told, only of
        the last step by which it was computed.
        """
        last = said.grad_fn
        while last is not None and last.name() in RESHAPE:
            last = last.next_functions[0][0]
        if last is not None and last.name() in SQUASH:
            return f"{SQUASH[last.name()]} is the last step that it computes"
        if not len(said) or not all(0 <= v <= 1 for v in said[0, :LOOKED_AT].tolist()):  # the usual case, and cheap
            return ""
        looked = said.detach()[:LOOKED_AT].double()
        inside = bool(((looked >= 0) & (looked <= 1)).all())
        if not inside:
            return ""
        eps = max(torch.finfo(said.dtype).eps, torch.finfo(torch.float32).eps)
        near = (looked.sum(dim=1) - 1).abs() <= min(0.01, (16 + self.outcomes) * eps)
        if self.outcomes > 1 and bool(near.all() and (looked != looked[0]).any()):
            return "each row of what it gave lies in [0, 1] and sums to 1"
        module = list(self.network.modules())[-1]
        if isinstance(module, nn.Sigmoid | nn.Softmax):
            return f"its last module is {type(module).__name__}, and all that it gave lies in [0, 1]"
        return ""


__all__ = ["Asked"]
