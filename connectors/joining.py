"""Joins two listings by key on disk, for platforms that list in two places what belongs together."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import Any, Self
from zlib import crc32

from connectors.payloads import dump, load

PARTITIONS = 64
BUFFER_BYTES = 64 * 1024


class DiskJoin:
    """Parts two listings alike by their keys, so that only one part of each is in memory at a time. A context manager.

    With half a million payloads on a side, a part holds eight thousand.
    """

    def __init__(self) -> None:
        self._files = ExitStack()
        self._left = [self._file() for _ in range(PARTITIONS)]
        self._right = [self._file() for _ in range(PARTITIONS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.close()

    def add_left(self, key: str, payload: Any) -> None:
        _write(self._left, key, payload)

    def add_right(self, key: str, payload: Any) -> None:
        _write(self._right, key, payload)

    def partitions(self) -> Iterator[tuple[Iterator[Any], Mapping[str, Sequence[Any]]]]:
        """Yield part by part the left payloads, and the right ones by key, each in the order they came.

        The right mapping has an empty list for a key that nothing was added under.
        """
        for left, right in zip(self._left, self._right, strict=True):
            by_key: defaultdict[str, list[Any]] = defaultdict(list)
            for key, payload in _read(right):
                by_key[key].append(payload)
            yield (payload for _, payload in _read(left)), by_key

    def _file(self) -> Any:
        return self._files.enter_context(TemporaryFile(buffering=BUFFER_BYTES))


def _write(files: list[Any], key: str, payload: Any) -> None:
    files[crc32(key.encode()) % PARTITIONS].write(dump([key, payload]) + b"\n")


def _read(file: Any) -> Iterator[tuple[str, Any]]:
    file.seek(0)
    return map(load, file)
