"""Conditions of expectations: which names they use, and whether they can be fulfilled at all.

A condition is a query of pandas. It may name metrics, whose values nobody knows before the load, and labels of rows
(scenario, part, endpoint), which are known: a wrong label would make a target that judges nothing.

pandas evaluates nearly any Python: `p95_s.to_csv("/etc/passwd")` writes a file, `9**9**9` takes for ever, and so do
regular expressions. A condition may compare, combine and calculate; calls are those of a few methods.
"""

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterator

_BOOLEANS = {"&": "and", "|": "or"}
MAX_LENGTH = 2_000
"""Characters of a condition."""
_METHODS = frozenset({"isin", "isna", "isnull", "notna", "notnull", "between", "abs", "startswith", "endswith"})
"""Methods of a column, or of its `str`, that a condition may call."""
_ALLOWED = (
    ast.Expression,
    ast.expr_context,
    ast.BoolOp,
    ast.boolop,
    ast.UnaryOp,
    ast.unaryop,
    ast.Compare,
    ast.cmpop,
    ast.Name,
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.Set,
    ast.Call,
    ast.Attribute,
    ast.keyword,
)
_CALCULATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr)
_BACKTICKS = re.compile("`[^`]*`")
_EQUALITIES = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def check_harmless(query: str) -> None:
    """See that a condition does no more than to say which rows it means, and that in little time.

    Raises:
        ValueError: it may do more; a clause that says what.
    """
    if len(query) > MAX_LENGTH:
        raise ValueError(f"it has more than {MAX_LENGTH:,} characters")
    if not query.strip():
        return  # pandas says that
    tree = _parsed(_BACKTICKS.sub("column", query))
    if tree is None:
        raise ValueError("it is no expression that compares columns with values")
    for node in ast.walk(tree):
        _check_node(node)


def _check_node(node: ast.AST) -> None:
    if isinstance(node, ast.BinOp):
        both = (node.left, node.right)
        is_number = all(not isinstance(side, ast.List | ast.Tuple) and not _texts_in(side) for side in both)
        if not isinstance(node.op, _CALCULATIONS) or not is_number:
            raise ValueError("it calculates with more than + - * / % and numbers")
    elif isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in _METHODS:
            raise ValueError(f"it may call only {', '.join(sorted(_METHODS))}")
    elif isinstance(node, ast.Attribute):
        if node.attr != "str" and node.attr not in _METHODS:
            raise ValueError(f"it may use only {', '.join(sorted(_METHODS))} of a column")
    elif not isinstance(node, (*_ALLOWED, ast.operator)):
        what = f"it has a {type(node).__name__} in it, which does not belong into a condition"
        raise ValueError(what)  # noqa: TRY004 - what is wrong is the text that it stands in


def _texts_in(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def named_labels(query: str, columns: Collection[str]) -> Iterator[tuple[str, str]]:
    """The labels that a query compares a column with, each with its column: `scenario == "dashboard.sustained"`."""
    tree = _parsed(query)
    for node in ast.walk(tree) if tree is not None else ():
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        names = [side.id for side in sides if isinstance(side, ast.Name) and side.id in columns]
        if len(names) == 1 and all(isinstance(operator, _EQUALITIES) for operator in node.ops):
            for side in sides:
                yield from ((names[0], text) for text in _texts(side))


def known_part(query: str, columns: Collection[str]) -> str | None:
    """What a query demands of some columns, whatever the others hold; None where it may demand nothing of them.

    `scenario == "a" and p95_s > 1` demands `scenario == "a"`; with `or` in place of `and` it demands nothing.
    """
    tree = _parsed(query)
    if tree is None:
        return None
    demanded = _demanded(tree.body, columns, negated=False)
    return ast.unparse(demanded) if demanded is not None else None


def _parsed(query: str) -> ast.Expression | None:
    """The tree of a query; None where it is no expression of Python's, as with a name in backticks."""
    try:
        tokens = [
            (tokenize.NAME, _BOOLEANS[token.string]) if token.string in _BOOLEANS else (token.type, token.string)
            for token in tokenize.generate_tokens(io.StringIO(query.strip()).readline)
        ]
        return ast.parse(tokenize.untokenize(tokens).strip(), mode="eval")
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError):
        return None


def _demanded(node: ast.expr, columns: Collection[str], *, negated: bool) -> ast.expr | None:
    """What of a node has to hold for it to be possible; None where it is possible in any case."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        return _demanded(node.operand, columns, negated=not negated)
    if isinstance(node, ast.BoolOp):
        demanded = [_demanded(value, columns, negated=negated) for value in node.values]
        all_of = isinstance(node.op, ast.And) is not negated
        needed = [part for part in demanded if part is not None]
        if not needed or (not all_of and len(needed) < len(demanded)):
            return None
        operator: ast.boolop = ast.And() if all_of else ast.Or()
        return needed[0] if len(needed) == 1 else ast.BoolOp(operator, needed)
    names = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
    if not names or not names <= set(columns):
        return None
    return ast.UnaryOp(ast.Not(), node) if negated else node


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for element in node.elts:
            yield from _texts(element)
