% Propositions, with a cycle among them.
0.5::a. b :- a. b :- c. c :- b. 0.1::c.
query(b). query(c).
