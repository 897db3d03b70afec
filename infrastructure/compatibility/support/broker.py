"""A `holdfast broker` of the suite's own: free ports, a temporary directory, ended whatever happens."""

import atexit
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
EXECUTABLE = os.environ.get("HOLDFAST_EXECUTABLE") or str(ROOT / ".build/release/holdfast")
READY_WITHIN = 60

_running = set()
_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def free_ports(count):
    """Ports that were free a moment ago, below those that the kernel gives to outgoing connections."""
    sockets = []
    candidate = 20_000 + int.from_bytes(os.urandom(2), "big") % 9_000
    while len(sockets) < count:
        candidate += 1
        probe = socket.socket()
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", candidate))
        except OSError:
            probe.close()
            continue
        sockets.append(probe)
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _die_with_parent():
    # The kernel ends the broker with this process, even after `kill -9`.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Broker:
    """One broker process; start again after `kill` and it serves the same data on the same port."""

    def __init__(self, **flags):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-broker-"))
        self.port, self.health_port = free_ports(2)
        self.flags = flags
        self.process = None
        atexit.register(self.remove)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        arguments = [
            EXECUTABLE, "broker", "--port", str(self.port),
            "--health-port", str(self.health_port),
            "--data-directory", str(self.directory / "data"), "--log-level", "warning",
        ]
        for name, value in self.flags.items():
            arguments += ["--" + name.replace("_", "-"), str(value)]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("BROKER_")
        }
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=_die_with_parent, env=environment, cwd=self.directory)
        _running.add(self)
        self.wait_until_ready()
        return self

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"the broker ended with {self.process.returncode}:\n{self.log_tail()}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"the broker does not listen:\n{self.log_tail()}")

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """What a crash does: no notice, no flush."""
        self._end(signal.SIGKILL)

    def stop(self):
        """An orderly stop; whoever does not obey within a minute is killed, and that is a failure."""
        if not self.is_alive():
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the broker did not stop within a minute") from None
        _running.discard(self)

    def remove(self):
        self._end(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _end(self, number):
        if self.is_alive():
            self.process.send_signal(number)
            self.process.wait()
        _running.discard(self)

    def metrics(self):
        url = f"http://127.0.0.1:{self.health_port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def resident_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the broker's memory cannot be read")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def log_tail(self):
        path = self.directory / "log"
        return path.read_text(errors="replace")[-3_000:] if path.exists() else ""


def end_all():
    for each in list(_running):
        each.remove()


def _end_on_signal(*_):
    end_all()
    os._exit(143)


signal.signal(signal.SIGTERM, _end_on_signal)
