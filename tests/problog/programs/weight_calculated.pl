% The weight is calculated in the body, and as an expression in front.
P::a(X) :- b(X,Y), P is Y/10.
Q/4::c(X) :- b(X,Q).
b(1,2). b(2,3).
query(a(_)). query(c(_)).
