% Genotypes: disjunctions inside disjunctions of two parents.
0.25::gene(P,aa); 0.5::gene(P,ab); 0.25::gene(P,bb) :- founder(P).
founder(m). founder(f).
0.5::gives(P,a); 0.5::gives(P,b) :- gene(P,ab).
gives(P,a) :- gene(P,aa). gives(P,b) :- gene(P,bb).
ill :- gives(m,b), gives(f,b).
evidence(\+ill).
query(gene(m,bb)). query(gene(m,ab)). query(ill).
