% ProbLog rounds floats to 15 decimals, so that 0.1 + 0.2 is 0.3.
p(0.3).
q(X) :- X is 0.1+0.2, p(X).
0.5::r :- p(X), Y is 0.1+0.2, X = Y.
query(q(_)). query(r).
