1/3::prize(1); 1/3::prize(2); 1/3::prize(3).
select(1).
0.5::open(A); 0.5::open(B) :- two(A, B), \+ prize(A), \+ prize(B), \+ select(A), \+ select(B).
open(A) :- door(A), \+ prize(A), \+ select(A), other(A, B), prize(B), \+ select(B).
two(1,2). two(1,3). two(2,3). door(1). door(2). door(3).
other(A, B) :- door(A), door(B), A \= B.
win_keep :- select(A), prize(A).
win_switch :- select(A), prize(B), B \= A, \+ open(B).
query(win_keep). query(win_switch). query(open(2)).
