% Weights as quotients and products.
2/3::a. 1/3::b. 0.5*0.5::c.
p :- a, b, c.
query(a). query(b). query(c). query(p).
