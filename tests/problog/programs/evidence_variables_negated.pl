% Negative evidence with a variable.
0.5::b(1). 0.4::b(2). 0.3::a.
c :- a. c :- b(2).
evidence(\+b(X)).
query(b(_)). query(c).
