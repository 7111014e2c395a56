#!/usr/bin/python3
"""Calls the units of tests/swap/host with gRPC's Python client, one after the other,
for a time: client.py SECONDS PORT... Prints what it saw as one line of JSON: with
the times of calls by slices where SLICES is set to the time when the first begins and
the seconds that each is long."""
import json
import os
import sys
import time

import grpc

import swapping


def fields(message):
    """(number, value) of each field that is a number or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        tag = varint()
        value = varint()
        if tag & 7 == 2:
            value, at = message[at:at + value], at + value
        yield tag >> 3, value


def quantiles(times):
    times = sorted(times)
    return {"p%s_us" % name: int(times[min(len(times) - 1, int(len(times) * of))])
            for name, of in (("50", .5), ("99", .99), ("999", .999))} if times else {}


def main():
    ports = sys.argv[2:]
    calls = [grpc.insecure_channel("127.0.0.1:" + port).unary_unary(
        "/hello.Greeter/SayHello") for port in ports]
    request = b"\n\x03ada\x28\x03"
    last = [-1] * len(calls)
    seen = {"calls": 0, "failed": 0, "mixed": 0, "backwards": 0, "trouble": ""}
    times = []
    begin, length = map(float, os.environ.get("SLICES", "0 1e12").split())
    slices = {}  # number: times, of calls that do not begin at its edge
    end = time.monotonic() + float(sys.argv[1])
    unit = 0
    while time.monotonic() < end:
        start = time.monotonic()
        seen["calls"] += 1
        try:
            reply = calls[unit](request, timeout=60)
        except grpc.RpcError as e:
            seen["failed"] += 1
            seen["trouble"] = seen["trouble"] or str(e.details())
            continue
        times.append((time.monotonic() - start) * 1e6)
        number, since = divmod(time.time() - begin, length)
        if since > swapping.EDGE:
            slices.setdefault(int(number), []).append(times[-1])
        got = dict(fields(reply))
        number = got.get(5, 0)
        seen["mixed"] += got.get(1) != b"u%d/%d" % (unit, number)
        seen["backwards"] += number < last[unit]
        last[unit] = number
        unit = (unit + 1) % len(calls)
    seen.update(quantiles(times))
    seen["slices"] = {number: quantiles(of) for number, of in slices.items()}
    print(json.dumps(seen))


main()
