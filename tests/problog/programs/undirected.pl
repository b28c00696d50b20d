% Symmetric closure: a cycle of two atoms.
0.7::link(a,b). 0.4::link(b,c).
con(X,Y) :- link(X,Y).
con(X,Y) :- con(Y,X).
query(con(b,a)). query(con(c,b)). query(con(X,Y)).
