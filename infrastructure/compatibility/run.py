"""Runs the test modules, several at once, and prints one result."""

import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
WIDTH = int(os.environ.get("COMPATIBILITY_WIDTH", "3"))
DEADLINE = int(os.environ.get("COMPATIBILITY_DEADLINE", "900"))
# Begun first, because they take longest.
LONGEST = ("test_crash", "test_groups", "test_records")


def order(name):
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


class Run:
    def __init__(self):
        self.processes = set()
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)

    def stop(self, *_):
        for each in list(self.processes):
            each.terminate()
        os._exit(143)

    def module(self, name):
        process = subprocess.Popen(
            [sys.executable, "-m", "support.module", name], cwd=HERE, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.processes.add(process)
        try:
            output, _ = process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            process.terminate()
            output, _ = process.communicate()
            output += f"\n{name}: ended after {DEADLINE} seconds\n"
        self.processes.discard(process)
        count = re.search(r"^Ran (\d+) tests? in ([\d.]+)s", output, re.MULTILINE)
        return name, process.returncode, output, int(count[1]) if count else 0


def main():
    names = sys.argv[1:] or [path.stem for path in HERE.glob("test_*.py")]
    names = sorted(names, key=order)
    begin = time.monotonic()
    total, failed = 0, []
    run = Run()
    with concurrent.futures.ThreadPoolExecutor(WIDTH) as pool:
        for done in concurrent.futures.as_completed([pool.submit(run.module, each) for each in names]):
            name, status, output, count = done.result()
            total += count
            if status != 0:
                failed.append(name)
                print(output)
            print(f"broker {name}: {count} tests {'passed' if status == 0 else 'FAILED'}", flush=True)
    print(f"Broker compatibility: {total} tests of {len(names)} modules in "
          f"{time.monotonic() - begin:.0f} s, "
          + (f"failed: {', '.join(sorted(failed))}" if failed else "all passed"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
