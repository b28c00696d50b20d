% Negation before a comparison and a unification.
n(1). n(2). 0.5::n(3).
p(X) :- n(X), \+ X = 1. q(X) :- n(X), \+ X > 1. r(X) :- n(X), \+ (X > 1, X < 3).
query(p(_)). query(q(_)). query(r(_)).
