% Letters beyond ASCII in names, strings and quoted names.
0.5::größe(müller). 0.4::p('日本'). 0.3::p("é").
query(größe(_)). query(p(_)).
