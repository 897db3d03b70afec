"""kcat, as people use it at a shell."""

import json
import subprocess

from support.case import PATIENCE, BrokerCase
from support.clients import COMPRESSIONS, Confluent
from support.records import Record


class Kcat(BrokerCase):
    def kcat(self, *arguments, text=None):
        done = subprocess.run(
            ["kcat", "-q", "-b", self.address, *arguments], timeout=PATIENCE, check=False,
            input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return done.stdout

    def test_writes_and_reads_every_compression(self):
        lines = b"".join(b"k%d:value %d\n" % (number, number) for number in range(200))
        for compression in COMPRESSIONS:
            with self.subTest(compression=compression):
                topic = self.make_topic()
                self.kcat("-P", "-t", topic, "-p", "0", "-K:", "-z", compression, text=lines)
                self.assertEqual(self.kcat("-C", "-t", topic, "-e", "-f", "%k:%s\n"), lines)

    def test_headers_timestamps_and_null_values(self):
        topic = self.make_topic()
        Confluent.produce(self.address, topic, [Record(b"k", None, (("n", b"v"),), 1_600_000_000_123)])
        shown = self.kcat("-C", "-t", topic, "-e", "-f", "%k|%S|%h|%T|%o\n")
        self.assertEqual(shown, b"k|-1|n=v|1600000000123|0\n")

    def test_lists_brokers_and_topics(self):
        topic = self.make_topic(3)
        listing = json.loads(self.kcat("-L", "-J"))
        self.assertEqual(listing["brokers"][0]["name"], self.address)
        counts = {each["topic"]: len(each["partitions"]) for each in listing["topics"]}
        self.assertEqual(counts[topic], 3)

    def test_finds_an_offset_by_time(self):
        topic = self.make_topic()
        start = 1_700_000_000_000
        for number in range(3):
            Confluent.produce(self.address, topic, [Record(b"k", b"v", (), start + number * 1_000)])
        found = self.kcat("-Q", "-t", f"{topic}:0:{start + 500}")
        self.assertIn(b"offset 1", found)

    def test_reads_as_a_group(self):
        topic = self.make_topic(2)
        text = b"".join(b"%d\n" % number for number in range(50))
        self.kcat("-P", "-t", topic, text=text)
        shown = self.kcat(
            "-G", "kcat-group", "-c", "50", "-X", "auto.offset.reset=earliest", topic)
        self.assertEqual(sorted(shown.split()), sorted(text.split()))
