% Negated queries: of a fact, of a rule's head, of something certain, of something that is not derivable.
0.3::a. b :- \+ a. c. d :- c, fail.
query(\+a). query(\+b). query(\+c). query(\+d). query(a).
