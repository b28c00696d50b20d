% in a .pl file there are no dates, and its words are ordinary names
p(X) :- X is 2024-5-17. rule(1). test(X) :- rule(X). weight(X) :- test(X), \+ if(X). if(2).
q(X) :- X is 7 // -2. r(X) :- X is -7 mod 2.
