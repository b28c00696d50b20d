% Consulted by the consult cases.
0.7::likely(a). 0.2::likely(b).
