% The weight is an argument of a fact.
P::a(X) :- b(X,P).
b(1,0.3). b(2,0.45). b(three,1.0).
query(a(_)).
