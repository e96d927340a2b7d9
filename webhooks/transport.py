"""The way that deliveries take: to public addresses only, and within a time that covers all of an exchange."""

import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any

import httpcore2
import httpx2
from django.conf import settings

from connectors.addresses import public_addresses

WRITTEN_AT_ONCE = 64 * 1024  # bytes

_ends_at: ContextVar[float] = ContextVar("_ends_at")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Have what this thread exchanges end in time, however slowly the other side drips: else it raises a time-out."""
    token = _ends_at.set(monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


class Transport(httpx2.HTTPTransport):
    """Looks names up itself, for each connection: a name cannot lead elsewhere once it was looked at.

    Connections are kept by name, not by address, as what is shown to one host of an address is not meant for another.
    """

    def __init__(self) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False),
            max_connections=None,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_Network(),
        )


class _Network(httpcore2.NetworkBackend):
    def __init__(self) -> None:
        self._network = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Raises PrivateAddress unless those are allowed."""
        *others, last = [host] if settings.ALLOW_PRIVATE_ADDRESSES else public_addresses(host, port)
        for address in others:
            try:
                return self._connect(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return self._connect(last, port, timeout, local_address, socket_options)

    def _connect(self, address: str, port: int, timeout: float | None, *about: Any) -> httpcore2.NetworkStream:
        return _Stream(self._network.connect_tcp(address, port, _left(timeout, httpcore2.ConnectTimeout), *about))


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), WRITTEN_AT_ONCE):
            part = buffer[start : start + WRITTEN_AT_ONCE]
            self._stream.write(part, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(timeout: float | None, error: type[httpcore2.TimeoutException]) -> float | None:
    """Return how many seconds a step may take. Raises `error` where the time for all of them is over."""
    left = _ends_at.get() - monotonic()
    if left <= 0:
        raise error("It took too long.")
    return left if timeout is None else min(timeout, left)
