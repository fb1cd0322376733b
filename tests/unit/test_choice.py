"""Which semantic patches are applied when a user asks for some, and in which order."""

from __future__ import annotations

import itertools

import pytest

from generator.engine.choice import Choice, choose
from generator.engine.patch import SemanticPatch, load_patches
from generator.exits import UnusableInput
from generator.resources import resource_dir

DEFAULT = ["approver-after-ccm", "approver-tolerations"]


def made(
    identity: str,
    default: bool = False,
    excludes: tuple[str, ...] = (),
    comes_with: tuple[str, ...] = (),
) -> SemanticPatch:
    """Return a semantic patch of which only the choice matters."""
    return SemanticPatch(
        id=identity,
        version=1,
        date="2026-01-01",
        title=identity,
        default=default,
        why="A test.",
        references=(),
        needs_roles=(),
        excludes=excludes,
        comes_with=comes_with,
        obsolete=None,
        leaves_alone=(),
        order=None,
        operations=(),
    )


def chosen(
    *patches: SemanticPatch,
    only: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> list[str]:
    known = {patch.id: patch for patch in patches}
    return [patch.id for patch in choose(known, Choice(only, also, without))]


@pytest.fixture(scope="module")
def known() -> dict[str, SemanticPatch]:
    return load_patches([resource_dir("patches")])


class TestShipped:
    """The semantic patches that come with the program."""

    def ids(self, known: dict[str, SemanticPatch], choice: Choice) -> list[str]:
        return [patch.id for patch in choose(known, choice)]

    def test_default(self, known: dict[str, SemanticPatch]) -> None:
        assert self.ids(known, Choice()) == DEFAULT

    def test_with_displaces_the_default_one_that_it_excludes(
        self, known: dict[str, SemanticPatch]
    ) -> None:
        chosen = self.ids(known, Choice(also=("backport-12141",)))
        assert chosen == ["approver-tolerations", "backport-12141"]

    @pytest.mark.parametrize("identity", [*DEFAULT, "backport-12141"])
    def test_only(self, known: dict[str, SemanticPatch], identity: str) -> None:
        assert self.ids(known, Choice(only=(identity,))) == [identity]

    @pytest.mark.parametrize("identity", DEFAULT)
    def test_without(self, known: dict[str, SemanticPatch], identity: str) -> None:
        (other,) = set(DEFAULT) - {identity}
        assert self.ids(known, Choice(without=(identity,))) == [other]

    def test_with_a_default_one_changes_nothing(self, known: dict[str, SemanticPatch]) -> None:
        assert self.ids(known, Choice(also=("approver-tolerations",))) == DEFAULT

    def test_without_one_that_is_not_default(self, known: dict[str, SemanticPatch]) -> None:
        assert self.ids(known, Choice(without=("backport-12141",))) == DEFAULT

    def test_only_with(self, known: dict[str, SemanticPatch]) -> None:
        choice = Choice(only=("approver-tolerations",), also=("backport-12141",))
        assert self.ids(known, choice) == ["approver-tolerations", "backport-12141"]

    def test_nothing_is_left(self, known: dict[str, SemanticPatch]) -> None:
        choice = Choice(only=("approver-tolerations",), without=("approver-tolerations",))
        assert self.ids(known, choice) == []

    @pytest.mark.parametrize(
        "choice",
        [
            Choice(only=("approver-after-ccm", "backport-12141")),
            Choice(also=("backport-12141", "approver-after-ccm")),
            Choice(only=("backport-12141",), also=("approver-after-ccm",)),
        ],
    )
    def test_both_asked_for(self, known: dict[str, SemanticPatch], choice: Choice) -> None:
        with pytest.raises(UnusableInput, match=r"'approver-after-ccm' and 'backport-12141'"):
            choose(known, choice)


def test_order_is_that_of_the_patches_not_of_the_options() -> None:
    patches = [made("a", default=True), made("b"), made("c"), made("d", default=True)]
    for asked in itertools.permutations(("b", "c")):
        assert chosen(*patches, also=asked) == ["a", "b", "c", "d"]
        assert chosen(*patches, only=asked) == ["b", "c"]


def test_said_twice_is_applied_once() -> None:
    assert chosen(made("a", default=True), made("b"), also=("b", "b", "a")) == ["a", "b"]


class TestExclusion:
    @pytest.mark.parametrize("by", ["asked", "default", "both"])
    def test_either_side_may_say_it(self, by: str) -> None:
        asked = made("asked", excludes=("usual",) if by != "default" else ())
        usual = made("usual", default=True, excludes=("asked",) if by != "asked" else ())
        assert chosen(asked, usual) == ["usual"]
        assert chosen(asked, usual, also=("asked",)) == ["asked"]

    def test_two_defaults(self) -> None:
        """Nobody has asked, so there is nothing to tell which one is meant."""
        one, two = made("one", default=True, excludes=("two",)), made("two", default=True)
        with pytest.raises(UnusableInput, match="'one' and 'two' exclude each other"):
            chosen(one, two)
        assert chosen(one, two, also=("two",)) == ["two"]
        assert chosen(one, two, without=("one",)) == ["two"]

    def test_two_asked(self) -> None:
        one, two = made("one", excludes=("two",)), made("two")
        with pytest.raises(UnusableInput, match="exclude each other"):
            chosen(one, two, also=("two", "one"))

    def test_without_settles_it(self) -> None:
        one, two = made("one", excludes=("two",)), made("two")
        assert chosen(one, two, also=("two", "one"), without=("one",)) == ["two"]

    def test_one_left_out_displaces_nobody(self) -> None:
        usual = made("usual", default=True)
        asked = made("asked", excludes=("usual",))
        assert chosen(asked, usual, also=("asked",), without=("asked",)) == ["usual"]

    def test_of_itself_or_of_a_third(self) -> None:
        one = made("one", default=True, excludes=("one", "third"))
        assert chosen(one, made("two"), made("third"), also=("two",)) == ["one", "two"]

    def test_several_are_displaced(self) -> None:
        one, two = made("one", default=True), made("two", default=True)
        assert chosen(one, two, made("all", excludes=("one", "two")), also=("all",)) == ["all"]


class TestComesWith:
    def test_brings_it(self) -> None:
        one, two = made("one", comes_with=("two",)), made("two")
        assert chosen(one, two) == []
        assert chosen(one, two, also=("one",)) == ["one", "two"]
        assert chosen(one, two, only=("one",)) == ["one", "two"]
        assert chosen(one, two, also=("two",)) == ["two"]

    def test_a_default_one_brings_it(self) -> None:
        """What must come with a patch must come whether the patch was asked for or not."""
        assert chosen(made("one", default=True, comes_with=("two",)), made("two")) == ["one", "two"]

    def test_that_brings_another(self) -> None:
        one, two = made("one", comes_with=("two",)), made("two", comes_with=("three",))
        three = made("three")
        assert chosen(one, two, three, also=("one",)) == ["one", "two", "three"]

    def test_ring(self) -> None:
        one, two = made("one", comes_with=("two",)), made("two", comes_with=("one",))
        assert chosen(one, two, also=("two",)) == ["one", "two"]

    def test_what_is_brought_displaces_like_what_is_asked_for(self) -> None:
        usual = made("usual", default=True)
        one, two = made("one", comes_with=("two",)), made("two", excludes=("usual",))
        assert chosen(usual, one, two, also=("one",)) == ["one", "two"]

    def test_left_out_all_the_same(self) -> None:
        """A patch without what must come with it is not what was verified; it is refused."""
        one, two = made("one", comes_with=("two",)), made("two")
        with pytest.raises(UnusableInput, match="'two'"):
            chosen(one, two, also=("one",), without=("two",))


class TestUnknown:
    @pytest.mark.parametrize("option", ["only", "also", "without"])
    def test_id(self, option: str) -> None:
        known = {"one": made("one"), "two": made("two")}
        choice = {
            "only": Choice(only=("nothing",)),
            "also": Choice(also=("nothing",)),
            "without": Choice(without=("nothing",)),
        }[option]
        with pytest.raises(UnusableInput, match=r"'nothing'.*one, two"):
            choose(known, choice)

    def test_case_matters(self) -> None:
        with pytest.raises(UnusableInput, match="'One'"):
            chosen(made("one"), only=("One",))
