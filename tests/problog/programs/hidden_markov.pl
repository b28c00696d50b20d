% Observations of a hidden state, smoothing the middle one.
t(1). t(2).
0.4::state(a,0); 0.6::state(b,0).
0.7::state(a,T); 0.3::state(b,T) :- t(T), S is T-1, state(a,S).
0.1::state(a,T); 0.9::state(b,T) :- t(T), S is T-1, state(b,S).
0.8::obs(x,T); 0.2::obs(y,T) :- state(a,T).
0.3::obs(x,T); 0.7::obs(y,T) :- state(b,T).
evidence(obs(x,0)). evidence(obs(y,1)). evidence(obs(x,2)).
query(state(_,1)). query(state(_,2)).
