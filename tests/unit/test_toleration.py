"""Kubernetes' rules for taints and tolerations, as a table."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.model.toleration import (
    UNINITIALIZED,
    Taint,
    Toleration,
    tolerates,
    toleration_from,
)

KEY = "node.cloudprovider.kubernetes.io/uninitialized"

DEDICATED = Taint("dedicated", "NoSchedule", "gpu")
BARE = Taint("dedicated", "NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "taint"),
    [
        pytest.param(Toleration("dedicated", "Equal", "gpu", "NoSchedule"), DEDICATED, id="equal"),
        pytest.param(
            Toleration("dedicated", "Equal", "gpu"), DEDICATED, id="equal, effect not given"
        ),
        pytest.param(Toleration("dedicated", value="gpu"), DEDICATED, id="Equal is the default"),
        pytest.param(
            Toleration("dedicated", "Exists", "", "NoSchedule"), DEDICATED, id="exists, with effect"
        ),
        pytest.param(Toleration("dedicated", "Exists"), DEDICATED, id="exists, effect not given"),
        pytest.param(Toleration(operator="Exists"), DEDICATED, id="everything"),
        pytest.param(
            Toleration(operator="Exists", effect="NoSchedule"), DEDICATED, id="every key of effect"
        ),
        pytest.param(Toleration("dedicated", "Equal"), BARE, id="no value on both sides"),
        pytest.param(Toleration("dedicated", "Exists"), BARE, id="exists, taint without value"),
        pytest.param(Toleration(KEY, "Exists", "", "NoSchedule"), UNINITIALIZED, id="ours"),
        pytest.param(Toleration(KEY, "Equal", "true"), UNINITIALIZED, id="ours, by value"),
    ],
)
def test_matches(toleration: Toleration, taint: Taint) -> None:
    assert toleration.matches(taint)


@pytest.mark.parametrize(
    ("toleration", "taint"),
    [
        pytest.param(Toleration("other", "Exists"), DEDICATED, id="other key"),
        pytest.param(Toleration("dedicate", "Exists"), DEDICATED, id="a key is no prefix"),
        pytest.param(Toleration("dedicated", "Equal", "cpu"), DEDICATED, id="other value"),
        pytest.param(Toleration("dedicated", "Equal", "GPU"), DEDICATED, id="values mind case"),
        pytest.param(Toleration("dedicated", "Equal"), DEDICATED, id="no value is not any value"),
        pytest.param(Toleration("dedicated", "Equal", "gpu"), BARE, id="value, taint has none"),
        pytest.param(
            Toleration("dedicated", "Equal", "gpu", "NoExecute"), DEDICATED, id="other effect"
        ),
        pytest.param(
            Toleration("dedicated", "Exists", "", "PreferNoSchedule"),
            DEDICATED,
            id="exists, other effect",
        ),
        pytest.param(
            Toleration(operator="Exists", effect="NoExecute"), DEDICATED, id="every key, effect"
        ),
        pytest.param(Toleration(), DEDICATED, id="empty key needs Exists"),
        pytest.param(Toleration(value="gpu"), DEDICATED, id="empty key with value"),
        pytest.param(Toleration("dedicated", "exists"), DEDICATED, id="operators mind case"),
        pytest.param(Toleration("dedicated", "NotIn", "gpu"), DEDICATED, id="unknown operator"),
        pytest.param(
            Toleration("dedicated", "Exists", "gpu"), DEDICATED, id="Exists with a value is invalid"
        ),
        pytest.param(Toleration(KEY), UNINITIALIZED, id="the taint's value is true"),
        pytest.param(
            Toleration(KEY, "Equal", "", "NoSchedule"), UNINITIALIZED, id="the same, with effect"
        ),
        pytest.param(Toleration(KEY, "Equal", "false"), UNINITIALIZED, id="another value"),
    ],
)
def test_does_not_match(toleration: Toleration, taint: Taint) -> None:
    assert not toleration.matches(taint)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param({"key": KEY, "operator": "Exists"}, Toleration(KEY, "Exists"), id="mapping"),
        pytest.param({"key": "a"}, Toleration("a", "Equal", "", ""), id="defaults"),
        pytest.param(
            {"key": "a", "value": True}, Toleration("a", "Equal", "true"), id="plain true is true"
        ),
        pytest.param(
            {"key": "a", "value": False}, Toleration("a", "Equal", "false"), id="false is a value"
        ),
        pytest.param({"key": "a", "value": 0}, Toleration("a", "Equal", "0"), id="0 is a value"),
        pytest.param(
            {"key": None, "operator": None, "value": None, "effect": None},
            Toleration("", "Equal", "", ""),
            id="null is not given",
        ),
        pytest.param({}, Toleration(), id="empty mapping"),
        pytest.param("text", None, id="text"),
        pytest.param(None, None, id="null"),
        pytest.param(["key"], None, id="list"),
    ],
)
def test_read_from_data(entry: Any, expected: Toleration | None) -> None:
    assert toleration_from(entry) == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([], False, id="none"),
        pytest.param([{"key": KEY, "effect": "NoSchedule"}], False, id="Equal without value"),
        pytest.param([{"key": KEY, "value": "true"}], True, id="Equal with value"),
        pytest.param([{"key": KEY, "value": True}], True, id="Equal with a plain true"),
        pytest.param(["x", None, {"operator": "Exists"}], True, id="what is no toleration"),
        pytest.param([{"key": "a"}, {"key": KEY, "operator": "Exists"}], True, id="one of two"),
    ],
)
def test_list_of_a_manifest(entries: list[Any], expected: bool) -> None:
    assert tolerates(entries, UNINITIALIZED) is expected


@pytest.mark.parametrize(
    ("taint", "text"),
    [
        pytest.param(UNINITIALIZED, f"{KEY}=true:NoSchedule", id="with value"),
        pytest.param(BARE, "dedicated:NoSchedule", id="without value"),
    ],
)
def test_taint_as_kubectl_writes_it(taint: Taint, text: str) -> None:
    assert str(taint) == text


# A small universe that is closed: a toleration that names one of these keys, values and effects
# is told from every other by some taint of it.
KEYS, VALUES = ("a", "b"), ("", "true", "x")
EFFECTS = ("NoSchedule", "NoExecute", "PreferNoSchedule")
UNIVERSE = [Taint(key, effect, value) for key in KEYS for value in VALUES for effect in EFFECTS]

TOLERATIONS = st.builds(
    Toleration,
    key=st.sampled_from(("", "a", "b")),
    operator=st.sampled_from(("Equal", "Exists")),
    value=st.sampled_from(VALUES),
    effect=st.sampled_from(("", *EFFECTS)),
)


def tolerated(toleration: Toleration) -> set[Taint]:
    return {taint for taint in UNIVERSE if toleration.matches(taint)}


@settings(max_examples=300, deadline=None)
@given(TOLERATIONS, TOLERATIONS)
def test_subsumes_is_sound(one: Toleration, other: Toleration) -> None:
    if one.subsumes(other):
        assert tolerated(other) <= tolerated(one)


def test_subsumes_is_complete() -> None:
    """Whatever covers the taints of a valid toleration with a key is said to subsume it."""
    valid = [
        Toleration(key, operator, value, effect)
        for key, operator, value, effect in itertools.product(
            KEYS, ("Equal", "Exists"), VALUES, ("", "NoSchedule", "NoExecute")
        )
        if operator == "Equal" or not value
    ]
    assert len(valid) == 24
    for one, other in itertools.product(valid, valid):
        assert one.subsumes(other) == (tolerated(other) <= tolerated(one)), (one, other)


@settings(max_examples=100, deadline=None)
@given(TOLERATIONS)
def test_subsumes_itself(one: Toleration) -> None:
    if tolerated(one):
        assert one.subsumes(one)
