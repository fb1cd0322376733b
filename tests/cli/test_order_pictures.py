"""`order --format html|svg|mermaid`: the command, its options, and files that people look at.

A golden file is renewed by `UPDATE_GOLDEN=1 pytest tests/cli/test_order_pictures.py`, and looked
at in a browser before it is kept.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli.conftest import CLUSTER, Result, commit_all, listing, run, start

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
SHOWN = {
    "order-picture-sample.html": ("--sample", "--format", "html"),
    "order-picture-sample.mmd": ("--sample", "--format", "mermaid"),
    "order-picture-manual.mmd": (
        "--sample", "--format", "mermaid", "--set", "external_cloud_provider=manual",
    ),
    "order-picture-upgrade.mmd": ("--sample", "--format", "mermaid", "-p", "upgrade-cluster.yml"),
}  # fmt: skip
FORMATS = ("html", "svg", "mermaid")

README_PICTURE = ROOT / "docs" / "order-sample.svg"
"""The picture that README.md shows; docs/pictures.md says how it is made."""


def order(*words: str | Path) -> Result:
    return run("order", *words)


def good(*words: str | Path) -> str:
    result = order(*words)
    assert result.code == 0, result.err
    return result.out.decode("utf-8")


def verdicts(text: str) -> list[str]:
    """How the sheets of a picture are."""
    return re.findall(r"(?:Before|After the patch|As it is[^:<]*): ([a-z ]+)<", text)


@pytest.mark.parametrize(("name", "words"), SHOWN.items(), ids=SHOWN.keys())
def test_golden(name: str, words: tuple[str, ...]) -> None:
    result = order(*words)
    assert (result.code, result.err) == (0, "")
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(result.out)
    assert result.out == path.read_bytes()


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.glob("order-picture-*")} == set(SHOWN)


def test_picture_of_the_readme() -> None:
    """It is what the command in docs/pictures.md prints."""
    said = (ROOT / "docs" / "pictures.md").read_text("utf-8")
    command = "kubespray-patchgen order --sample --format svg > docs/order-sample.svg"
    assert command in said
    made = order("--sample", "--format", "svg")
    if os.environ.get("UPDATE_GOLDEN"):
        README_PICTURE.write_bytes(made.out)
    assert README_PICTURE.read_bytes() == made.out


class TestWhatIsDrawn:
    @pytest.mark.parametrize("style", FORMATS)
    def test_before_and_after(self, style: str) -> None:
        text = good("--sample", "--format", style)
        found = verdicts(text.replace("<br/>", "<"))
        assert found == ["the deployment fails", "nothing blocks"]

    @pytest.mark.parametrize("style", FORMATS)
    def test_after_alone(self, style: str) -> None:
        text = good("--sample", "--format", style, "--patched")
        assert verdicts(text.replace("<br/>", "<")) == ["nothing blocks"]

    def test_chosen_patches(self) -> None:
        text = good("--sample", "--format", "svg", "--only", "approver-tolerations")
        assert verdicts(text) == ["the deployment fails", "a warning"]
        assert "Patches: approver-tolerations." in text and "moved here" not in text

    def test_upstreams_way(self) -> None:
        text = good("--sample", "--format", "mermaid", "--only", "backport-12141")
        assert "moved here by the patch" in text

    def test_patches_that_are_not_needed(self, repo: Path) -> None:
        assert run("patch", repo, "--apply").code == 0
        text = good(repo, "--format", "svg")
        assert verdicts(text) == ["nothing blocks"]
        assert "No patch is needed." in text

    def test_patches_that_change_nothing_here(self) -> None:
        text = good("--sample", "--format", "html", "-p", "scale.yml")
        assert "The chosen patches change nothing" in text
        assert text.count("<svg xmlns") == 1

    def test_scenario(self) -> None:
        text = good("--sample", "--format", "svg", "--set", "external_cloud_provider=manual")
        assert "external_cloud_provider=manual" in text
        assert ">nobody</text>" in text

    def test_inventory(self, tmp_path: Path) -> None:
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(
            "all:\n  vars: {cloud_provider: external, external_cloud_provider: manual,\n"
            "    kubelet_rotate_server_certificates: true}\n  children:\n"
            "    kube_control_plane: {hosts: {one: }}\n    kube_node: {hosts: {one: }}\n"
        )
        text = good("--sample", "--format", "mermaid", "-i", inventory)
        assert '"nobody' in text

    def test_several_playbooks(self) -> None:
        names = ("-p", "cluster.yml", "-p", "upgrade-cluster.yml", "-p", "cluster.yml")
        text = good("--sample", "--format", "html", *names)
        assert text.count("<section>") == 2
        assert "<title>2 playbooks in order</title>" in text

    def test_all_playbooks(self, plain: Path) -> None:
        text = good(plain, "--format", "html", "-p", "all")
        assert "What cluster.yml does in order" in text

    def test_everything(self) -> None:
        folded = good("--sample", "--format", "svg")
        whole = good("--sample", "--format", "svg", "--all")
        assert "more roles" in folded and "more role" not in whole
        assert ">kubernetes-apps/metrics_server</text>" in whole
        names = good("--sample", "--format", "mermaid", "--all")
        assert "<br/>kubernetes-apps/metrics_server<br/>" in names

    def test_bytes_do_not_depend_on_the_process(self) -> None:
        """The page holds the images; the flowchart is made of the same."""
        words = ("order", "--sample", "--format", "html")
        there = start(*words, PYTHONHASHSEED="1", LC_ALL="C", TZ="Asia/Tokyo")
        assert there.out == run(*words).out

    def test_nothing_is_written(self, repo: Path) -> None:
        before = listing(repo)
        for style in FORMATS:
            good(repo, "--format", style)
        assert listing(repo) == before

    def test_revision(self, repo: Path) -> None:
        assert run("patch", repo, "--apply").code == 0
        assert verdicts(good(repo, "--rev", "v1", "--format", "svg")) == [
            "the deployment fails", "nothing blocks",
        ]  # fmt: skip


class TestUsage:
    @pytest.mark.parametrize("style", ["text", "json"])
    @pytest.mark.parametrize(
        ("words", "option"),
        [(("--set", "a=b"), "--set"), (("-i", "hosts"), "-i"), (("--all",), "--all")],
    )
    def test_options_of_pictures(self, style: str, words: tuple[str, ...], option: str) -> None:
        result = order("--sample", "--format", style, *words)
        assert result.code == 2
        assert f"{option} goes with --format html, svg or mermaid." in result.err

    @pytest.mark.parametrize("style", ["svg", "mermaid"])
    @pytest.mark.parametrize(
        "words", [("-p", "all"), ("-p", "cluster.yml", "-p", "scale.yml")], ids=["all", "two"]
    )
    def test_one_playbook(self, style: str, words: tuple[str, ...]) -> None:
        result = order("--sample", "--format", style, *words)
        assert (result.code, result.out) == (2, b"")
        assert f"--format {style} draws one playbook" in result.err

    def test_the_same_playbook_twice(self) -> None:
        assert good("--sample", "--format", "svg", "-p", "cluster.yml", "-p", "cluster.yml")

    @pytest.mark.parametrize("words", [("--set", "x"), ("--set", "nodes=old"), ("-i", "none.yml")])
    def test_scenario_that_is_none(self, words: tuple[str, ...]) -> None:
        result = order("--sample", "--format", "svg", *words)
        assert (result.code, result.out) == (2, b"")
        assert "Traceback" not in result.err

    def test_no_such_playbook(self) -> None:
        result = order("--sample", "--format", "svg", "-p", "nowhere.yml")
        assert result.code == 2 and "no playbook 'nowhere.yml'" in result.err

    def test_misspelled_variable(self) -> None:
        result = order("--sample", "--format", "svg", "--set", "cloud_provder=x")
        assert result.code == 0
        assert result.err == (
            "--set cloud_provder: nothing that was drawn asks for this variable; is it "
            "misspelled?\n"
        )

    def test_patches_go_with_pictures(self) -> None:
        result = order("--sample", "--only", "approver-after-ccm")
        assert result.code == 2 and "go with --patched" in result.err
        assert good("--sample", "--format", "svg", "--only", "approver-after-ccm")


class TestOddTrees:
    """Each is drawn or refused in a sentence; never a traceback, never broken XML."""

    def change(self, plain: Path, path: str, old: str, new: str) -> None:
        file = plain / path
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), "utf-8")

    def drawn(self, plain: Path) -> dict[str, str]:
        found = {style: good(plain, "--format", style, "--all") for style in FORMATS}
        ElementTree.fromstring(found["svg"].encode())
        return found

    def test_names_that_mean_something(self, plain: Path) -> None:
        name = r'name: "\u202e</text><script>alert(1)</script> & \x07 `#;end{{ x }}"'
        self.change(plain, CLUSTER, "name: Run the control plane", name)
        for text in self.drawn(plain).values():
            assert "<script" not in text and "\u202e" not in text and "\x07" not in text

    def test_long_name_of_a_role(self, repo: Path) -> None:
        """In a revision; in a directory the system refuses such a name."""
        self.change(repo, CLUSTER, "kubernetes/client", "x" * 10_000)
        commit_all(repo)
        for style in FORMATS:
            text = good(repo, "--rev", "HEAD", "--format", style, "--all")
            assert "x" * 1000 not in text and "xxx…xxx" in text

    def test_crlf(self, plain: Path) -> None:
        file = plain / CLUSTER
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
        assert verdicts(good(plain, "--format", "svg")) == [
            "the deployment fails", "nothing blocks",
        ]  # fmt: skip

    @pytest.mark.parametrize("hosts", ["[a, b]", "{a: b}", "3", "~", "'{{ x }}'", "!x y"])
    def test_hosts_of_any_type(self, plain: Path, hosts: str) -> None:
        self.change(plain, CLUSTER, "hosts: kube_control_plane\n", f"hosts: {hosts}\n")
        self.drawn(plain)

    @pytest.mark.parametrize(
        "entry", ["{}", "~", "[a]", "{role: ~}", "{role: [a]}", "{role: '{{ x }}'}", "''", "*x"]
    )
    def test_roles_of_any_type(self, plain: Path, entry: str) -> None:
        self.change(plain, CLUSTER, "{ role: kubernetes/client, tags: client }", entry)
        for style in FORMATS:
            result = order(plain, "--format", style)
            assert result.code in (0, 2, 3) and "Traceback" not in result.err

    def test_not_utf8(self, plain: Path) -> None:
        (plain / CLUSTER).write_bytes(b"- hosts: \xff\n")
        result = order(plain, "--format", "svg")
        assert (result.code, result.out) == (2, b"") and CLUSTER in result.err

    def test_not_a_tree(self, tmp_path: Path) -> None:
        result = order(tmp_path, "--format", "html")
        assert (result.code, result.out) == (2, b"")

    def test_tree_whose_name_means_something(self, plain: Path, tmp_path: Path) -> None:
        odd = tmp_path / "a <b> & \u202e 'c'"
        plain.rename(odd)
        for style in FORMATS:
            text = good(odd, "--format", style)
            assert "<b>" not in text and "\u202e" not in text

    def test_many_steps(self, plain: Path) -> None:
        """2,000 more uses of a role are drawn in seconds, and do not make the picture longer."""
        old = "    - { role: kubernetes/client, tags: client }\n"
        more = "".join(f"    - {{ role: kubernetes/client, tags: t{at} }}\n" for at in range(2000))
        self.change(plain, CLUSTER, old, more)
        assert len(good(plain, "--format", "svg")) < 50_000
