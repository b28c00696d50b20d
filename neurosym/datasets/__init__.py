"""Public data sets, fetched once, checked by SHA-256, and found again: `neurosym data get NAME`."""

from neurosym.datasets.fetch import fetch
from neurosym.datasets.sets import DataFile, DataSet, data_sets, find, folder_of

__all__ = ["DataFile", "DataSet", "data_sets", "fetch", "find", "folder_of"]
