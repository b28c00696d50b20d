% Left recursion, which Prolog would not end.
0.5::e(a,b). 0.5::e(b,c). 0.5::e(c,a). 0.5::e(a,c).
r(X,Y) :- r(X,Z), e(Z,Y).
r(X,Y) :- e(X,Y).
query(r(a,Y)).
