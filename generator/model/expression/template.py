"""Templates: texts with expressions, `if`, `set` and `for` in them. All else gives Unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from generator.model.expression.evaluate import Evaluation
from generator.model.expression.known import MAX_SIZE, TooMuch, built, names_in, text_of, unknown
from generator.model.expression.members import items_of
from generator.model.expression.parse import Node
from generator.model.value import Undefined, Unknown, Value

_PASSED = frozenset({"Name", "Getattr", "Getitem"})
"""Expressions that pass a variable's value on as it is."""


def run(template: Node, evaluation: Evaluation) -> Value:
    """Return what a template gives.

    Raises TooMuch where it cannot be known which of its parts count.
    """
    only = single(template)
    if only is not None:
        value = evaluation.value(only)
        kind = type(only).__name__
        if kind not in _PASSED:
            value = built(evaluation.work, value)
        return _come_out(value, kind == "Name")
    parts: list[Value] = []
    _body(template.body, evaluation, parts)
    if len(parts) == 1 and not isinstance(parts[0], str):
        return _come_out(built(evaluation.work, parts[0]), is_variable=False)
    texts: list[str] = []
    blank: list[Value] = []
    for part in parts:
        text = "" if part is None else text_of(evaluation.work, part)
        if isinstance(text, str):
            texts.append(text)
        else:
            blank.append(text)
    if blank:
        return unknown(evaluation.work, *blank)
    if sum(map(len, texts)) > MAX_SIZE:
        return Unknown()
    return _read_again("".join(texts))


def _come_out(value: Value, is_variable: bool) -> Value:
    """Return what a template that is one expression gives.

    Up to ansible-core 2.18 (without jinja2_native) a number becomes a text and null an empty one,
    but for those of a variable alone; lists, mappings and booleans stay what they are.
    """
    if isinstance(value, str):
        return _read_again(value)
    if is_variable or isinstance(value, bool):
        return value
    if value is None or (isinstance(value, Undefined) and not value.name):
        return ""
    return str(value) if isinstance(value, int | float) else value


def _read_again(text: str) -> Value:
    """Return a text that a template gives as Ansible takes it: it may look like something else."""
    if text in ("True", "False"):
        return text == "True"
    return Unknown() if text.startswith(("{", "[")) and not text.startswith(("{{", "{%")) else text


def single(template: Node) -> Node | None:
    """Return the expression that a template consists of, but for white space around it."""
    if len(template.body) != 1 or type(template.body[0]).__name__ != "Output":
        return None
    nodes = [
        node
        for node in template.body[0].nodes
        if type(node).__name__ != "TemplateData" or not node.data.isspace()
    ]
    return nodes[0] if len(nodes) == 1 and type(nodes[0]).__name__ != "TemplateData" else None


def _body(nodes: Iterable[Node], evaluation: Evaluation, parts: list[Value]) -> None:
    for node in nodes:
        evaluation.work.charge(1)
        act = _STATEMENTS.get(type(node).__name__)
        if act is None:
            raise TooMuch
        act(node, evaluation, parts)


def _output(node: Node, evaluation: Evaluation, parts: list[Value]) -> None:
    for inner in node.nodes:
        is_data = type(inner).__name__ == "TemplateData"
        value = inner.data if is_data else evaluation.value(inner)
        if isinstance(value, str):
            evaluation.work.charge(len(value) // 64)
        parts.append(value)


def _if(node: Node, evaluation: Evaluation, parts: list[Value]) -> None:
    for branch in (node, *node.elif_):
        holds = evaluation.truth(branch.test)
        if isinstance(holds, Unknown):
            raise TooMuch(holds.names)
        if holds:
            return _body(branch.body, evaluation, parts)
    return _body(node.else_, evaluation, parts)


def _set(node: Node, evaluation: Evaluation, parts: list[Value]) -> None:
    _assign(node.target, evaluation.value(node.node), evaluation)


def _assign(target: Node, value: Value, evaluation: Evaluation) -> None:
    kind = type(target).__name__
    if kind == "Name":
        evaluation.scope[target.name] = value
    elif kind == "Tuple" and isinstance(value, list) and len(value) == len(target.items):
        if any(isinstance(item, Unknown) for item in value):
            raise TooMuch(names_in(evaluation.work, value))
        for inner, item in zip(target.items, value, strict=True):
            _assign(inner, item, evaluation)
    else:
        raise TooMuch(names_in(evaluation.work, value))


def _for(node: Node, evaluation: Evaluation, parts: list[Value]) -> None:
    work, outside = evaluation.work, evaluation.scope
    value = evaluation.value(node.iter)
    try:
        items = [] if node.recursive else items_of(work, value)
    except TypeError:
        items = [Unknown()]
    if node.recursive or any(isinstance(item, (Unknown, Undefined)) for item in items):
        raise TooMuch(names_in(work, value))
    if node.test is not None:
        items = [item for item in items if _kept(node, item, evaluation)]
    for index, item in enumerate(items):
        work.charge(len(outside) + 1)
        evaluation.scope = {**outside, "loop": _loop(index, len(items))}
        _assign(node.target, item, evaluation)
        _body(node.body, evaluation, parts)
    # What is set inside of a loop is not seen behind it.
    evaluation.scope = outside
    if not items:
        _body(node.else_, evaluation, parts)


def _kept(node: Node, item: Value, evaluation: Evaluation) -> bool:
    outside = evaluation.scope
    evaluation.work.charge(len(outside) + 1)
    evaluation.scope = dict(outside)
    _assign(node.target, item, evaluation)
    holds = evaluation.truth(node.test)
    evaluation.scope = outside
    if isinstance(holds, Unknown):
        raise TooMuch(holds.names)
    return holds


def _loop(index: int, length: int) -> dict[str, Value]:
    return {
        "index": index + 1,
        "index0": index,
        "revindex": length - index,
        "revindex0": length - index - 1,
        "first": index == 0,
        "last": index == length - 1,
        "length": length,
    }


_STATEMENTS: dict[str, Callable[[Node, Evaluation, list[Value]], None]] = {
    "Output": _output,
    "If": _if,
    "Assign": _set,
    "For": _for,
}
