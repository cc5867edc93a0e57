"""Log lines as a page shows them: what containers write is content, whatever it looks like.

The same rules are in static/js/logs-text.js, which shows colours where this strips them.
"""

import re

# CSI, then OSC and its kin up to their end, then the short ones.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-Z\\^-~]"
)
# Control characters but tab and newline; what turns text around, hides it or breaks its line.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def inert(text: str) -> str:
    """Without colours and other escape sequences; each character that is not seen is named instead.

    Newlines and tabs stay. A carriage return before a newline is no content.
    """
    if not _UNSEEN.search(text):
        return text
    return _UNSEEN.sub(_named, _ESCAPES.sub("", text.replace("\r\n", "\n")))


def _named(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"[U+{code:04X}]"
