#!/usr/bin/python3
"""What users run, against gRPC's Python, both ways.

  Python's client  →  mayfly serve (handlers as source), the greeter's typed server
  mayfly call, the greeter's typed client  →  Python's server

Unary calls, error statuses, deadlines, metadata, messages of 1 MiB. The transport
itself is judged by test_rpc.py. Writes TAP.
"""
import concurrent.futures
import importlib
import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
try:
    import grpc
except ImportError:
    print("python3-grpcio is missing")
    sys.exit(77)

BUILD = os.environ.get("BUILD", "build")
MAYFLY = os.environ.get("MAYFLY", os.path.join(BUILD, "mayfly"))
SAMPLES = os.path.join(BUILD, "samples/greeter")
FLY = "tests/cli/fly/fly.proto"
GREETER = "samples/greeter/greeter.proto"
MIB = 1 << 20
LONG = "no, %s\n" % ("€ %" * 3000)

number = failures = 0


def say(ok, name, more=""):
    global number, failures
    number += 1
    failures += not ok
    print(f"{'ok' if ok else 'not ok'} {number} - {name}")
    if not ok and more != "":
        print(f"# {more}")


def load_messages(folder):
    """The two schemas as Python's modules."""
    for path in (FLY, GREETER):
        subprocess.run(["protoc", "-I", os.path.dirname(path), "--python_out", folder,
                        path], check=True)
    sys.path.insert(0, folder)
    return (importlib.import_module("fly_pb2"), importlib.import_module("greeter_pb2"))


