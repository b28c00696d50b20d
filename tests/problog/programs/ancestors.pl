% Inheritance over generations, with a probability on each step.
parent(a,b). parent(b,c). parent(a,d). parent(d,c).
0.5::carries(a).
0.5::passes(X,Y) :- parent(X,Y).
carries(Y) :- parent(X,Y), carries(X), passes(X,Y).
evidence(carries(c)).
query(carries(_)).
