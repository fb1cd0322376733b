"""How a fork names the branches that carry the series."""

from __future__ import annotations

from dataclasses import dataclass

from generator.exits import UnusableInput

_PLACE = "{release}"


@dataclass(frozen=True)
class BranchTemplate:
    """The name of the branch for a release, with `{release}` for the release's own name."""

    before: str
    after: str

    @classmethod
    def of(cls, text: str) -> BranchTemplate:
        """Read a template; raises UnusableInput where it has no place for the release, or two."""
        before, found, after = text.partition(_PLACE)
        if not found or "{" in before + after or "}" in before + after:
            raise UnusableInput(
                f"the branch template '{text}' must hold {_PLACE} once and no other braces, "
                f"for instance {_PLACE}-ccm."
            )
        return cls(before, after)

    @property
    def is_release(self) -> bool:
        """Whether the branch for a release is that release itself."""
        return not self.before and not self.after

    def branch(self, release: str) -> str:
        """Return the name of the branch for a release."""
        return f"{self.before}{release}{self.after}"

    def release(self, branch: str) -> str | None:
        """Return the release that a branch is for, by its name; None where it fits none."""
        long_enough = len(branch) > len(self.before) + len(self.after)
        if self.is_release or not long_enough:
            return None
        if not branch.startswith(self.before) or not branch.endswith(self.after):
            return None
        return branch[len(self.before) : len(branch) - len(self.after)]
