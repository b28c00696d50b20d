% A negated query under evidence.
0.3::a. 0.5::b. c :- a. c :- b.
evidence(c).
query(\+a). query(\+b).
