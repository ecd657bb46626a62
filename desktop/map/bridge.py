"""The two ways between Qt and the page: commands go in, events come out, both as JSON."""

from __future__ import annotations

import json

from PySide6.QtCore import QObject, Signal, Slot


class MapBridge(QObject):
    """Published to the page as ``bridge`` on the QWebChannel.

    Commands are kept until the page has said that it is ready.
    """

    command = Signal(str)
    """For the page: ``{"name": …, "args": […]}``."""
    received = Signal(str, list)
    """For the window: name and arguments of an event of the page."""
    damaged = Signal(str)
    """An event of the page that is not of the agreed form."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ready = False
        self._waiting: list[str] = []

    @property
    def ready(self) -> bool:
        """Whether the page takes commands."""
        return self._ready

    def send(self, name: str, *args: object) -> None:
        """Have the page carry out a command, now or as soon as it is ready."""
        self.send_text(name, json.dumps(args, allow_nan=False))

    def send_text(self, name: str, args: str) -> None:
        """Send a command whose arguments are a JSON list already."""
        text = f'{{"name": {json.dumps(name)}, "args": {args}}}'
        if self._ready:
            self.command.emit(text)
        else:
            self._waiting.append(text)

    def restart(self) -> None:
        """Forget that the page was ready: it is being loaded anew."""
        self._ready = False

    @Slot(str)
    def tell(self, text: str) -> None:
        """Take an event from the page."""
        try:
            value = json.loads(text)
            name, args = value["name"], value["args"]
        except (ValueError, TypeError, KeyError):
            self.damaged.emit(f"an event that is not of the agreed form: {text[:200]}")
            return
        if name == "ready" and not self._ready:
            self._ready = True
            waiting, self._waiting = self._waiting, []
            for command in waiting:
                self.command.emit(command)
        self.received.emit(str(name), list(args))
