#!/usr/bin/python3
"""Unary calls between mayfly and gRPC's Python, in both directions."""
import concurrent.futures
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import grpc
except ImportError:
    print("python3-grpcio is missing")
    sys.exit(77)
import peer  # noqa: E402

LONG = "".join(chr(0x20 + i % 0x5f) for i in range(3000)) + "\u20ac%\n" * 200
CODES = {c.value[0]: c for c in grpc.StatusCode}


def outcome(channel, path, request=b"", **kwargs):
    """(code, details or reply, call)"""
    method = channel.unary_unary(path)
    try:
        reply, done = method.with_call(request, **kwargs)
        return grpc.StatusCode.OK, reply, done
    except grpc.RpcError as e:
        return e.code(), e.details(), e


# --- Python calls mayfly ---------------------------------------------------------


def python_echoes(channel, server):
    for n in (0, 1, 5, 1000, 65536, 1 << 20):
        request = bytes(i * 7 % 251 for i in range(n))
        for path in ("/test.T/Echo", "/test.T/EchoWorker"):
            code, reply, _ = outcome(channel, path, request)
            assert code == grpc.StatusCode.OK and reply == request, (n, code, reply)


def python_sees_every_status(channel, server):
    for value, want in CODES.items():
        if value == 0:
            continue
        code, details, _ = outcome(channel, "/test.T/Fail", b"why not",
                                   metadata=(("x-status", str(value)),))
        assert (code, details) == (want, "why not"), (code, details)


def python_reads_long_messages(channel, server):
    code, details, _ = outcome(channel, "/test.T/Fail", LONG.encode(),
                               metadata=(("x-status", "9"),))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert details == LONG, (len(details), len(LONG))


def python_sees_unknown_methods(channel, server):
    code, details, _ = outcome(channel, "/test.T/Nope")
    assert code == grpc.StatusCode.UNIMPLEMENTED and details == "unknown method"


def python_mirrors_metadata(channel, server):
    sent = [("x-a", "one"), ("x-b-bin", bytes(range(256))), ("x-a", "two"),
            ("x-empty-bin", b"")]
    code, _, call = outcome(channel, "/test.T/Mirror", b"", metadata=sent)
    assert code == grpc.StatusCode.OK
    for got in (call.initial_metadata(), call.trailing_metadata()):
        mine = [(k, v) for k, v in got if k.startswith("x-")]
        assert sorted(mine, key=str) == sorted(sent, key=str), mine


def python_deadline(channel, server):
    start = time.monotonic()
    code, _, _ = outcome(channel, "/test.T/Hang", timeout=0.3)
    assert code == grpc.StatusCode.DEADLINE_EXCEEDED, code
    assert time.monotonic() - start > 0.25
    left = int(server.said("time left").split()[-1])
    assert 0 < left <= 300, left
    server.said("cancelled")


def python_cancels(channel, server):
    future = channel.unary_unary("/test.T/Hang").future(b"")
    server.said("time left: -1")
    future.cancel()
    server.said("cancelled")


def python_limit(channel, server):
    code, _, _ = outcome(channel, "/test.T/Echo", b"x" * (5 << 20))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED, code


def python_compressed(channel, server):
    code, _, _ = outcome(channel, "/test.T/Echo", b"x" * 10000,
                         compression=grpc.Compression.Gzip)
    assert code == grpc.StatusCode.UNIMPLEMENTED, code


def python_many_at_once(channel, server):
    method = channel.unary_unary("/test.T/Echo")
    futures = [method.future(b"%d" % i) for i in range(500)]
    for i, future in enumerate(futures):
        assert future.result(timeout=30) == b"%d" % i


# --- mayfly calls Python ----------------------------------------------------------


class Handler(grpc.GenericRpcHandler):
    def __init__(self):
        self.seen = {}
        self.cancelled = threading.Event()
        self.release = threading.Event()

    def service(self, details):
        name = details.method.rsplit("/", 1)[1]
        handler = getattr(self, "on_" + name.lower(), None)
        return handler and grpc.unary_unary_rpc_method_handler(handler)

    def on_echo(self, request, context):
        return request

    def on_fail(self, request, context):
        status = dict(context.invocation_metadata())["x-status"]
        context.abort(CODES[int(status)], request.decode())

    def on_mirror(self, request, context):
        mine = [(k, v) for k, v in context.invocation_metadata() if k[:2] == "x-"]
        context.send_initial_metadata(mine)
        context.set_trailing_metadata(mine + [("x-end-bin", b"\x00\xff")])
        return request

    def on_hang(self, request, context):
        self.seen["left"] = context.time_remaining()
        context.add_callback(self.cancelled.set)
        self.release.wait(30)
        return b""


def mayfly_echoes(target, handler):
    for n in (0, 5, 65536, 1 << 20):
        request = bytes(i * 3 % 253 for i in range(n))
        answer = peer.call(target, "/test.T/Echo", request)
        assert (answer.status, answer.reply) == (0, request), (n, answer.status)


def mayfly_sees_every_status(target, handler):
    for value in CODES:
        if value == 0:
            continue
        answer = peer.call(target, "/test.T/Fail", b"why not",
                           metadata=[("x-status", str(value))])
        assert (answer.status, answer.message) == (value, b"why not")


def mayfly_reads_long_messages(target, handler):
    answer = peer.call(target, "/test.T/Fail", LONG.encode(),
                       metadata=[("x-status", "10")])
    assert (answer.status, answer.message.decode()) == (10, LONG)


def mayfly_sees_unknown_methods(target, handler):
    assert peer.call(target, "/test.T/Nope").status == 12


def mayfly_mirrors_metadata(target, handler):
    sent = [("x-a", "one"), ("x-b-bin", "\u20ac not ascii"), ("x-a", "two")]
    answer = peer.call(target, "/test.T/Mirror", b"m", metadata=sent)
    want = sorted((k, v.encode()) for k, v in sent)
    assert sorted(answer.metadata) == want, answer.metadata
    assert sorted(answer.trailers) == want + [("x-end-bin", b"\x00\xff")]


def mayfly_deadline(target, handler):
    answer = peer.call(target, "/test.T/Hang", timeout_ms=300)
    assert answer.status == 4, answer.status
    assert 0 < handler.seen["left"] <= 0.3, handler.seen
    assert handler.cancelled.wait(30)
    handler.release.set()


def mayfly_refused(target, handler):
    assert peer.call("127.0.0.1:1", "/a.B/C").status == 14


def main():
    checks = peer.Checks()
    server = peer.Server()
    with grpc.insecure_channel(
            server.target, options=[("grpc.max_send_message_length", -1),
                                    ("grpc.max_metadata_size", 65536)]) as channel:
        checks.run_all(globals(), "python_", channel, server)

    def the_server_ends_cleanly():
        assert server.stop() == 0

    checks.run(the_server_ends_cleanly)

    python = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    handler = Handler()
    python.add_generic_rpc_handlers((handler,))
    port = python.add_insecure_port("127.0.0.1:0")
    python.start()
    checks.run_all(globals(), "mayfly_", "127.0.0.1:%d" % port, handler)
    python.stop(None)
    sys.exit(1 if checks.failed else 0)


main()
