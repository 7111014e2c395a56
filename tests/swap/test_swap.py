#!/usr/bin/python3
"""Swaps, evictions and reloads under load, for some seconds: no call fails, every
answer is of one version, and memory stays as it is. `make swap-bench` has the same for
longer, with times."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../cli"))
from tap import check, status  # noqa: E402

try:
    import grpc  # noqa: F401
except ImportError:
    sys.exit(77)
import swapping  # noqa: E402

SECONDS = 3
GROWTH_KIB = 512  # how far private dirty memory may grow, read when all is quiet
BUILD_KIB = 4096  # and beyond that meanwhile, when something may just be built


def check_memory(what, quiet, segments):
    """Nothing of what comes and goes stays."""
    dirty = [x for s in segments for x in s["dirty"]]
    check(what + ": private dirty memory is what it was", quiet[1] - quiet[0] <=
          GROWTH_KIB, (quiet, dirty))
    check(what + ": and not much more meanwhile", max(dirty) - quiet[0] <=
          GROWTH_KIB + BUILD_KIB, (quiet, dirty))


def check_segment(what, s):
    host, python, load = s["host"], s["python"], s["h2load"]
    check(what + ": no call failed", host["failed"] == 0 and python["failed"] == 0 and
          host["unit_errors"] == 0, (host, python))
    check(what + ": each answer is of one version", host["mixed"] == 0 and
          python["mixed"] == 0, (host, python))
    check(what + ": and none of an older one than the one before",
          host["backwards"] == 0 and python["backwards"] == 0, (host, python))
    check(what + ": everybody has called", host["calls"] > 0 and python["calls"] > 0,
          (host, python))
    if load:
        check(what + ": h2load got every answer", load.good == load.done > 0,
              load.output)


def swaps_under_load():
    host = swapping.Host(units=1)
    warm = swapping.segment(host, 2, True, 2000)
    before = host.quiet_dirty_kib()
    s = swapping.segment(host, SECONDS, True, 2000)
    check_segment("swaps", s)
    check("swaps: there were some, and none was refused", s["host"]["swaps"] > 10 and
          s["host"]["refused"] == 0, s["host"])
    check("swaps: only one version is left", s["host"]["versions"] == 1, s["host"])
    check_memory("swaps", (before, host.quiet_dirty_kib()), [s])
    seen, made = host.counts_every_call([warm, s])
    check("swaps: every call was counted once", seen == made, (seen, made))
    check("swaps: the host ends", host.close() == 0)


def evictions_under_load():
    host = swapping.Host(units=5, loaded=2)
    warm = swapping.segment(host, 2, False, 2000)
    before = host.quiet_dirty_kib()
    s = swapping.segment(host, SECONDS, False, 2000)
    check_segment("evictions", s)
    grew = s["host"]["evictions"] - warm["host"]["evictions"]
    check("evictions: there were some, and what went came back",
          grew > 10 and s["host"]["builds"] - warm["host"]["builds"] > 10, s["host"])
    check("evictions: no build failed", s["host"]["failures"] == 0, s["host"])
    both = swapping.segment(host, SECONDS, True, 2000)
    check_segment("evictions and swaps", both)
    check("evictions and swaps: both took place", both["host"]["swaps"] > 10 and
          both["host"]["evictions"] > s["host"]["evictions"], both["host"])
    check_memory("evictions", (before, host.quiet_dirty_kib()), [s, both])
    seen, made = host.counts_every_call([warm, s, both])
    check("evictions: every call was counted once", seen == made, (seen, made))
    check("evictions: the host ends", host.close() == 0)


def main():
    if not os.path.exists(swapping.HOST):
        return 77
    swaps_under_load()
    evictions_under_load()
    return status()


sys.exit(main())
