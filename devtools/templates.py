"""Compile every template of the product, so that a misspelt tag is found before a page is."""

import sys
from pathlib import Path

import django
from django.template import TemplateSyntaxError
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Compile all; 1 when one does not."""
    django.setup()
    failed = 0
    folder = ROOT / "templates"
    for file in sorted(folder.rglob("*.*")):
        if file.suffix not in {".html", ".txt", ".svg", ".xml"}:
            continue
        try:
            get_template(str(file.relative_to(folder)))
        except TemplateSyntaxError as error:
            failed += 1
            print(f"{file.relative_to(ROOT)}: {error}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
