"""How a result came to be, as tags say it: IPTC's digital source type, and the program.

WAV and AIFF hold an XMP packet, in which the input's own goes on. Elsewhere two fields say it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from morphsep.audio.containers import chunks
from morphsep.audio.tags import xmp
from morphsep.audio.tags.chunk_texts import caf_items
from morphsep.audio.tags.chunks import Piece
from morphsep.audio.tags.fields import Tags
from morphsep.audio.tags.pieces import caf_info

SOURCE_TYPE, AGENT, XMP = "digitalsourcetype", "softwareagent", "xmp"
"""Names of fields."""
XMP_CHUNK = b"_PMX"
AIFF_CHUNK, AIFF_MARK = b"APPL", b"XMP "
"""An AIFF holds XMP as the chunk of an application of this name."""
HOLD_XMP = (chunks.RIFF, chunks.RIFX, chunks.AIFF)
UNSAID = "kept as it is, and says nothing of this result"
LeftOut = list[tuple[str, str]]
"""(tag, why)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a result says of where it comes from."""

    source_type: str
    """A term of IPTC's NewsCodes, as a URI."""
    agent: str
    """The program and its version."""
    done: str
    """What was done, in words."""


def add_origin(tags: Tags, layout: chunks.Layout | None, origin: Origin) -> list[Piece]:
    """Has the fields say it, where a format of this layout (None: without chunks) is given fields;
    returns the XMP packet of the tags where it is given a chunk."""
    if layout is chunks.W64:
        tags.left_out += [(name, "a W64 is written without tags") for name in (SOURCE_TYPE, AGENT)]
        return []
    if layout in HOLD_XMP:
        packets = [text.encode("utf-8", "replace") for text in tags.fields.pop(XMP, [])]
        return [_xmp_piece(packet, layout) for packet in packets[:1]]
    if XMP in tags.fields:
        packet, left_out = _continued(tags.fields[XMP][0].encode("utf-8", "replace"), origin)
        tags.fields[XMP][0] = packet.decode("utf-8")
        tags.left_out += left_out
    tags.fields |= _said(tags.fields.get(AGENT, []), origin)
    return []


def with_origin(
    pieces: Sequence[Piece], layout: chunks.Layout, origin: Origin
) -> tuple[list[Piece], LeftOut]:
    """Chunks that say it, and (tag, why) of what could not go on."""
    if layout is chunks.CAF:
        return _in_caf(pieces, origin), []
    kept = [piece for piece in pieces if _packet(piece, layout) is None]
    packets = [packet for piece in pieces if (packet := _packet(piece, layout)) is not None]
    made, left_out = _continued(packets[0] if packets else b"", origin)
    return [*kept, _xmp_piece(made, layout)], left_out


def _continued(packet: bytes, origin: Origin) -> tuple[bytes, LeftOut]:
    event = xmp.Event(
        source_type=origin.source_type, software_agent=origin.agent, parameters=origin.done
    )
    try:
        return xmp.continued(packet, event), []
    except ValueError as error:
        return packet, [(XMP, f"{error}: {UNSAID}")]


def _said(agents: list[str], origin: Origin) -> dict[str, list[str]]:
    """Fields: the program beside those that worked on the sound before."""
    others = [agent for agent in agents if agent != origin.agent]
    return {SOURCE_TYPE: [origin.source_type], AGENT: [*others, origin.agent]}


def _in_caf(pieces: Sequence[Piece], origin: Origin) -> list[Piece]:
    items = [item for chunk_id, data in pieces if chunk_id == b"info" for item in caf_items(data)]
    agents = [agent for name, value in items if name == AGENT for agent in value.split(", ")]
    said = _said(agents, origin)
    items = [item for item in items if item[0] not in said]
    items += [(name, ", ".join(values)) for name, values in said.items()]
    others = [piece for piece in pieces if piece[0] != b"info"]
    return [*others, (b"info", caf_info(items))]


def _packet(piece: Piece, layout: chunks.Layout | None) -> bytes | None:
    """The XMP packet that a chunk holds, None if it holds something else."""
    chunk_id, payload = piece
    if layout is chunks.AIFF:
        is_xmp = chunk_id == AIFF_CHUNK and payload.startswith(AIFF_MARK)
        return payload[len(AIFF_MARK) :] if is_xmp else None
    return payload if chunk_id == XMP_CHUNK else None


def _xmp_piece(packet: bytes, layout: chunks.Layout | None) -> Piece:
    if layout is chunks.AIFF:
        return AIFF_CHUNK, AIFF_MARK + packet
    return XMP_CHUNK, packet
