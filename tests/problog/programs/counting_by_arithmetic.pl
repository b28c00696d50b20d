% A sum of coins by recursion with a bound, without findall.
0.5::h(1). 0.4::h(2). 0.3::h(3).
n(0,0).
n(I,C) :- between(1,3,I), J is I-1, n(J,D), h(I), C is D+1.
n(I,C) :- between(1,3,I), J is I-1, n(J,C), \+ h(I).
query(n(3,_)).
