"""A group member in a process of its own, so that it can be killed: `python -m support.member ...`.

Writes JSON lines: {"assigned": [partitions]} after each change, {"got": [value, ...]} once those are
committed. Leaves in order when its standard input ends.
"""

import asyncio
import json
import sys
import threading

import aiokafka
import confluent_kafka
import kafka

SESSION_TIMEOUT = 6_000
HEARTBEAT = 500

left = threading.Event()


def tell(**fact):
    print(json.dumps(fact), flush=True)


def watch_input():
    sys.stdin.read()
    left.set()


def confluent(address, group, topic, strategy):
    owned = set()

    def assigned(_, partitions):
        owned.update(each.partition for each in partitions)
        tell(assigned=sorted(owned))

    def revoked(_, partitions):
        owned.difference_update(each.partition for each in partitions)
        tell(assigned=sorted(owned))

    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": address, "group.id": group, "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "session.timeout.ms": SESSION_TIMEOUT,
        "heartbeat.interval.ms": HEARTBEAT, "partition.assignment.strategy": strategy,
        "error_cb": lambda _: None,
    })
    consumer.subscribe([topic], on_assign=assigned, on_revoke=revoked, on_lost=revoked)
    while not left.is_set():
        messages = [each for each in consumer.consume(100, 0.2) if each.error() is None]
        if not messages:
            continue
        try:
            consumer.commit(asynchronous=False)
            tell(got=[each.value().decode() for each in messages])
        except confluent_kafka.KafkaException:
            pass  # fenced by a rebalance: whoever owns the partition now reads them again
    consumer.close()


class Listener(kafka.ConsumerRebalanceListener, aiokafka.ConsumerRebalanceListener):
    """For both libraries: what was revoked is told by the next assignment."""

    def on_partitions_revoked(self, revoked):
        tell(assigned=[])

    def on_partitions_assigned(self, assigned):
        tell(assigned=sorted(each.partition for each in assigned))


def kafka_python(address, group, topic, strategy):
    from kafka.coordinator.assignors.range import RangePartitionAssignor
    assert strategy == "range"
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=address, group_id=group, enable_auto_commit=False,
        auto_offset_reset="earliest", session_timeout_ms=SESSION_TIMEOUT,
        heartbeat_interval_ms=HEARTBEAT,
        partition_assignment_strategy=[RangePartitionAssignor])
    consumer.subscribe([topic], listener=Listener())
    while not left.is_set():
        # Returns as soon as there is a message. A short time-out would hide assignments: a poll that
        # ends while SyncGroup is under way drops its answer (kafka-python 3.0.12).
        messages = [each for some in consumer.poll(3_000).values() for each in some]
        if not messages:
            continue
        try:
            consumer.commit()
            tell(got=[each.value.decode() for each in messages])
        except kafka.errors.KafkaError:
            pass
    consumer.close()


async def aio(address, group, topic, strategy):
    from aiokafka.coordinator.assignors.range import RangePartitionAssignor
    assert strategy == "range"
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=address, group_id=group, enable_auto_commit=False,
        auto_offset_reset="earliest", session_timeout_ms=SESSION_TIMEOUT,
        heartbeat_interval_ms=HEARTBEAT,
        partition_assignment_strategy=[RangePartitionAssignor])
    consumer.subscribe([topic], listener=Listener())
    await consumer.start()
    while not left.is_set():
        some = (await consumer.getmany(timeout_ms=200)).values()
        messages = [each for part in some for each in part]
        if not messages:
            continue
        try:
            await consumer.commit()
            tell(got=[each.value.decode() for each in messages])
        except aiokafka.errors.KafkaError:
            pass
    await consumer.stop()


if __name__ == "__main__":
    library, *rest = sys.argv[1:]
    threading.Thread(target=watch_input, daemon=True).start()
    if library == "aiokafka":
        asyncio.run(aio(*rest))
    else:
        {"confluent-kafka": confluent, "kafka-python": kafka_python}[library](*rest)
