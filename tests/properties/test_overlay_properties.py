"""Overlays of any changes to any tree: laid and taken off again they leave no trace."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from generator.engine.patch import SemanticPatch, load_patches
from generator.engine.series import Applied, FileChange, Series
from generator.exits import Unsafe, UnusableInput
from generator.model.kubespray import Kubespray
from generator.overlay.lay import apply_overlay, revert_overlay
from generator.overlay.make import contents, manifest_for, replace_directory
from generator.overlay.manifest import (
    Manifest,
    OverlayBase,
    OverlayFile,
    OverlayPatch,
    check_path,
    manifest_of,
    manifest_text,
)
from generator.overlay.merge import merge
from generator.overlay.refresh import before, undone
from generator.overlay.state import looked_at
from generator.overlay.stored import stored_at
from generator.resources import resource_dir
from generator.tree.base import Base
from generator.tree.directory import DirectoryTree
from generator.tree.ids import blob_id, directory_entries, tree_id
from generator.tree.memory import MemoryTree

Files = dict[str, tuple[bytes, str]]
"""A tree: path to bytes and mode."""

QUICK = settings(max_examples=25, deadline=None)

names = st.sampled_from(["a", "b", "a.b", "a-b", "é", "c d", "x.yml", "é.sh", ".gitignore"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
lines = st.sampled_from([b"one", b"two", b"", b"\xff\0", b"- three: 3"])
texts = st.builds(
    lambda rows, end, last: end.join(rows) + (end if last else b""),
    st.lists(lines, max_size=6), st.sampled_from([b"\n", b"\r\n"]), st.booleans(),
)  # fmt: skip
modes = st.sampled_from(["100644", "100755"])
trees: st.SearchStrategy[Files] = st.dictionaries(paths, st.tuples(texts, modes), max_size=6)


def fits(files: Files) -> bool:
    """Tell whether no path is the folder of another."""
    return not any(f"{one}/" in f"{other}/" and other.startswith(f"{one}/")
                   for one in files for other in files)  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> tuple[Files, tuple[FileChange, ...]]:
    """Return a tree, and changes of it: files changed, added and deleted."""
    files = draw(trees.filter(fits))
    changes = []
    for path, (data, mode) in files.items():
        after = draw(st.one_of(st.just(data), texts, st.none()))
        if after != data:
            changes.append(FileChange(path, data, after, mode))
    added = draw(trees)
    assume(fits({**files, **added}))
    changes += [
        FileChange(path, None, data, mode) for path, (data, mode) in added.items()
        if path not in files
    ]  # fmt: skip
    return files, tuple(changes)


@cache
def patch() -> SemanticPatch:
    return load_patches([resource_dir("patches")])["approver-after-ccm"]


def series_of(changes: tuple[FileChange, ...]) -> Series:
    outcome = Applied(patch(), ("it is wrong",), changes)
    return Series(Base("here"), (outcome,), Kubespray(MemoryTree({}, "nothing")))


def write(top: Path, files: Files) -> None:
    top.mkdir()
    for path, (data, mode) in files.items():
        target = top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(0o755 if mode == "100755" else 0o644)


def read(top: Path) -> Files:
    return {
        path.relative_to(top).as_posix(): (
            path.read_bytes(),
            "100755" if path.stat().st_mode & 0o100 else "100644",
        )
        for path in top.rglob("*") if path.is_file()
    }  # fmt: skip


def folders(top: Path) -> set[Path]:
    return {path for path in top.rglob("*") if path.is_dir()}


def after(files: Files, changes: tuple[FileChange, ...]) -> Files:
    new = dict(files)
    for change in changes:
        if change.after is None:
            del new[change.path]
        else:
            new[change.path] = (change.after, change.mode)
    return new


@contextmanager
def laid_out(files: Files, changes: tuple[FileChange, ...]) -> Iterator[tuple[Path, Path]]:
    """Give a tree on disk and the overlay of the changes."""
    with tempfile.TemporaryDirectory() as directory:
        top, out = Path(directory) / "tree", Path(directory) / "overlay"
        write(top, files)
        series = series_of(changes)
        base = OverlayBase(tree_id(directory_entries(top)))
        replace_directory(out, contents(series, manifest_for(series, base)))
        yield top, out


def tree(top: Path) -> DirectoryTree:
    return DirectoryTree(top, Base("here"))


def state(out: Path, top: Path) -> str:
    return looked_at(stored_at(out), tree(top)).state


@QUICK
@given(cases())
def test_there_and_back(case: tuple[Files, tuple[FileChange, ...]]) -> None:
    files, changes = case
    with laid_out(files, changes) as (top, out):
        made, stored = folders(top), stored_at(out)
        assert state(out, top) == ("clean" if changes else "applied")
        done = apply_overlay(stored, tree(top), looked_at(stored, tree(top)))
        assert sorted(done) == sorted(change.path for change in changes)
        assert read(top) == after(files, changes)
        assert state(out, top) == "applied"
        assert apply_overlay(stored, tree(top), looked_at(stored, tree(top))) == []
        revert_overlay(stored, tree(top), looked_at(stored, tree(top)))
        assert read(top) == files
        assert folders(top) == made


@QUICK
@given(cases(), st.data())
def test_from_any_part_of_it(
    case: tuple[Files, tuple[FileChange, ...]], data: st.DataObject
) -> None:
    """Whichever files are laid already, applying and reverting end at the same trees."""
    files, changes = case
    some = tuple(change for change in changes if data.draw(st.booleans()))
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "overlay"
        series = series_of(changes)
        replace_directory(out, contents(series, manifest_for(series, OverlayBase("1" * 40))))
        stored = stored_at(out)
        for name, do, expected in (
            ("one", apply_overlay, after(files, changes)), ("two", revert_overlay, files),
        ):  # fmt: skip
            top = Path(directory) / name
            write(top, after(files, some))
            if changes:
                laid = "applied" if len(some) == len(changes) else "partial" if some else "clean"
                assert state(out, top) == laid
            do(stored, tree(top), looked_at(stored, tree(top)))
            assert read(top) == expected


@QUICK
@given(cases(), st.data())
def test_another_byte_is_stale(
    case: tuple[Files, tuple[FileChange, ...]], data: st.DataObject
) -> None:
    """A file that is neither as before nor as after is noticed, and nothing is written."""
    files, changes = case
    assume(changes)
    with laid_out(files, changes) as (top, out):
        change = data.draw(st.sampled_from(changes))
        other = data.draw(texts)
        assume(other not in (change.before, change.after))
        (top / change.path).parent.mkdir(parents=True, exist_ok=True)
        (top / change.path).write_bytes(other)
        as_left, stored = read(top), stored_at(out)
        found = looked_at(stored, tree(top))
        assert [file.path for file in found.of("stale")] == [change.path]
        for do in (apply_overlay, revert_overlay):
            try:
                do(stored, tree(top), found)
            except Unsafe as error:
                assert change.path in str(error)
            else:
                raise AssertionError("it must be refused")
        assert read(top) == as_left


@QUICK
@given(cases(), st.data())
def test_another_byte_is_drift(
    case: tuple[Files, tuple[FileChange, ...]], data: st.DataObject
) -> None:
    files, changes = case
    assume(changes)
    with laid_out(files, changes) as (top, out):
        kept = sorted(path for path in read(out) if path.startswith(("files/", "originals/")))
        path = data.draw(st.sampled_from(kept))
        (out / path).write_bytes((out / path).read_bytes() + b"x")
        stored = stored_at(out)
        assert [(one.path, one.state) for one in stored.troubles] == [(path, "drifted")]
        assert looked_at(stored, tree(top)).state == "drifted"


@QUICK
@given(cases())
def test_seen_as_before(case: tuple[Files, tuple[FileChange, ...]]) -> None:
    """A tree that holds the overlay looks, file by file, as the one it was made for."""
    files, changes = case
    with laid_out(files, changes) as (top, out):
        stored = stored_at(out)
        apply_overlay(stored, tree(top), looked_at(stored, tree(top)))
        held = undone(stored, tree(top))
        seen = before(stored, tree(top), held)
        assert {path: (seen.raw(path), seen.mode(path)) for path in files} == files
        assert all(seen.mode(change.path) is None for change in changes if change.before is None)


@QUICK
@given(cases())
def test_same_bytes(case: tuple[Files, tuple[FileChange, ...]]) -> None:
    files, changes = case
    with laid_out(files, changes) as (_, one), laid_out(files, changes) as (_, other):
        assert read(one) == read(other)


@settings(max_examples=10, deadline=None)
@given(trees.filter(fits))
def test_ids_are_those_of_git(files: Files) -> None:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    }  # fmt: skip
    files = {path: found for path, found in files.items() if not path.endswith(".gitignore")}
    with tempfile.TemporaryDirectory() as directory:
        top = Path(directory) / "tree"
        write(top, files)

        def git(*arguments: str) -> str:
            done = subprocess.run(
                ["git", *arguments], cwd=top, env=environment, capture_output=True, check=True
            )
            return done.stdout.decode().strip()

        git("init", "--quiet", "--template=")
        git("add", "--all", "--force")
        entries = directory_entries(top)
        assert tree_id(entries) == git("write-tree")
        for path, (data, mode) in files.items():
            assert entries[path] == (mode, blob_id(data))


hexes = st.text("0123456789abcdef", min_size=40, max_size=40)
phrases = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1)


@given(
    st.builds(
        OverlayBase, tree=hexes, name=st.none() | phrases, describe=st.none() | phrases,
        commit=st.none() | hexes, url=st.none() | phrases, uncommitted=st.booleans(),
    ),
    st.lists(
        st.builds(
            OverlayPatch, id=st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True),
            version=st.integers(0, 10**9), needed=st.booleans(),
        ),
        unique_by=lambda one: one.id, max_size=3,
    ),
    st.lists(
        st.builds(
            OverlayFile, path=phrases.filter(check_path), mode=modes,
            before=st.none() | hexes, after=hexes,
        ).filter(lambda file: file.before != file.after),
        unique_by=lambda file: file.path, max_size=3,
    ),
)  # fmt: skip
def test_record_is_read_back(
    base: OverlayBase, patches: list[OverlayPatch], files: list[OverlayFile]
) -> None:
    assume(fits({file.path: (b"", "") for file in files}))
    manifest = Manifest(base, tuple(patches), tuple(files))
    assert manifest_of("overlay.yml", manifest_text(manifest).encode()) == manifest


@settings(deadline=None)
@given(st.data())
def test_edited_record_never_crashes(data: st.DataObject) -> None:
    """It is read, or refused in one sentence; and what is read stays inside the tree."""
    file = OverlayFile("a/b.yml", "100644", "1" * 40, "2" * 40)
    text = manifest_text(Manifest(OverlayBase("1" * 40), (OverlayPatch("x", 1, True),), (file,)))
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 12))
    new = data.draw(st.text(st.sampled_from("/.ab:{}[]-'\"*&!|>#\n \0%\t1"), max_size=8))
    try:
        found = manifest_of("overlay.yml", (text[:at] + new + text[at + cut :]).encode())
    except UnusableInput as error:
        assert "overlay.yml" in str(error)
        return
    assert all(check_path(one.path) for one in found.files)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b"b", b"<<<<<<< tree", b"=======", b""]), max_size=12),
    st.data(),
)
def test_merge_is_git_s(base: list[bytes], data: st.DataObject) -> None:
    """Git says whether there is a conflict, and else what the result is."""
    end = data.draw(st.sampled_from([b"\n", b"\r\n"]))

    def edited() -> bytes:
        rows = list(base)
        for _ in range(data.draw(st.integers(0, 2))):
            at = data.draw(st.integers(0, len(rows)))
            rows[at : at + data.draw(st.integers(0, 2))] = data.draw(
                st.lists(st.sampled_from([b"x", b"y"]), max_size=2)
            )
        return b"".join(row + end for row in rows)

    ours, theirs, old = edited(), edited(), b"".join(row + end for row in base)
    with tempfile.TemporaryDirectory() as directory:
        for name, content in (("o", ours), ("b", old), ("t", theirs)):
            (Path(directory) / name).write_bytes(content)
        done = subprocess.run(
            ["git", "merge-file", "-p", "o", "b", "t"], cwd=directory, capture_output=True
        )
    try:
        assert merge("a", ours, old, theirs) == done.stdout and done.returncode == 0
    except Unsafe as error:
        assert done.returncode > 0
        place = str(error).split(": ")[0].split(":")
        assert place[0] == "a" and 1 <= int(place[1]) <= ours.count(b"\n") + 1
