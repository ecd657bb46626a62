"""Finding missing system libraries, and the way to get them."""

from __future__ import annotations

import pytest
from setup_steps import system_libraries
from setup_steps.system_libraries import Missing
from setup_steps.wording import SetupError

BOOKWORM = """\
libegl1:
  Installed: (none)
  Candidate: 1.6.0-1
  Version table:
     1.6.0-1 500
libasound2:
  Installed: (none)
  Candidate: 1.2.8-1+b1
"""
# There the old name of the sound library is a virtual package of two others.
NOBLE = """\
libegl1:
  Installed: (none)
  Candidate: 1.7.0-1build1
libasound2:
  Installed: (none)
  Candidate: (none)
  Version table:
libasound2t64:
  Installed: (none)
  Candidate: 1.2.11-1ubuntu0.1
  Version table:
     1.2.11-1ubuntu0.1 500
"""


def missing_where(absent: set[str], *, x11: bool, fonts: bool = True, venv: str = "") -> Missing:
    return system_libraries.find_missing(
        x11_needed=x11, found=lambda name: name not in absent, has_font=lambda: fonts, venv=venv
    )


def test_nothing_is_asked_for_where_every_library_loads() -> None:
    assert missing_where(set(), x11=True) == Missing()


def test_a_library_that_does_not_load_becomes_its_debian_package() -> None:
    missing = missing_where({"libEGL.so.1", "libnss3.so"}, x11=False)
    assert missing.needed == ("libegl1", "libnss3")
    assert missing.libraries == ("libEGL.so.1", "libnss3.so")
    assert missing.wanted == ()


def test_libraries_for_x_servers_are_needed_only_for_an_x_server() -> None:
    absent = {"libxcb-cursor.so.0"}
    assert missing_where(absent, x11=True).needed == ("libxcb-cursor0",)
    without = missing_where(absent, x11=False)
    assert without.needed == ()
    assert without.wanted == ("libxcb-cursor0",)


def test_fonts_are_wanted_and_the_venv_module_is_needed() -> None:
    missing = missing_where(set(), x11=False, fonts=False, venv="python3.11-venv")
    assert missing.packages == ("python3.11-venv", "fonts-dejavu-core")
    assert missing.needed == ("python3.11-venv",)


def test_the_dynamic_linker_itself_is_asked() -> None:
    assert not system_libraries.loads("libgeotagger-of-nobody.so.7")


def test_packages_keep_their_names_where_the_release_has_them() -> None:
    names = system_libraries.package_names(["libegl1", "libasound2"], BOOKWORM)
    assert names == ["libegl1", "libasound2"]


def test_packages_renamed_for_64_bit_times_are_found_under_their_new_names() -> None:
    names = system_libraries.package_names(["libegl1", "libasound2"], NOBLE)
    assert names == ["libegl1", "libasound2t64"]


def test_a_package_that_apt_does_not_know_keeps_its_name() -> None:
    assert system_libraries.package_names(["libnss3"], "") == ["libnss3"]


def test_a_user_without_rights_gets_the_exact_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_libraries, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(system_libraries, "right_to_install", lambda uid, interactive: None)
    monkeypatch.setattr(system_libraries, "ask_policy", list)
    with pytest.raises(SetupError) as caught:
        system_libraries.provide(
            Missing(("libegl1", "libnss3")), uid=1000, environ={}, interactive=False
        )
    assert str(caught.value).splitlines()[-1].strip() == (
        "sudo apt-get update && sudo apt-get install -y libegl1 libnss3"
    )


def test_another_distribution_gets_the_names_of_the_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system_libraries, "which", lambda name: None)
    missing = Missing(("libegl1", "libnss3"), (), ("libEGL.so.1", "libnss3.so"))
    with pytest.raises(SetupError, match=r"libEGL\.so\.1 and libnss3\.so\. Install the packages"):
        system_libraries.provide(missing, uid=0, environ={}, interactive=True)


def test_what_is_only_wanted_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(system_libraries, "which", lambda name: None)
    system_libraries.provide(
        Missing((), ("fonts-dejavu-core",)), uid=1000, environ={"DISPLAY": ":0"}, interactive=False
    )
    assert capsys.readouterr().err == ""


def test_root_needs_no_sudo_and_nobody_gets_rights_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system_libraries, "which", lambda name: None)
    assert system_libraries.right_to_install(0, False) == []
    assert system_libraries.right_to_install(1000, True) is None


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("E: Failed to fetch http://a/b  Temporary failure resolving 'a'", "Offline: apt-get"),
        ("E: Unable to locate package libegl1", "does not know a package"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "too full"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend.", "Another program"),
        ("reading\nE: dpkg was interrupted, run it again\n", "(dpkg was interrupted"),
    ],
)
def test_a_failure_of_apt_is_told_in_a_sentence_with_the_line_to_run(
    output: str, words: str
) -> None:
    text = system_libraries.explain_apt(output, ["libegl1"])
    assert words in text.splitlines()[0]
    assert text.endswith("apt-get install -y libegl1")
