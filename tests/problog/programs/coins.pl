% Tutorial theme: two coins, one of them biased; a disjunction and a conjunction of facts.
0.5::heads1. 0.6::heads2.
both :- heads1, heads2.
some :- heads1. some :- heads2.
query(heads1). query(heads2). query(both). query(some).
