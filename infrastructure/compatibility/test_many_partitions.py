"""A thousand partitions: created, written, read, and there again after a restart."""

import time

import confluent_kafka

from support.case import PATIENCE, BrokerCase, quiet, unique

COUNT = 1_000


class ManyPartitions(BrokerCase):
    def read(self, topic, count):
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.address, "group.id": unique("reader"),
            "auto.offset.reset": "earliest", "enable.auto.commit": False, "error_cb": quiet, "log_level": 0})
        consumer.assign([
            confluent_kafka.TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING)
            for number in range(COUNT)])
        found = set()
        deadline = time.monotonic() + PATIENCE
        while len(found) < count and time.monotonic() < deadline:
            for message in consumer.consume(1_000, 1.0):
                if message.error() is None:
                    found.add(message.value())
        consumer.close()
        return found

    def test_a_thousand_partitions(self):
        topic = self.make_topic(COUNT)
        producer = confluent_kafka.Producer({
            "bootstrap.servers": self.address, "enable.idempotence": True, "error_cb": quiet, "log_level": 0})
        sent = set()
        for number in range(3 * COUNT):
            value = b"%d" % number
            producer.produce(topic, value, partition=number % COUNT)
            sent.add(value)
        self.assertEqual(producer.flush(PATIENCE), 0)
        self.assertEqual(self.read(topic, len(sent)), sent)
        self.broker.stop()
        self.broker.start()
        self.assertEqual(self.read(topic, len(sent)), sent)
