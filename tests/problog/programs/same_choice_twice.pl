% One grounding of a weighted rule is one choice, whoever uses it.
0.5::c(X) :- d(X). d(1). d(2).
a :- c(1), c(2). b :- c(1), \+ c(1). e :- c(1). e :- c(1), c(2).
query(a). query(b). query(e).
