import tracemalloc

from connectors.joining import DiskJoin


def joined(join):
    return {left: list(right[left]) for lefts, right in join.partitions() for left in lefts}


def test_payloads_meet_by_key_in_the_order_they_came():
    with DiskJoin() as join:
        for number in range(300):
            join.add_right(str(number % 3), {"number": number})
        for key in ("1", "2", "unmatched"):
            join.add_left(key, key)

        found = joined(join)

    assert found["1"] == [{"number": number} for number in range(1, 300, 3)]
    assert len(found["2"]) == 100
    assert found["unmatched"] == []


def test_payloads_come_back_as_they_were():
    payload = {"cut": "Ana \ud83d", "lines": "a\nb"}
    with DiskJoin() as join:
        join.add_left("1", payload)

        assert [left for lefts, _ in join.partitions() for left in lefts] == [payload]


def test_every_left_payload_comes_once_also_under_one_key():
    with DiskJoin() as join:
        for number in range(1000):
            join.add_left("same", number)

        assert [left for lefts, _ in join.partitions() for left in lefts] == list(range(1000))


def test_memory_does_not_grow_with_payloads():
    def peak_bytes(count):
        tracemalloc.start()
        with DiskJoin() as join:
            for number in range(count):
                join.add_left(str(number), "x" * 200)
                join.add_right(str(number), "x" * 200)
            assert sum(1 for lefts, _ in join.partitions() for _ in lefts) == count
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    assert peak_bytes(20_000) < peak_bytes(100) + 1_000_000
