% A negated query with a variable asks for the complement of each answer.
0.3::p(1). 0.6::p(2). p(3).
query(\+p(X)).
