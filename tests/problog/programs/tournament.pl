% Games between unordered pairs of teams: the loser is who does not win.
team(1). team(2). team(3).
game(A,B) :- team(A), team(B), A < B.
0.6::wins(A,B); 0.4::wins(B,A) :- game(A,B).
champion(A) :- team(A), \+ loses(A).
loses(B) :- wins(_,B).
query(champion(_)). query(wins(2,1)).
