"""Exit codes, the same for every command, and the errors that carry them.

| code | means |
| --- | --- |
| 0 | fine, or nothing to do |
| 1 | the command found something (each command says what) |
| 2 | wrong usage, or input that cannot be used |
| 3 | a patch applies, but could not be done or verified safely |
| 130 | interrupted |
"""

from __future__ import annotations

OK = 0
FOUND = 1
UNUSABLE = 2
UNSAFE = 3
INTERRUPTED = 130


class PatchgenError(Exception):
    """Something a user can cause; its text is one or two plain sentences."""

    exit_code = UNUSABLE


class UnusableInput(PatchgenError):
    """The input cannot be read or is not what the command works on (exit 2)."""


class Unsafe(PatchgenError):
    """A patch applies here but cannot be done or verified safely (exit 3)."""

    exit_code = UNSAFE
