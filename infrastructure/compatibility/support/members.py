"""Starts group members as processes, and follows what they tell."""

import json
import pathlib
import subprocess
import sys
import threading

from support.broker import _die_with_parent

HERE = pathlib.Path(__file__).resolve().parents[1]


class Member:
    def __init__(self, library, address, group, topic, strategy="range"):
        self.assigned = []
        self.got = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "support.member", library, address, group, topic, strategy],
            cwd=HERE, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, preexec_fn=_die_with_parent)
        self.reader = threading.Thread(target=self._follow, daemon=True)
        self.reader.start()

    def _follow(self):
        for line in self.process.stdout:
            try:
                fact = json.loads(line)
            except ValueError:
                continue  # the last line of a killed member may be torn
            self.assigned = fact.get("assigned", self.assigned)
            self.got = self.got + fact.get("got", [])

    def leave(self):
        self.process.stdin.close()
        self.process.wait(60)
        self._gone()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._gone()

    def _gone(self):
        self.reader.join(10)
        self.assigned = []
        self.process.stdout.close()
        if not self.process.stdin.closed:
            self.process.stdin.close()
