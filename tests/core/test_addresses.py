"""The caller's address: headers of a trusted proxy count, headers of a stranger do not."""

import pytest
from django.test import RequestFactory

from core.http.addresses import address_block, client_address


def request(remote: str, forwarded: str = ""):
    extra = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    return RequestFactory().get("/", REMOTE_ADDR=remote, **extra)


def test_without_trusted_proxies_the_forwarded_header_is_ignored(settings):
    settings.TRUSTED_PROXIES = []
    assert client_address(request("203.0.113.9", "198.51.100.1")) == "203.0.113.9"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("1.1.1.1, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("nonsense", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_behind_trusted_proxies_the_last_stranger_is_the_caller(settings, forwarded, address):
    settings.TRUSTED_PROXIES = ["127.0.0.1", "10.0.0.0/8"]
    assert client_address(request("127.0.0.1", forwarded)) == address


def test_a_stranger_can_not_forge_the_header(settings):
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert client_address(request("203.0.113.9", "198.51.100.1")) == "203.0.113.9"


def test_limits_count_an_ipv6_network_as_one_caller(settings):
    settings.TRUSTED_PROXIES = []
    assert address_block(request("2001:db8:1:2:3::4")) == "2001:db8:1:2::"
    assert address_block(request("203.0.113.9")) == "203.0.113.9"
    assert address_block(request("")) == "local"
