#!/usr/bin/python3
"""What interceptors change, as gRPC's Python sees it: metadata, messages, status and
trailers, of a server and of a client."""
import concurrent.futures
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import grpc
except ImportError:
    print("python3-grpcio is missing")
    sys.exit(77)
import peer  # noqa: E402

TOKEN = ("x-token", "secret")


def outcome(channel, path, request, *metadata):
    """(code, details or reply, initial metadata, trailers)"""
    method = channel.unary_unary(path)
    try:
        reply, call = method.with_call(request, metadata=metadata, timeout=30)
        result = grpc.StatusCode.OK, reply
    except grpc.RpcError as e:
        call = e
        result = e.code(), e.details()
    return (*result, list(call.initial_metadata()), list(call.trailing_metadata()))


def python_without_a_token(channel):
    code, details, _, trailers = outcome(channel, "/test.T/Echo", b"m")
    assert (code, details) == (grpc.StatusCode.UNAUTHENTICATED, "no token")
    assert ("x-end", "yes") in trailers, trailers


def python_with_a_token(channel):
    for path in ("/test.T/Echo", "/test.T/EchoWorker"):
        code, reply, _, trailers = outcome(channel, path, b"m", TOKEN)
        assert (code, reply) == (grpc.StatusCode.OK, b"<m>"), (code, reply)
        assert ("x-end", "yes") in trailers, trailers


def python_sees_what_the_handler_saw(channel):
    _, _, initial, trailers = outcome(channel, "/test.T/Mirror", b"m", TOKEN,
                                      ("x-a", "1"), ("x-b", "2"))
    mine = [m for m in initial if m[0].startswith("x-")]
    assert sorted(mine, key=str) == [("x-a", "1"), ("x-b", "2"),
                                     ("x-user-bin", b"\xff\xfe")], mine
    mine = [m for m in trailers if m[0].startswith("x-")]
    assert sorted(mine, key=str) == [("x-b", "2"), ("x-end", "yes"),
                                     ("x-user-bin", b"\xff\xfe")], mine


def python_sees_another_status(channel):
    code, details, _, _ = outcome(channel, "/test.T/Fail", b"why", TOKEN,
                                  ("x-status", "5"))
    assert (code, details) == (grpc.StatusCode.ABORTED, "\u20ac changed")
    code, details, _, _ = outcome(channel, "/test.T/Fail", b"why", TOKEN,
                                  ("x-status", "6"))
    assert (code, details) == (grpc.StatusCode.ALREADY_EXISTS, "<why"), details


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        self.metadata = dict(details.invocation_metadata)
        handler = getattr(self, "on_" + details.method.rsplit("/", 1)[1].lower(), None)
        return handler and grpc.unary_unary_rpc_method_handler(handler)

    def on_echo(self, request, context):
        context.send_initial_metadata([("x-first", "f")])
        return request

    def on_deny(self, request, context):
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")


def call(target, path, **kwargs):
    return peer.call(target, path, b"m", command="call-changed", **kwargs)


def mayfly_sends_a_token(target, handler):
    answer = call(target, "/test.T/Echo", metadata=[("x-drop", "d"), ("x-keep", "k")])
    assert handler.metadata.get("x-token") == "secret", handler.metadata
    assert handler.metadata.get("x-keep") == "k"
    assert "x-drop" not in handler.metadata
    assert (answer.status, answer.reply) == (0, b"m!?"), answer.reply
    assert answer.metadata == [("x-first", b"f"), ("x-seen", b"1")], answer.metadata


def mayfly_turns_a_status_round(target, handler):
    answer = call(target, "/test.T/Deny")
    assert (answer.status, answer.message, answer.reply) == (0, b"", b"allowed")


def mayfly_without_an_interceptor(target, handler):
    answer = peer.call(target, "/test.T/Deny", b"m")
    assert (answer.status, answer.message) == (7, b"no")
    assert "x-token" not in handler.metadata


def main():
    checks = peer.Checks()
    server = peer.Server(command="serve-changed")
    with grpc.insecure_channel(server.target) as channel:
        checks.run_all(globals(), "python_", channel)

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
