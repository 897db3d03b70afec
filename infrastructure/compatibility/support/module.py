"""Runs one test module: `python -m support.module test_kcat`."""

import os
import sys
import unittest

from support.broker import end_all


def main():
    result = unittest.main(module=sys.argv[1], argv=["test"], exit=False, verbosity=2).result
    end_all()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: librdkafka's admin client may abort when the interpreter takes it down
    # (confluent-kafka 2.16.1, "rkq_refcnt > 0"), which says nothing about the broker.
    os._exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
