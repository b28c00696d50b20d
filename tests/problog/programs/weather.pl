% Markov chain with a bound on time; the state is an annotated disjunction.
time(1). time(2). time(3). time(4).
0.5::weather(sun,0); 0.5::weather(rain,0).
0.6::weather(sun,T); 0.4::weather(rain,T) :- time(T), P is T-1, weather(sun,P).
0.2::weather(sun,T); 0.8::weather(rain,T) :- time(T), P is T-1, weather(rain,P).
evidence(weather(sun,0)).
query(weather(W,4)). query(weather(sun,2)).
