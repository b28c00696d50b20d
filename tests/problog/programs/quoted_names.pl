% Names in quotation marks, with spaces, capitals, hyphens, non-ASCII letters and escapes.
0.1::p('A b'). 0.2::p('Capital'). 0.3::p('a-b'). 0.4::p(''). 0.5::p('[]'). 0.6::p('it\'s'). 0.7::p('+'). 0.8::p('_x').
'My pred'(1). 0.5::'Q'('R').
query(p(_)). query('My pred'(X)). query('Q'(_)).
