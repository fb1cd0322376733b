"""The value of an expression's tree."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from generator.model.expression.calls import call_method, call_name
from generator.model.expression.filters import apply_filter, apply_test
from generator.model.expression.known import (
    FAILURES,
    MAX_BITS,
    MAX_SIZE,
    Work,
    all_of,
    bounded,
    contains,
    equal,
    is_blank,
    missing,
    negated,
    text_of,
    truth,
    unknown,
)
from generator.model.expression.members import member
from generator.model.expression.parse import Node
from generator.model.value import Undefined, Unknown, Value

Lookup: TypeAlias = Callable[[str], Value]
"""Gives the final value of a variable, `Undefined(name)` where nobody sets it."""


class Evaluation:
    """One evaluation: where variables come from, those set on the way, and the work left."""

    __slots__ = ("lookup", "scope", "work")

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.scope: dict[str, Value] = {}
        self.work = Work()

    def name(self, name: str) -> Value:
        """Return the value of a variable."""
        return self.scope[name] if name in self.scope else self.lookup(name)

    def value(self, node: Node) -> Value:
        """Return the value of an expression.

        Raises TooMuch where it would be too much work.
        """
        self.work.charge(1)
        evaluate = _VALUES.get(type(node).__name__)
        return Unknown() if evaluate is None else evaluate(self, node)

    def truth(self, node: Node) -> bool | Unknown:
        """Tell whether an expression is true, which may be known where its value is not.

        Raises TooMuch where it would be too much work.
        """
        self.work.charge(1)
        tell = _TRUTHS.get(type(node).__name__)
        return truth(self.value(node)) if tell is None else tell(self, node)

    def arguments(self, node: Node) -> tuple[list[Value], dict[str, Value]] | None:
        """Return the arguments of a call, filter or test, None with `*args` or `**kwargs`."""
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            return None
        return (
            [self.value(argument) for argument in node.args],
            {argument.key: self.value(argument.value) for argument in node.kwargs},
        )


def _constant(evaluation: Evaluation, node: Node) -> Value:
    return bounded(node.value)


def _name(evaluation: Evaluation, node: Node) -> Value:
    return evaluation.name(node.name)


def _list(evaluation: Evaluation, node: Node) -> Value:
    return [_item(evaluation, item) for item in node.items]


def _item(evaluation: Evaluation, node: Node) -> Value:
    value = evaluation.value(node)
    return missing(value) if isinstance(value, Undefined) else value


def _dict(evaluation: Evaluation, node: Node) -> Value:
    pairs: dict[Any, Value] = {}
    for pair in node.items:
        key, value = evaluation.value(pair.key), _item(evaluation, pair.value)
        if is_blank(key) or isinstance(key, (list, dict)):
            return unknown(evaluation.work, key, value)
        pairs[key] = value
    return pairs


def _and(evaluation: Evaluation, node: Node) -> Value:
    left = evaluation.value(node.left)
    holds = truth(left)
    if holds is False:
        return left
    right = evaluation.value(node.right)
    # With a boolean on its right, the unknown on the left is taken for one too.
    if holds is True or right is False:
        return right
    return unknown(evaluation.work, left, right)


def _or(evaluation: Evaluation, node: Node) -> Value:
    left = evaluation.value(node.left)
    holds = truth(left)
    if holds is True:
        return left
    right = evaluation.value(node.right)
    if holds is False or right is True:
        return right
    return unknown(evaluation.work, left, right)


def _not(evaluation: Evaluation, node: Node) -> bool | Unknown:
    return negated(evaluation.truth(node.node))


def _and_truth(evaluation: Evaluation, node: Node) -> bool | Unknown:
    left = evaluation.truth(node.left)
    if left is False:
        return False
    right = evaluation.truth(node.right)
    return all_of(evaluation.work, (left, right))


def _or_truth(evaluation: Evaluation, node: Node) -> bool | Unknown:
    left = evaluation.truth(node.left)
    if left is True:
        return True
    right = evaluation.truth(node.right)
    return negated(all_of(evaluation.work, (negated(left), negated(right))))


def _choice(evaluation: Evaluation, node: Node) -> Value:
    holds = evaluation.truth(node.test)
    yes = Undefined() if holds is False else evaluation.value(node.expr1)
    if holds is True:
        return yes
    no = Undefined() if node.expr2 is None else evaluation.value(node.expr2)
    if holds is False:
        return no
    return yes if _same(evaluation.work, yes, no) else unknown(evaluation.work, holds, yes, no)


def _choice_truth(evaluation: Evaluation, node: Node) -> bool | Unknown:
    holds = evaluation.truth(node.test)
    if not isinstance(holds, Unknown) or node.expr2 is None:
        return truth(_choice(evaluation, node))
    yes, no = evaluation.truth(node.expr1), evaluation.truth(node.expr2)
    return yes if isinstance(yes, bool) and yes == no else unknown(evaluation.work, holds, yes, no)


def _same(work: Work, left: Value, right: Value) -> bool:
    """Tell whether two values are known and the same; 1, 1.0 and true are not."""
    if type(left) is not type(right) or not (work.plain(left) and work.plain(right)):
        return False
    return bool(left == right) and repr(left) == repr(right)


def _compare(evaluation: Evaluation, node: Node) -> bool | Unknown:
    parts: list[bool | Unknown] = []
    left = evaluation.value(node.expr)
    for operand in node.ops:
        right = evaluation.value(operand.expr)
        part = _compared(evaluation.work, operand.op, left, right)
        if part is False:
            return False
        parts.append(part)
        left = right
    return all_of(evaluation.work, parts)


def _compared(work: Work, name: str, left: Value, right: Value) -> bool | Unknown:
    try:
        if name in ("eq", "ne"):
            same = equal(work, left, right)
            return same if name == "eq" else negated(same)
        if name in ("in", "notin"):
            found = contains(work, right, left)
            return found if name == "in" else negated(found)
        if not (work.plain(left) and work.plain(right)):
            return unknown(work, left, right)
        return bool(_ORDERS[name](left, right))
    except FAILURES:
        return unknown(work, left, right)


_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}


def _concat(evaluation: Evaluation, node: Node) -> Value:
    parts = [text_of(evaluation.work, evaluation.value(part)) for part in node.nodes]
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) < len(parts):
        return unknown(evaluation.work, *parts)
    return "".join(texts) if sum(map(len, texts)) <= MAX_SIZE else Unknown()


def _binary(evaluation: Evaluation, node: Node) -> Value:
    work = evaluation.work
    left, right = evaluation.value(node.left), evaluation.value(node.right)
    name = type(node).__name__
    if name == "Add":
        if isinstance(left, list) and isinstance(right, Unknown):
            right = [right]
        elif isinstance(left, Unknown) and isinstance(right, list):
            left = [left]
    if is_blank(left) or is_blank(right):
        return unknown(work, left, right)
    try:
        return _computed(work, name, left, right)
    except FAILURES:
        return unknown(work, left, right)


def _computed(work: Work, name: str, left: Any, right: Any) -> Value:
    sized = isinstance(left, (str, list)), isinstance(right, (str, list))
    if name == "Add" and all(sized):
        if len(left) + len(right) > MAX_SIZE:
            return Unknown()
        work.charge((len(left) + len(right)) // 8)
    elif name == "Mul" and any(sized):
        if isinstance(left, int):
            left, right = right, left
        if len(left) * max(right, 0) > MAX_SIZE:
            return Unknown()
        work.charge(len(left) * max(right, 0) // 8)
    elif any(sized):
        # `'%s' % value` among them: what a format may ask for has no limit.
        return unknown(work, left, right)
    elif name == "Pow" and isinstance(left, int) and left.bit_length() * right > MAX_BITS:
        return Unknown()
    return bounded(_ARITHMETIC[name](left, right))


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "Pow": operator.pow,
}


def _unary(evaluation: Evaluation, node: Node) -> Value:
    value = evaluation.value(node.node)
    if not isinstance(value, (int, float)):
        return unknown(evaluation.work, value)
    return -value if type(node).__name__ == "Neg" else +value


def _attribute(evaluation: Evaluation, node: Node) -> Value:
    found = member(evaluation.work, evaluation.value(node.node), node.attr, methods_first=True)
    return Undefined(_dotted(node)) if found == Undefined() else found


def _subscript(evaluation: Evaluation, node: Node) -> Value:
    value = evaluation.value(node.node)
    if type(node.arg).__name__ == "Slice":
        return _sliced(evaluation, value, node.arg)
    found = member(evaluation.work, value, evaluation.value(node.arg))
    return Undefined(_dotted(node)) if found == Undefined() else found


def _dotted(node: Node) -> str:
    """Return the name of what `a.b['c']` stands for: `a.b.c`, as far as it is written out."""
    kind = type(node).__name__
    if kind == "Name":
        return str(node.name)
    if kind == "Getattr":
        inner, key = _dotted(node.node), node.attr
    elif kind == "Getitem":
        inner = _dotted(node.node)
        key = node.arg.value if type(node.arg).__name__ == "Const" else "*"
    else:
        return ""
    return f"{inner}.{key}" if inner else ""


def _sliced(evaluation: Evaluation, value: Value, node: Node) -> Value:
    bounds = [
        None if part is None else evaluation.value(part)
        for part in (node.start, node.stop, node.step)
    ]
    work = evaluation.work
    if not isinstance(value, (str, list)):
        return unknown(work, value, *bounds)
    if any(bound is not None and not isinstance(bound, int) for bound in bounds):
        return unknown(work, value, *bounds)
    work.charge(len(value) // 8)
    if isinstance(value, list) and any(isinstance(item, Unknown) for item in value):
        return unknown(work, *value)
    try:
        return value[slice(*bounds)]
    except ValueError:
        return Unknown()


def _filter(evaluation: Evaluation, node: Node) -> Value:
    if node.node is None:
        return Unknown()
    value, given = evaluation.value(node.node), evaluation.arguments(node)
    if given is None:
        return unknown(evaluation.work, value)
    return bounded(apply_filter(evaluation.work, node.name, value, *given))


def _test(evaluation: Evaluation, node: Node) -> bool | Unknown:
    value, given = evaluation.value(node.node), evaluation.arguments(node)
    if given is None:
        return unknown(evaluation.work, value)
    return apply_test(evaluation.work, node.name, value, *given)


def _call(evaluation: Evaluation, node: Node) -> Value:
    given = evaluation.arguments(node)
    if given is None:
        return Unknown()
    arguments, keywords = given
    kind = type(node.node).__name__
    if kind == "Name":
        return bounded(call_name(evaluation, node.node.name, arguments, keywords))
    if kind == "Getattr":
        target = evaluation.value(node.node.node)
        return bounded(call_method(evaluation.work, target, node.node.attr, arguments, keywords))
    return unknown(evaluation.work, *arguments, *keywords.values())


_VALUES: dict[str, Callable[[Evaluation, Node], Value]] = {
    "Const": _constant,
    "Name": _name,
    "List": _list,
    "Tuple": _list,
    "Dict": _dict,
    "And": _and,
    "Or": _or,
    "Not": _not,
    "CondExpr": _choice,
    "Compare": _compare,
    "Concat": _concat,
    "Neg": _unary,
    "Pos": _unary,
    "Getattr": _attribute,
    "Getitem": _subscript,
    "Filter": _filter,
    "Test": _test,
    "Call": _call,
    **dict.fromkeys(_ARITHMETIC, _binary),
}

_TRUTHS: dict[str, Callable[[Evaluation, Node], bool | Unknown]] = {
    "And": _and_truth,
    "Or": _or_truth,
    "Not": _not,
    "CondExpr": _choice_truth,
}
