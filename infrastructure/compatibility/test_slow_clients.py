"""A slow or silent client harms no other, and costs the broker only a bounded amount of memory."""

import socket

from support import wire
from support.case import BrokerCase, wait_until
from support.clients import Confluent
from support.records import samples

MEMORY_MAX = 512 << 20


class SlowClients(BrokerCase):
    def setUp(self):
        self.bad = []

    def tearDown(self):
        for each in self.bad:
            each.socket.close()
        super().tearDown()
        self.assertLess(self.broker.resident_bytes(), MEMORY_MAX)

    def connect(self):
        connection = wire.Wire(self.broker.port)
        self.bad.append(connection)
        return connection

    def check_others(self):
        topic = self.make_topic()
        Confluent.produce(self.address, topic, samples(200), "lz4", idempotent=True)
        self.assertEqual(Confluent.consume(self.address, topic, 200), samples(200))

    def test_silent_connections(self):
        for _ in range(300):
            self.connect()
        self.check_others()

    def test_half_a_request_and_then_silence(self):
        for _ in range(100):
            self.connect().send(wire.api_versions()[:-3])
        self.check_others()

    def test_a_request_byte_by_byte(self):
        slow = self.connect()
        for byte in wire.api_versions():
            slow.send(bytes([byte]))
        self.assertIsNotNone(slow.answer())
        self.check_others()

    def test_readers_that_ask_for_much_and_read_nothing(self):
        topic = self.make_topic()
        value = bytes(500_000)
        Confluent.produce(self.address, topic, [samples(7)[6]._replace(value=value)] * 40)
        for _ in range(20):
            slow = self.connect()
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.socket.settimeout(0.2)
            for offset in range(20):
                try:
                    slow.send(wire.fetch(topic, 0, offset, 0))
                except TimeoutError:
                    break  # the broker stopped reading from it, as it may
        self.check_others()

    def test_fetches_that_wait_long_hold_up_no_one(self):
        topic = self.make_topic()
        for _ in range(50):
            self.connect().send(wire.fetch(topic, 0, 0, 600_000))
        self.check_others()

    def test_a_writer_that_vanishes_in_the_middle_of_a_batch(self):
        topic = self.make_topic()
        whole = wire.produce(topic, 0, wire.batch([b"x" * 100_000]))
        for _ in range(20):
            cut = self.connect()
            cut.send(whole[: len(whole) // 2])
            cut.socket.close()
        Confluent.produce(self.address, topic, samples())
        self.assertEqual(Confluent.consume(self.address, topic, len(samples())), samples())

    def test_clients_that_leave_at_once_leave_no_connection_behind(self):
        before = self.broker.open_files()
        for data in (wire.api_versions(), wire.api_versions()[:-3], wire.metadata("unknown")):
            for _ in range(100):
                gone = wire.Wire(self.broker.port)
                gone.send(data)
                gone.socket.close()
        wait_until(lambda: self.broker.open_files() <= before + 20, "the connections closed")
