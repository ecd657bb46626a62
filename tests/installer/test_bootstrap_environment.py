"""The environment's folder, the disk, and what pip's failures are called."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from setup_steps import environment, running
from setup_steps.environment import Environment
from setup_steps.wording import SetupError

from .conftest import Checkout

Usage = namedtuple("Usage", "total used free")


def test_a_full_disk_is_told_before_anything_is_fetched(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = Environment(checkout.root)
    venv.claim()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12, 900_000_000))
    with pytest.raises(SetupError, match=r"needs 3\.2 GB of disk .* 0\.9 GB are free"):
        venv.check_space("cpu")


def test_what_lies_there_already_need_not_fit_again(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = Environment(checkout.root)
    venv.claim()
    with (venv.folder / "large").open("wb") as file:
        file.truncate(3_000_000_000)  # a hole: it takes no room
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12, 900_000_000))
    venv.check_space("cpu")
    with pytest.raises(SetupError, match=r"needs 7\.5 GB"):
        venv.check_space("cuda")


def test_packages_cut_off_in_their_installation_are_forgotten(tmp_path: Path) -> None:
    for name, record in (("whole-1.0", True), ("half-2.0", False)):
        info = tmp_path / f"{name}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\n", encoding="utf-8")
        if record:
            (info / "RECORD").write_text("", encoding="utf-8")
    (tmp_path / "~alf").mkdir()
    (tmp_path / "half").mkdir()
    assert environment.drop_half_installed(tmp_path) == ["half-2.0.dist-info"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["half", "whole-1.0.dist-info"]


def test_an_interrupted_beginning_is_taken_up_again(checkout: Checkout) -> None:
    venv = Environment(checkout.root)
    venv.claim()
    (venv.folder / "bin").mkdir()
    venv.claim()
    assert not venv.usable()


def test_a_file_in_the_place_of_the_environment_is_left_alone(checkout: Checkout) -> None:
    checkout.venv.write_text("mine", encoding="utf-8")
    with pytest.raises(SetupError, match="move or rename it"):
        Environment(checkout.root).claim()
    assert checkout.venv.read_text(encoding="utf-8") == "mine"


def test_an_environment_that_works_is_recognised_without_a_stamp(checkout: Checkout) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(checkout.venv)], check=True)
    venv = Environment(checkout.root)
    assert not venv.usable(), "without pip nothing can be installed into it"
    (venv.site_packages / "pip.py").write_text("", encoding="utf-8")
    assert venv.usable()
    assert venv.site_packages.parent.parent.parent == venv.folder


def test_a_second_set_up_waits_for_the_first(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    venv = Environment(checkout.root)
    venv.claim()
    code = (
        f"import sys; sys.path.insert(0, {str(checkout.root / 'installer')!r})\n"
        "from pathlib import Path\n"
        "from setup_steps.environment import alone\n"
        f"with alone(Path({str(venv.folder)!r})): print('mine', flush=True)\n"
    )
    with environment.alone(venv.folder):
        second = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert second.stderr is not None
        assert "waiting for it" in second.stderr.readline()
        assert second.poll() is None
    output, _errors = second.communicate(timeout=30)
    assert output == "mine\n"


@pytest.mark.skipif(shutil.which("true") is None, reason="needs a Unix")
def test_output_is_kept_in_the_log_and_handed_back(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", "import sys; print('one'); sys.exit('two')"]
    status, output, _seconds = running.run_logged(command, log, os.environ)
    assert status == 1
    assert output.splitlines() == ["two", "one"] or output.splitlines() == ["one", "two"]
    assert log.read_text(encoding="utf-8").endswith(output)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EROFS, "is on a read-only file system"),
        (errno.EACCES, "You may not write to"),
        (errno.ENOSPC, "is full"),
        (errno.ENAMETOOLONG, "cannot be written (File name too long)"),
    ],
)
def test_a_folder_that_takes_nothing_is_named_with_the_reason(number: int, words: str) -> None:
    folder = Path("/somewhere/photo-geotagger")
    text = environment.cannot_write(folder, OSError(number, os.strerror(number), str(folder)))
    assert words in text
    assert str(folder) in text


def pip(tmp_path: Path, *arguments: str) -> str:
    """Return what the real pip says to an installation into a folder."""
    environ = {
        name: value for name, value in os.environ.items() if not name.upper().startswith("PIP_")
    }
    environ = running.tool_environment(
        {**environ, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1"}, tmp_path
    )
    command = [sys.executable, "-m", "pip", "install", "--target", str(tmp_path / "t"), *arguments]
    status, output, _seconds = running.run_logged(command, tmp_path / "log", environ)
    assert status != 0
    return output


@pytest.mark.parametrize("index", ["file:///nonexistent", "http://127.0.0.1:9/simple"])
def test_an_index_that_is_out_of_reach_is_called_offline(tmp_path: Path, index: str) -> None:
    output = pip(tmp_path, "--index-url", index, "exifread==3.5.1")
    text = running.explain(output, {})
    assert text.startswith("Offline: the package index cannot be reached (no HTTPS_PROXY is set).")
    assert running.AGAIN in text


def test_a_package_that_is_not_the_locked_one_is_refused(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "nobodys-1.0-py3-none-any.whl").write_bytes(b"not what was locked")
    lock = tmp_path / "lock.txt"
    lock.write_text(f"nobodys==1.0 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    output = pip(tmp_path, "--no-index", "--find-links", str(wheels), "-r", str(lock))
    assert "is not the one in the lock file" in running.explain(output, {})


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left", "full"),
        ("OSError: [Errno 30] Read-only file system: '/x'", "read-only"),
        ("ERROR: [Errno 13] Permission denied: '/x/.venv/lib'", "belongs to another user"),
        ("ProxyError('Cannot connect to proxy.', OSError('407'))", "HTTPS_PROXY is proxy.example"),
        ("SSLError(SSLCertVerificationError(1, 'CERTIFICATE_VERIFY_FAILED'))", "PIP_CERT"),
        ("(from versions: 1.0)\nERROR: No matching distribution found for a==2 ", "package a==2 "),
        ("something\nerror: the reason\n", "error: the reason"),
        ("", "without saying why"),
    ],
)
def test_a_failure_is_put_into_a_sentence(output: str, words: str) -> None:
    environ = {"HTTPS_PROXY": "http://me:secret@proxy.example:3128"}
    text = running.explain(output, environ)
    assert words in text
    assert "secret" not in text


def test_scratch_files_go_beside_the_packages_and_no_setting_leads_them_astray(
    tmp_path: Path,
) -> None:
    given = {"PIP_TARGET": "/x", "PYTHONPATH": "/y", "PIP_INDEX_URL": "z", "TMPDIR": "/tmp"}
    found = running.tool_environment(given, tmp_path)
    assert found["TMPDIR"] == str(tmp_path)
    assert found["PIP_INDEX_URL"] == "z"
    assert "PIP_TARGET" not in found
    assert "PYTHONPATH" not in found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  Downloading torch-2.13.0-cp311-linux.whl (191.8 MB)\n", "fetching torch, 191.8 MB"),
        ("Using cached idna-3.2-py3-none-any.whl (67 kB)", "taking idna, 67 kB"),
        ("Processing /opt/wheels/torch-2.13.0-cp311.whl", "taking torch"),
        ("Installing collected packages: a, b", "unpacking"),
        ("Looking in links: /opt/wheels", ""),
    ],
)
def test_a_terminal_is_shown_what_pip_is_at(line: str, words: str) -> None:
    assert running.headline(line) == words
