% A fact declared twice, and a rule twice: independent causes.
0.3::a. 0.4::a.
0.2::b(X) :- c(X). 0.5::b(X) :- c(X).
c(1).
query(a). query(b(1)).
