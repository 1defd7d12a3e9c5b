"""XMP packets (ISO 16684-1): read, cleaned and added to, with all else in them kept as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast
from xml.dom import minidom
from xml.parsers.expat import ExpatError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMLNS = "http://www.w3.org/2000/xmlns/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_EMPTY = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="' + RDF + '">'
    '<rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
)
_BEGIN = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_END = b'\n<?xpacket end="w"?>'

_OF_ONE_FILE = {
    (_TIFF, "Orientation"),
    (_TIFF, "ImageWidth"),
    (_TIFF, "ImageLength"),
    (_TIFF, "BitsPerSample"),
    (_TIFF, "SamplesPerPixel"),
    (_TIFF, "PhotometricInterpretation"),
    (_TIFF, "Compression"),
    (_TIFF, "PlanarConfiguration"),
    (_EXIF, "PixelXDimension"),
    (_EXIF, "PixelYDimension"),
    (_EXIF, "ColorSpace"),
    ("http://ns.adobe.com/xap/1.0/", "Thumbnails"),
    ("http://ns.adobe.com/photoshop/1.0/", "ICCProfile"),
    ("http://ns.adobe.com/photoshop/1.0/", "ColorMode"),
    ("http://ns.adobe.com/xmp/note/", "HasExtendedXMP"),
}
"""Namespace and name of properties that say how one file's pixels lie, and so not another's."""


class XmpPacket:
    """An XMP packet that can be read and added to.

    Args:
        data: the packet, UTF-8; a new one where empty.

    Raises:
        ValueError: it is no XMP, or declares entities, which XMP has none of.
    """

    def __init__(self, data: bytes = b"") -> None:
        text = re.sub(rb"<\?xpacket.*?\?>", b"", data, flags=re.DOTALL).strip(b"\0 \t\r\n")
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise ValueError("it declares entities")
        try:
            self._document = minidom.parseString(text or _EMPTY.encode())
        except (ExpatError, ValueError, LookupError) as error:
            raise ValueError(f"no XML: {error}") from error
        roots = self._document.getElementsByTagNameNS(RDF, "RDF")
        if not roots:
            raise ValueError("no rdf:RDF in it")
        self._root = roots[0]

    def get(self, namespace: str, name: str) -> str | None:
        """Return the text of a property, the first item's of a list; None where it is not there."""
        for description in self._descriptions():
            if description.hasAttributeNS(namespace, name):
                return str(description.getAttributeNS(namespace, name))
            for child in _children(description, namespace, name):
                items = child.getElementsByTagNameNS(RDF, "li")
                return _text(items[0] if items else child)
        return None

    def set(self, prefix: str, namespace: str, name: str, value: str) -> None:
        """Set a property to a text, in place of what it was."""
        self.remove(namespace, name)
        element = self._add(prefix, namespace, name)
        element.appendChild(self._document.createTextNode(value))

    def append(
        self, prefix: str, namespace: str, name: str, fields: Mapping[tuple[str, str, str], str]
    ) -> None:
        """Append a structure to an ordered list, such as `xmpMM:History`.

        Args:
            prefix: of the list's namespace.
            namespace: likewise.
            name: of the list.
            fields: prefix, namespace and name of each field to its text.
        """
        lists = [
            found
            for description in self._descriptions()
            for child in _children(description, namespace, name)
            for found in child.getElementsByTagNameNS(RDF, "Seq")
        ]
        if lists:
            items = lists[0]
        else:
            self.remove(namespace, name)
            items = self._make("rdf", RDF, "Seq")
            self._add(prefix, namespace, name).appendChild(items)
        item = self._make("rdf", RDF, "li")
        item.setAttributeNS(RDF, self._qualify("rdf", RDF, "parseType"), "Resource")
        for (field_prefix, field_namespace, field_name), value in fields.items():
            element = self._make(field_prefix, field_namespace, field_name)
            element.appendChild(self._document.createTextNode(value))
            item.appendChild(element)
        items.appendChild(item)

    def list_structures(self, namespace: str, name: str) -> list[dict[tuple[str, str], str]]:
        """Return the structures of a list, whichever way they are written.

        Returns:
            For each, namespace and name of each field to its text.
        """
        return [
            _read_fields(item)
            for description in self._descriptions()
            for child in _children(description, namespace, name)
            for item in child.getElementsByTagNameNS(RDF, "li")
        ]

    def remove(self, namespace: str, name: str) -> None:
        """Remove a property, whichever way it is written; nothing where it is not there."""
        for description in self._descriptions():
            if description.hasAttributeNS(namespace, name):
                description.removeAttributeNS(namespace, name)
            for child in list(_children(description, namespace, name)):
                description.removeChild(child)

    def merge(self, other: XmpPacket) -> None:
        """Take all properties of another packet, which is empty then."""
        for description in other._descriptions():
            for attribute in list(description.attributes.values()):
                namespace, name = attribute.namespaceURI, attribute.localName
                if namespace and name and namespace not in (_XMLNS, RDF):
                    self.set(attribute.prefix or "ns", namespace, name, attribute.value)
            for child in list(description.childNodes):
                if isinstance(child, minidom.Element):
                    self._adopt(child)

    def split_off(self, most: int) -> XmpPacket:
        """Move the largest properties to a new packet until this one has at most so many bytes."""
        rest = XmpPacket()
        while len(self.tobytes()) > most:
            properties = [
                child
                for description in self._descriptions()
                for child in description.childNodes
                if isinstance(child, minidom.Element)
            ]
            if not properties:
                break
            rest._adopt(max(properties, key=lambda child: len(child.toxml())))
        return rest

    def _adopt(self, element: minidom.Element) -> None:
        """Move a property here from another packet, with the prefixes that it was in reach of."""
        copy = self._document.importNode(element, True)
        parent: Any = element.parentNode
        holder = parent
        while isinstance(holder, minidom.Element):
            for attribute in holder.attributes.values():
                if attribute.namespaceURI == _XMLNS and not copy.hasAttribute(attribute.name):
                    copy.setAttributeNS(_XMLNS, attribute.name, attribute.value)
            holder = cast(Any, holder.parentNode)
        parent.removeChild(element)
        self._hold().appendChild(copy)

    def tobytes(self) -> bytes:
        """Return the packet, UTF-8, wrapped as ISO 16684-1 asks."""
        element = self._document.documentElement
        assert element is not None
        return _BEGIN + element.toxml().encode() + _END

    def _descriptions(self) -> list[minidom.Element]:
        return list(_children(self._root, RDF, "Description"))

    def _add(self, prefix: str, namespace: str, name: str) -> minidom.Element:
        element = self._make(prefix, namespace, name)
        self._hold().appendChild(element)
        return element

    def _hold(self) -> minidom.Element:
        """Return the description that properties are added to."""
        descriptions = self._descriptions()
        if not descriptions:
            descriptions = [self._make("rdf", RDF, "Description")]
            self._root.appendChild(descriptions[0])
        return descriptions[0]

    def _make(self, prefix: str, namespace: str, name: str) -> minidom.Element:
        return self._document.createElementNS(namespace, self._qualify(prefix, namespace, name))

    def _qualify(self, prefix: str, namespace: str, name: str) -> str:
        """Return a qualified name whose prefix is declared for that namespace at the root."""
        declared = {
            attribute.localName: attribute.value
            for attribute in self._root.attributes.values()
            if attribute.namespaceURI == _XMLNS
        }
        while declared.get(prefix, namespace) != namespace:
            prefix += "_"
        self._root.setAttributeNS(_XMLNS, f"xmlns:{prefix}", namespace)
        return f"{prefix}:{name}"


