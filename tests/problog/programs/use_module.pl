% Libraries are named and ignored, with a warning.
:- use_module(library(lists)).
:- use_module(library(apply)).
0.5::a.
query(a).
