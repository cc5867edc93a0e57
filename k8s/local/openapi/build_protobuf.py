"""Make protobuf.json: the protobuf field numbers of our kinds, read from a kubectl binary. Run by hand.

    python -m k8s.local.openapi.build_protobuf PATH/TO/kubectl

kubectl sends some requests as protobuf, and the published schemas say nothing about field numbers. A Go
program carries the tags of its structs (``protobuf:"varint,1,opt,name=replicas"``) as type information; this
reads them from an ELF file that is not position independent (64 bit, little endian). See NOTICE.md.
"""

from __future__ import annotations

import array
import json
import re
import struct
import sys
from pathlib import Path
from typing import Any

from k8s.local.openapi.schemas import schemas

TARGET = Path(__file__).with_name("protobuf.json")
TAG = re.compile(r'protobuf:"(\w+),(\d+),')
JSON_NAME = re.compile(r'json:"([^",]*)')
# Go's reflect.Kind
BOOL, INTEGERS, MAP, POINTER, SLICE, STRING, STRUCT, BYTE = 1, range(2, 12), 21, 22, 23, 24, 25, 8
ELEMENT, MAP_VALUE, FIELDS, UNCOMMON = 48, 56, 56, 80
#: Not among the schemas, but sent by kubectl auth whoami.
EXTRA = ("io.k8s.api.authentication.v1.SelfSubjectReview",)
PACKAGES = {"k8s.io/api/": "io.k8s.api.", "k8s.io/apimachinery/": "io.k8s.apimachinery."}


class Binary:
    """The types in a Go program."""

    def __init__(self, path: Path) -> None:
        self.raw = path.read_bytes()
        self.address: int
        self.offset: int
        self.size: int
        offset, count, names_at = (
            struct.unpack_from("<Q", self.raw, 40)[0],
            *struct.unpack_from("<HH", self.raw, 60),
        )
        sections = [struct.unpack_from("<IIQQQQ", self.raw, offset + 64 * at) for at in range(count)]
        names = sections[names_at][4]
        found = {self.raw[names + each[0] :].split(b"\0", 1)[0]: each for each in sections}
        _, _, _, self.address, self.offset, self.size = found[b".rodata"]

    def at(self, address: int) -> int:
        """The position in the file of an address in .rodata."""
        if not self.address <= address < self.address + self.size:
            raise ValueError(hex(address))
        return address - self.address + self.offset

    def word(self, address: int) -> int:
        """The 8 bytes at an address."""
        found: int = struct.unpack_from("<Q", self.raw, self.at(address))[0]
        return found

    def kind(self, address: int) -> int:
        """The reflect.Kind of a type."""
        return self.raw[self.at(address) + 23] & 31

    def name(self, address: int) -> tuple[str, str]:
        """A name record: the name and its tag."""
        at = self.at(address)
        flags, at = self.raw[at], at + 1
        name, at = self._text(at)
        return name, self._text(at)[0] if flags & 2 else ""

    def _text(self, at: int) -> tuple[str, int]:
        length = shift = 0
        while True:
            byte = self.raw[at]
            length |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return self.raw[at : at + length].decode(errors="replace"), at + length

    def type_name(self, address: int) -> str:
        """A struct type's name as the OpenAPI schemas have it; empty for other packages."""
        at = self.at(address)
        name_at, package_at = struct.unpack_from("<i", self.raw, at + 40)[0], 0
        if self.raw[at + 20] & 1:
            package_at = struct.unpack_from("<i", self.raw, at + UNCOMMON)[0]
        package = self.name(self.address + package_at)[0]
        for prefix, replacement in PACKAGES.items():
            if package.startswith(prefix):
                short = self.name(self.address + name_at)[0].rsplit(".", 1)[-1]
                return replacement + package.removeprefix(prefix).replace("/", ".") + "." + short
        return ""

    def structs(self) -> dict[str, int]:
        """Addresses of the struct types of the Kubernetes API, by name."""
        words = array.array("Q")
        words.frombytes(self.raw[self.offset : self.offset + self.size // 8 * 8])
        found: dict[str, int] = {}
        for at in range(7, len(words) - 2):
            inside = self.address <= words[at] < self.address + self.size
            if not inside or words[at + 1] != words[at + 2] or not 0 < words[at + 1] < 200:
                continue
            address = self.address + (at - 7) * 8
            if self.kind(address) == STRUCT and (name := self._name_or_nothing(address)):
                found[name] = address
        return found

    def _name_or_nothing(self, address: int) -> str:
        try:
            return self.type_name(address)
        except (ValueError, IndexError):
            return ""

    def fields(self, address: int) -> list[tuple[str, int]]:
        """(tag, type) of a struct's fields."""
        first, count = self.word(address + FIELDS), self.word(address + FIELDS + 8)
        return [
            (self.name(self.word(first + 24 * at))[1], self.word(first + 24 * at + 8)) for at in range(count)
        ]

    def describe(self, address: int) -> tuple[str, bool, bool]:
        """What a field's type is on the wire: its code, whether it repeats, whether it is a pointer."""
        kind = self.kind(address)
        if kind == POINTER:
            code, repeated, _ = self.describe(self.word(address + ELEMENT))
            return code, repeated, True
        if kind == SLICE:
            element = self.word(address + ELEMENT)
            if self.kind(element) == BYTE:
                return "bytes", False, False
            return self.describe(element)[0], True, False
        if kind == MAP:
            code, repeated, _ = self.describe(self.word(address + MAP_VALUE))
            return f"map:{'list' if repeated else code}", False, False
        if kind == STRUCT:
            return self.type_name(address), False, False
        return (
            {BOOL: "bool", STRING: "string"}.get(kind, "int" if kind in INTEGERS else "float"),
            False,
            False,
        )


def message(binary: Binary, address: int) -> dict[str, list[Any]]:
    """Field number -> [JSON name or "" for an inlined struct, type code, repeats, is a pointer]."""
    found: dict[str, list[Any]] = {}
    for tag, kind in binary.fields(address):
        number, name = TAG.search(tag), JSON_NAME.search(tag)
        if number is not None and name is not None:
            found[number.group(2)] = [name.group(1), *binary.describe(kind)]
    return found


def main() -> None:
    """Write protobuf.json beside this file."""
    binary = Binary(Path(sys.argv[1]))
    structs = binary.structs()
    todo = [name for name in (*schemas(), *EXTRA) if name in structs]
    messages: dict[str, dict[str, list[Any]]] = {}
    while todo:
        name = todo.pop()
        if name not in messages and name in structs:
            messages[name] = message(binary, structs[name])
            todo += [each[1].removeprefix("map:") for each in messages[name].values()]
    TARGET.write_text(
        "{\n"
        + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(messages.items()) if v)
        + "\n}\n"
    )


if __name__ == "__main__":
    main()
