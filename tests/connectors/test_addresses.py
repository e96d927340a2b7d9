"""Where calls may go that others have a say in."""

import socket

import httpx2
import pytest

from connectors.addresses import PrivateAddress, pin, public_address


@pytest.fixture
def names(monkeypatch):
    """Return what names lead to, by name, in place of the network's own."""
    known = {}

    def getaddrinfo(host, port, **about):
        return [(None, None, None, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",  # what clouds tell their machines
        "100.64.0.1",
        "192.0.0.192",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fec0::1",
        "fd00::1",
        "ff02::1",
        "2001:db8::1",
        "4000::1",  # nobody's
        "::ffff:127.0.0.1",
        "::ffff:0:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "2002:7f00:1::",  # 127.0.0.1, tunnelled
        "2001:0:7f00:1::",
    ],
)
def test_addresses_of_neighbours_are_refused_whatever_they_look_like(names, address):
    names["app.example.com"] = [address]

    with pytest.raises(PrivateAddress, match="not a public address"):
        public_address("app.example.com", 443)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"])
def test_public_addresses_are_taken(names, address):
    names["app.example.com"] = [address]

    assert public_address("app.example.com", 443) == address


def test_one_private_address_among_public_ones_is_one_too_many(names):
    names["app.example.com"] = ["8.8.8.8", "10.0.0.1"]

    with pytest.raises(PrivateAddress):
        public_address("app.example.com", 443)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "[::1]", "localhost"])
def test_odd_spellings_of_this_machine_are_refused(host):
    with pytest.raises(PrivateAddress):
        pin(httpx2.Request("POST", f"http://{host}/"))


def test_a_pinned_request_goes_where_its_name_led_and_keeps_the_name(names):
    names["app.example.com"] = ["2606:4700:4700::1111"]
    request = pin(httpx2.Request("POST", "https://app.example.com:8443/hooks"))

    assert request.url == "https://[2606:4700:4700::1111]:8443/hooks"
    assert request.headers["Host"] == "app.example.com:8443"
    assert request.extensions["sni_hostname"] == "app.example.com"
