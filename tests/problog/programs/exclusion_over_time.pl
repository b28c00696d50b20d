% Two outcomes of one choice cannot hold at once, choices of different times can.
step(0). step(1).
0.3::on(T); 0.3::off(T) :- step(T).
never :- on(T), off(T).
mixed :- on(0), off(1).
query(never). query(mixed).
