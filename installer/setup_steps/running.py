"""Run pip and its like, keep what they say in a log, and put a failure into a sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from .wording import SetupError, say

# Settings of the user's that would send packages elsewhere than into the environment.
UNSET = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER")
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
AGAIN = "The same command again goes on where this one stopped."
FULL = ("No space left on device", "Errno 28", "not enough space on the disk", "os error 28")
READ_ONLY = ("Read-only file system", "Errno 30", "os error 30")
DENIED = ("Permission denied", "Errno 13", "Access is denied", "os error 13")
PROXY = ("ProxyError", "Tunnel connection failed", "Cannot connect to proxy", "tunnel error")
CERTIFICATE = ("CERTIFICATE_VERIFY_FAILED", "certificate verify failed", "UnknownIssuer")
UNREACHABLE = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Connection refused",
    "Network is unreachable",
    "Temporary failure in name resolution",
    "Connection reset",
    "RemoteDisconnected",
    "dns error",
    "error sending request",
    "Failed to fetch",
)


def proxy_in_words(environ: Mapping[str, str]) -> str:
    """Return which proxy is set, without the password that its address may hold."""
    for name in PROXIES:
        if environ.get(name):
            parts = urlsplit(environ[name])
            host = parts.hostname or "something that is not an address"
            return f"{name} is {host}:{parts.port}" if _port(parts) else f"{name} is {host}"
    return "no HTTPS_PROXY is set"


def _port(parts: object) -> bool:
    try:
        return bool(getattr(parts, "port", None))
    except ValueError:
        return False


def explain(output: str, environ: Mapping[str, str]) -> str:
    """Return in a sentence or two why pip, uv or venv failed, and what to do.

    Parameters
    ----------
    output
        All that the tool wrote.
    environ
        Where proxies are looked up.
    """

    def says(signs: Sequence[str]) -> bool:
        return any(sign in output for sign in signs)

    if says(FULL):
        return f"The disk became full. Make room and run the same command again. {AGAIN}"
    if says(READ_ONLY):
        return "The project's folder is on a read-only file system: copy it to one of yours."
    if says(DENIED):
        return "A file cannot be written: the project's folder or .venv belongs to another user."
    if "DO NOT MATCH THE HASHES" in output:
        return (
            "A package that was fetched is not the one in the lock file, so it was not installed "
            "(a proxy or mirror that changes packages, or a damaged download). "
            "Empty the cache with `pip cache purge` and run the same command again."
        )
    if says(PROXY):
        return f"The proxy does not let the package index through ({proxy_in_words(environ)})."
    if says(CERTIFICATE):
        return (
            "The package index shows a certificate that is not trusted here; behind a company's "
            "proxy, set PIP_CERT to the file with its certificate."
        )
    nothing_found = "(from versions: none)" in output
    if says(UNREACHABLE) or (nothing_found and "Location" in output and "is ignored" in output):
        return (
            "Offline: the package index cannot be reached "
            f"({proxy_in_words(environ)}). Connect to the network. {AGAIN}"
        )
    unknown = re.search(r"No matching distribution found for ([^\s;]+)", output)
    if unknown:
        return (
            f"There is no ready-made package {unknown[1]} for Python "
            f"{sys.version_info.major}.{sys.version_info.minor} on this system"
            + (", or the package index cannot be reached." if nothing_found else ".")
        )
    errors = [line for line in output.splitlines() if re.match(r"(?i)\s*error\b|.*Error:", line)]
    return errors[-1].strip() if errors else "It failed without saying why."


def tool_environment(environ: Mapping[str, str], temporary: Path) -> dict[str, str]:
    """Return the environment for pip and uv: no questions, and scratch files on our own disk.

    The system's folder for temporary files is often a small one in memory; the packages are
    unpacked beside where they go instead, so that one look at one disk tells whether they fit.
    """
    found = {name: value for name, value in environ.items() if name not in UNSET}
    found |= {"TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
    found |= {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUTF8": "1"}
    found |= {"PIP_USER": "0", "PIP_REQUIRE_HASHES": "0", "PIP_PROGRESS_BAR": "off"}
    found.setdefault("PIP_RETRIES", "2")
    found.setdefault("PIP_DEFAULT_TIMEOUT", "30")
    return found


def headline(line: str) -> str:
    """Return what a line of pip's is about in a few words, empty if it is of no interest."""
    match = re.match(r"\s*(Downloading|Using cached|Processing) (\S+)(.*)", line)
    if match:
        size = re.search(r"\(([^)]*B)\)", match[3])
        name = match[2].rsplit("/", 1)[-1].partition("-")[0]
        verb = "fetching" if match[1] == "Downloading" else "taking"
        return f"{verb} {name}" + (f", {size[1]}" if size else "")
    return "unpacking" if line.startswith("Installing collected") else ""


def run_logged(
    command: Sequence[str], log: Path, environ: Mapping[str, str]
) -> tuple[int, str, float]:
    """Run a command, append its output to the log, and show on a terminal what it is at.

    Returns
    -------
    tuple
        The exit status, all output, and the seconds it took.
    """
    begun = time.monotonic()
    terminal = sys.stderr.isatty()
    lines: list[str] = []
    with log.open("a", encoding="utf-8", errors="replace") as file:
        file.write(f"$ {' '.join(command)}\n")
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                file.write(line)
                words = headline(line)
                if terminal and words:
                    print(f"\r\x1b[K  {words}", end="", file=sys.stderr, flush=True)
        if terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return process.returncode, "".join(lines), time.monotonic() - begun


def run_or_explain(command: Sequence[str], log: Path, environ: Mapping[str, str]) -> None:
    """Run a command whose failure ends the set-up.

    Raises
    ------
    SetupError
        With the reason in words and where all of the output is.
    """
    status, output, seconds = run_logged(command, log, environ)
    if status != 0:
        raise SetupError(f"{explain(output, os.environ)}\n  (details: {log})")
    if seconds > 5:
        say(f"  done in {seconds:.0f} s")
