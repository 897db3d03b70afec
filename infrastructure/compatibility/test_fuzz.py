"""Broken frames and batches: no crash, no hang, bounded memory, and the log stays as it was."""

import os
import random
import socket
import struct

from support import wire
from support.case import BrokerCase
from support.clients import Confluent
from support.records import samples

FRAMES = int(os.environ.get("FUZZ_FRAMES", "1500"))
SEED = int(os.environ.get("FUZZ_SEED", "0")) or int.from_bytes(os.urandom(4), "big") + 1
MEMORY_MAX = 512 << 20
CORRUPT_MESSAGE = 2


class Fuzz(BrokerCase):
    def setUp(self):
        self.random = random.Random(SEED)
        self.topic = self.make_topic()
        Confluent.produce(self.address, self.topic, samples())

    def tearDown(self):
        super().tearDown()
        self.assertLess(self.broker.resident_bytes(), MEMORY_MAX, f"FUZZ_SEED={SEED}")
        with wire.Wire(self.broker.port) as connection:
            self.assertIsNotNone(connection.ask(wire.api_versions()), f"FUZZ_SEED={SEED}")

    def check_log(self):
        found = Confluent.consume(self.address, self.topic, len(samples()))
        self.assertEqual(found, samples(), f"FUZZ_SEED={SEED}")

    def mutated(self, data):
        data = bytearray(data)
        for _ in range(self.random.choice((1, 1, 2, 5, 20))):
            at = self.random.randrange(len(data))
            kind = self.random.randrange(4)
            if kind == 0:
                data[at] = self.random.randrange(256)
            elif kind == 1 and len(data) > 10:
                del data[at:at + self.random.randrange(1, 9)]
            elif kind == 2:
                data[at:at] = self.random.randbytes(self.random.randrange(1, 9))
            else:
                at = self.random.randrange(max(1, len(data) - 4))
                number = self.random.choice((-1, 0, 1, 0x7FFFFFFF, -0x80000000, 1 << 24))
                data[at:at + 4] = struct.pack(">i", number)
            if not data:
                return b"\x00"
        return bytes(data)

    def throw(self, data):
        """Sends, says that no more comes, and reads what there is to read.

        Nonsense may turn out to be a request that waits for long, so nobody waits for the end here;
        that the broker goes on serving is checked with others.
        """
        with wire.Wire(self.broker.port, timeout=0.05) as connection:
            try:
                connection.send(data)
                connection.socket.shutdown(socket.SHUT_WR)
                while connection.answer() is not None:
                    pass
            except (ConnectionError, TimeoutError):
                pass  # the broker hung up on nonsense, as it may, or takes its time

    def test_requests_of_every_kind_with_random_bodies(self):
        for number in range(FRAMES):
            body = self.random.randbytes(self.random.randrange(0, 200))
            # Not CreateTopics, DeleteTopics, DeleteRecords: random ones may name this test's topic.
            key = self.random.choice([each for each in range(-1, 70) if each not in (19, 20, 21)])
            with self.subTest(number=number, seed=SEED):
                self.throw(wire.request(key, self.random.randrange(-1, 14), body))
        self.check_log()

    def test_good_requests_with_bytes_changed(self):
        good = [
            wire.api_versions(), wire.metadata(self.topic), wire.fetch(self.topic, 0, 0, 10),
            wire.produce("elsewhere", 0, wire.batch([b"x" * 50] * 3)),
        ]
        for number in range(FRAMES):
            frame = self.random.choice(good)
            with self.subTest(number=number, seed=SEED):
                # Half of them keep an honest size in front, so that what is behind it gets read.
                if self.random.random() < 0.5:
                    self.throw(wire.frame(self.mutated(frame[4:])))
                else:
                    self.throw(self.mutated(frame))
        self.check_log()

    def test_broken_batches_are_refused_and_leave_nothing(self):
        good = wire.batch([b"value %d" % number for number in range(5)])
        with wire.Wire(self.broker.port) as connection:
            for _ in range(FRAMES // 5):
                at = self.random.randrange(16, len(good))
                bad = bytearray(good)
                bad[at] ^= 1 << self.random.randrange(8)
                answer = connection.ask(wire.produce(self.topic, 0, bytes(bad)))
                self.assertIsNotNone(answer, f"hung up on a batch broken at {at}")
                self.assertNotEqual(wire.produce_error(answer), 0, f"accepted, broken at {at}")
            answer = connection.ask(wire.produce(self.topic, 0, good))
            self.assertEqual(wire.produce_error(answer), 0)
        found = Confluent.consume(self.address, self.topic, len(samples()) + 5)
        self.assertEqual([each.value for each in found[-5:]], [b"value %d" % n for n in range(5)])

    def test_sizes_that_lie(self):
        for size in (-1, -0x80000000, 0, 1, 3, 0x7FFFFFFF, 1 << 30):
            with self.subTest(size=size):
                self.throw(struct.pack(">i", size) + b"\x00" * 64)
        self.check_log()

    def test_many_connections_that_promise_much_and_send_little(self):
        connections = [wire.Wire(self.broker.port) for _ in range(200)]
        for each in connections:
            try:
                each.send(struct.pack(">i", 90 << 20) + b"\x00" * 100)
            except ConnectionError:
                pass
        self.check_log()
        self.assertLess(self.broker.resident_bytes(), MEMORY_MAX)
        for each in connections:
            each.socket.close()
