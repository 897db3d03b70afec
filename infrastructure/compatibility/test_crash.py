"""`kill -9` at random moments under load: nothing acknowledged is lost, nothing is there twice, and
committed offsets never go back. ROUNDS=50 asks for as many rounds; CRASH_SEED repeats their moments."""

import os
import random
import threading
import time

import confluent_kafka
from confluent_kafka import TopicPartition

from support.case import PATIENCE, BrokerCase, quiet, unique, wait_until

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SEED = int(os.environ.get("CRASH_SEED", "0")) or int.from_bytes(os.urandom(4), "big") + 1
PARTITIONS = 4


class Writer(threading.Thread):
    """An idempotent producer that numbers what it writes, and remembers what was acknowledged."""

    def __init__(self, address, topic, name, size):
        super().__init__(daemon=True)
        self.topic, self.name, self.filler = topic, name, b"x" * size
        self.ending = threading.Event()
        self.acknowledged, self.failures = set(), []
        self.left = None
        self.producer = confluent_kafka.Producer({
            "bootstrap.servers": address, "enable.idempotence": True, "linger.ms": 1,
            "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200,
            "queue.buffering.max.messages": 20_000, "error_cb": quiet, "log_level": 0})

    def delivered(self, error, message):
        if error:
            self.failures.append(error)
        else:
            self.acknowledged.add((message.partition(), message.value().split(b" ")[0]))

    def run(self):
        number = 0
        while not self.ending.is_set():
            value = b"%s-%d %s" % (self.name.encode(), number, self.filler)
            try:
                self.producer.produce(
                    self.topic, value, partition=number % PARTITIONS, on_delivery=self.delivered)
                number += 1
            except BufferError:
                self.producer.poll(0.05)
            self.producer.poll(0)
            if number % 50 == 0:
                time.sleep(0.002)  # so that a round has some ten thousands of messages, not millions
        self.left = self.producer.flush(PATIENCE)


class Committer(threading.Thread):
    """Reads partition 0 and commits how far it came; remembers the last commit that was acknowledged."""

    def __init__(self, address, topic, group):
        super().__init__(daemon=True)
        self.topic = topic
        self.ending = threading.Event()
        self.acknowledged = 0
        self.consumer = confluent_kafka.Consumer({
            "bootstrap.servers": address, "group.id": group, "enable.auto.commit": False,
            "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "error_cb": quiet, "log_level": 0,
            "socket.timeout.ms": 10_000})

    def run(self):
        self.consumer.assign([TopicPartition(self.topic, 0, 0)])
        while not self.ending.is_set():
            messages = [each for each in self.consumer.consume(500, 0.1) if not each.error()]
            if not messages:
                continue
            offset = messages[-1].offset() + 1
            try:
                done = self.consumer.commit(
                    offsets=[TopicPartition(self.topic, 0, offset)], asynchronous=False)
                if done[0].error is None:
                    self.acknowledged = offset
            except confluent_kafka.KafkaException:
                pass  # the broker is away: unacknowledged, so nothing is promised
        self.consumer.close()


class Crash(BrokerCase):
    # Small segments, so that crashes also meet a roll to the next one.
    flags = {"segment_max": "1MiB"}

    def committed(self, topic, group):
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.address, "group.id": group, "error_cb": quiet, "log_level": 0})
        try:
            partition = TopicPartition(topic, 0)
            end = consumer.get_watermark_offsets(partition, PATIENCE)[1]
            return max(0, consumer.committed([partition], PATIENCE)[0].offset), end
        finally:
            consumer.close()

    def crash(self, moment, topic, group, committer):
        time.sleep(moment)
        self.broker.kill()
        promised = committer.acknowledged
        self.broker.start()
        found, end = self.committed(topic, group)
        self.assertGreaterEqual(found, promised, "a committed offset went back")
        self.assertLessEqual(found, end, "a committed offset beyond the log's end")

    def read(self, topic):
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.address, "group.id": unique("reader"), "error_cb": quiet, "log_level": 0,
            "enable.auto.commit": False, "enable.partition.eof": True})
        consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
        found, ended = [], set()
        deadline = time.monotonic() + PATIENCE
        while len(ended) < PARTITIONS and time.monotonic() < deadline:
            for message in consumer.consume(1_000, 1.0):
                if message.error() is None:
                    found.append((message.partition(), message.value().split(b" ")[0]))
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    self.fail(message.error())
        consumer.close()
        return found

    def check(self, found, writers):
        present = set(found)
        self.assertEqual(len(found), len(present), "a message is there twice")
        for writer in writers:
            self.assertEqual((writer.left, writer.failures[:3]), (0, []), "not delivered")
            self.assertEqual(writer.acknowledged - present, set(), "acknowledged, but lost")
        for partition in range(PARTITIONS):
            for writer in writers:
                prefix = writer.name.encode() + b"-"
                numbers = [
                    int(name[len(prefix):]) for place, name in found
                    if place == partition and name.startswith(prefix)]
                self.assertEqual(numbers, sorted(numbers), "out of order")

    def round(self, chance):
        topic, group = self.make_topic(PARTITIONS), unique("group")
        writers = [
            Writer(self.address, topic, f"w{number}", size)
            for number, size in enumerate((20, 200, 3_000))]
        committer = Committer(self.address, topic, group)
        threads = [*writers, committer]
        for each in threads:
            each.start()
        try:
            wait_until(
                lambda: all(each.acknowledged for each in threads), "the load under way")
            for _ in range(chance.choice((1, 2, 3))):
                self.crash(chance.uniform(0.0, 0.6), topic, group, committer)
            before = [len(each.acknowledged) for each in writers]
            wait_until(
                lambda: all(len(each.acknowledged) > count for each, count in zip(writers, before)),
                "the load going on after the crash")
        finally:
            for each in threads:
                each.ending.set()
            for each in threads:
                each.join(2 * PATIENCE)
        self.broker.kill()
        self.broker.start()
        self.check(self.read(topic), writers)
        return sum(len(each.acknowledged) for each in writers)

    def test_crashes_under_load(self):
        chance = random.Random(SEED)
        for number in range(ROUNDS):
            with self.subTest(round=number, seed=SEED):
                count = self.round(chance)
                print(f"crash round {number + 1} of {ROUNDS}: {count} messages kept", flush=True)
