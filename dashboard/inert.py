"""Text that others wrote, made harmless to look at: nothing in it moves, hides or turns around anything.

HTML is escaped by templates, as everywhere; this is about characters that a browser obeys or hides.
"""

import re
import unicodedata

_COLOURS = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_KEPT = "\n\t"


def made_inert(text: str) -> str:
    """Without a terminal's colours; control characters and those that change direction are shown as codes.

    "\\x1b[31mred\\x1b[0m\\u202e" -> "red\\\\u202e".
    """
    plain = _COLOURS.sub("", text.replace("\r\n", "\n"))
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(_shown(char) for char in plain)


def _shown(char: str) -> str:
    # Cc: control; Cf: formatting, which has the marks of direction and what has no width.
    if char in _KEPT or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
