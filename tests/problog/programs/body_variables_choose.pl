% A variable of the body alone multiplies choices.
0.3::sick(P) :- contact(P,_).
contact(ann,bob). contact(ann,eve). contact(bob,eve).
query(sick(_)).