def clean_xmp(data: bytes) -> bytes:
    """Return a packet without what describes another file's pixels; empty where it is no XMP."""
    if not data.strip(b"\0 \t\r\n"):
        return b""
    try:
        packet = XmpPacket(data)
    except ValueError:
        return b""
    for namespace, name in _OF_ONE_FILE:
        packet.remove(namespace, name)
    return packet.tobytes()


def _children(parent: minidom.Element, namespace: str, name: str) -> Iterable[minidom.Element]:
    return [
        child
        for child in parent.childNodes
        if isinstance(child, minidom.Element)
        and (child.namespaceURI, child.localName) == (namespace, name)
    ]


def _text(element: minidom.Element) -> str:
    return "".join(node.data for node in element.childNodes if isinstance(node, minidom.Text))


def _read_fields(item: minidom.Element) -> dict[tuple[str, str], str]:
    """Return the fields of a structure: child elements, attributes, or those of a description."""
    fields: dict[tuple[str, str], str] = {}
    for holder in (item, *_children(item, RDF, "Description")):
        for attribute in holder.attributes.values():
            fields[attribute.namespaceURI or "", attribute.localName or ""] = attribute.value
        for child in holder.childNodes:
            if isinstance(child, minidom.Element):
                fields[child.namespaceURI or "", child.localName or ""] = _text(child)
    return fields
