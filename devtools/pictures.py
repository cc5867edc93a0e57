"""Smaller pictures of pages: Chromium writes 16 million colours where a page has some hundreds."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_COLOURS = 256
_CHANNELS = {2: 3, 6: 4}
"""Bytes of a pixel by colour type: RGB, and RGB with a transparency that pages do not use."""


def slim(png: bytes) -> bytes:
    """The same picture in at most 256 colours: those that matter most, and for any other the nearest of them.

    Raises:
        ValueError: not a PNG of the kind that browsers write.
    """
    width, height, lines = _read(png)
    counts = Counter(pixel for line in lines for pixel in line)
    palette, places = _chosen(counts)
    rows = b"".join(b"\0" + bytes(places[pixel] for pixel in line) for line in lines)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(palette)),
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _read(png: bytes) -> tuple[int, int, list[list[bytes]]]:
    """Width, height, and the pixels line by line, each three bytes."""
    if not png.startswith(_SIGNATURE):
        raise ValueError("not a PNG")
    chunks = list(_chunks(png))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or kind not in _CHANNELS or interlaced:
        raise ValueError("a PNG of another kind than browsers write")
    step = _CHANNELS[kind]
    data = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    above = bytes(width * step)
    lines = []
    for start in range(0, len(data), width * step + 1):
        line = bytearray(data[start + 1 : start + 1 + width * step])
        _unfilter(data[start], line, above, step)
        above = bytes(line)
        lines.append([above[at : at + 3] for at in range(0, len(above), step)])
    return width, height, lines


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _unfilter(kind: int, line: bytearray, above: bytes, step: int) -> None:
    """Makes bytes of what PNG wrote: by how much each differs from its neighbours."""
    if kind == 0:
        return
    for at in range(len(line)):
        left, corner = (line[at - step], above[at - step]) if at >= step else (0, 0)
        line[at] = (line[at] + _guess(kind, left, above[at], corner)) & 255


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    match kind:
        case 1:
            return left
        case 2:
            return up
        case 3:
            return (left + up) // 2
        case _:
            sloped = left + up - corner
            return min((left, up, corner), key=lambda value: abs(sloped - value))


def _chosen(counts: Mapping[bytes, int]) -> tuple[list[bytes], dict[bytes, int]]:
    """A palette, and the place in it of every colour.

    One after the other comes the colour that would be missed most, for it is common or unlike any that is
    there: by commonness alone, shades of the letters' edges would push a small logo's gold out.
    """
    palette: list[bytes] = []
    places = dict.fromkeys(counts, 0)
    missed = dict.fromkeys(counts, 3 * 255**2)
    while len(palette) < _MOST_COLOURS:
        colour = max(counts, key=lambda one: counts[one] * missed[one])
        if not missed[colour]:
            break
        for one in counts:
            distance = _distance(one, colour)
            if distance < missed[one]:
                places[one], missed[one] = len(palette), distance
        palette.append(colour)
    return palette, places


def _distance(one: bytes, other: bytes) -> int:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2
