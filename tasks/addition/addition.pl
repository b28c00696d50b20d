% The program of addition.rules as DeepProbLog's users write it.
nn(net, [X], Y, [0,1,2,3,4,5,6,7,8,9]) :: digit(X, Y).
sum(X, Y, Z) :- digit(X, A), digit(Y, B), Z is A + B.
