"""What `./dev up` serves of css and scripts: small on the way, kept by the browser."""

import gzip
import os
from pathlib import Path

import brotli

from dashboard.static_files import VersionedStaticFilesStorage, compress


def test_a_text_is_compressed_once_and_again_when_it_changes(tmp_path: Path) -> None:
    source, copy = tmp_path / "app.css", tmp_path / "web" / "css" / "app.css"
    source.write_text("a { color: red }\n" * 200)
    compress(source, copy)
    small = copy.with_name("app.css.br")
    assert brotli.decompress(small.read_bytes()) == copy.read_bytes() == source.read_bytes()
    assert gzip.decompress(copy.with_name("app.css.gz").read_bytes()) == source.read_bytes()
    assert small.stat().st_size < source.stat().st_size / 10
    os.utime(small, (1, 1))
    compress(source, copy)
    assert small.stat().st_mtime == 1
    source.write_text("b { color: blue }\n")
    os.utime(source, (2, 2))
    compress(source, copy)
    assert brotli.decompress(small.read_bytes()) == source.read_bytes()


def test_an_address_names_the_content_it_leads_to() -> None:
    storage = VersionedStaticFilesStorage()
    path, _, version = storage.url("css/app.css").partition("?v=")
    assert path.endswith("/css/app.css")
    assert len(version) == 12
    assert version != storage.url("css/parts.css").partition("?v=")[2]
    assert "?" not in storage.url("css/none.css")
