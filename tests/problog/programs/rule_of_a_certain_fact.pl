% A chain of certain rules.
a(1). b(X) :- a(X). c(X,Y) :- b(X), b(Y).
query(c(_,_)).
