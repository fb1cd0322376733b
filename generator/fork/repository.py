"""A fork's repository while it is surveyed, with the upstream that has what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from generator.model.kubespray import Kubespray
from generator.model.shelf import Shelf
from generator.tree.git import Repository
from generator.tree.locate import require_kubespray
from generator.tree.objects import ObjectReader
from generator.tree.revision import RevisionTree


@dataclass(frozen=True)
class Fork:
    """A repository whose objects are read by one process, each of them once.

    `elsewhere` are the commits that it lacks and `upstream` has, another repository.
    """

    repository: Repository
    own_reader: ObjectReader
    upstream: Repository | None = None
    upstream_reader: ObjectReader | None = None
    elsewhere: frozenset[str] = frozenset()
    shelf: Shelf = field(default_factory=Shelf, repr=False)

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """The fork's own repository, and upstream's where that is needed."""
        return (self.repository, self.upstream) if self.upstream else (self.repository,)

    def reader(self, commit: str) -> ObjectReader:
        """Return what reads the objects of a commit."""
        return self.upstream_reader or self.own_reader if self._lacks(commit) else self.own_reader

    def tree(self, commit: str, name: str) -> RevisionTree:
        """Return the Kubespray of a commit; raises UnusableInput where it is none."""
        repository, prefix = self.repository, self.repository.prefix
        if self._lacks(commit) and self.upstream is not None:
            repository, prefix = self.upstream, ""
        tree = RevisionTree(repository, commit, name, prefix, self.reader(commit))
        require_kubespray(tree)
        return tree

    def kubespray(self, tree: RevisionTree) -> Kubespray:
        """Return a tree as the patches see it; what it shares with others is parsed once."""
        return Kubespray(tree, shelf=self.shelf)

    def _lacks(self, commit: str) -> bool:
        return commit in self.elsewhere


@contextmanager
def opened_fork(
    repository: Repository,
    upstream: Repository | None = None,
    elsewhere: frozenset[str] = frozenset(),
) -> Iterator[Fork]:
    """Give a repository to survey; its reading processes end with the block."""
    readers = [ObjectReader(one.directory, remembers=True) for one in (repository, upstream) if one]
    try:
        yield Fork(repository, readers[0], upstream, readers[-1], elsewhere)
    finally:
        for reader in readers:
            reader.close()
