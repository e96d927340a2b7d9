"""Keeps calls that others have a say in away from this machine and its neighbours."""

import ipaddress
import socket

import httpx2


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
        parsed = ipaddress.ip_address(address)
        mapped = getattr(parsed, "ipv4_mapped", None) or parsed
        if not mapped.is_global or mapped.is_multicast:
            raise PrivateAddress(f"{host} leads to {address}, which is not a public address.")
    return addresses[0]


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
