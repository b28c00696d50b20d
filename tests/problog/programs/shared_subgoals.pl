% Two derivations that share a choice are not independent.
0.5::s. 0.4::a. 0.3::b.
p :- s, a. q :- s, b.
both :- p, q. some :- p. some :- q.
query(both). query(some).
