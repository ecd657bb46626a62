"""Find where in the bytes of an XMP file each property stands, so that others need not be touched.

expat decides what is well-formed and where every element begins; attributes are found by their
quotes inside the start tag that expat has accepted. A document type declaration is refused, so no
entity is ever expanded. XMP specification part 1, section 7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from geotagger.photos.xmp_bounds import has_too_many_parts

RDF_NS = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MAX_BYTES = 16 << 20
MAX_DEPTH = 64
MAX_ELEMENTS = 200_000
MAX_PREFIXES = 200
"""Namespaces in scope at once; real sidecars have some twenty."""

_ATTRIBUTE = re.compile(rb"\s+([^\s=/>\"'<]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_ESCAPES = (
    ("&", "&amp;"),
    ("<", "&lt;"),
    (">", "&gt;"),
    ('"', "&quot;"),
    ("'", "&apos;"),
    # An attribute's white space would come back as blanks.
    ("\t", "&#9;"),
    ("\n", "&#10;"),
    ("\r", "&#13;"),
)
_NAME = re.compile(rb"<[^\s/>]+")


class XmpError(ValueError):
    """The bytes are no XMP that can be changed safely; the message says why."""


@dataclass(frozen=True, slots=True)
class Property:
    """One occurrence of a property: all of it, its value, and whether it is an attribute.

    ``value_start`` to ``value_end`` is the text between the quotes or the tags; both are -1 for an
    element whose value is not plain text.
    """

    namespace: str
    name: str
    start: int
    end: int
    value_start: int
    value_end: int
    is_attribute: bool


@dataclass(frozen=True, slots=True)
class Description:
    """The start tag of an ``rdf:Description`` right below ``rdf:RDF``.

    ``insert_at`` is where one more attribute can go, ``tag_end`` the end of the start tag named
    ``name``, which is all of the element if it is empty; ``prefixes`` are the namespaces in scope.
    """

    insert_at: int
    separator: bytes
    prefixes: Mapping[str, str]
    tag_end: int
    is_empty: bool
    name: bytes


@dataclass(slots=True)
class Layout:
    """Where the parts of an XMP file are; ``rdf_*`` tell of the ``rdf:RDF`` start tag."""

    descriptions: list[Description] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    rdf_tag_end: int = -1
    rdf_is_empty: bool = False
    rdf_name: bytes = b""
    rdf_prefixes: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Open:
    name: tuple[str, str]
    prefixes: dict[str, str]
    start: int
    tag_end: int
    is_empty: bool


def layout(data: bytes) -> Layout:
    """Return where everything is in a UTF-8 XMP file.

    Raises
    ------
    XmpError
        If the file is too large, not UTF-8, not well-formed, has a document type, or no RDF.
    """
    check_encoding(data)
    reader = _Reader(data)
    reader.run()
    if reader.found.rdf_tag_end < 0:
        raise XmpError("it is not XMP")
    return reader.found


def check_encoding(data: bytes) -> None:
    """Raise XmpError unless the bytes are UTF-8 of a bearable size."""
    if len(data) > MAX_BYTES:
        raise XmpError("it is larger than any sidecar")
    if has_too_many_parts(data):
        raise XmpError("it has more parts than any sidecar")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise XmpError("it is not in UTF-8") from error
    declaration = re.match(rb"(?:\xef\xbb\xbf)?<\?xml[^>]*encoding\s*=\s*[\"']([^\"']+)", data)
    if declaration and declaration.group(1).lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        raise XmpError("it is not in UTF-8")


def make_parser() -> expat.XMLParserType:
    """Return an expat parser that refuses document types."""
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True

    def doctype(*_: object) -> None:
        raise XmpError("it has a document type, which no sidecar needs")

    parser.StartDoctypeDeclHandler = doctype
    return parser


class _Reader:
    """Goes through the file once and fills in the layout."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.found = Layout()
        self._stack: list[_Open] = []
        self._elements = 0
        self._parser = make_parser()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def run(self) -> None:
        try:
            self._parser.Parse(self.data, True)
        except expat.ExpatError as error:
            raise XmpError(f"it is damaged ({error})") from error

    def _start(self, name: str, _: object) -> None:
        self._elements += 1
        if len(self._stack) >= MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise XmpError("it is nested deeper or longer than any sidecar")
        start = self._parser.CurrentByteIndex
        match = _NAME.match(self.data, start)
        if match is None:
            raise XmpError("it is damaged")
        attributes = []
        position = match.end()
        while (attribute := _ATTRIBUTE.match(self.data, position)) is not None:
            attributes.append(attribute)
            position = attribute.end()
        tag_end = self.data.index(b">", position) + 1
        prefixes = self._scope(attributes)
        element = _Open(
            resolve(name, prefixes, default=True),
            prefixes,
            start,
            tag_end,
            self.data[tag_end - 2 : tag_end] == b"/>",
        )
        self._note(element, match.group()[1:], attributes, position)
        self._stack.append(element)

    def _scope(self, attributes: list[re.Match[bytes]]) -> dict[str, str]:
        outer = self._stack[-1].prefixes if self._stack else {}
        own = {}
        for attribute in attributes:
            name = attribute.group(1).decode()
            if name == "xmlns" or name.startswith("xmlns:"):
                own[name[6:]] = unescape(attribute.group(2)[1:-1])
        if len(outer) + len(own) > MAX_PREFIXES:
            raise XmpError("it has more namespaces than any sidecar")
        return {**outer, **own} if own else outer

    def _note(
        self,
        element: _Open,
        raw_name: bytes,
        attributes: list[re.Match[bytes]],
        insert_at: int,
    ) -> None:
        if element.name == (RDF_NS, "RDF") and self.found.rdf_tag_end < 0:
            self.found.rdf_tag_end = element.tag_end
            self.found.rdf_is_empty = element.is_empty
            self.found.rdf_name = raw_name
            self.found.rdf_prefixes = element.prefixes
            return
        in_rdf = bool(self._stack) and self._stack[-1].name == (RDF_NS, "RDF")
        if not in_rdf or element.name != (RDF_NS, "Description"):
            return
        last = attributes[-1].group() if attributes else b" "
        separator = last[: len(last) - len(last.lstrip())]
        self.found.descriptions.append(
            Description(
                insert_at,
                separator,
                element.prefixes,
                element.tag_end,
                element.is_empty,
                raw_name,
            )
        )
        for attribute in attributes:
            name = attribute.group(1).decode()
            if name.startswith("xmlns"):
                continue
            namespace, local = resolve(name, element.prefixes, default=False)
            self.found.properties.append(
                Property(
                    namespace,
                    local,
                    attribute.start(),
                    attribute.end(),
                    attribute.start(2) + 1,
                    attribute.end(2) - 1,
                    True,
                )
            )

    def _end(self, _: str) -> None:
        element = self._stack.pop()
        if len(self._stack) < 2 or self._stack[-1].name != (RDF_NS, "Description"):
            return
        if self._stack[-2].name != (RDF_NS, "RDF"):
            return
        close = self._parser.CurrentByteIndex
        end = element.tag_end if element.is_empty else self.data.index(b">", close) + 1
        plain = not element.is_empty and b"<" not in self.data[element.tag_end : close]
        self.found.properties.append(
            Property(
                *element.name,
                element.start,
                end,
                element.tag_end if plain else -1,
                close if plain else -1,
                False,
            )
        )


def resolve(name: str, prefixes: Mapping[str, str], *, default: bool) -> tuple[str, str]:
    """Return namespace and local name; raise XmpError for a prefix that is not declared."""
    prefix, colon, local = name.rpartition(":")
    if not colon:
        return (prefixes.get("", "") if default else ""), local
    if prefix == "xml":
        return "http://www.w3.org/XML/1998/namespace", local
    if prefix not in prefixes:
        raise XmpError("it is damaged (unbound prefix)")
    return prefixes[prefix], local


def escape(text: str) -> bytes:
    """Return text as it may stand between quotes or tags, without what XML cannot hold."""
    kept = "".join(
        c
        for c in text
        if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
    )
    for character, entity in _ESCAPES:
        kept = kept.replace(character, entity)
    return kept.encode("utf-8")


def unescape(raw: bytes) -> str:
    """Return the text of an attribute value with the five predefined entities."""
    text = raw.decode("utf-8")
    for entity, character in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'"), ("amp", "&")):
        text = text.replace(f"&{entity};", character)
    return text
