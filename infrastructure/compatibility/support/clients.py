"""The client libraries behind one face: produce records to partition 0, consume all there are."""

import asyncio
import time

import aiokafka
import confluent_kafka
import kafka

from support.case import PATIENCE, quiet, unique
from support.records import Record

COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")


class Confluent:
    name = "confluent-kafka"

    @staticmethod
    def produce(address, topic, records, compression="none", idempotent=False, largest=1_000_000):
        failures = []
        producer = confluent_kafka.Producer({
            "bootstrap.servers": address, "compression.type": compression, "linger.ms": 20,
            "enable.idempotence": idempotent, "message.max.bytes": largest + 10_000,
            "error_cb": quiet, "log_level": 0,
        })
        for each in records:
            producer.produce(
                topic, key=each.key, value=each.value, headers=list(each.headers),
                partition=0, timestamp=each.timestamp,
                on_delivery=lambda error, _: failures.append(error) if error else None)
        left = producer.flush(PATIENCE)
        assert left == 0 and not failures, (left, failures[:3])

    @staticmethod
    def consume(address, topic, count, largest=1_000_000):
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": address, "group.id": unique("reader"),
            "enable.auto.commit": False, "max.partition.fetch.bytes": largest + 10_000,
            "fetch.max.bytes": 2 * largest + 20_000, "message.max.bytes": largest + 10_000,
            "receive.message.max.bytes": 4 * largest + 1_000_000, "error_cb": quiet, "log_level": 0,
        })
        consumer.assign([confluent_kafka.TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING)])
        found = []
        deadline = time.monotonic() + PATIENCE
        try:
            while len(found) < count and time.monotonic() < deadline:
                for message in consumer.consume(count - len(found), 1.0):
                    assert message.error() is None, message.error()
                    assert message.offset() == len(found)
                    found.append(Record(
                        message.key(), message.value(), tuple(message.headers() or ()),
                        message.timestamp()[1]))
        finally:
            consumer.close()
        return found


class AIOKafka:
    name = "aiokafka"

    @staticmethod
    def produce(address, topic, records, compression="none", idempotent=False, largest=1_000_000):
        async def run():
            async with aiokafka.AIOKafkaProducer(
                    bootstrap_servers=address, linger_ms=20, enable_idempotence=idempotent,
                    compression_type=None if compression == "none" else compression,
                    max_request_size=largest + 10_000) as producer:
                waiting = [
                    await producer.send(
                        topic, each.value, each.key, partition=0, timestamp_ms=each.timestamp,
                        headers=list(each.headers))
                    for each in records
                ]
                await asyncio.gather(*waiting)
        asyncio.run(asyncio.wait_for(run(), PATIENCE))

    @staticmethod
    def consume(address, topic, count, largest=1_000_000):
        async def run():
            found = []
            consumer = aiokafka.AIOKafkaConsumer(
                bootstrap_servers=address, enable_auto_commit=False,
                max_partition_fetch_bytes=largest + 10_000)
            async with consumer:
                partition = aiokafka.TopicPartition(topic, 0)
                consumer.assign([partition])
                await consumer.seek_to_beginning(partition)
                while len(found) < count:
                    message = await consumer.getone()
                    assert message.offset == len(found)
                    found.append(Record(
                        message.key, message.value, tuple(message.headers), message.timestamp))
            return found
        return asyncio.run(asyncio.wait_for(run(), PATIENCE))


class KafkaPython:
    name = "kafka-python"

    @staticmethod
    def produce(address, topic, records, compression="none", idempotent=False, largest=1_000_000):
        producer = kafka.KafkaProducer(
            bootstrap_servers=address, linger_ms=20, enable_idempotence=idempotent, acks="all",
            compression_type=None if compression == "none" else compression,
            max_request_size=largest + 10_000)
        try:
            waiting = [
                producer.send(
                    topic, value=each.value, key=each.key, partition=0,
                    timestamp_ms=each.timestamp, headers=list(each.headers))
                for each in records
            ]
            producer.flush(PATIENCE)
            for each in waiting:
                each.get(PATIENCE)
        finally:
            producer.close(5)

    @staticmethod
    def consume(address, topic, count, largest=1_000_000):
        consumer = kafka.KafkaConsumer(
            bootstrap_servers=address, enable_auto_commit=False,
            consumer_timeout_ms=PATIENCE * 1_000, max_partition_fetch_bytes=largest + 10_000,
            fetch_max_bytes=2 * largest + 20_000)
        try:
            partition = kafka.TopicPartition(topic, 0)
            consumer.assign([partition])
            consumer.seek_to_beginning(partition)
            found = []
            for message in consumer:
                assert message.offset == len(found)
                found.append(Record(
                    message.key, message.value, tuple(message.headers or ()), message.timestamp))
                if len(found) == count:
                    break
            return found
        finally:
            consumer.close()


ALL = (Confluent, AIOKafka, KafkaPython)
