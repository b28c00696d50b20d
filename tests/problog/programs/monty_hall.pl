% The switch wins with 2/3: disjunctions whose bodies depend on one another, evidence on the open door.
1/3::prize(1); 1/3::prize(2); 1/3::prize(3).
select(1).
0.5::open(A); 0.5::open(B) :- prize(P), select(P), door(A), door(B), A < B, A =\= P, B =\= P.
open(A) :- prize(P), select(S), P =\= S, door(A), A =\= P, A =\= S.
door(1). door(2). door(3).
win_keep :- select(D), prize(D).
win_switch :- select(S), prize(P), P =\= S, \+ open(P).
evidence(open(2)).
query(win_keep). query(win_switch). query(prize(_)).