class Program:
    """A server of ours in a process of its own, told to end at the end."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        line = self.process.stdout.readline().decode()
        if "listening on" not in line:
            raise AssertionError(line)
        self.target = "127.0.0.1:" + line.replace(":", " ").split()[-1]

    def end(self, by_signal):
        if by_signal:
            self.process.terminate()
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, out.decode()


def outcome(method, request, **options):
    """(status, details or reply, the call)"""
    try:
        reply, call = method.with_call(request, **options)
        return grpc.StatusCode.OK, reply, call
    except grpc.RpcError as e:
        return e.code(), e.details(), e


def method_of(channel, path, request, reply):
    return channel.unary_unary(path, request_serializer=request.SerializeToString,
                               response_deserializer=reply.FromString)


# --- Python calls ------------------------------------------------------------------


def python_calls_serve(fly):
    server = Program(MAYFLY, "serve", "-l", "127.0.0.1:0", "--blocking", "--receipt",
                     FLY, "tests/cli/fly/fly.c")
    options = [("grpc.max_receive_message_length", 8 * MIB),
               ("grpc.max_metadata_size", MIB)]
    with grpc.insecure_channel(server.target, options) as channel:
        echo, fail, wait, missing = (
            method_of(channel, "/fly.Fly/" + m, fly.Message, fly.Message)
            for m in ("Echo", "Fail", "Wait", "Missing"))

        code, reply, _ = outcome(echo, fly.Message(text="hé", number=-7))
        say(code == grpc.StatusCode.OK and (reply.text, reply.number) == ("hé", -7),
            "Python calls mayfly serve", reply)

        code, reply, _ = outcome(echo, fly.Message(text="x"), metadata=(
            ("x-one", "1, one"), ("x-two-bin", b"two")))
        say(list(getattr(reply, "metadata", [])) == ["1, one", "two"],
            "metadata arrives, text and bytes", reply)

        code, reply, _ = outcome(echo, fly.Message(text="m" * MIB))
        say(code == grpc.StatusCode.OK and reply.text == "m" * MIB,
            "a message of 1 MiB goes there and back", code)

        code, details, _ = outcome(echo, fly.Message(text="m" * 5 * MIB))
        say(code == grpc.StatusCode.RESOURCE_EXHAUSTED, "a message over the limit", code)

        code, details, call = outcome(fail, fly.Message(number=5, text=LONG))
        say(code == grpc.StatusCode.NOT_FOUND and details == LONG,
            "a status with a long message", (code, len(details or "")))
        trailers = dict(call.trailing_metadata())
        say((trailers.get("x-why"), trailers.get("x-raw-bin")) == ("because", b"\1\2"),
            "trailers, text and bytes", trailers)

        start = time.monotonic()
        code, details, _ = outcome(wait, fly.Message(number=30000), timeout=0.3)
        say(code == grpc.StatusCode.DEADLINE_EXCEEDED and time.monotonic() - start < 15,
            "a deadline", (code, details))

        code, details, _ = outcome(missing, fly.Message())
        say(code == grpc.StatusCode.UNIMPLEMENTED, "a method without a handler", code)

        def one(i):
            return outcome(echo, fly.Message(number=i))[1].number == i
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            say(all(pool.map(one, range(500))), "500 calls, 16 at a time")
    with grpc.insecure_channel(server.target) as channel:
        fail = method_of(channel, "/fly.Fly/Fail", fly.Message, fly.Message)
        code, details, _ = outcome(fail, fly.Message(number=5, text=LONG))
        say(code == grpc.StatusCode.NOT_FOUND and details and LONG.startswith(details),
            "the message is cut for a peer that takes no longer one", (code, details))
    code, out = server.end(True)
    say(code == 0 and "retained: 0 bytes" in out, "it unloads and shows the receipt", out)


def python_calls_typed(greeter):
    server = Program(os.path.join(SAMPLES, "greeter_server"), GREETER, "127.0.0.1:0")
    with grpc.insecure_channel(server.target) as channel:
        hello = method_of(channel, "/helloworld.Greeter/SayHello", greeter.HelloRequest,
                          greeter.HelloReply)
        later = method_of(channel, "/helloworld.Greeter/SayHelloLater",
                          greeter.LaterRequest, greeter.HelloReply)
        code, reply, _ = outcome(hello, greeter.HelloRequest(
            name="ada", titles=["countess", "ms"]))
        say(code == grpc.StatusCode.OK and reply.message == "hello ada" and
            dict(reply.letters) == {"countess": 8, "ms": 2},
            "Python calls the typed server", (code, reply))
        code, details, _ = outcome(hello, greeter.HelloRequest())
        say((code, details) == (grpc.StatusCode.INVALID_ARGUMENT, "whom should I greet?"),
            "an error of a typed handler", (code, details))
        code, reply, _ = outcome(hello, greeter.HelloRequest(name="n" * MIB))
        say(code == grpc.StatusCode.OK and len(reply.message) == MIB + 6,
            "1 MiB through typed handlers", code)
        code, reply, _ = outcome(later, greeter.LaterRequest(delay_ms=20))
        say(code == grpc.StatusCode.OK and reply.message == "hello, at last",
            "an answer by another thread", (code, reply))
        code, details, _ = outcome(later, greeter.LaterRequest(delay_ms=1500), timeout=0.2)
        say(code == grpc.StatusCode.DEADLINE_EXCEEDED, "a deadline before it", code)
    code, out = server.end(False)
    say(code == 0 and "unloaded" in out, "the typed server unloads", (code, out))


# --- Python serves -------------------------------------------------------------------


class Handlers(grpc.GenericRpcHandler):
    def __init__(self, fly, greeter):
        self.seen = []
        self.methods = {
            "/fly.Fly/Echo": (self.echo, fly.Message),
            "/fly.Fly/Fail": (self.fail, fly.Message),
            "/fly.Fly/Wait": (self.wait, fly.Message),
            "/helloworld.Greeter/SayHello": (self.hello, greeter.HelloRequest),
        }
        self.greeter = greeter

    def service(self, details):
        found = self.methods.get(details.method)
        if not found:
            return None
        return grpc.unary_unary_rpc_method_handler(
            found[0], request_deserializer=found[1].FromString,
            response_serializer=lambda m: m.SerializeToString())

    def echo(self, request, context):
        self.seen = list(context.invocation_metadata())
        return request

    def fail(self, request, context):
        context.set_trailing_metadata((("x-why", "because"), ("x-raw-bin", b"\1\2")))
        context.abort({c.value[0]: c for c in grpc.StatusCode}[request.number],
                      request.text)

    def wait(self, request, context):
        left = context.time_remaining()
        request.text = "no deadline" if left is None else f"{left:.3f}"
        for _ in range(request.number):
            if not context.is_active():
                break
            time.sleep(0.001)
        return request

    def hello(self, request, context):
        self.seen = list(context.invocation_metadata())
        if not request.name:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "nobody")
        while request.name == "sleepy" and context.is_active():
            time.sleep(0.01)
        return self.greeter.HelloReply(message=f"hello {request.name}",
                                       letters={t: len(t) for t in request.titles})


def run(*command, text=None):
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def mayfly_calls(target, handlers, folder):
    def call(method, json, *options):
        return run(MAYFLY, "call", "--schema", FLY, "-d", json, *options, target,
                   "fly.Fly/" + method)

    code, out, err = call("Echo", '{"text": "hé", "number": 3}', "-H", "x-one: 1",
                          "-H", "x-two-bin: dHdv")
    seen = dict(handlers.seen)
    say(code == 0 and '"hé"' in out and '"number": 3' in out, "mayfly call calls Python",
        out + err)
    say((seen.get("x-one"), seen.get("x-two-bin")) == ("1", b"two"), "its metadata", seen)

    code, out, err = call("Fail", '{"number": 5, "text": "no such thing"}')
    say(code == 64 + 5 and "NOT_FOUND" in err and "no such thing" in err and
        "because" in err, "a status is the exit code", (code, err))

    code, out, err = call("Wait", '{"number": 20000}', "--timeout", "300ms")
    say(code == 64 + 4 and "DEADLINE_EXCEEDED" in err, "mayfly's deadline", (code, err))
    code, out, err = call("Wait", "{}", "--timeout", "50s")
    left = float(out.split('"')[3]) if code == 0 else -1
    say(0 < left <= 50.001, "the server is told the deadline", out + err)

    path = os.path.join(folder, "big.json")
    with open(path, "w") as f:
        f.write('{"text": "%s"}' % ("m" * MIB))
    code, out, err = call("Echo", "@" + path)
    say(code == 0 and "m" * MIB in out, "1 MiB by mayfly call", err)

    code, out, err = call("Missing", "{}")
    say(code == 64 + 12, "a method that Python lacks", (code, err))


def typed_client_calls(target, handlers):
    client = os.path.join(SAMPLES, "greeter_client")
    code, out, err = run(client, GREETER, target, "ada", "countess")
    say(code == 0 and out == "hello ada\n  countess: 8 letters\n",
        "the typed client calls Python", out + err)
    say(dict(handlers.seen).get("client") == "greeter_client", "its metadata",
        handlers.seen)
    # an argument may have 128 KiB
    titles = [letter * (MIB // 10) for letter in "abcdefghijk"]
    code, out, err = run(client, GREETER, target, "ada", *titles)
    say(code == 0 and len(out) > MIB and all(f"  {t}: {len(t)} letters\n" in out
                                             for t in titles),
        "its messages of 1 MiB", (code, len(out), err))
    code, out, err = run(client, GREETER, target, "sleepy")
    say(code == 64 + 4 and "DEADLINE_EXCEEDED" in err, "its deadline", (code, err))
    code, out, err = run(client, GREETER, target, "")
    say(code == 64 + 3 and "nobody" in err, "its error status", (code, err))
    code, out, err = run(client, GREETER, "127.0.0.1:1", "ada")
    say(code == 64 + 14, "nobody listens: UNAVAILABLE", (code, err))


def main():
    with tempfile.TemporaryDirectory() as folder:
        fly, greeter = load_messages(folder)
        python_calls_serve(fly)
        python_calls_typed(greeter)
        handlers = Handlers(fly, greeter)
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        server.add_generic_rpc_handlers((handlers,))
        target = "127.0.0.1:%d" % server.add_insecure_port("127.0.0.1:0")
        server.start()
        mayfly_calls(target, handlers, folder)
        typed_client_calls(target, handlers)
        server.stop(0).wait()
    print(f"1..{number}")
    sys.exit(failures != 0)


main()
