% `;` in bodies, nested with `,` and in parentheses.
0.5::a. 0.4::b. 0.3::c. 0.2::d.
p :- (a ; b), (c ; d).
q :- a, b ; c, d.
r :- (a, (b ; c)) ; \+ d.
query(p). query(q). query(r).
