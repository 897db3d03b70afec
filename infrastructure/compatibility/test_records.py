"""What one client writes, every other reads: compressions, keys, null values, headers, timestamps."""

from support.case import BrokerCase
from support.clients import ALL, COMPRESSIONS
from support.records import samples


class Records(BrokerCase):
    def check(self, writer):
        for compression in COMPRESSIONS:
            topic = self.make_topic()
            writer.produce(self.address, topic, samples(), compression)
            for reader in ALL:
                with self.subTest(compression=compression, reader=reader.name):
                    self.assertEqual(reader.consume(self.address, topic, len(samples())), samples())

    def test_written_by_confluent_kafka(self):
        self.check(ALL[0])

    def test_written_by_aiokafka(self):
        self.check(ALL[1])

    def test_written_by_kafka_python(self):
        self.check(ALL[2])

    def test_idempotent_producers_of_every_library(self):
        for writer in ALL:
            with self.subTest(writer=writer.name):
                topic = self.make_topic()
                records = samples(500)
                writer.produce(self.address, topic, records, "lz4", idempotent=True)
                self.assertEqual(ALL[0].consume(self.address, topic, 500), records)

    def test_a_message_of_nearly_a_megabyte_and_one_of_several(self):
        for size in (900_000, 5_000_000):
            for writer in ALL:
                topic = self.make_topic(max_message_bytes=8_000_000)
                big = [each._replace(value=bytes(size)) for each in samples(7)[6:]]
                with self.subTest(size=size, writer=writer.name):
                    writer.produce(self.address, topic, big, largest=size + 1_000)
                    for reader in ALL:
                        found = reader.consume(self.address, topic, 1, largest=size + 1_000)
                        self.assertEqual(len(found[0].value), size, reader.name)
