"""What the scripts of this folder share: a host whose units are swapped, and those who
call it meanwhile: gRPC's Python client, h2load, and typed clients in the host."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.environ.get("TOP", os.getcwd())
HOST = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "tests/swap/host"))
CLIENT = os.path.join(TOP, "tests/swap/client.py")
EDGE = 0.3  # seconds at the begin of a slice whose calls are not looked at
BODY = b"\0\0\0\0\7\n\3ada\x28\3"  # a framed hello.Request


class Host:
    def __init__(self, units=1, loaded=0, clients=2, period_ms=50):
        self.p = subprocess.Popen(
            [HOST, str(units), str(loaded), str(clients), str(period_ms)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ports = self.p.stdout.readline().split()
        if len(self.ports) != units:
            raise SystemExit("the host does not start")

    def tell(self, *commands):
        for command in commands:
            self.p.stdin.write(command + "\n")
        self.p.stdin.flush()

    def end(self):
        """What was counted since `begin`."""
        self.tell("end")
        return json.loads(self.p.stdout.readline())

    def counts_every_call(self, segments):
        """Whether the units have counted each call of these segments once: those of
        clients in the host on both sides. (seen, made)"""
        self.tell("rest")
        for _ in range(100):
            now = self.end()
            made = 2 * now["all_calls"] + sum(
                s["python"]["calls"] + (s["h2load"].done if s["h2load"] else 0)
                for s in segments)
            if now["unit_calls"] == made:
                break
            time.sleep(0.1)  # a server's call is counted when its stream is closed
        return now["unit_calls"], made

    def quiet_dirty_kib(self):
        """Private dirty memory when nothing has happened for a while."""
        self.tell("stay", "rest")
        time.sleep(1.5)
        dirty = self.private_dirty_kib()
        self.tell("work")
        return dirty

    def private_dirty_kib(self):
        with open("/proc/%d/smaps_rollup" % self.p.pid) as f:
            return int(re.search(r"Private_Dirty: +(\d+)", f.read()).group(1))

    def close(self):
        """Its exit code."""
        self.p.stdin.close()
        try:
            return self.p.wait(60)
        except subprocess.TimeoutExpired:
            self.p.kill()
            return self.p.wait()


class Load(threading.Thread):
    """h2load again and again, each time for so many requests, which are all
    answered: what it breaks off at the end of a time could not be counted."""

    def __init__(self, port, requests, folder=None):
        super().__init__()
        self.command = ["h2load", "-n", str(requests), "-c", "4", "-m", "10", "-t", "1",
                        "-H", "content-type: application/grpc", "-H", "te: trailers",
                        "http://127.0.0.1:%s/hello.Greeter/SayHello" % port]
        self.folder = folder  # for the times of all requests; None: not kept
        self.stopped = False
        self.done, self.good, self.seconds, self.output = 0, 0, 0.0, ""
        self.runs = 0

    def run(self):
        with tempfile.NamedTemporaryFile() as body:
            body.write(BODY)
            body.flush()
            while not self.stopped:
                log = ["--log-file", os.path.join(self.folder, "h2load.%d" % self.runs)
                       ] if self.folder else []
                self.runs += 1
                self.output = subprocess.run(
                    self.command[:1] + log + ["-d", body.name] + self.command[1:],
                    capture_output=True, text=True).stdout
                self.count()

    def count(self):
        m = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, "
                      r"0 failed, 0 errored, 0 timeout", self.output)
        took = re.search(r"finished in ([\d.]+)(m?s)", self.output)
        if not m or not took:
            self.stopped = True  # `done` and `good` tell that it has failed
            self.done += 1
            return
        self.done += int(m.group(1))
        self.good += int(m.group(2))
        self.seconds += float(took.group(1)) / (1 if took.group(2) == "s" else 1000)

    def end(self):
        self.stopped = True
        self.join()

    def slices(self, begin, length):
        """{number: (50th, 99th percentile)} of the requests that began in each slice."""
        script = """
            { since = $1 / 1e6 - begin; at = int(since / long)
              if (since < 0 || since - at * long < edge) next
              n[at, $3]++; all[at]++; if ($3 > most[at]) most[at] = $3 }
            END { for (at in all) {
                      seen = 0; half = -1
                      for (i = 0; i <= most[at] && seen * 100 < all[at] * 99; i++) {
                          seen += n[at, i]
                          if (half < 0 && seen * 2 >= all[at]) half = i }
                      print at, half, i - 1 } }"""
        logs = [os.path.join(self.folder, x) for x in os.listdir(self.folder)
                if x.startswith("h2load.")]
        out = subprocess.run(
            ["awk", "-v", "begin=%f" % begin, "-v", "long=%f" % length, "-v",
             "edge=%f" % EDGE, script, *logs],
            capture_output=True, text=True, check=True).stdout
        for log in logs:
            os.unlink(log)
        return {int(at): (int(p50), int(p99)) for at, p50, p99 in
                (line.split() for line in out.splitlines())}


def segment(host, seconds, swaps, requests, folder=None):
    """Runs everything for a time. A dictionary: host, python, h2load, dirty (KiB,
    twice a second)."""
    host.tell("begin", "swap" if swaps else "stay")
    load = Load(host.ports[0], requests, folder) if shutil.which("h2load") else None
    if load:
        load.start()
    client = subprocess.Popen([sys.executable, CLIENT, str(seconds), *host.ports],
                              stdout=subprocess.PIPE, text=True)
    dirty = []
    while True:
        try:
            client.wait(0.5)
            break
        except subprocess.TimeoutExpired:
            dirty.append(host.private_dirty_kib())
    if load:
        load.end()
    host.tell("stay")
    return {"host": host.end(), "python": json.loads(client.stdout.read()),
            "h2load": load, "dirty": dirty}


def slices(host, n, length, requests, folder):
    """Runs everything with and without swaps in turns, n slices of each, beginning
    with swaps. As `segment`, and for h2load, python and typed a list of (50th, 99th
    percentile) by slice."""
    load = Load(host.ports[0], requests, folder)
    load.start()
    begin = time.time() + 2
    client = subprocess.Popen(
        [sys.executable, CLIENT, str(2 * n * length + 3), *host.ports], text=True,
        stdout=subprocess.PIPE, env=dict(os.environ, SLICES="%f %f" % (begin, length)))
    ends, dirty = [], []
    for number in range(2 * n):
        time.sleep(max(0, begin + number * length - time.time()))
        if number:
            ends.append(host.end())
        host.tell("begin", "stay" if number % 2 else "swap")
        dirty.append(host.private_dirty_kib())
    time.sleep(max(0, begin + 2 * n * length - time.time()))
    ends.append(host.end())
    host.tell("stay")
    client.wait()
    load.end()
    python, requests = json.loads(client.stdout.read()), load.slices(begin, length)
    numbers = range(2 * n)
    host_sum = dict(ends[-1], calls=sum(e["calls"] for e in ends),
                    swaps=sum(e["swaps"] for e in ends))
    return {"host": host_sum, "python": python, "h2load": load, "dirty": dirty,
            "times": {
                "h2load": [requests.get(i, (0, 0)) for i in numbers],
                "Python, one at a time": [
                    (python["slices"][str(i)]["p50_us"],
                     python["slices"][str(i)]["p99_us"]) for i in numbers],
                "typed, one each ms": [(e["p50_us"], e["p99_us"]) for e in ends]}}
