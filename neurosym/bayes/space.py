"""The weights of a reasoner as one vector, with their priors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.distributions import Beta as BetaLaw
from torch.distributions import Dirichlet as DirichletLaw
from torch.distributions import biject_to, constraints
from torch.nn.functional import logsigmoid

from neurosym.errors import DataError
from neurosym.grounding import Parameter
from neurosym.reasoner.priors import CONFIDENCE, Prior, prior_of

Weights = dict[int, Tensor]  # parameter index → (S, K) probabilities of its outcomes


@dataclass(frozen=True)
class Space:
    """Learnable statements and what is believed of them.

    A *point* is a row of D probabilities: one for each statement with one outcome, in their order, then those of each
    disjunction, 'none of them' included where that can happen.

    Attributes:
        parameters: of the reasoner; names: of their statements, each once; priors: of each.
    """

    parameters: tuple[Parameter, ...]
    names: tuple[str, ...]
    priors: tuple[Prior, ...]

    @cached_property
    def single(self) -> tuple[int, ...]:
        """Statements with one outcome."""
        return tuple(k for k, p in enumerate(self.parameters) if p.outcomes == 1)

    @cached_property
    def several(self) -> tuple[int, ...]:
        """Disjunctions."""
        return tuple(k for k, p in enumerate(self.parameters) if p.outcomes > 1)

    @cached_property
    def betas(self) -> Tensor:
        """(n, 2) the numbers of the Beta priors."""
        rows = [self.priors[k].concentration for k in self.single]
        return torch.tensor(rows, dtype=torch.float64).reshape(-1, 2)

    @cached_property
    def dirichlets(self) -> list[Tensor]:
        """The numbers of each Dirichlet prior."""
        return [torch.tensor(self.priors[k].concentration, dtype=torch.float64) for k in self.several]

    @cached_property
    def sizes(self) -> list[int]:
        """How many probabilities of a point belong to the single statements together, and to each disjunction."""
        return [len(self.single), *(len(d) for d in self.dirichlets)]

    def weights(self, points: Tensor) -> Weights:
        """The reasoner's weights at (S, D) points."""
        singles, *several = points.split(self.sizes, dim=1)
        found = {k: singles[:, i : i + 1] for i, k in enumerate(self.single)}
        found |= {k: one[:, : self.parameters[k].outcomes] for k, one in zip(self.several, several, strict=True)}
        return found

    def columns(self, index: int) -> slice:
        """Where the outcomes of a statement lie in a point."""
        if index in self.single:
            first = self.single.index(index)
        else:
            first = sum(self.sizes[: 1 + self.several.index(index)])
        return slice(first, first + self.parameters[index].outcomes)

    def log_prior(self, points: Tensor) -> Tensor:
        """(S,) the log density of (S, D) points."""
        return self.log_density(points, self.betas, self.dirichlets)

    def log_density(self, points: Tensor, betas: Tensor, dirichlets: Sequence[Tensor]) -> Tensor:
        """(S,) the log density of (S, D) points under independent Betas and Dirichlets."""
        singles, *several = points.split(self.sizes, dim=1)
        total = BetaLaw(betas[:, 0], betas[:, 1], validate_args=False).log_prob(singles).sum(dim=1)
        for one, numbers in zip(several, dirichlets, strict=True):
            total = total + DirichletLaw(numbers, validate_args=False).log_prob(one)
        return total

    def draw(self, count: int, betas: Tensor | None = None, dirichlets: Sequence[Tensor] | None = None) -> Tensor:
        """(count, D) points from independent Betas and Dirichlets, by default from the priors."""
        betas = self.betas if betas is None else betas
        dirichlets = self.dirichlets if dirichlets is None else dirichlets
        parts = [BetaLaw(betas[:, 0], betas[:, 1], validate_args=False).sample((count,))]
        parts += [DirichletLaw(numbers, validate_args=False).sample((count,)) for numbers in dirichlets]
        return inside(torch.cat(parts, dim=1))

    def from_free(self, free: Tensor) -> Tensor:
        """(S, D) points of unconstrained (S, D') coordinates."""
        return torch.cat([law(part) for part, law in zip(self._split(free), self._maps, strict=True)], dim=1)

    def free_density(self, free: Tensor) -> tuple[Tensor, Tensor]:
        """(S, D) points of unconstrained coordinates, and (S,) the log prior density of these, up to a constant."""
        singles, *several = self._split(free)
        # of a Beta in its log odds, the map's determinant included: nothing is left to saturate
        total = (self.betas[:, 0] * logsigmoid(singles) + self.betas[:, 1] * logsigmoid(-singles)).sum(dim=1)
        points = [torch.sigmoid(singles)]
        for part, law, numbers in zip(several, self._maps[1:], self.dirichlets, strict=True):
            point = law(part)
            total = total + ((numbers - 1) * point.log()).sum(dim=1) + law.log_abs_det_jacobian(part, point)
            points.append(point)
        return torch.cat(points, dim=1), total

    def _split(self, free: Tensor) -> Sequence[Tensor]:
        return free.split([len(self.single), *(s - 1 for s in self.sizes[1:])], dim=1)

    def to_free(self, points: Tensor) -> Tensor:
        """(S, D') unconstrained coordinates of (S, D) points."""
        parts = points.split(self.sizes, dim=1)
        return torch.cat([law.inv(part) for part, law in zip(parts, self._maps, strict=True)], dim=1)

    @cached_property
    def _maps(self) -> list:
        return [biject_to(constraints.unit_interval), *(biject_to(constraints.simplex) for _ in self.several)]


def inside(points: Tensor) -> Tensor:
    """Points moved off the borders, where logarithms end."""
    return points.clamp(1e-12, 1 - 1e-12)


def space_of(
    parameters: Sequence[Parameter], priors: Mapping[str, Prior | float] | None, confidence: float = CONFIDENCE
) -> Space:
    """The space of a reasoner's learnable statements.

    Args:
        priors: statement → its prior, or how many cases its own weight counts for; confidence: of the others.

    Raises:
        DataError: NS662, a prior of an unknown statement, or of another kind or size than its outcomes.
    """
    names = statement_names(parameters)
    given = dict(priors or {})
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise DataError(
            f"no learnable rule is called `{unknown[0]}`", code="NS662", note=f"learnable: {', '.join(names)}"
        )
    chosen = tuple(_prior(p, name, given.get(name, confidence)) for p, name in zip(parameters, names, strict=True))
    return Space(tuple(parameters), names, chosen)


def statement_names(parameters: Sequence[Parameter]) -> tuple[str, ...]:
    """A name for each statement: the rule's, or file:line, with a number where a line has several."""
    twice = {label for label, count in Counter(p.label for p in parameters).items() if count > 1}
    seen: Counter[str] = Counter()
    names = []
    for parameter in parameters:
        seen[parameter.label] += 1
        names.append(f"{parameter.label}#{seen[parameter.label]}" if parameter.label in twice else parameter.label)
    return tuple(names)


def _prior(parameter: Parameter, name: str, given: Prior | float) -> Prior:
    default = prior_of(parameter, given if isinstance(given, int | float) else CONFIDENCE)
    if isinstance(given, int | float):
        return default
    if type(given) is not type(default) or len(given.concentration) != len(default.concentration):
        needs = "a Beta" if parameter.outcomes == 1 else f"a Dirichlet of {len(default.concentration)} numbers"
        rest = ", the last of them for none of its heads" if parameter.outcomes > 1 and parameter.rest else ""
        raise DataError(
            f"the prior of `{name}` does not fit its outcomes", code="NS662", note=f"it needs {needs}{rest}"
        )
    return given
