"""Of Tabler is served what pages use: nothing that can match is left out, and little besides."""

from devtools import tabler

SHEET = (
    '@charset "UTF-8";/*! of tabler.io, {whole} */:root{--a:"}"}.btn,.card{color:red}'
    ".btn-primary:hover{color:blue}"
    '.carousel .btn{top:0}.carousel,[data-x=".none"] .btn:not(.off){left:0}'
    "@media (width>9px){.carousel{top:1px}}@media print{.card{top:2px}}"
    ":is(.carousel,.btn) a{top:3px}@keyframes turn{to{rotate:1turn}}.w-25\\%{width:25%}"
)


def test_what_no_page_names_is_left_out_and_the_rest_stays_in_its_order() -> None:
    names = {"btn", "btn-", "card"}
    assert tabler.trimmed(SHEET, names) == (
        '@charset "UTF-8";/*! of tabler.io, {whole} */:root{--a:"}"}.btn,.card{color:red}'
        ".btn-primary:hover{color:blue}"
        '[data-x=".none"] .btn:not(.off){left:0}'
        "@media print{.card{top:2px}}:is(.carousel,.btn) a{top:3px}@keyframes turn{to{rotate:1turn}}"
    )


def test_with_every_name_it_is_the_whole() -> None:
    whole = tabler.WHOLE.read_text()
    names = {name for prelude, _ in tabler.blocks(whole) for name in tabler.demanded(prelude)}
    assert tabler.trimmed(SHEET, {"btn", "btn-primary", "card", "carousel", "w-25%"}) == SHEET
    assert len(names) > 1000


def test_what_pages_use_by_now_is_served() -> None:
    assert tabler.main(["--check"]) == 0, f"run {tabler.COMMAND}"
    assert tabler.TARGET.stat().st_size < tabler.WHOLE.stat().st_size / 3
