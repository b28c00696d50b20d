% Evidence on the head of two probabilistic rules.
0.3::c1. 0.6::c2.
0.8::e :- c1. 0.5::e :- c2. 0.05::e.
evidence(e).
query(c1). query(c2).
