% The spelling of floats: shortest decimal, exponents as Python writes them, rounded to 15 decimals.
p(0.5). p(1.50). p(2.0). p(1.0e-5). p(1.0e10). p(1.0e22). p(123456789.0). p(0.1e-3). p(1e3).
q(X) :- X is 0.1+0.2. r(X) :- X is 1/3.
query(p(_)). query(q(_)). query(r(_)).
