"""Figures as the reader's language writes them."""

from django.utils.formats import get_format


def localized(figure: str) -> str:
    """ "1,234.5" with the marks of the active language: "1.234,5" in Portuguese."""
    marks = {",": get_format("THOUSAND_SEPARATOR"), ".": get_format("DECIMAL_SEPARATOR")}
    return "".join(marks.get(sign, sign) for sign in figure)
