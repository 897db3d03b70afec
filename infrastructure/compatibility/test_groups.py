"""Groups of three: join, leave, kill. Everything is read, and what is committed stays committed."""

import confluent_kafka

from support.case import PATIENCE, BrokerCase, quiet, unique, wait_until
from support.clients import ALL
from support.members import Member

PARTITIONS = 6


class Groups(BrokerCase):
    def setUp(self):
        self.members = []
        self.sent = 0

    def tearDown(self):
        for each in self.members:
            each.kill()
        super().tearDown()

    def join(self, library, strategy="range"):
        member = Member(library, self.address, self.group, self.topic, strategy)
        self.members.append(member)
        return member

    def send(self, count=120):
        producer = confluent_kafka.Producer({"bootstrap.servers": self.address, "error_cb": quiet, "log_level": 0})
        for number in range(self.sent, self.sent + count):
            producer.produce(self.topic, b"%d" % number, partition=number % PARTITIONS)
        self.assertEqual(producer.flush(PATIENCE), 0)
        self.sent += count

    def wait_for_shares(self, *members):
        """Until these members have all partitions between them, each some, none shared."""
        def fair():
            shares = [list(each.assigned) for each in members]
            return all(shares) and sorted(sum(shares, [])) == list(range(PARTITIONS))
        try:
            wait_until(fair, "a fair assignment")
        except AssertionError as error:
            raise AssertionError(f"{error}: {[each.assigned for each in members]}") from None

    def wait_for_all_read(self):
        expected = {str(number) for number in range(self.sent)}

        def missing():
            return expected.difference(*(each.got for each in self.members))
        wait_until(lambda: not missing(), f"all {self.sent} messages read")

    def live(self, libraries, strategy="range"):
        """The life of a group: one, two, three members; one leaves, one is killed."""
        self.topic = self.make_topic(PARTITIONS)
        self.group = unique("group")
        self.send()
        first = self.join(libraries[0], strategy)
        self.wait_for_shares(first)
        second = self.join(libraries[1], strategy)
        self.wait_for_shares(first, second)
        third = self.join(libraries[2], strategy)
        self.wait_for_shares(first, second, third)
        self.send()
        self.wait_for_all_read()
        first.leave()
        self.wait_for_shares(second, third)
        self.send()
        self.wait_for_all_read()
        second.kill()
        self.wait_for_shares(third)
        self.send()
        self.wait_for_all_read()
        third.leave()
        self.check_committed()

    def check_committed(self):
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.address, "group.id": self.group, "error_cb": quiet, "log_level": 0})
        partitions = [
            confluent_kafka.TopicPartition(self.topic, number) for number in range(PARTITIONS)]
        committed = {each.partition: each.offset for each in consumer.committed(partitions, PATIENCE)}
        consumer.close()
        self.assertEqual(
            committed, {number: self.sent // PARTITIONS for number in range(PARTITIONS)})

    def test_three_of_confluent_kafka(self):
        self.live(["confluent-kafka"] * 3)

    def test_three_of_confluent_kafka_cooperative_sticky(self):
        self.live(["confluent-kafka"] * 3, "cooperative-sticky")

    def test_three_of_aiokafka(self):
        self.live(["aiokafka"] * 3)

    def test_three_of_kafka_python(self):
        self.live(["kafka-python"] * 3)

    def test_one_of_each_library(self):
        self.live([each.name for each in ALL])
