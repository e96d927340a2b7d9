"""Keeps calls that others have a say in away from this machine and its neighbours."""

import ipaddress
import socket

import httpx2

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# https://www.iana.org/assignments/iana-ipv6-special-registry and its sibling of IPv4: what older Pythons do not know
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
PROTOCOL_ASSIGNMENTS = ipaddress.IPv4Network("192.0.0.0/24")


class PrivateAddress(ValueError):  # noqa: N818 (it is named for what it is)
    """A name or address that leads to this machine, to its network, or nowhere."""


def public_address(host: str, port: int) -> str:
    """Return the address that a host name leads to. Raises PrivateAddress unless it leads to public ones only."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PrivateAddress(f"{host} leads nowhere.") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in addresses:
        if not _is_public(ipaddress.ip_address(address)):
            raise PrivateAddress(f"{host} leads to {address}, which is not a public address.")
    return addresses[0]


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if (inner := _inner(address)) is not None:
            return _is_public(inner)
        if address not in GLOBAL_UNICAST:
            return False
    return address.is_global and not address.is_multicast and address not in PROTOCOL_ASSIGNMENTS


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return where an IPv6 address leads that only stands for one of IPv4."""
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


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
