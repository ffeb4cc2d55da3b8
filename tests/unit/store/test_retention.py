"""given a store's checkpoints and what its topics still have, then it is known what can never be read."""

from infra.app.retention import PartitionCheck, PartitionInKafka, PartitionInStore, check_partitions

PLACE = ("orders", 0)


def checked(store: PartitionInStore | None, kafka: PartitionInKafka | None) -> PartitionCheck:
    (found,) = check_partitions({} if store is None else {PLACE: store}, {} if kafka is None else {PLACE: kafka})
    return found


def test_a_partition_that_still_has_everything_unread_is_readable() -> None:
    found = checked(PartitionInStore(5), PartitionInKafka(2, 9))
    assert (found.state, found.to_read, found.missing) == ("readable", 4, 0) and found.is_readable
    assert checked(PartitionInStore(5), PartitionInKafka(5, 5)).to_read == 0


def test_what_was_deleted_before_it_was_read_is_missing() -> None:
    found = checked(PartitionInStore(5), PartitionInKafka(8, 9))
    assert (found.state, found.to_read, found.missing) == ("gone", 1, 3) and not found.is_readable


def test_a_partition_that_was_never_read_misses_what_was_deleted() -> None:
    assert checked(None, PartitionInKafka(3, 9)).missing == 3
    assert checked(None, PartitionInKafka(0, 9)).is_readable


def test_a_topic_that_was_created_again_is_known_by_its_id_or_by_its_end() -> None:
    found = checked(PartitionInStore(5, "old"), PartitionInKafka(0, 9, "new"))
    assert (found.state, found.to_read, found.missing) == ("created again", 9, 0)
    assert checked(PartitionInStore(5), PartitionInKafka(0, 3)).state == "created again"
    # an id that is not known proves nothing
    assert checked(PartitionInStore(5, None), PartitionInKafka(0, 9, "new")).is_readable


def test_a_partition_that_kafka_does_not_have_is_named() -> None:
    assert checked(PartitionInStore(5), None).state == "no partition"
