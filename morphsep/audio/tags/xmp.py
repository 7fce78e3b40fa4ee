"""XMP packets (ISO 16684-1): one more event in the history, and what kind of source it is now.

Namespaces: XMP Media Management, and IPTC's (Iptc4xmpExt), whose digital source types are used for
sound, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.dom import XMLNS_NAMESPACE, minidom
from xml.parsers.expat import ExpatError

NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
EMPTY = '<x:xmpmeta xmlns:x="{x}"><rdf:RDF xmlns:rdf="{rdf}"/></x:xmpmeta>'
BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
END = '\n<?xpacket end="w"?>'
_WRAPPER = re.compile(r"<\?(?:xpacket|xml)\b.*?\?>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What was done to a sound."""

    source_type: str
    software_agent: str
    parameters: str


def continued(packet: bytes, event: Event) -> bytes:
    """The packet with one more event, in UTF-8; a new one if there is none.

    No date: the same work gives the same bytes.

    Raises:
        ValueError: it is damaged.
    """
    text = _WRAPPER.sub("", _decoded(packet)).strip("\0\ufeff \t\r\n")
    try:
        root = _parsed(text or EMPTY.format(**NAMESPACES))
        rdf = next(_found(root, "rdf:RDF"), None)
        if rdf is None:
            raise ValueError("it holds no RDF")
        description = next(_found(rdf, "rdf:Description"), None) or _added(rdf, "rdf:Description")
        if not description.hasAttributeNS(NAMESPACES["rdf"], "about"):
            description.setAttributeNS(NAMESPACES["rdf"], "rdf:about", "")
        _set_source_type(rdf, description, event.source_type)
        _add_event(rdf, description, event)
        return (BEGIN + root.toxml() + END).encode("utf-8")
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _decoded(packet: bytes) -> str:
    """UTF-8 as the standard has it in files; a byte order mark says otherwise."""
    is_wide = packet.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return packet.decode("utf-16" if is_wide else "utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("it is not Unicode") from error


def _parsed(text: str) -> minidom.Element:
    if "<!DOCTYPE" in text:
        raise ValueError("it defines entities")
    try:
        root = minidom.parseString(text.encode("utf-8")).documentElement
    except ExpatError as error:
        raise ValueError("it is no XML") from error
    assert root is not None
    return root


def _found(element: minidom.Element, name: str) -> Iterator[minidom.Element]:
    """The element itself and those in it that have this name, in order."""
    prefix, _, local = name.partition(":")
    uri = NAMESPACES[prefix]
    if (element.namespaceURI, element.localName) == (uri, local):
        yield element
    yield from element.getElementsByTagNameNS(uri, local)


def _added(parent: minidom.Element, name: str, text: str = "") -> minidom.Element:
    """A new last child, which names its namespace itself: the prefix may mean another outside."""
    document = parent.ownerDocument
    assert document is not None
    prefix = name.partition(":")[0]
    element = document.createElementNS(NAMESPACES[prefix], name)
    element.setAttributeNS(XMLNS_NAMESPACE, f"xmlns:{prefix}", NAMESPACES[prefix])
    if text:
        element.appendChild(document.createTextNode(text))
    parent.appendChild(element)
    return element


def _set_source_type(rdf: minidom.Element, description: minidom.Element, source_type: str) -> None:
    """One statement, where the old one may be an attribute or an element."""
    uri, local = NAMESPACES["Iptc4xmpExt"], "DigitalSourceType"
    for each in _found(rdf, "rdf:Description"):
        if each.hasAttributeNS(uri, local):
            each.removeAttributeNS(uri, local)
    for old in list(_found(rdf, f"Iptc4xmpExt:{local}")):
        if old.parentNode is not None:
            old.parentNode.removeChild(old)
    _added(description, f"Iptc4xmpExt:{local}", source_type)


def _add_event(rdf: minidom.Element, description: minidom.Element, event: Event) -> None:
    history = next(_found(rdf, "xmpMM:History"), None) or _added(description, "xmpMM:History")
    sequence = next(_found(history, "rdf:Seq"), None) or _added(history, "rdf:Seq")
    item = _added(sequence, "rdf:li")
    item.setAttributeNS(NAMESPACES["rdf"], "rdf:parseType", "Resource")
    _added(item, "stEvt:action", "edited")
    _added(item, "stEvt:softwareAgent", event.software_agent)
    _added(item, "stEvt:parameters", event.parameters)
