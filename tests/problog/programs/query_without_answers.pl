% A query with variables that nothing matches has no answers; ProbLog shows it as it is asked, with 0.
p(X) :- q(X), X > 5.
q(1). q(2).
query(p(X)). query(p(1)).
