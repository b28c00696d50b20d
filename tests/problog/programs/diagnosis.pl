% Causes, symptoms and several observations, some of them negative.
0.05::flu. 0.2::cold. 0.02::covid.
0.9::fever :- flu. 0.2::fever :- cold. 0.8::fever :- covid.
0.7::cough :- cold. 0.6::cough :- covid. 0.3::cough :- flu.
0.7::no_taste :- covid.
evidence(fever). evidence(cough). evidence(\+no_taste).
query(flu). query(cold). query(covid).
