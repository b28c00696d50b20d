0.5::a. 0.4::b.
one :- not a.
two :- not(b).
three :- not (a, b).
four :- a, not not b.
five(X) :- n(X), not X > 2.
n(1). n(3). word(not).
query(five(X)).
