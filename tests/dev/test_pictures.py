"""Pictures of pages get smaller, and keep their colours."""

import struct
import zlib

import pytest

from devtools.pictures import slim

WHITE, RED, BLUE = b"\xff\xff\xff", b"\xff\x00\x00", b"\x00\x00\xff"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, lines: list[bytes]) -> bytes:
    """Lines begin with the number of their filter."""
    header = struct.pack(">IIBBBBB", width, len(lines), 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def colours(picture: bytes) -> list[bytes]:
    """The pixels of a picture of ours, line by line."""
    at = picture.index(b"PLTE")
    (length,) = struct.unpack_from(">I", picture, at - 4)
    palette = picture[at + 4 : at + 4 + length]
    data = zlib.decompress(picture[picture.index(b"IDAT") + 4 :])
    (width,) = struct.unpack_from(">I", picture, 16)
    places = [place for at in range(0, len(data), width + 1) for place in data[at + 1 : at + 1 + width]]
    return [palette[3 * place : 3 * place + 3] for place in places]


@pytest.mark.parametrize(
    "line",
    [
        b"\x00" + RED + RED + BLUE,
        b"\x01" + RED + b"\x00\x00\x00" + b"\x01\x00\xff",
        b"\x02" + b"\x00\x01\x01" + b"\x00\x01\x01" + b"\x01\x01\x00",
        b"\x03" + b"\x80\x81\x81" + b"\x00\x81\x81" + b"\x01\x81\x80",
        b"\x04" + b"\x00\x01\x01" + b"\x00\x00\x00" + b"\x01\x00\xff",
    ],
    ids=["none", "left", "up", "average", "paeth"],
)
def test_every_filter_is_understood(line: bytes) -> None:
    made = slim(png(3, [b"\x00" + WHITE * 3, line]))
    assert colours(made) == [WHITE] * 3 + [RED, RED, BLUE]


def test_a_colour_too_many_becomes_the_nearest_and_one_that_is_unlike_all_stays() -> None:
    greys = [bytes((n, n, n)) for n in range(256)]
    line = b"\x00" + b"".join(greys) * 2 + b"\x07\x08\x08" + RED
    assert colours(slim(png(514, [line])))[-2:] == [b"\x08\x08\x08", RED]


def test_anything_else_is_refused() -> None:
    with pytest.raises(ValueError, match="not a PNG"):
        slim(b"GIF89a")
