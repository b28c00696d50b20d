"""The figure of docs/how-to/posterior.md: `python -m benchmarks.posterior_figure docs/_static/posterior.svg`.

It runs the page's own example.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.stats import beta, gaussian_kde

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "posterior.md"
WIDTH, HEIGHT, GAP = 640, 110, 34


def example() -> dict:
    """The names that the page's first Python block defines."""
    text = PAGE.read_text("utf-8")
    rules = re.search(r"```text\n(.*?)```", text, re.S)
    code = re.search(r"```python\n(.*?)```", text, re.S)
    assert rules is not None and code is not None
    names: dict = {}
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "reactions.rules").write_text(rules[1], "utf-8")
        os.chdir(folder)
        try:
            exec(compile(code[1], str(PAGE), "exec"), names)
        finally:
            os.chdir(before)
    return names


def panel(top: float, title: str, samples: np.ndarray, prior: tuple[float, ...] | None) -> str:
    """One density over 0 to 1, with its interval and the prior's density behind it."""
    x = np.linspace(0.001, 0.999, 200)
    # mirrored at the ends, so that a density that does not vanish there is not smoothed away
    after = gaussian_kde(np.concatenate([-samples, samples, 2 - samples]), 0.06)(x) * 3
    curves = [(beta.pdf(x, *prior), "#8a8f98", "#8a8f9833")] if prior else []
    curves.append((after, "#2563b0", "#2563b044"))
    high = max(float(c.max()) for c, _, _ in curves)
    parts = [f'<text x="20" y="{top + 14}" class="t">{title}</text>']
    base = top + HEIGHT
    for values, line, fill in curves:
        points = " ".join(f"{20 + 600 * a:.1f},{base - 80 * b / high:.1f}" for a, b in zip(x, values, strict=True))
        parts.append(f'<polygon points="20,{base} {points} 620,{base}" fill="{fill}"/>')
        parts.append(f'<polyline points="{points}" fill="none" stroke="{line}" stroke-width="1.5"/>')
    low, up = np.quantile(samples, [0.05, 0.95])
    parts.append(
        f'<rect x="{20 + 600 * low:.1f}" y="{base + 4}" width="{600 * (up - low):.1f}" height="4" fill="#2563b0"/>'
    )
    parts += [
        f'<text x="{20 + 60 * k}" y="{base + 22}" class="s" text-anchor="middle">{k / 10:g}</text>'
        for k in range(0, 11, 2)
    ]
    return "\n".join(parts)


def main() -> None:
    """Write the figure to the path given."""
    names = example()
    posterior = names["posterior"]
    first, second = (posterior.samples[n][:, 0].numpy() for n in ("first_drug", "second_drug"))
    both = 1 - (1 - first) * (1 - second)
    panels = [
        ("weight of first_drug: the expert says 0.7", first, posterior.space.priors[0].concentration),
        ("weight of second_drug: nothing is known", second, posterior.space.priors[1].concentration),
        ("probability of a reaction to both drugs", both, None),
    ]
    height = len(panels) * (HEIGHT + GAP) + 10
    body = "\n".join(panel(k * (HEIGHT + GAP) + 4, *p) for k, p in enumerate(panels))
    style = ".t{font:14px sans-serif;fill:#1c2733}.s{font:11px sans-serif;fill:#5b6470}"
    Path(sys.argv[1]).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"><style>{style}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n{body}\n</svg>\n',
        "utf-8",
    )


if __name__ == "__main__":
    main()
