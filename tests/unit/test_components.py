"""Semantic patches limited to components: the choice, the plan, the message, the record."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from generator.emit.message import commit_message, subject
from generator.emit.report import patches_report
from generator.emit.text import patch_text
from generator.engine.choice import Choice, choose, unwise, with_components
from generator.engine.operations import OPERATIONS
from generator.engine.operations.base import Changed, Component, NotNeeded
from generator.engine.patch import SemanticPatch, component_of, load_patch
from generator.engine.series import Applied, Skipped, plan
from generator.exits import Unsafe, UnusableInput
from generator.fork.history import Commit, components_of, made_of
from generator.model.kubespray import Kubespray
from generator.overlay.make import manifest_for
from generator.overlay.manifest import (
    Manifest,
    OverlayBase,
    OverlayPatch,
    manifest_of,
    manifest_text,
)
from generator.overlay.refresh import chosen_again
from generator.overlay.state import known_patches
from generator.tree.memory import MemoryTree

PATCH = "marks"
RISKY = "It is no good idea."


@dataclass(frozen=True)
class Mark:
    """Writes a mark into a file, for a component."""

    component: Component | None
    path: str
    refuses: bool = False

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        if kubespray.tree.mode(self.path) is None:
            return NotNeeded(f"the tree has no {self.path}")
        data = kubespray.tree.raw(self.path)
        mark = f"# {self.component.name if self.component else 'all'}\n".encode()
        if mark in data:
            return NotNeeded(f"{self.path} is marked", True)
        if self.refuses:
            raise Unsafe(f"{self.path}:1: this cannot be marked.")
        return Changed({self.path: data + mark}, f"{self.path} is not marked")

    def describe(self) -> str:
        return f"Mark {self.path}."


def mark(name: str, *paths: str, risky: bool = False, refuses: bool = False) -> list[Mark]:
    component = Component(name, RISKY if risky else None)
    return [Mark(component, path, refuses) for path in paths or (f"roles/{name}.txt",)]


def made(
    *operations: Mark, identity: str = PATCH, default: bool = False, title: str = "Mark files",
    comes_with: tuple[str, ...] = (), excludes: tuple[str, ...] = (),
) -> SemanticPatch:  # fmt: skip
    return SemanticPatch(
        id=identity, version=3, date="2026-01-01", title=title, default=default, why="A test.",
        references=(), needs_roles=(), excludes=excludes, comes_with=comes_with, obsolete=None,
        leaves_alone=(), order=None, operations=operations,
    )  # fmt: skip


USUAL = made(*mark("one"), *mark("two", "roles/a", "roles/b"), *mark("three"),
             *mark("csi-node", risky=True), *mark("risky", risky=True))  # fmt: skip
BARE = made(Mark(None, "roles/bare"), identity="bare")
KNOWN = {PATCH: USUAL, "bare": BARE}


def names(
    *also: str, only: tuple[str, ...] = (), without: tuple[str, ...] = (),
    known: Mapping[str, SemanticPatch] = KNOWN,
) -> tuple[str, ...] | None:  # fmt: skip
    """Return the components that are chosen, None where the patch is not."""
    chosen = choose(known, Choice(only, also, without))
    return {patch.id: patch.chosen for patch in chosen}.get(PATCH)


def kubespray(*paths: str, **files: str) -> Kubespray:
    found = dict.fromkeys(paths, b"") | {
        f"roles/{name}": text.encode() for name, text in files.items()
    }
    return Kubespray(MemoryTree({"cluster.yml": b"[]\n", **found}, "v2.27.0"))


class TestPatch:
    def test_components_each_once_in_the_order_of_the_file(self) -> None:
        found = [(component.name, component.unwise) for component in USUAL.components]
        assert found == [
            ("one", None), ("two", None), ("three", None), ("csi-node", RISKY), ("risky", RISKY),
        ]  # fmt: skip
        assert USUAL.chosen == ("one", "two", "three", "csi-node", "risky")
        assert BARE.components == BARE.chosen == ()

    def test_limited_keeps_operations_of_no_component(self) -> None:
        shared = Mark(None, "roles/shared")
        patch = made(shared, *mark("one"), *mark("two", "roles/a", "roles/b"))
        assert patch.limited_to({"two"}).operations == (shared, *mark("two", "roles/a", "roles/b"))
        assert patch.limited_to(()).operations == (shared,)

    def test_limited_knows_the_whole(self) -> None:
        once = USUAL.limited_to({"one"})
        assert once.chosen == ("one",) and once.components == USUAL.components
        assert once.limited_to({"two", "one"}) == USUAL.limited_to(["one", "two"])
        assert once.limited_to({"two"}).chosen == ("two",)

    def test_one_operation_says_for_all_why_it_is_unwise(self) -> None:
        for first, second in ((None, RISKY), (RISKY, None), (RISKY, RISKY)):
            patch = made(Mark(Component("a", first), "x"), Mark(Component("a", second), "y"))
            assert patch.components == (Component("a", RISKY),)

    def test_what_is_no_component(self) -> None:
        assert component_of(SimpleNamespace(component="coredns")) is None
        assert component_of(SimpleNamespace(component=None)) is None
        assert component_of(object()) is None


class TestChoice:
    @pytest.mark.parametrize(
        ("also", "expected"),
        [
            (("marks=one",), ("one",)),
            (("marks=three,one",), ("one", "three")),
            (("marks=one", "marks=three"), ("one", "three")),
            (("marks=one,one", "marks=one"), ("one",)),
            (("marks=all",), ("one", "two", "three")),
            (("marks=all,risky",), ("one", "two", "three", "risky")),
            (("marks=risky",), ("risky",)),
            (("marks= one , two ",), ("one", "two")),
            (("marks", "marks=one"), ("one",)),
            (("bare",), None),
        ],
    )
    def test_names(self, also: tuple[str, ...], expected: tuple[str, ...] | None) -> None:
        assert names(*also) == expected
        assert names(only=also) == expected

    def test_only_and_with_add_up(self) -> None:
        assert names("marks=two", only=("marks=one",)) == ("one", "two")
        assert names("marks=two", only=("bare",)) == ("two",)

    @pytest.mark.parametrize(
        ("asked", "without", "expected"),
        [
            ("marks=all", ("marks=two",), ("one", "three")),
            ("marks=all", ("marks=two,three",), ("one",)),
            ("marks=all", ("marks=two", "marks=one"), ("three",)),
            ("marks=all,risky", ("marks=risky",), ("one", "two", "three")),
            ("marks=one", ("marks=two",), ("one",)),
            ("marks=one", ("marks=one",), None),
            ("marks=all", ("marks=one,two,three",), None),
            ("marks=all", ("marks",), None),
            ("marks=all", ("marks=one", "marks"), None),
            ("marks", ("marks",), None),
        ],
    )
    def test_without(
        self, asked: str, without: tuple[str, ...], expected: tuple[str, ...] | None
    ) -> None:
        assert names(asked, without=without) == expected
        assert names(only=(asked,), without=without) == expected

    def test_the_order_of_names_does_not_matter(self) -> None:
        words = ("marks=three", "marks=one,risky", "marks=two")
        found = {names(*order) for order in itertools.permutations(words)}
        assert found == {("one", "two", "three", "risky")}

    def test_whole_where_nobody_named_it(self) -> None:
        default = {PATCH: replace(USUAL, default=True), "bare": BARE}
        assert names(known=default) == ("one", "two", "three")
        assert names(without=("marks=one",), known=default) == ("two", "three")
        assert names(without=("marks=one,two,three",), known=default) is None
        assert names("marks=one", known=default) == ("one",)
        companion = {PATCH: USUAL, "bare": replace(BARE, comes_with=(PATCH,))}
        assert names("bare", known=companion) == ("one", "two", "three")

    def test_nothing_left_of_a_companion(self) -> None:
        companion = {PATCH: USUAL, "bare": replace(BARE, comes_with=(PATCH,))}
        with pytest.raises(UnusableInput, match="'marks' must come with"):
            names("bare", without=("marks=one,two,three",), known=companion)

    def test_one_without_anything_left_displaces_nobody(self) -> None:
        usual = replace(BARE, default=True, excludes=(PATCH,))
        chosen = choose(
            {PATCH: USUAL, "bare": usual}, Choice(also=("marks=one",), without=("marks=one",))
        )
        assert [patch.id for patch in chosen] == ["bare"]

    def test_unwise_ones_are_given_with_their_patch(self) -> None:
        chosen = choose(KNOWN, Choice(also=("marks=all,csi-node", "bare")))
        assert [(patch.id, one.name, one.unwise) for patch, one in unwise(chosen)] == [
            ("marks", "csi-node", RISKY)
        ]
        assert list(unwise(choose(KNOWN, Choice(also=("marks=all",))))) == []

    def test_how_it_is_asked_for(self) -> None:
        assert with_components("a", ()) == "a"
        assert with_components("a", ["x"]) == "a=x"
        assert with_components("a", ("x", "y")) == "a=x,y"


class TestRefused:
    LISTED = r"one, two, three; unwise, by name only .*patches show marks.*: csi-node, risky"

    @pytest.mark.parametrize("asked", ["marks", "marks=", "marks=one,,two", "marks= ", "marks=,"])
    def test_no_names(self, asked: str) -> None:
        with pytest.raises(UnusableInput, match=rf"marks=NAME.*marks=all.*{self.LISTED}"):
            names(asked)
        with pytest.raises(UnusableInput, match=self.LISTED):
            names(only=(asked,))

    @pytest.mark.parametrize("option", ["also", "only", "without"])
    def test_unknown(self, option: str) -> None:
        known = {"also": (), "only": (), "without": ()}
        with pytest.raises(UnusableInput, match=rf"'zzzzzz'; it has {self.LISTED}"):
            choose(KNOWN, Choice(**{**known, option: ("marks=zzzzzz",)}))
        with pytest.raises(UnusableInput, match=r"'thre'; did you mean three\?"):
            choose(KNOWN, Choice(**{**known, option: ("marks=thre",)}))
        with pytest.raises(UnusableInput, match=r"did you mean csi-node\?"):
            choose(KNOWN, Choice(**{**known, option: ("marks=csi_node",)}))

    @pytest.mark.parametrize("option", ["also", "only", "without"])
    def test_no_components(self, option: str) -> None:
        known = {"also": (), "only": (), "without": ()}
        for text in ("bare=all", "bare=x", "bare="):
            with pytest.raises(UnusableInput, match=r"'bare' has no components.*name it alone"):
                choose(KNOWN, Choice(**{**known, option: (text,)}))
        with pytest.raises(UnusableInput, match="no semantic patch 'none'"):
            choose(KNOWN, Choice(**{**known, option: ("none=x",)}))

    def test_case_and_equals_signs(self) -> None:
        for text in ("marks=One", "marks=one=two", "marks=one;two", "marks=ALL", "marks=--one"):
            with pytest.raises(UnusableInput, match="has no component"):
                names(text)

    def test_without_all(self) -> None:
        with pytest.raises(UnusableInput, match=r"to leave out 'marks', name it alone"):
            names("marks=all", without=("marks=all",))

    def test_all_of_nothing(self) -> None:
        patch = made(*mark("one", risky=True))
        with pytest.raises(UnusableInput, match="each is asked for by name"):
            names("marks=all", known={PATCH: patch})
        assert names("marks=all,one", known={PATCH: patch}) == ("one",)


class TestPlan:
    def test_only_what_is_chosen(self) -> None:
        tree = kubespray("roles/one.txt", "roles/a", "roles/b", "roles/risky.txt")
        (patch,) = choose({PATCH: USUAL}, Choice(also=("marks=two,three",)))
        series = plan(tree, [patch])
        (applied,) = series.applied
        assert [change.path for change in series.files] == ["roles/a", "roles/b"]
        assert applied.components == ("two",)
        assert applied.idle == (("three", "the tree has no roles/three.txt"),)

    def test_part_of_a_component(self) -> None:
        """What one of its operations has nothing to do for is no news where another has."""
        (applied,) = plan(kubespray("roles/b"), [USUAL.limited_to({"two"})]).applied
        assert (applied.components, applied.idle) == (("two",), ())

    def test_nothing_there(self) -> None:
        series = plan(kubespray(), [USUAL.limited_to({"one", "two"})])
        assert series.outcomes == (
            Skipped(
                USUAL.limited_to({"one", "two"}),
                ("one: the tree has no roles/one.txt", "two: the tree has no roles/a"),
                already=False,
            ),
        )

    def test_what_the_tree_lacks_does_not_count(self) -> None:
        tree = kubespray(b="# two\n")
        (skipped,) = plan(tree, [USUAL.limited_to({"one", "two"})]).skipped
        assert skipped.already
        assert skipped.reasons == ("one: the tree has no roles/one.txt", "two: roles/b is marked")

    def test_an_operation_of_no_component_counts(self) -> None:
        patch = made(Mark(None, "roles/x"), *mark("two", "roles/b"))
        (skipped,) = plan(kubespray(b="# two\n"), [patch]).skipped
        assert not skipped.already

    def test_refused_says_how_to_do_the_rest(self) -> None:
        patch = made(*mark("one"), *mark("two", refuses=True))
        tree = kubespray("roles/one.txt", "roles/two.txt")
        with pytest.raises(Unsafe, match=r"roles/two.txt:1: .*--without marks=two\."):
            plan(tree, [patch])
        assert plan(tree, [patch.limited_to({"one"})]).applied
        with pytest.raises(Unsafe, match=r"cannot be marked\.\Z"):
            plan(tree, [made(Mark(None, "roles/one.txt", refuses=True))])

    def test_the_same_bytes_whatever_the_order(self) -> None:
        tree = kubespray("roles/one.txt", "roles/a", "roles/b", "roles/three.txt")
        results = set()
        for words in itertools.permutations(("marks=one", "marks=three", "marks=two")):
            series = plan(tree, choose({PATCH: USUAL}, Choice(also=words)))
            results.add((series.files, commit_message(series.applied[0], series.base)))
        assert len(results) == 1


class TestMessage:
    def message(self, *chosen: str, title: str = "Mark files") -> str:
        tree = kubespray("roles/one.txt", "roles/a", "roles/b", "roles/three.txt")
        patch = replace(USUAL, title=title).limited_to(chosen)
        series = plan(tree, [patch])
        return commit_message(series.applied[0], series.base)

    def test_names_what_was_done(self) -> None:
        lines = self.message("three", "one", "risky").split("\n")
        assert lines[:2] == ["Mark files: one, three", ""]
        assert lines[-5:-1] == [
            "Semantic-patch: marks (version 3)", "Component: one", "Component: three",
            "Base: v2.27.0",
        ]  # fmt: skip

    def test_the_subject_stays_short(self) -> None:
        title = "M" * 60
        assert self.message("one", "two", title=title).split("\n")[0] == f"{title}: one, two"
        assert self.message("one", "two", "three", title=title).split("\n")[0] == title

    def test_without_components_nothing_is_new(self) -> None:
        series = plan(kubespray("roles/bare"), [BARE])
        assert subject(series.applied[0]) == "Mark files"
        assert "Component" not in commit_message(series.applied[0], series.base)

    def test_a_fork_reads_it_back(self) -> None:
        commit = Commit("1", "2", ("3",), "", "", self.message("one", "two"))
        assert made_of(commit) == (PATCH, 3)
        assert components_of(commit) == ("one", "two")

    def test_a_fork_is_not_misled_by_the_text_above(self) -> None:
        text = "Component: two\n\nSemantic-patch: a (version 1)\nComponent: one\nBase: x\n"
        assert components_of(Commit("1", "2", ("3",), "", "", text)) == ("one",)
        assert components_of(Commit("1", "2", ("3",), "", "", "Component: two\n")) == ()


class TestRecord:
    BASE = OverlayBase("a" * 40)

    def manifest(self, *components: str, identity: str = PATCH) -> Manifest:
        return Manifest(self.BASE, (OverlayPatch(identity, 3, True, components),), ())

    def test_of_a_series(self) -> None:
        """What was chosen, also of what this tree lacks: the next one may have it."""
        patches = choose(KNOWN, Choice(also=("marks=three,one", "bare")))
        series = plan(kubespray("roles/one.txt"), patches)
        manifest = manifest_for(series, self.BASE)
        assert manifest.patches == (
            OverlayPatch(PATCH, 3, True, ("one", "three")), OverlayPatch("bare", 3, False),
        )  # fmt: skip
        text = manifest_text(manifest)
        assert text.count("components:") == 1
        assert manifest_of("overlay.yml", text.encode()) == manifest

    @pytest.mark.parametrize(
        "wrong",
        ["[]", "[one, one]", "[All]", "[all]", "one", "{one: two}", "[1 2]", "[[one]]", "''"],
    )
    def test_not_valid(self, wrong: str) -> None:
        text = manifest_text(self.manifest("one"))
        old = "components:\n      - one\n"
        assert text.count(old) == 1, text
        data = text.replace(old, f"components: {wrong}\n").encode()
        with pytest.raises(UnusableInput, match=r"'components' in a patch of the overlay"):
            manifest_of("overlay.yml", data)

    def test_known_again(self) -> None:
        known, unknown = known_patches(self.manifest("three", "one", "gone"), KNOWN)
        assert known == (USUAL.limited_to({"one", "three"}),)
        assert unknown == ("marks=gone",)

    @pytest.mark.parametrize(
        ("also", "without", "expected"),
        [
            ((), (), ("one", "risky")),
            (("marks=two",), (), ("one", "two", "risky")),
            (("marks=all",), (), ("one", "two", "three", "risky")),
            ((), ("marks=one",), ("risky",)),
            ((), ("marks=one,risky",), None),
            ((), ("marks=two",), ("one", "risky")),
            ((), ("marks",), None),
            (("bare",), ("marks",), None),
            (("marks=two",), ("marks=one", "marks=risky"), ("two",)),
        ],
    )
    def test_chosen_again(
        self, also: tuple[str, ...], without: tuple[str, ...], expected: tuple[str, ...] | None
    ) -> None:
        chosen = chosen_again(self.manifest("one", "risky"), KNOWN, also, without)
        assert {patch.id: patch.chosen for patch in chosen}.get(PATCH) == expected
        assert [patch.id for patch in chosen if patch.id == "bare"] == list(also).count("bare") * [
            "bare"
        ]

    def test_lost(self) -> None:
        manifest = self.manifest("one", "gone", "lost")
        with pytest.raises(UnusableInput, match=r"'gone' of .*--without marks=gone,lost\."):
            chosen_again(manifest, KNOWN)
        with pytest.raises(UnusableInput, match=r"'lost' of .*--without marks=lost\."):
            chosen_again(manifest, KNOWN, (), ("marks=gone",))
        for without in (("marks=gone,lost",), ("marks=gone", "marks=lost")):
            (patch,) = chosen_again(manifest, KNOWN, (), without)
            assert patch.chosen == ("one",)
        assert chosen_again(manifest, KNOWN, (), ("marks=gone,lost,one",)) == ()
        assert chosen_again(self.manifest("gone"), KNOWN, (), ("marks=gone",)) == ()
        with pytest.raises(UnusableInput, match="no component 'oen'"):
            chosen_again(manifest, KNOWN, (), ("marks=gone,lost,oen",))

    def test_a_patch_that_has_components_only_now(self) -> None:
        manifest = self.manifest(identity=PATCH)
        with pytest.raises(UnusableInput, match="wants components"):
            chosen_again(manifest, KNOWN)
        (patch,) = chosen_again(manifest, KNOWN, ("marks=one",))
        assert patch.chosen == ("one",)


class TestShown:
    def test_text(self) -> None:
        text = patch_text(replace(USUAL, operations=(Mark(None, "roles/x"), *USUAL.operations)))
        assert "Applied only on request (--with marks=NAME,...).\n" in text
        assert "What it does\n  - Mark roles/x.\n\nComponents" in text
        wise, risky = text.partition("Components that are unwise")[::2]
        assert "  two\n    - Mark roles/a.\n    - Mark roles/b.\n" in wise and "risky" not in wise
        assert f"  risky\n    - Unwise: {RISKY}\n    - Mark roles/risky.txt." in risky

    def test_limited_shows_the_same(self) -> None:
        operations = (Mark(None, "roles/x"), *USUAL.operations)
        whole = replace(USUAL, operations=operations)
        assert patch_text(whole.limited_to({"one"})) == patch_text(whole)

    def test_without_components(self) -> None:
        text = patch_text(BARE)
        assert "omponent" not in text and "(--with bare)." in text

    def test_json(self) -> None:
        one, other = patches_report([USUAL, BARE])["patches"]
        assert one["components"][-1] == {"name": "risky", "unwise": RISKY}
        assert len(one["components"]) == 5 and other["components"] == []


class TestFile:
    @pytest.fixture
    def written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
        monkeypatch.setitem(
            OPERATIONS, "mark",
            lambda fields, folder: Mark(
                Component(fields.text("component"), fields.text("unwise", "") or None), "x"
            ),
        )  # fmt: skip

        def write(*operations: str) -> Path:
            path = tmp_path / "marks.yml"
            listed = "".join(f"  - mark: {operation}\n" for operation in operations)
            path.write_text(
                "id: marks\nversion: 1\ndate: 2026-01-01\ntitle: Mark\nwhy: A test.\n"
                f"operations:\n{listed}"
            )
            return path

        return write

    def test_reads(self, written: Callable[..., Path]) -> None:
        path = written("{component: a}", "{component: b, unwise: x}", "{component: b}")
        assert load_patch(path).components == (Component("a"), Component("b", "x"))

    @pytest.mark.parametrize("name", ["all", "All", "a b", "a_b", "-a", "a,b", "a=b", "é"])
    def test_names(self, written: Callable[..., Path], name: str) -> None:
        with pytest.raises(UnusableInput, match=r"marks\.yml:\d+(:\d+)?: the component '.*' must"):
            load_patch(written(f"{{component: '{name}'}}"))

    def test_two_reasons(self, written: Callable[..., Path]) -> None:
        path = written("{component: a, unwise: x}", "{component: a}", "{component: a, unwise: y}")
        with pytest.raises(UnusableInput, match=r":9(:\d+)?: the component 'a' is unwise for two"):
            load_patch(path)
        assert load_patch(written("{component: a, unwise: x}", "{component: a, unwise: x}"))


def test_applied_without_components_is_as_it_was() -> None:
    applied = Applied(BARE, ("x",), ())
    assert (applied.components, applied.idle) == ((), ())
