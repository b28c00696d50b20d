% A second file of the same folder.
:- consult('lib/weights.pl').
query(likely(_)).
