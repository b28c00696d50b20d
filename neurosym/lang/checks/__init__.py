"""The checks, one module for each kind of fault; `neurosym.lang.checker` runs them all."""
