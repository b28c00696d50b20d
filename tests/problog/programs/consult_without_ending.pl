% The ending `.pl` may be left out.
:- consult('lib/weights').
0.5::extra :- likely(a).
query(extra).
