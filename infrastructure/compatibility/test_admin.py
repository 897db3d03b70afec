"""Admin calls of the three libraries: topics, partitions, records, settings, the cluster, groups."""

import asyncio

import aiokafka.admin
import confluent_kafka
import kafka
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic)

from support.case import PATIENCE, BrokerCase, quiet, unique, wait_until
from support.clients import Confluent
from support.records import Record, samples


class Topics(BrokerCase):
    def counts(self):
        topics = self.admin.list_topics(timeout=PATIENCE).topics
        return {name: len(each.partitions) for name, each in topics.items()}

    def refused(self, future):
        with self.assertRaises(KafkaException) as caught:
            future.result(PATIENCE)
        return caught.exception.args[0].code()

    def test_create_and_delete(self):
        topic = self.make_topic(5)
        self.assertEqual(self.counts()[topic], 5)
        self.admin.delete_topics([topic], operation_timeout=PATIENCE)[topic].result(PATIENCE)
        wait_until(lambda: topic not in self.counts(), "the topic gone")

    def test_a_deleted_topic_made_again_is_empty(self):
        topic = self.make_topic()
        Confluent.produce(self.address, topic, samples())
        self.admin.delete_topics([topic], operation_timeout=PATIENCE)[topic].result(PATIENCE)
        wait_until(lambda: topic not in self.counts(), "the topic gone")
        self.admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(PATIENCE)
        Confluent.produce(self.address, topic, [Record(b"k", b"new")])
        self.assertEqual(Confluent.consume(self.address, topic, 1)[0].value, b"new")

    def test_refusals_carry_kafka_s_codes(self):
        topic = self.make_topic()
        again = self.admin.create_topics([NewTopic(topic, 1, 1)])[topic]
        self.assertEqual(self.refused(again), KafkaError.TOPIC_ALREADY_EXISTS)
        bad = self.admin.create_topics([NewTopic("bad/name", 1, 1)])["bad/name"]
        self.assertEqual(self.refused(bad), KafkaError.TOPIC_EXCEPTION)
        none = unique("none")
        gone = self.admin.delete_topics([none])[none]
        self.assertEqual(self.refused(gone), KafkaError.UNKNOWN_TOPIC_OR_PART)
        many = unique("many")
        copies = self.admin.create_topics([NewTopic(many, 1, 3)])[many]
        self.assertEqual(self.refused(copies), KafkaError.INVALID_REPLICATION_FACTOR)

    def test_validating_creates_nothing(self):
        topic = unique("topic")
        self.admin.create_topics([NewTopic(topic, 1, 1)], validate_only=True)[topic].result(PATIENCE)
        self.assertNotIn(topic, self.counts())

    def test_create_partitions(self):
        topic = self.make_topic(2)
        Confluent.produce(self.address, topic, samples())
        self.admin.create_partitions([NewPartitions(topic, 4)])[topic].result(PATIENCE)
        wait_until(lambda: self.counts()[topic] == 4, "four partitions")
        self.assertEqual(len(Confluent.consume(self.address, topic, len(samples()))), len(samples()))
        fewer = self.admin.create_partitions([NewPartitions(topic, 3)])[topic]
        self.assertEqual(self.refused(fewer), KafkaError.INVALID_PARTITIONS)

    def test_with_kafka_python(self):
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.address)
        self.addCleanup(admin.close)
        topic = unique("topic")
        admin.create_topics({topic: {"num_partitions": 2, "replication_factor": 1}})
        self.assertEqual(self.counts()[topic], 2)
        # Not describe_cluster: in kafka-python 3.0.12 it fails where a broker has only version 0 of it,
        # as Kafka 2.8 to 3.6 do.
        self.assertIn(topic, admin.list_topics())
        admin.delete_topics([topic])
        wait_until(lambda: topic not in self.counts(), "the topic gone")

    def test_with_aiokafka(self):
        async def run():
            admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=self.address)
            await admin.start()
            try:
                topic = unique("topic")
                await admin.create_topics([aiokafka.admin.NewTopic(topic, 2, 1)])
                self.assertIn(topic, await admin.list_topics())
                self.assertEqual(len((await admin.describe_cluster())["brokers"]), 1)
                await admin.delete_topics([topic])
            finally:
                await admin.close()
        asyncio.run(asyncio.wait_for(run(), PATIENCE))


