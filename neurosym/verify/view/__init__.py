"""Checks that what an explanation shows is what its certificate says.

`read` takes the explanation apart, `sources` list what facts follow from (by the certificate alone, or by rules and
facts), `steps` lays the steps that are shown beside that, `numbers` recomputes the probabilities that are shown,
`contributions` what each rule and fact adds, `words` and `texts` the sentences and the rules' texts, `check` puts it
together; `bounds` does where the claim is an interval of truth.
"""

from neurosym.verify.view.bounds import compare_bounds_view
from neurosym.verify.view.check import Looked, compare_view
from neurosym.verify.view.numbers import Numbers
from neurosym.verify.view.read import View, read_view

__all__ = ["Looked", "Numbers", "View", "compare_bounds_view", "compare_view", "read_view"]
