"""What the tests share: a broker per class, names of their own, waiting with a deadline."""

import itertools
import os
import time
import unittest

from confluent_kafka.admin import AdminClient, NewTopic

from support.broker import Broker

# Generous: it only bounds a hang. Nothing here measures time.
PATIENCE = 240
_numbers = itertools.count(1)


def unique(stem):
    return f"{stem}-{os.getpid()}-{next(_numbers)}"


def wait_until(condition, what):
    """Asks until the answer is true, and gives it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE} seconds: {what}")
        time.sleep(0.02)


def quiet(error):
    """librdkafka's errors arrive where they matter; while a broker is killed the rest is noise."""


class BrokerCase(unittest.TestCase):
    """Tests that share one broker, which must still run after each of them."""

    flags = {}

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker(**cls.flags).start()
        cls.addClassCleanup(cls.broker.remove)
        cls.admin = AdminClient({"bootstrap.servers": cls.broker.address, "error_cb": quiet, "log_level": 0})

    def tearDown(self):
        self.assertTrue(self.broker.is_alive(), f"the broker died:\n{self.broker.log_tail()}")

    @property
    def address(self):
        return self.broker.address

    def make_topic(self, partitions=1, stem="topic", **config):
        name = unique(stem)
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        future = self.admin.create_topics(
            [NewTopic(name, partitions, 1, config=config)], operation_timeout=PATIENCE)[name]
        future.result(PATIENCE)
        return name
