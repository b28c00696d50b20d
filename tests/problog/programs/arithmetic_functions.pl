% Functions of arithmetic, powers and constants.
a(X) :- X is abs(-3). b(X) :- X is min(2,5)+max(2,5). c(X) :- X is 2**3. d(X) :- X is 2^3.
e(X) :- X is sqrt(16). f(X) :- X is floor(2.7)+ceiling(2.2). g(X) :- X is 7 div 2. h(X) :- X is 7 rem 4.
i(X) :- X is pi. j(X) :- X is exp(0). k(X) :- X is 2**0.5. l(X) :- X is round(2.6).
query(a(_)). query(b(_)). query(c(_)). query(d(_)). query(e(_)). query(f(_)). query(g(_)). query(h(_)).
query(i(_)). query(j(_)). query(k(_)). query(l(_)).
