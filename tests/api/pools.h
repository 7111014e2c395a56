/* tests/api/pools.h: what the tests of pools share. */
#ifndef TESTS_API_POOLS_H
#define TESTS_API_POOLS_H

#include <mayfly/mayfly.h>

#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static mayfly_error err;

#define must(call) assert_int_equal(call, 0)

enum { KIB = 1024, OBJECT = 300 };

static inline mayfly_host *new_host(unsigned idle_ms)
{
    mayfly_host *host;
    must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.idle_ms = idle_ms), &host, &err));
    return host;
}

static inline mayfly_pool_info info_of(mayfly_pool *pool)
{
    mayfly_pool_info info = {.size = sizeof info};
    mayfly_pool_get_info(pool, &info);
    return info;
}

static inline void *buffer(mayfly_pool *pool, size_t size, mayfly_call *call)
{
    void *b = NULL;
    size_t room = 0;
    must(mayfly_pool_take_buffer(pool, size, call, &b, &room, &err));
    assert_true(room >= size);
    assert_int_equal((uintptr_t)b % 16, 0);
    memset(b, 0x5a, room);
    return b;
}

#endif
