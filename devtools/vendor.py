"""Copy the front end's files out of npm packages: `.venv/bin/python -m devtools.vendor`.

npm is needed only here, when a version or the list of icons changes; what it
fetches is committed under static/ with a manifest of names, licences and hashes.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from devtools import tabler
from devtools.vendored import VENDOR, place

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True)
class Package:
    """One npm package, its exact version and the files we keep: package path -> where `place` puts it."""

    name: str
    version: str
    files: dict[str, str]


PACKAGES = (
    Package("@tabler/core", "1.6.1", {"dist/css/tabler.min.css": "whole/tabler.min.css"}),
    Package("@tabler/icons", "3.51.0", {"LICENSE": "tabler-icons/LICENSE"}),
    Package(
        "@fontsource-variable/inter",
        "5.3.0",
        {
            "files/inter-latin-wght-normal.woff2": "inter/inter-latin-wght-normal.woff2",
            "LICENSE": "inter/LICENSE",
        },
    ),
    Package(
        "uplot",
        "1.6.32",
        {
            "dist/uPlot.iife.min.js": "uplot/uPlot.iife.min.js",
            "dist/uPlot.min.css": "uplot/uPlot.min.css",
            "LICENSE": "uplot/LICENSE",
        },
    ),
)

# The sprite holds these and no others.
ICONS = (
    *("bell", "bulb", "tool", "webhook"),
    *("activity", "adjustments", "alert-circle", "alert-triangle", "apps", "arrow-back-up", "arrow-left"),
    *("arrow-right", "arrows-diff", "arrows-maximize", "arrows-minimize", "arrows-vertical", "ban", "bolt"),
    *(
        "book",
        "box",
        "brain",
        "bug",
        "calendar",
        "caret-down",
        "chart-bar",
        "chart-line",
        "check",
        "checks",
        "chevron-down",
    ),
    *("chevron-left", "chevron-right", "chevron-up", "circle", "circle-check", "circle-dashed", "circle-dot"),
    *("circle-x", "clock", "code", "copy", "cpu", "cube", "dashboard", "database", "dots", "dots-vertical"),
    *(
        "download",
        "edit",
        "exclamation-circle",
        "external-link",
        "eye",
        "eye-off",
        "file-text",
        "filter",
        "flag",
    ),
    *("folder", "gauge", "git-compare", "help", "help-circle", "history", "home", "hourglass", "info-circle"),
    *(
        "key",
        "layers-subtract",
        "layout-dashboard",
        "link",
        "list",
        "list-details",
        "loader",
        "loader-2",
        "lock",
    ),
    *("login", "logout", "map-pin", "menu-2", "minus", "moon", "network", "package", "player-pause"),
    *("player-play", "player-stop", "plug", "plug-connected-x", "plus", "point-filled", "refresh", "reload"),
    *(
        "robot",
        "rocket",
        "rotate",
        "rotate-clockwise",
        "route",
        "scale",
        "search",
        "send",
        "server",
        "server-2",
    ),
    *("settings", "shield", "shield-check", "stack-2", "steering-wheel", "sun", "table", "tag", "tags"),
    "printer",
    *("terminal", "terminal-2", "trash", "trending-up", "upload", "user", "user-circle", "users", "versions"),
    *("wifi-off", "world", "x", "zoom-in"),
)

FONT_CSS = """\
/* Inter, the part of it that Latin text needs. */
@font-face {
  font-family: "Inter Variable";
  font-style: normal;
  font-weight: 100 900;
  font-display: swap;
  src: url("inter-latin-wght-normal.woff2") format("woff2");
}
"""


def main() -> int:
    """Fetch, copy, build the sprite and write the manifest."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = [f"{package.name}@{package.version}" for package in PACKAGES]
        npm = ["npm", "install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-save", *wanted]
        subprocess.run(npm, check=True, stdout=sys.stderr)
        modules = Path(folder) / "node_modules"
        entries = [copy_package(package, modules / package.name) for package in PACKAGES]
        (STATIC / "icons.svg").write_text(sprite(modules / "@tabler/icons/icons"))
    (VENDOR / "inter" / "inter.css").write_text(FONT_CSS)
    (VENDOR / "manifest.json").write_text(json.dumps(entries, indent=2) + "\n")
    return tabler.main([])


def copy_package(package: Package, source: Path) -> dict[str, object]:
    """Copy the files we keep of one package and say what they are."""
    about = json.loads((source / "package.json").read_text())
    hashes = {}
    for inside, kept in package.files.items():
        content = without_source_map((source / inside).read_bytes())
        target = place(kept)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        hashes[kept] = hashlib.sha256(content).hexdigest()
    return {
        "name": package.name,
        "version": about["version"],
        "licence": about["license"],
        "sha256": hashes,
    }


def without_source_map(content: bytes) -> bytes:
    """Drop the pointer to a source map: we ship no map, and hashed static files refuse a dead link."""
    return re.sub(rb"/[/*]# sourceMappingURL=\S+(?: \*/)?\s*\Z", b"", content)


def sprite(icons: Path) -> str:
    """One SVG with a symbol per icon, to be used as `<use href="icons.svg#name">`."""
    ElementTree.register_namespace("", SVG)
    root = ElementTree.Element(f"{{{SVG}}}svg")
    for name in sorted(set(ICONS)):
        filled = name.endswith("-filled")
        file = icons / ("filled" if filled else "outline") / f"{name.removesuffix('-filled')}.svg"
        drawing = ElementTree.parse(file).getroot()  # noqa: S314 (our own pinned package)
        look = {"id": name, "viewBox": "0 0 24 24"}
        look |= {"fill": "currentColor"} if filled else OUTLINE
        symbol = ElementTree.SubElement(root, f"{{{SVG}}}symbol", look)
        # Without the invisible frame that each drawing begins with.
        symbol.extend(shape for shape in drawing if shape.get("d") != "M0 0h24v24H0z")
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


# No stroke width: it is inherited from the page's own `.icon`.
OUTLINE = {
    "fill": "none",
    "stroke": "currentColor",
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
}


if __name__ == "__main__":
    sys.exit(main())
