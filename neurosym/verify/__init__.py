"""Checks that an explanation's number follows from its certificate, and the certificate from rules and facts.

It shares no code with the engine, and loads no torch.

`structure` reads a certificate and names what is wrong with it, `exact` (with `formula`, `cycles` and `count`) and
`algebras` recompute the claim, `rules` compares with rules and facts, `view` compares what is shown with what is
certified, `check` puts it together, `read` opens files.
"""

from neurosym.verify.check import Verification, verify_certificate
from neurosym.verify.read import read_certificate, read_explanation
from neurosym.verify.rules import Facts, Given

__all__ = ["Facts", "Given", "Verification", "verify_certificate", "read_certificate", "read_explanation"]
