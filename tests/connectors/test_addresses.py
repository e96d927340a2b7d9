import pytest

from connectors.addresses import PrivateAddress, public_address


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "2130706433",  # the same as a number
        "0x7f.1",
        "0.0.0.0",  # noqa: S104  a host to be called, not to be bound to
        "10.0.0.1",
        "169.254.169.254",
        "192.0.0.192",
        "224.0.0.1",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "fd00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "64:ff9b::a00:1",  # 10.0.0.1, through a translator
        "64:ff9b:1::a00:1",
        "2002:a00:1::1",  # 10.0.0.1, through a tunnel
        "2001:0:7f00:1::1",
        "a" * 300,
        "\ud800",
    ],
)
def test_hosts_that_lead_into_some_network_are_refused(host):
    with pytest.raises(PrivateAddress):
        public_address(host, 443)


@pytest.mark.parametrize("host", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_public_addresses_are_taken(host):
    assert public_address(host, 443)


def test_a_name_that_leads_to_a_private_address_as_well_is_refused(monkeypatch):
    found = [(2, 1, 6, "", ("1.1.1.1", 443)), (10, 1, 6, "", ("fd00::7", 443, 0, 0))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)

    with pytest.raises(PrivateAddress, match="fd00::7"):
        public_address("api.example.com", 443)
