"""A request meant for one Service reaches no other place."""

import pytest

from k8s.errors import UnsafePath
from k8s.service_path import checked_path, passed_on, proxy_path


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/", "/"),
        ("/v1/models/house:predict", "/v1/models/house:predict"),
        ("/v2/models/house/infer?a=1&b=x%20y", "/v2/models/house/infer?a=1&b=x%20y"),
        ("/with space/ação", "/with%20space/a%C3%A7%C3%A3o"),
        ("/a..b/...", "/a..b/..."),
        ("/q?next=//x/../y", "/q?next=//x/../y"),
    ],
)
def test_an_ordinary_path_is_passed_on(path: str, sent: str) -> None:
    assert checked_path(path) == sent


@pytest.mark.parametrize(
    "path",
    [
        "",
        "v1",
        "http://169.254.169.254/latest",
        "//evil.example/",
        "/a//b",
        "/..",
        "/../../../pods",
        "/a/./b",
        "/%2e%2e/pods",
        "/%252e%252e/pods",
        "/.%2e/x",
        "/..;/x",
        "/a%2fb",
        "/a%252F..",
        "/a%5c..%5cb",
        "/a\\..\\b",
        "/a#b",
        "/a\r\nHost: x",
        "/%0d%0aHost:x",
        "/a\x00",
        "/" + "a" * 3000,
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(UnsafePath):
        checked_path(path)


@pytest.mark.parametrize(
    ("namespace", "service", "port"),
    [
        ("a", "b/../c", 80),
        ("a/b", "c", 80),
        ("a", "", 80),
        ("a", "b", 0),
        ("a", "b", 70000),
        ("a", "b:c", 80),
    ],
)
def test_only_a_service_can_be_named(namespace: str, service: str, port: int) -> None:
    with pytest.raises(UnsafePath):
        proxy_path(namespace, service, port, "/")


def test_the_service_is_part_of_the_path() -> None:
    assert (
        proxy_path("pricing", "house", 5001, "/x") == "/api/v1/namespaces/pricing/services/house:5001/proxy/x"
    )


def test_cookies_credentials_and_connection_matters_are_not_passed_on() -> None:
    headers = {"Set-Cookie": "a=b", "Content-Type": "text/plain", "Connection": "close", "X-Model": "house"}
    assert passed_on(headers) == {"content-type": "text/plain", "x-model": "house"}
