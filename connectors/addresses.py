"""Keeps calls that others have a say in away from this machine and its neighbours."""

import ipaddress
import socket

import httpx2

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Of IPv6 only this is in use between networks (https://www.iana.org/assignments/ipv6-address-space), and what a NAT64
# gateway makes of IPv4 (RFC 6052).
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
PROTOCOL_ASSIGNMENTS = ipaddress.IPv4Network("192.0.0.0/24")  # which older Pythons take for global


class PrivateAddress(ValueError):  # noqa: N818 (it is named for what it is)
    """A name or address that leads to this machine, to its network, or nowhere."""


def public_address(host: str, port: int) -> str:
    """Return an address that a host name leads to. Raises PrivateAddress unless it leads to public ones only."""
    return public_addresses(host, port)[0]


def public_addresses(host: str, port: int) -> list[str]:
    """Return what a host name leads to, best first. Raises PrivateAddress unless all of it is public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PrivateAddress(f"{host} leads nowhere.") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in addresses:
        if not _is_public(ipaddress.ip_address(address)):
            raise PrivateAddress(f"{host} leads to {address}, which is not a public address.")
    return addresses


def _is_public(address: IPAddress) -> bool:
    """Whether others than our neighbours can have an address; one of IPv6 may hold one of IPv4 that leads to them."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and address not in PROTOCOL_ASSIGNMENTS
    if address.ipv4_mapped:
        return _is_public(address.ipv4_mapped)
    if address in NAT64:
        return _is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address in GLOBAL_UNICAST and address.is_global and not (address.sixtofour or address.teredo)


def pin(request: httpx2.Request) -> httpx2.Request:
    """Have a request go to the address that its host name leads to now, whatever it may lead to a moment later.

    Raises PrivateAddress unless that is a public one.
    """
    url = request.url
    address = public_address(url.host, url.port or (443 if url.scheme == "https" else 80))
    request.headers["Host"] = url.netloc.decode("ascii").rpartition("@")[2]
    request.extensions = {**request.extensions, "sni_hostname": url.host}
    request.url = url.copy_with(host=address)
    return request
