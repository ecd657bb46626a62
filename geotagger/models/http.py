"""The one door to the network: the client of huggingface_hub, with the user's own settings.

Proxies, certificates, ``HF_ENDPOINT``, ``HF_HUB_OFFLINE`` and the time-outs are those that
huggingface_hub reads from the environment. Nothing about this computer goes along: the program
names itself and its version.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from geotagger import __version__
from geotagger.errors import ModelError


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may fail before it is given up.

    Attributes
    ----------
    tries
        Requests in a row that bring nothing new.
    wait_s
        Pause after the first of them; it doubles up to `most_wait_s`.
    timeout_s
        Seconds of silence before a request counts as failed; None takes huggingface_hub's.
    """

    tries: int = 6
    wait_s: float = 1.0
    most_wait_s: float = 20.0
    timeout_s: float | None = None

    def pause(self, failures: int) -> float:
        """Return how many seconds to wait after so many failures in a row."""
        return float(min(self.wait_s * 2.0 ** max(failures - 1, 0), self.most_wait_s))


class NotThereError(ModelError):
    """The server has no such file."""


class OfflineError(ModelError):
    """Something would have to be fetched, and fetching is switched off."""


class UnreachableError(ModelError):
    """No answer, or none that helps, after all tries."""


def client() -> Any:
    """Return the HTTP client of huggingface_hub, made with the user's settings."""
    from huggingface_hub import get_session

    return get_session()


def transport_errors() -> tuple[type[Exception], ...]:
    """Return what the client raises when a request fails; later ones may succeed."""
    from huggingface_hub import errors

    # huggingface_hub 1 is built on httpx, 2 on a fork of it; both have these names.
    return (errors.HTTPError,)  # type: ignore[attr-defined]


def address_errors() -> tuple[type[Exception], ...]:
    """Return what the client raises for an address that is none."""
    from huggingface_hub import errors

    base: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]
    invalid = importlib.import_module(base.__module__.partition(".")[0]).InvalidURL
    return (invalid,)


def headers(*, with_token: bool) -> dict[str, str]:
    """Return the headers of every request.

    ``with_token`` adds the user's own token for the hub, if there is one and huggingface_hub's
    settings let it go out unasked; it is for the hub alone.
    """
    from huggingface_hub import constants, get_token

    found = {"user-agent": f"photo-geotagger/{__version__}", "accept-encoding": "identity"}
    if with_token and not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        token = get_token()
        if token:
            found["authorization"] = f"Bearer {token}"
    return found


def timeout(patience: Patience) -> float:
    """Return the seconds of silence after which a request has failed."""
    from huggingface_hub import constants

    if patience.timeout_s is not None:
        return patience.timeout_s
    return float(constants.HF_HUB_DOWNLOAD_TIMEOUT)


def settings_say_offline() -> bool:
    """Return whether the user's settings for huggingface_hub forbid the network."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def is_address(text: str) -> bool:
    """Return whether a text is an http or https address rather than a path."""
    return text.lower().startswith(("http://", "https://"))


def checked_address(text: str) -> str:
    """Return an address without the slash at its end.

    Raises
    ------
    ModelError
        It is no http or https address, or has parts that a folder's address does not have.
    """
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise ModelError(f"{text!r} is no address of a folder.", remedy="Begin it with https://.")
    return text.rstrip("/")


def offline(what: str, path: Path | None = None) -> OfflineError:
    """Return the error for something that may not be fetched."""
    return OfflineError(
        f"{what} would have to be fetched, and fetching is switched off.",
        path=path,
        remedy="Leave out --offline or unset HF_HUB_OFFLINE, or install from a folder.",
    )


def refused(status: int, what: str) -> ModelError | None:
    """Return the error for an answer that trying again would not change, else None."""
    if status in (404, 410):
        return NotThereError(f"The server has no {what}.", remedy="Check the address.")
    if status in (401, 403):
        return ModelError(
            f"The server does not give {what} to everyone (HTTP {status}).",
            remedy="It may want you to sign in or to accept its terms first.",
        )
    if 400 <= status < 500 and status not in (408, 416, 425, 429):
        return ModelError(f"The server refuses to give {what} (HTTP {status}).")
    return None


def unreachable(what: str, why: str) -> UnreachableError:
    """Return the error for a server that was given up."""
    return UnreachableError(
        f"{what} could not be fetched: {why}.",
        remedy="Check the connection and install again: it goes on where it stopped.",
    )
