"""Which revisions `fork` takes, and the names of the branches that go with them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.exits import UnusableInput
from generator.fork.select import Target, natural, onto_patterns, select
from generator.fork.template import BranchTemplate
from generator.tree.refs import Ref

CCM = BranchTemplate.of("{release}-ccm")
SELF = BranchTemplate.of("{release}")

NAMES = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters=" ~^:?*[\\"), min_size=1
)


def ref(kind: str, name: str) -> Ref:
    """Return a ref with a commit of its own."""
    full = f"refs/{kind}/{name}"
    return Ref(full, hashlib.sha1(full.encode()).hexdigest())


def tags(*names: str) -> tuple[Ref, ...]:
    return tuple(ref("tags", name) for name in names)


def heads(*names: str) -> tuple[Ref, ...]:
    return tuple(ref("heads", name) for name in names)


def remotes(*names: str) -> tuple[Ref, ...]:
    return tuple(ref("remotes", name) for name in names)


def chosen(
    refs: tuple[Ref, ...], *patterns: str, template: BranchTemplate = CCM
) -> tuple[Target, ...]:
    """Select among the refs of a repository that is its own upstream."""
    return select(refs, refs, patterns, template)


def releases(targets: tuple[Target, ...]) -> list[str]:
    return [target.release for target in targets]


class TestOrder:
    def test_numbers_count_as_numbers(self) -> None:
        names = ["v2.22.0", "v2.9.0", "v10.0.0", "v2.22.10", "v2.22.9"]
        found = chosen(tags(*names), "*")
        assert releases(found) == ["v2.9.0", "v2.22.0", "v2.22.9", "v2.22.10", "v10.0.0"]

    def test_releases_come_before_branches(self) -> None:
        refs = heads("master", "release-2.9", "release-2.22") + tags("v2.30.0", "v2.22.0")
        found = releases(chosen(refs, "*"))
        assert found[:2] == ["v2.22.0", "v2.30.0"]
        assert found.index("release-2.9") < found.index("release-2.22")
        assert set(found[2:]) == {"release-2.9", "release-2.22", "master"}

    def test_order_does_not_depend_on_the_patterns(self) -> None:
        refs = tags("v2.22.0", "v2.23.0") + heads("main")
        assert chosen(refs, "main", "v2.23.0", "v2.22.0") == chosen(refs, "*")

    @given(st.lists(NAMES, unique=True, max_size=8))
    def test_any_names_have_one_order(self, names: list[str]) -> None:
        keys = [natural(name) for name in names]
        backwards = [*reversed(keys)]
        assert sorted(keys) == sorted(backwards)

    @pytest.mark.parametrize(
        "name",
        [
            "a1\N{SUPERSCRIPT TWO}2",
            "\N{SUPERSCRIPT TWO}",
            "\N{ARABIC-INDIC DIGIT FIVE}.1",
            "1" * 5000,
        ],
    )
    def test_digits_that_are_no_numbers(self, name: str) -> None:
        assert set(releases(chosen(heads(name, "main"), "*"))) == {name, "main"}

    def test_release_with_an_absurd_number_is_none(self) -> None:
        absurd = f"v{'9' * 5000}.1.0"
        assert releases(chosen(tags("v2.24.0", absurd))) == ["v2.24.0"]


class TestNames:
    def test_tag_counts_before_a_branch_of_its_name(self) -> None:
        refs = heads("v2.24.0") + tags("v2.24.0") + remotes("origin/v2.24.0")
        assert [target.commit for target in chosen(refs)] == [refs[1].commit]

    def test_local_branch_counts_before_a_remote_one(self) -> None:
        refs = remotes("origin/release-2.24") + heads("release-2.24")
        assert [target.commit for target in chosen(refs, "release-*")] == [refs[1].commit]

    def test_origin_counts_before_other_remotes(self) -> None:
        refs = remotes("acme/release-2.24", "origin/release-2.24")
        found = chosen(refs, "release-*")
        assert [(target.release, target.commit) for target in found] == [
            ("release-2.24", refs[1].commit)
        ]

    def test_remote_branch_is_found_without_its_remote(self) -> None:
        refs = remotes("origin/release-2.24")
        (target,) = chosen(refs, "release-2.24")
        assert (target.release, target.branch) == ("release-2.24", "release-2.24-ccm")

    def test_remote_is_part_of_the_name_only_with_a_slash(self) -> None:
        refs = remotes("origin/release-2.24")
        assert releases(chosen(refs, "*release*")) == ["release-2.24"]
        assert releases(chosen(refs, "origin/rel*")) == ["origin/release-2.24"]

    def test_pattern_with_a_remote_takes_that_remotes_branch(self) -> None:
        refs = remotes("acme/release-2.24", "origin/release-2.24") + heads("release-2.24")
        (target,) = chosen(refs, "acme/*")
        assert target.commit == refs[0].commit
        assert target.branch == "release-2.24-ccm"

    def test_branch_with_a_slash(self) -> None:
        (target,) = chosen(heads("acme/release-2.24"), "acme/*")
        assert target.branch == "acme/release-2.24-ccm"


class TestPatterns:
    REFS = tags("v2.22.0", "v2.24.0", "v2.24.1", "v2.30.0") + heads("master")

    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            ("v2.2[2-4].0", ["v2.22.0", "v2.24.0"]),
            ("v2.24.?", ["v2.24.0", "v2.24.1"]),
            ("V2.24.0", None),
            ("v2.24", None),
            ("", None),
            ("nothing-*", None),
            ("m*", ["master"]),
        ],
    )
    def test_glob(self, pattern: str, found: list[str] | None) -> None:
        if found is None:
            with pytest.raises(UnusableInput, match="no tag and no branch is called"):
                chosen(self.REFS, pattern)
        else:
            assert releases(chosen(self.REFS, pattern)) == found

    def test_each_pattern_must_match(self) -> None:
        with pytest.raises(UnusableInput, match="'v9'"):
            chosen(self.REFS, "v2*", "v9")

    def test_patterns_that_overlap_name_a_revision_once(self) -> None:
        assert releases(chosen(self.REFS, "v2.24.*", "v2.24.0")) == ["v2.24.0", "v2.24.1"]

    def test_two_revisions_with_one_branch_are_refused(self) -> None:
        refs = remotes("acme/release-2.24", "origin/release-2.24")
        with pytest.raises(UnusableInput) as caught:
            chosen(refs, "*/release-*")
        assert all(name in str(caught.value) for name in ("acme/release-2.24", "origin/", "-ccm"))


class TestDefault:
    def test_releases_from_the_first_with_the_approver_on(self) -> None:
        refs = tags(
            "v2.21.9", "v2.22.0", "v3.0.0", "v2.24.0-rc1", "v2.24", "2.24.0", "v1", "kubespray-2.24"
        )  # fmt: skip
        assert releases(chosen(refs)) == ["v2.22.0", "v3.0.0"]

    def test_branches_are_taken_whose_carrier_is_there(self) -> None:
        refs = tags("v2.24.0") + heads("release-2.24", "release-2.24-ccm", "main")
        assert releases(chosen(refs)) == ["v2.24.0", "release-2.24"]

    def test_old_release_whose_carrier_is_there(self) -> None:
        assert releases(chosen(tags("v2.21.0") + heads("v2.21.0-ccm"))) == ["v2.21.0"]

    def test_nothing_is_said_plainly(self) -> None:
        with pytest.raises(UnusableInput, match="has no release of Kubespray"):
            chosen(heads("main"))
        with pytest.raises(UnusableInput, match="has no release of Kubespray"):
            chosen(())


class TestCarriers:
    def test_branch_that_is_there(self) -> None:
        refs = tags("v2.24.0") + heads("v2.24.0-ccm")
        (target,) = chosen(refs)
        assert target.carrier == refs[1]

    def test_local_one_counts_before_a_remote_one(self) -> None:
        refs = remotes("origin/v2.24.0-ccm") + heads("v2.24.0-ccm") + tags("v2.24.0")
        assert [target.carrier for target in chosen(refs)] == [refs[1]]

    def test_one_that_only_a_remote_has(self) -> None:
        refs = tags("v2.24.0") + remotes("origin/v2.24.0-ccm")
        assert [target.carrier for target in chosen(refs)] == [refs[1]]

    def test_tag_is_none(self) -> None:
        refs = tags("v2.24.0", "v2.24.0-ccm")
        assert [target.carrier for target in chosen(refs)] == [None]

    def test_carriers_are_never_releases(self) -> None:
        refs = tags("v2.24.0") + heads("v2.24.0-ccm", "main", "main-ccm")
        assert releases(chosen(refs, "*")) == ["v2.24.0", "main"]
        with pytest.raises(UnusableInput, match="no tag and no branch"):
            chosen(refs, "v2.24.0-ccm")

    def test_carriers_of_tags_are_no_releases_of_the_fork(self) -> None:
        refs = tags("v2.24.0") + heads("v2.24.0-ccm", "release-2.24-acme")
        found = select(refs[1:], refs, ("*",), CCM)
        assert releases(found) == ["release-2.24-acme"]

    def test_branch_that_only_looks_like_one_is_a_revision(self) -> None:
        assert releases(chosen(heads("acme-ccm"), "*")) == ["acme-ccm"]

    def test_carriers_are_looked_for_in_the_fork_not_upstream(self) -> None:
        upstream = tags("v2.24.0") + heads("v2.24.0-ccm")
        (target,) = select(upstream, (), (), CCM)
        assert target.carrier is None

    def test_revision_may_be_its_own_branch(self) -> None:
        refs = heads("release-2.24", "release-2.24-ccm")
        found = chosen(refs, "release-*", template=SELF)
        assert [(one.branch, one.is_own_branch) for one in found] == [
            ("release-2.24", True), ("release-2.24-ccm", True)
        ]  # fmt: skip


class TestTemplate:
    @pytest.mark.parametrize(
        "text", ["{release}-ccm", "ccm/{release}", "a-{release}-b", "{release}"]
    )
    def test_branch_holds_the_release(self, text: str) -> None:
        template = BranchTemplate.of(text)
        assert template.branch("v2.24.0") == text.replace("{release}", "v2.24.0")
        assert template.is_release == (text == "{release}")

    @pytest.mark.parametrize(
        "text",
        ["", "ccm", "{version}", "{release}{release}", "{release}-{x}", "{{release}}", "{release}}",
         "}{release}", "{ release }", "{RELEASE}"],
    )  # fmt: skip
    def test_other_braces_are_refused(self, text: str) -> None:
        with pytest.raises(UnusableInput, match=r"must hold \{release\} once"):
            BranchTemplate.of(text)

    @given(
        st.text(st.characters(blacklist_characters="{}"), max_size=6),
        st.text(st.characters(blacklist_characters="{}"), max_size=6),
        st.text(min_size=1, max_size=10),
    )
    def test_release_is_read_back(self, before: str, after: str, release: str) -> None:
        template = BranchTemplate.of(f"{before}{{release}}{after}")
        there = template.release(template.branch(release))
        assert there == (None if template.is_release else release)

    @pytest.mark.parametrize("name", ["-ccm", "ccm-", "x-ccm", "ccm-x", "ccm-ccm", ""])
    def test_name_that_does_not_fit(self, name: str) -> None:
        assert BranchTemplate.of("ccm-{release}-ccm").release(name) is None


class TestOnto:
    def test_places_are_filled_for_each_release(self) -> None:
        found = onto_patterns("acme-{version}/{release}", ["v2.24.0", "master", "v2.24.1"])
        assert found == ("acme-2.24.0/v2.24.0", "acme-2.24.1/v2.24.1")

    def test_pattern_without_places_is_itself(self) -> None:
        assert onto_patterns("release-*-acme", ["v2.24.0"]) == ("release-*-acme",)
