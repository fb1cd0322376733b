"""Command lines of kubectl, Helm and programs like it: what they put in and what they wait for.

Source: the reference of kubectl ("kubectl wait", "kubectl rollout status", "kubectl apply") and
that of Helm ("helm install").
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from generator.model.wait import Target

UNSURE = "\ufffd"
"""Stands in a command line for what is not known."""

_MAX_LINE = 64 * 1024

_VALUED = frozenset(
    """
    -n --namespace --kubeconfig --context -l --selector -f --filename --for --timeout -o --output
    --field-selector -c --container --version --values --set --set-string --user --cluster --server
    --field-manager --type -p --patch --from-file --from-literal --repo --chart-directory --retries
    """.split()  # noqa: SIM905
)
"""Flags that take the next word as their value where it is not given with an equals sign."""

_SEPARATORS = "|&;()"

_COMMENT = re.compile(r"(?m)^[ \t]*#.*$|(?<=[ \t])#[^'\"\n]*$")

_ATTACHED = re.compile(r"(-[nlfosvc])=?([^-=].*|-)")
"""A short flag with its value right behind it."""

_SWITCHES = frozenset(
    """
    --wait --atomic --install --all --all-namespaces -A --server-side --force --debug
    --create-namespace
    --insecure-skip-tls-verify --match-server-version --warnings-as-errors --wait-for-jobs
    """.split()  # noqa: SIM905
)
"""Flags without a value, as far as they stand before the first word that is none."""

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}

_KINDS = {
    "deployment": ("deploy", "deployments"),
    "daemonset": ("ds", "daemonsets"),
    "statefulset": ("sts", "statefulsets"),
    "replicaset": ("rs", "replicasets"),
    "job": ("jobs",),
    "cronjob": ("cj", "cronjobs"),
    "pods": ("pod", "po"),
    "nodes": ("node", "no"),
}

_NAMES = {"daemonset": "DaemonSet", "statefulset": "StatefulSet", "replicaset": "ReplicaSet",
          "cronjob": "CronJob"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a command line: its program, its words that are no flags, its flags."""

    program: str
    words: tuple[str, ...]
    flags: tuple[tuple[str, str], ...] = field(default=())

    def flag(self, *names: str) -> str | None:
        """Return the value of a flag under one of its names, None without it."""
        return next((value for name, value in self.flags if name in names), None)

    def all_words(self) -> tuple[str, ...]:
        """Return all words, flags and their values among them."""
        return (*self.words, *(word for flag in self.flags for word in flag))

    def has(self, *names: str) -> bool:
        """Tell whether a flag is there and not switched off."""
        value = self.flag(*names)
        return value is not None and value.lower() not in ("false", "0")


def commands(text: str, programs: frozenset[str], shell: bool = True) -> Iterator[Command]:
    """Give the commands of a command line that run one of the programs.

    Of a `shell` text the lines are commands of their own, and comments are none.
    """
    if len(text) > _MAX_LINE:
        return
    text = text.replace("\\\n", " ")
    if shell:
        text = _COMMENT.sub("", text).replace("\n", " ; ")
    segment: list[str] = []
    for word in [*_without_redirections(_words(text)), ";"]:
        if word and not word.strip(_SEPARATORS):
            yield from _command(segment, programs)
            segment = []
        else:
            segment.append(word)


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=f"{_SEPARATORS}<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return text.split()


def _without_redirections(words: list[str]) -> list[str]:
    """Return words without `> file`, `2>&1` and the like."""
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.strip("<>&") == "" and set(word) & set("<>"):
            skip = True
            if kept and kept[-1].isdigit():
                kept.pop()
        else:
            kept.append(word)
    return kept


def seconds(text: str | None) -> int | None:
    """Return a duration such as `2m`, `5m30s` or `300`, None where it is none."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    parts = re.findall(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return int(sum(float(number) * _UNITS[unit] for number, unit in parts))


def targets(command: Command) -> Iterator[Target]:
    """Give what a kubectl command is about: `pods -l app=x`, `deployment/x`, `ds x y`."""
    namespace = known(command.flag("-n", "--namespace"))
    labels, is_open = selector(command.flag("-l", "--selector") or "")
    words = [word for word in command.words[1:] if word != "status"]
    if not words:
        return
    if all("/" in word for word in words):
        named = [word.partition("/")[::2] for word in words]
    else:
        kind, *rest = words
        named = [(kind, name) for name in rest or [""]]
    for kind, name in named:
        yield Target(kind_of(kind), known(name), namespace, labels, is_open)


def kind_of(word: str) -> str:
    """Return the kind that a word of kubectl's means, as manifests write it."""
    plain = word.split(".")[0].lower()
    for kind, others in _KINDS.items():
        if plain == kind or plain in others:
            return _NAMES.get(kind, kind if kind in ("pods", "nodes") else kind.capitalize())
    return word


def selector(text: str) -> tuple[dict[str, str], bool]:
    """Return the labels of a selector that asks for equality, and whether there is more in it."""
    labels: dict[str, str] = {}
    is_open = False
    for part in text.replace("==", "=").split(",") if text else ():
        key, equals, value = (word.strip() for word in part.partition("="))
        if equals and not key.endswith("!") and UNSURE not in key + value:
            labels[key] = value
        else:
            is_open = True
    return labels, is_open


def known(word: str | None) -> str | None:
    """Return a word, None where a part of it is not known."""
    return None if not word or UNSURE in word else word


def _command(words: list[str], programs: frozenset[str]) -> Iterator[Command]:
    start = next(
        (at for at, word in enumerate(words) if posixpath.basename(word) in programs), None
    )
    if start is None:
        return
    plain: list[str] = []
    flags: list[tuple[str, str]] = []
    rest = iter(words[start + 1 :])
    for word in rest:
        attached = None if word.startswith("--") else _ATTACHED.fullmatch(word)
        if not word.startswith("-") or word == "-":
            plain.append(word)
        elif attached is not None:
            flags.append((attached[1], attached[2]))
        elif "=" in word:
            name, _, value = word.partition("=")
            flags.append((name, value))
        elif word in _VALUED or (not plain and word not in _SWITCHES):
            # Before the verb, a flag that nobody knows here is one of the program's general ones.
            flags.append((word, next(rest, "")))
        else:
            flags.append((word, "true"))
    yield Command(posixpath.basename(words[start]), tuple(plain), tuple(flags))
