"""Quantities become whole millicores and bytes, and back to short text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s.quantities import bytes_, format_bytes, format_millicores, memory_quantity, millicores, pieces


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("250m", 250),
        ("1", 1000),
        ("0.5", 500),
        (".5", 500),
        ("2k", 2_000_000),
        ("944508n", 1),
        ("1e2", 100_000),
    ],
)
def test_cpu_is_counted_in_whole_millicores_rounded_up(quantity: str, expected: int) -> None:
    assert millicores(quantity) == expected


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("128Mi", 134217728),
        ("1k", 1000),
        ("1Ki", 1024),
        ("1.5Gi", 1610612736),
        ("100m", 1),
        ("12e6", 12_000_000),
    ],
)
def test_memory_is_counted_in_whole_bytes_rounded_up(quantity: str, expected: int) -> None:
    assert bytes_(quantity) == expected


@pytest.mark.parametrize(
    "text", ["", "1Gb", "1 Gi", "Gi", "1GiB", "--1", "1.2.3", "\u0661", "1\n", "1e999", "0x10"]
)
def test_what_is_no_quantity_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        bytes_(text)


def test_a_quantity_beyond_what_a_cluster_can_keep_is_capped() -> None:
    assert bytes_("999999999E") == 2**63 - 1


@given(st.integers(min_value=0, max_value=10**7))
def test_what_is_written_as_cpu_reads_back_the_same(value: int) -> None:
    assert millicores(format_millicores(value)) == value


def test_memory_is_written_for_people() -> None:
    assert [format_bytes(v) for v in (0, 1023, 134217728, 1610612736)] == [
        "0 B",
        "1023 B",
        "128 MiB",
        "1.5 GiB",
    ]


@given(st.integers(min_value=0, max_value=2**60))
def test_what_is_written_as_memory_reads_back_the_same(value: int) -> None:
    assert bytes_(memory_quantity(value)) == value


def test_memory_is_written_as_kubernetes_writes_it() -> None:
    written = [memory_quantity(v) for v in (0, 1000, 1536, 134217728, 1610612736, 2**42)]
    assert written == ["0", "1000", "1536", "128Mi", "1536Mi", "4Ti"]


def test_gpus_are_counted_in_pieces() -> None:
    assert pieces("2") == 2