class Records(BrokerCase):
    def test_delete_records(self):
        topic = self.make_topic()
        Confluent.produce(self.address, topic, samples())
        partition = confluent_kafka.TopicPartition(topic, 0, 20)
        done = self.admin.delete_records([partition])[partition].result(PATIENCE)
        self.assertEqual(done.low_watermark, 20)
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.address, "group.id": "g", "error_cb": quiet, "log_level": 0})
        self.addCleanup(consumer.close)
        self.assertEqual(consumer.get_watermark_offsets(partition, PATIENCE), (20, len(samples())))


class Settings(BrokerCase):
    def describe(self, resource):
        return self.admin.describe_configs([resource])[resource].result(PATIENCE)

    def test_describe_the_settings_of_a_topic(self):
        topic = self.make_topic(retention_ms=123_456)
        found = self.describe(ConfigResource(ConfigResource.Type.TOPIC, topic))
        self.assertEqual(found["retention.ms"].value, "123456")

    def test_alter_the_retention_of_a_topic(self):
        topic = self.make_topic()
        entry = ConfigEntry("retention.ms", "99000", incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(
            ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        self.admin.incremental_alter_configs([resource])[resource].result(PATIENCE)
        self.assertEqual(self.describe(resource)["retention.ms"].value, "99000")

    def test_describe_the_cluster(self):
        cluster = self.admin.describe_cluster(request_timeout=PATIENCE).result(PATIENCE)
        self.assertEqual([each.port for each in cluster.nodes], [self.broker.port])
        self.assertTrue(cluster.cluster_id)


class Groups(BrokerCase):
    def committed_group(self):
        topic, group = self.make_topic(), unique("group")
        Confluent.produce(self.address, topic, samples())
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.address, "group.id": group, "error_cb": quiet, "log_level": 0,
            "enable.auto.commit": False, "auto.offset.reset": "earliest"})
        self.addCleanup(consumer.close)
        consumer.subscribe([topic])
        consumer.consume(10, PATIENCE)
        consumer.commit(
            offsets=[confluent_kafka.TopicPartition(topic, 0, 10)], asynchronous=False)
        return topic, group, consumer

    def listed(self):
        done = self.admin.list_consumer_groups(request_timeout=PATIENCE).result(PATIENCE)
        return {each.group_id for each in done.valid}

    def test_list_and_describe(self):
        topic, group, _ = self.committed_group()
        self.assertIn(group, self.listed())
        found = self.admin.describe_consumer_groups(
            [group], request_timeout=PATIENCE)[group].result(PATIENCE)
        self.assertEqual(found.state.name, "STABLE")
        self.assertEqual(len(found.members), 1)
        assigned = found.members[0].assignment.topic_partitions
        self.assertEqual([(each.topic, each.partition) for each in assigned], [(topic, 0)])

    def test_offsets_of_a_group(self):
        topic, group, _ = self.committed_group()
        asked = confluent_kafka.ConsumerGroupTopicPartitions(group)
        found = self.admin.list_consumer_group_offsets([asked])[group].result(PATIENCE)
        self.assertEqual(
            [(each.topic, each.offset) for each in found.topic_partitions], [(topic, 10)])

    def test_delete_a_group(self):
        _, group, consumer = self.committed_group()
        with self.assertRaises(KafkaException) as caught:
            self.admin.delete_consumer_groups([group])[group].result(PATIENCE)
        self.assertEqual(caught.exception.args[0].code(), KafkaError.NON_EMPTY_GROUP)
        consumer.close()
        self.admin.delete_consumer_groups([group])[group].result(PATIENCE)
        self.assertNotIn(group, self.listed())


class Transactions(BrokerCase):
    def test_transactions_are_refused_not_pretended(self):
        producer = confluent_kafka.Producer({
            "bootstrap.servers": self.address, "transactional.id": unique("tx"),
            "error_cb": quiet, "log_level": 0})
        with self.assertRaises(KafkaException) as caught:
            producer.init_transactions(PATIENCE)
        code = caught.exception.args[0].code()
        self.assertNotEqual(code, KafkaError._TIMED_OUT, "refused by silence")
