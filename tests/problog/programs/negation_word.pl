% `not` before a literal and before a group.
0.3::a. 0.6::b.
p :- not a.
q :- not(b).
r :- not (a ; b).
query(p). query(q). query(r).
