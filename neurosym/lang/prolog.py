"""What Prolog and ProbLog have and the language has not, by name, each with what to write instead."""

from __future__ import annotations

_LISTS = "write one fact for each element, and use an aggregate: `N = count{ X : item(X) }`"
_TYPES = "constants have the type they are written with; declare it: `pred p(x: int) .` in a `.rules` file"
_TEXT = "use `contains`, `starts_with`, `ends_with`, `matches`, or `Z is concat(X, Y)`, `lower`, `upper`, `length`"
_STATE = "a rule file only describes: give what a rule needs as arguments"
_OUTPUT = "a rule file only describes; ask for what is to be shown: `query(p(X)).`"
_GOALS = "write the literal itself in the body"
_TERMS = "there are no compound terms: give what they hold as arguments"
_FACTS = "write what holds as a fact, or give it with the facts"

# name → what to write instead; of any number of arguments
BUILT_INS: dict[str, str] = {
    **dict.fromkeys(
        "member memberchk append length nth0 nth1 last reverse select subtract exclude include maplist foldl sort "
        "msort predsort "
        "list_to_set sum_list sumlist max_list min_list numlist permutation is_list delete select_uniform "
        "select_weighted sample_uniform1 groundable".split(), _LISTS),
    **dict.fromkeys("var nonvar atom atomic number integer float ground compound callable string is_dict "
                    "rational simple".split(), _TYPES),
    **dict.fromkeys(
        "atom_length atom_concat sub_atom atom_chars atom_codes char_code atom_string atom_number number_codes "
        "number_chars string_concat string_length string_chars string_codes sub_string split_string string_lower "
        "string_upper upcase_atom downcase_atom term_to_atom number_string atomic_list_concat concat_atom "
        "text_concat sformat".split(), _TEXT),
    **dict.fromkeys("nb_setval nb_getval b_setval b_getval recorda recorded erase flag".split(), _STATE),
    **dict.fromkeys("abolish assertion".split(), _FACTS),
    **dict.fromkeys("write writeln print nl tab format write_canonical writeq put_char read debugprint error_print "
                    "printf listing trace_all halt".split(), _OUTPUT),
    **dict.fromkeys("call once ignore apply not_provable try_call catch throw findnsols call_cleanup time "
                    "possible".split(), _GOALS),
    **dict.fromkeys("functor arg copy_term term_variables subsumes_term unify_with_occurs_check numbervars "
                    "setarg".split(), _TERMS),
    "succ": "write `Y is X + 1`", "plus": "write `Z is X + Y`", "compare": "compare numbers or strings by `<`, `>`",
    "repeat": "bound it: `between(1, 10, X)`",
    "subquery": "ask for the probability from outside: `reasoner.query(…)`, and give it as a weight",
    "clause": "a program does not read itself; write the facts it needs",
    "utility": "there are no decisions; compare the queries of two programs",
}  # fmt: skip
# in a text: operators and other tokens that the language does not have
OPERATORS: dict[str, str] = {
    "@<": "compare numbers or strings by `<`", "@>": "compare numbers or strings by `>`",
    "@=<": "compare numbers or strings by `=<`", "@>=": "compare numbers or strings by `>=`", "=..": _TERMS,
    "~": "bin the distribution: `0.2 :: v(low); 0.8 :: v(high).`", "~=": "compare by `=` or `=:=`",
    "/\\": "compute it beforehand, and give it as facts", "\\/": "compute it beforehand, and give it as facts",
    "<<": "write `X * 2 ** N`", ">>": "write `X // 2 ** N`", "-->": "write the rule itself with `:-`",
    "?": "decisions are refused: ask for each choice by a query of its own, with evidence",
}  # fmt: skip
WORD_OPERATORS: dict[str, str] = {
    "rdiv": "write `X / Y`", "xor": "compute it beforehand, and give it as facts",
    "in": "write `between(L, H, X)`, or a fact for each element",
}  # fmt: skip
DIRECTIVES: dict[str, str] = {
    "dynamic": "remove it; a predicate that may have no facts is declared: `pred p(x: any) .` in a `.rules` file",
    "discontiguous": "remove it; rules may stand in any order", "multifile": "remove it; files make one program",
    "table": "remove it; every recursion ends at its fixpoint", "module": "remove it; files make one program",
    "op": "write the predicate before its arguments: `likes(a, b)`",
    "include": "write `:- consult('file.pl').`", "initialization": "ask by `query(…)`",
    "set_prolog_flag": "remove it", "mode": "remove it",
}  # fmt: skip
# functions of ProbLog's arithmetic by another name
ALIASES = {"ceiling": "ceil"}
NO_FUNCTION = (
    "there are `+ - * / // mod **`, `min`, `max`, `abs`, `round`, `floor`, `ceiling`, `sqrt`, `log`, `exp`, `pi`, `e`"
)
IF_THEN_ELSE = "write a rule for each case: `p :- c, a.` and `p :- \\+ c, b.`"
# their arguments are goals or lists, so that they are known before the arguments are read
TAKE_GOALS = frozenset("call once ignore subquery catch try_call format maplist possible time throw utility".split())
