"""Read an XMP file a second way, to check that a merge changed what it should and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from xml.parsers import expat

from geotagger.photos.xmp_splice import (
    MAX_DEPTH,
    MAX_ELEMENTS,
    RDF_NS,
    XmpError,
    check_encoding,
)

Key = tuple[str, str]
_DESCRIPTION = f"{RDF_NS} Description"
_RDF = f"{RDF_NS} RDF"


def property_texts(data: bytes) -> dict[Key, str]:
    """Return the plain-text properties of the top descriptions, the first of each name.

    Raises XmpError for what `xmp_splice.layout` refuses, except that RDF may be missing.
    """
    reader = _Reader(data, frozenset())
    return reader.texts


def facts(data: bytes, without: Collection[Key]) -> list[tuple[str, ...]]:
    """Return everything an XMP file says, in order, without some properties and blank text."""
    events = _Reader(data, without).events
    # A description about the file itself that says nothing is as good as none.
    empty = [("start", _DESCRIPTION, f"{RDF_NS} about", ""), ("end", _DESCRIPTION)]
    kept: list[tuple[str, ...]] = []
    for event in events:
        kept.append(event)
        if kept[-2:] == empty:
            del kept[-2:]
    return kept


def _key(name: str) -> Key:
    namespace, _, local = name.rpartition(" ")
    return namespace, local


class _Reader:
    """Lets expat resolve the namespaces and keeps what it reports."""

    def __init__(self, data: bytes, without: Collection[Key]) -> None:
        check_encoding(data)
        self.events: list[tuple[str, ...]] = []
        self.texts: dict[Key, str] = {}
        self._without = without
        self._path: list[str] = []
        self._skipping = 0
        self._text: list[str] = []
        self._count = 0
        self._plain = True
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.CommentHandler = lambda text: self._event("comment", text)
        parser.ProcessingInstructionHandler = lambda target, text: self._event("pi", target, text)
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise XmpError(f"it is damaged ({error})") from error

    def _doctype(self, *_: object) -> None:
        raise XmpError("it has a document type, which no sidecar needs")

    def _in_description(self) -> bool:
        return self._path[-2:] == [_RDF, _DESCRIPTION]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._flush()
        self._count += 1
        if len(self._path) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise XmpError("it is nested deeper or longer than any sidecar")
        self._plain = self._in_description()
        if self._skipping or (self._in_description() and _key(name) in self._without):
            self._skipping += 1
        self._path.append(name)
        if self._in_description():
            for key, value in attributes.items():
                self.texts.setdefault(_key(key), value)
            attributes = {k: v for k, v in attributes.items() if _key(k) not in self._without}
        flat = (text for pair in sorted(attributes.items()) for text in pair)
        self._event("start", name, *flat)

    def _end(self, name: str) -> None:
        text = "".join(self._text)
        self._flush()
        self._event("end", name)
        self._path.pop()
        if self._plain and self._in_description():
            self.texts.setdefault(_key(name), text)
        self._plain = False
        self._skipping -= self._skipping > 0

    def _characters(self, text: str) -> None:
        self._text.append(text)

    def _flush(self) -> None:
        text = "".join(self._text)
        if text.strip():
            self._event("text", text)
        self._text.clear()

    def _event(self, *event: str) -> None:
        if not self._skipping:
            self.events.append(event)
