#!/usr/bin/python3
"""Peers that speak HTTP/2 badly, or not at all, by hand: a clear end for the call, a
clean end for the connection, and the next peer is served."""
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peer  # noqa: E402

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
SECONDS = 60  # nothing here takes so long unless it hangs


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(
        ">BBI", kind, flags, stream) + payload


def field(name, value):
    """A literal field, not indexed, not compressed."""
    out = b"\0"
    for text in (name.encode(), value if isinstance(value, bytes) else value.encode()):
        n = len(text)
        if n < 127:
            out += bytes([n]) + text
        else:
            out += bytes([127])
            n -= 127
            while n >= 128:
                out += bytes([n % 128 + 128])
                n //= 128
            out += bytes([n]) + text
    return out


def fields(pairs):
    return b"".join(field(k, v) for k, v in pairs)


def request(path, drop=(), extra=(), **change):
    head = [(":method", "POST"), (":scheme", "http"), (":path", path),
            (":authority", "x"), ("te", "trailers"),
            ("content-type", "application/grpc")]
    head = [(k, change.get(k.strip(":").replace("-", "_"), v)) for k, v in head]
    return fields([p for p in head if p[0] not in drop] + list(extra))


def message(body):
    return b"\0" + struct.pack(">I", len(body)) + body


class Raw:
    """A connection whose frames we write ourselves."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(SECONDS)
        self.buffer = b""

    def send(self, *frames):
        self.sock.sendall(b"".join(frames))

    def exactly(self, n):
        while len(self.buffer) < n:
            got = self.sock.recv(65536)
            if not got:
                return None
            self.buffer += got
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def frame(self):
        """(kind, flags, stream, payload), or None at the end."""
        try:
            head = self.exactly(9)
            if head is None:
                return None
            size = struct.unpack(">I", b"\0" + head[:3])[0]
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            return kind, flags, stream, self.exactly(size)
        except ConnectionResetError:
            return None

    def until(self, kind, flags=0):
        while True:
            got = self.frame()
            if got is None:
                raise AssertionError("closed before frame %d" % kind)
            if got[0] == kind and got[1] & flags == flags:
                return got

    def closed(self):
        while self.frame() is not None:
            pass


def client(server):
    raw = Raw(socket.create_connection(("127.0.0.1", server.port)))
    raw.send(PREFACE, frame(SETTINGS, 0, 0))
    return raw


def echo(raw, stream, body=b"hello"):
    raw.send(frame(HEADERS, END_HEADERS, stream, request("/test.T/Echo")),
             frame(DATA, END_STREAM, stream, message(body)))
    assert raw.until(DATA)[3] == message(body)
    raw.until(HEADERS, END_STREAM)


# --- clients of ours ---------------------------------------------------------------


def server_closes_what_is_not_http2(server):
    for text in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3" * 9,
                 PREFACE[:-1] + b"x", PREFACE + b"x" * 100):
        raw = Raw(socket.create_connection(("127.0.0.1", server.port)))
        raw.send(text)
        raw.closed()


def server_answers_what_is_not_grpc(server):
    if not shutil.which("nghttp"):
        return
    url = "http://%s/test.T/Echo" % server.target
    good = ["-H", "te: trailers", "-H", "content-type: application/grpc"]
    for words, want in (([], "405"), (["-d", "/dev/null"], "415"),
                        (["-d", "/dev/null"] + good[2:], "400")):
        out = subprocess.run(["nghttp", "-nv"] + words + [url],
                             stdout=subprocess.PIPE, timeout=SECONDS).stdout
        assert b":status: " + want.encode() in out, (words, out)


def server_ends_broken_calls_alone(server):
    raw = client(server)
    stream = 1
    for body in (b"", b"\0\0", message(b"cut")[:-1], message(b"a") + b"b",
                 message(b"a") + message(b"b"), b"\x07" + message(b"")[1:],
                 b"\1" + message(b"z")[1:], b"\0\xff\xff\xff\xff"):
        raw.send(frame(HEADERS, END_HEADERS, stream, request("/test.T/Echo")),
                 frame(DATA, END_STREAM, stream, body))
        raw.until(HEADERS, END_STREAM)
        stream += 2
    raw.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, request("/test.T/Echo")))
    raw.until(HEADERS, END_STREAM)
    for head in (request("/test.T/Echo", drop=("te",)), request("/nope"),
                 request("/test.T/Echo", extra=[("grpc-timeout", "x")]),
                 request("/test.T/Echo", extra=[("k%d" % i, "v" * 100)
                                               for i in range(100)]),
                 request("/test.T/Echo", extra=[("x-bin", "not base64!")])):
        stream += 2
        raw.send(frame(HEADERS, END_HEADERS, stream, head),
                 frame(DATA, END_STREAM, stream, message(b"")))
        raw.until(HEADERS, END_STREAM)
    echo(raw, stream + 2)


def server_answers_before_the_end(server):
    """A message that is too large is refused at its prefix."""
    raw = client(server)
    raw.send(frame(HEADERS, END_HEADERS, 1, request("/test.T/Echo")),
             frame(DATA, 0, 1, b"\0" + struct.pack(">I", 1 << 30)))
    raw.until(HEADERS, END_STREAM)
    raw.until(RST)
    echo(raw, 3)


def server_loses_no_answer(server):
    """The peer says all it has to say and closes its side."""
    raw = client(server)
    for stream in range(1, 41, 2):
        raw.send(frame(HEADERS, END_HEADERS, stream, request("/test.T/Echo")),
                 frame(DATA, END_STREAM, stream, message(b"last")))
    raw.sock.shutdown(socket.SHUT_WR)
    for _ in range(20):
        raw.until(HEADERS, END_STREAM)
    raw.closed()


def server_cancels_when_a_peer_goes(server):
    for how in ("close", "reset"):
        raw = client(server)
        raw.send(frame(HEADERS, END_HEADERS, 1, request("/test.T/Hang")),
                 frame(DATA, END_STREAM, 1, message(b"")))
        server.said("time left")
        if how == "reset":
            raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
        raw.sock.close()
        server.said("cancelled")


def server_outlives_peers_that_do_not_read(server):
    raw = client(server)
    raw.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x7fffffff)),
             frame(8, 0, 0, struct.pack(">I", 0x7fff0000)))
    head = request("/test.T/Echo")
    body = message(b"x" * 16000)
    raw.sock.settimeout(0.3)
    try:
        for stream in range(1, 20001, 2):
            raw.send(frame(HEADERS, END_HEADERS, stream, head),
                     frame(DATA, END_STREAM, stream, body))
        raise AssertionError("the server took 160 MB that it could not answer")
    except socket.timeout:
        pass
    with open("/proc/%d/status" % server.process.pid) as f:
        rss = [int(w.split()[1]) for w in f if w.startswith("VmRSS")][0]
    sanitized = "asan" in peer.BUILD or "tsan" in peer.BUILD
    assert sanitized or rss < 100000, "%d kB" % rss
    echo(client(server), 1)
    raw.sock.close()


def server_survives_noise(server):
    rng = random.Random(5)
    good = frame(HEADERS, END_HEADERS, 1, request("/test.T/Echo")) + \
        frame(DATA, END_STREAM, 1, message(b"noise"))
    for i in range(300):
        text = bytearray(good)
        for _ in range(1 + i % 6):
            text[rng.randrange(len(text))] = rng.randrange(256)
        try:
            raw = client(server)
            raw.send(bytes(text[:rng.randrange(len(text))] if i % 3 == 0 else text))
            if i % 2:
                raw.sock.shutdown(socket.SHUT_WR)
                raw.closed()
            raw.sock.close()
        except (BrokenPipeError, ConnectionResetError):
            pass
    echo(client(server), 1)


# --- servers of ours ----------------------------------------------------------------


class Acceptor:
    """Accepts one connection and runs a script on it."""

    def __init__(self, script, greet=True):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.target = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.script, self.greet = script, greet
        self.failure = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            sock, _ = self.listener.accept()
            raw = Raw(sock)
            if self.greet:
                assert raw.exactly(len(PREFACE)) == PREFACE
                raw.send(frame(SETTINGS, 0, 0), frame(SETTINGS, ACK, 0))
                raw.until(DATA, END_STREAM)
            self.script(raw)
            sock.close()
        except Exception as e:  # noqa: BLE001
            self.failure = e

    def call(self):
        answer = peer.call(self.target, "/a.B/C", b"hello", 0)
        self.thread.join(SECONDS)
        self.listener.close()
        assert self.failure is None, self.failure
        return answer


HEAD = fields([(":status", "200"), ("content-type", "application/grpc")])


def reply(*frames):
    return lambda raw: raw.send(*frames)


def expect(script, status, text=b"", greet=True):
    answer = Acceptor(script, greet).call()
    assert answer.status == status, (answer.status, answer.message)
    assert text in answer.message, answer.message
    return answer


def client_hears_what_is_no_server(_):
    expect(lambda raw: None, 14, greet=False)
    expect(lambda raw: raw.send(b"SSH-2.0-OpenSSH_9.2\r\n"), 14, greet=False)
    expect(lambda raw: raw.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), 14, greet=False)


def client_hears_of_a_lost_connection(_):
    expect(reply(), 14, b"lost")
    expect(reply(frame(HEADERS, END_HEADERS, 1, HEAD)), 14, b"lost")
    expect(reply(frame(HEADERS, END_HEADERS, 1, HEAD),
                 frame(DATA, 0, 1, message(b"whole"))), 14, b"lost")
    expect(reply(b"\xff" * 100), 14)


def client_loses_no_answer(_):
    """Everything and the end of the connection come at once."""
    end = fields([("grpc-status", "0"), ("x-end", "yes")])
    answer = expect(reply(frame(HEADERS, END_HEADERS, 1, HEAD),
                          frame(DATA, 0, 1, message(b"whole")),
                          frame(HEADERS, END_HEADERS | END_STREAM, 1, end),
                          frame(GOAWAY, 0, 0, struct.pack(">II", 1, 0))), 0)
    assert answer.reply == b"whole" and answer.trailers == [("x-end", b"yes")]


def client_understands_http(_):
    for code, status in ((400, 13), (401, 16), (403, 7), (404, 12), (429, 14),
                         (502, 14), (503, 14), (504, 14), (500, 2), (302, 2)):
        head = fields([(":status", str(code)), ("content-type", "text/html")])
        expect(reply(frame(HEADERS, END_HEADERS, 1, head),
                     frame(DATA, END_STREAM, 1, b"<html>")), status)
    head = fields([(":status", "200"), ("content-type", "text/html")])
    expect(reply(frame(HEADERS, END_HEADERS | END_STREAM, 1, head)), 2)


def client_understands_resets(_):
    for code, status in ((0, 13), (1, 13), (2, 13), (7, 14), (8, 1), (11, 8), (12, 7)):
        expect(reply(frame(RST, 0, 1, struct.pack(">I", code))), status)
    expect(reply(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0))), 14)


def client_checks_replies(_):
    def end(status="0"):
        return frame(HEADERS, END_HEADERS | END_STREAM, 1,
                     fields([("grpc-status", status)]))

    head = frame(HEADERS, END_HEADERS, 1, HEAD)
    expect(reply(head, end()), 12)
    expect(reply(head, frame(DATA, 0, 1, message(b"cut")[:-1]), end()), 13)
    expect(reply(head, frame(DATA, 0, 1, message(b"a") * 2), end()), 12)
    expect(reply(head, frame(DATA, 0, 1, b"\1" + message(b"a")[1:]), end()), 13)
    expect(reply(head, frame(DATA, 0, 1, b"\0" + struct.pack(">I", 1 << 30))), 8)
    expect(reply(head, frame(DATA, END_STREAM, 1, message(b"a"))), 13)
    expect(reply(head, frame(DATA, 0, 1, message(b"a")), end("99")), 2)
    expect(reply(head, frame(DATA, 0, 1, message(b"a")), end("x")), 2)
    hints = frame(HEADERS, END_HEADERS, 1, fields([(":status", "103")]))
    answer = expect(reply(hints, head, frame(DATA, 0, 1, message(b"a")), end()), 0)
    assert answer.reply == b"a"
    only = HEAD + fields([("grpc-status", "5"), ("grpc-message", "a%20%zz%e2%82%ac"),
                          ("x-only-bin", "AP8")])
    answer = expect(reply(frame(HEADERS, END_HEADERS | END_STREAM, 1, only)), 5)
    assert answer.message == b"a %zz\xe2\x82\xac"
    assert answer.trailers == [("x-only-bin", b"\x00\xff")]


def main():
    failed, number = 0, 0
    server = peer.Server()

    def the_server_ends_cleanly(server):
        assert server.stop() == 0

    tests = [t for n, t in globals().items() if n.startswith(("server_", "client_"))]
    for test in tests + [the_server_ends_cleanly]:
        number += 1
        name = test.__name__.replace("_", " ")
        try:
            test(server)
            print("ok %d - %s" % (number, name))
        except Exception as e:  # noqa: BLE001
            failed += 1
            print("not ok %d - %s" % (number, name))
            print("# %s: %s" % (type(e).__name__, str(e)[:2000]))
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


main()
