"""Expressions and templates of Ansible, evaluated with three values: true, false, unknown.

Nothing is compiled or rendered: Jinja2's parser gives the tree of an expression, and the modules
here walk it over the values of generator.model.value. What cannot be known, is not implemented,
or would take too much time or memory, is Unknown; no text raises an exception.

Sources: Ansible documentation, "Using filters", "Tests", "Conditionals", "Lookups"; Jinja
documentation, "Template Designer Documentation". Where releases of ansible-core differ, the
behaviour of 2.12 to 2.18 counts, which are those that Kubespray's releases ask for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from generator.model.expression.evaluate import Evaluation
from generator.model.expression.evaluate import Lookup as Lookup
from generator.model.expression.known import MAX_DEPTH, TooMuch, built, missing
from generator.model.expression.known import truth as truth
from generator.model.expression.parse import bare_name, parse_expression, parse_template
from generator.model.expression.template import run, single
from generator.model.value import OpenMapping, Undefined, Unknown, Value

_WORDS = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
}
"""What is a boolean in YAML 1.1, and may have stayed a text on the way here."""


_TO_TEXT = re.compile(r"\|\s*(?:to_nice_yaml|to_yaml|to_nice_json|to_json|indent)\b")
"""Filters that make a text of data."""


def render(text: str, lookup: Lookup) -> Value:
    """Return what a template text gives.

    A text without `{{` and `{%` gives itself; one that is a single `{{ expression }}` gives the
    expression's own value where that is a list, a mapping or a boolean, or a variable alone, or
    Undefined where nobody sets it. Anything else gives a text, in which null is empty; the texts
    "True" and "False" become booleans, as Ansible makes them up to 2.18, and what looks like a
    list or a mapping is Unknown. Unknown where a part of it is unknown or undefined.
    """
    if not _is_template(text):
        return text
    return _harmless(_render, text, Evaluation(lookup))


def value_of(expression: str, lookup: Lookup) -> Value:
    """Return the value of a bare expression, whatever its type; Undefined where nobody sets it."""
    return _harmless(_value_of, expression, Evaluation(lookup))


def render_as_data(text: str, lookup: Lookup) -> Value:
    """Return what a template that is one expression gives, before filters turn it into YAML.

    `{{ tolerations | to_nice_yaml | indent(8) }}` gives the list. What nobody sets is Unknown.
    """
    bare = text.strip()
    inside = bare.removeprefix("{{").removesuffix("}}").strip("-+ \t\r\n")
    value = render("{{ " + _TO_TEXT.split(inside)[0] + " }}", lookup)
    return Unknown(frozenset({value.name})) if isinstance(value, Undefined) else value


def render_data(data: Value, lookup: Lookup) -> Value:
    """Return data with every text in its lists and mappings rendered; keys stay as they are.

    What is nested too deep is Unknown.
    """
    return _harmless(_render_data, data, Evaluation(lookup), MAX_DEPTH)


def condition(expression: str | bool, lookup: Lookup) -> bool | Unknown:
    """Tell whether one entry of `when:` holds.

    An empty one holds. One that contains `{{` is rendered first, and the text that this gives is
    evaluated again. A variable that holds a text is true where the text is not empty, "false"
    included: since ansible-core 2.12 such a text is not evaluated again (up to 2.18 the task
    runs; 2.19 refuses it). Undefined variables outside of `is defined` and `default` give
    Unknown with their name, because Ansible fails there.
    """
    if not isinstance(expression, str):
        return True if expression is None else truth(expression)
    text = expression
    if _is_template(text):
        value = render(text, lookup)
        if not isinstance(value, str):
            return truth(value)
        if not value:
            return False
        text = value
    result: bool | Unknown = _harmless(_condition, text.strip(), Evaluation(lookup))
    return result


def _is_template(text: str) -> bool:
    return "{{" in text or "{%" in text or ("{#" in text and "#}" in text)


def _harmless(work: Callable[..., Value], *arguments: Any) -> Value:
    """Call a function; what is too large or nested too deep for it gives Unknown."""
    try:
        return work(*arguments)
    except TooMuch as reason:
        return Unknown(reason.names)
    except RecursionError:
        return Unknown()


def _value_of(text: str, evaluation: Evaluation) -> Value:
    template = parse_template("{{ " + text + " }}")
    expression = single(template) if template is not None else None
    return Unknown() if expression is None else built(evaluation.work, evaluation.value(expression))


def _render(text: str, evaluation: Evaluation) -> Value:
    template = parse_template(text)
    if template is None:
        return Unknown()
    value = run(template, evaluation)
    bare = text.strip()
    if (
        len(bare) == len(text)
        or isinstance(value, bool)
        or not isinstance(value, str | int | float)
    ):
        return value
    # White space around an expression is a part of the text that it becomes.
    before, _, after = text.partition(bare)
    return f"{before}{value}{after}" if single(template) is not None else value


def _render_data(data: Value, evaluation: Evaluation, depth: int) -> Value:
    evaluation.work.charge(1)
    if isinstance(data, str):
        return _render(data, evaluation) if _is_template(data) else data
    if isinstance(data, (list, dict)) and not depth:
        return Unknown()
    if isinstance(data, list):
        return [_inner(item, evaluation, depth - 1) for item in data]
    if isinstance(data, dict):
        pairs = {key: _inner(item, evaluation, depth - 1) for key, item in data.items()}
        return OpenMapping(pairs) if isinstance(data, OpenMapping) else pairs
    return data


def _inner(data: Value, evaluation: Evaluation, depth: int) -> Value:
    value = _render_data(data, evaluation, depth)
    return missing(value) if isinstance(value, Undefined) else value


def _condition(text: str, evaluation: Evaluation) -> bool | Unknown:
    if not text:
        return True
    word = _WORDS.get(text.lower())
    if word is not None:
        return word
    if name := bare_name(text):
        return truth(evaluation.name(name))
    expression = parse_expression(text)
    return Unknown() if expression is None else evaluation.truth(expression)
