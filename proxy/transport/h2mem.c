/*
 * A session's blocks come from its loop's pool.
 *
 * When memory is out, nghttp2 1.52 may free a frame that a stream still points
 * to, and free it again when the session is deleted (nghttp2_submit_data, when
 * queueing the frame fails). So from the first failure on blocks are only
 * marked, and given back after the session, once each.
 */
#include "proxy/transport/h2mem.h"

#include <stdint.h>
#include <string.h>

static void *checked(mf_h2_mem *m, void *block)
{
    if (!block)
        m->is_short = 1;
    return block;
}

void *mf_h2_malloc(size_t size, void *mem)
{
    mf_h2_mem *m = mem;
    return checked(m, mf_pool_take(m->pool, size));
}

void *mf_h2_calloc(size_t n, size_t size, void *mem)
{
    if (size && n > SIZE_MAX / size)
        return checked(mem, NULL);
    void *block = mf_h2_malloc(n * size, mem);
    if (block)
        memset(block, 0, n * size);
    return block;
}

void *mf_h2_realloc(void *block, size_t size, void *mem)
{
    mf_h2_mem *m = mem;
    return checked(m, mf_pool_resize(m->pool, block, size));
}

void mf_h2_release(void *block, void *mem)
{
    mf_h2_mem *m = mem;
    if (!block)
        return;
    if (!m->is_short) {
        mf_pool_give(m->pool, block);
        return;
    }
    mf_pool_head *head = mf_pool_head_of(block);
    if (head->is_dead)
        return;
    head->is_dead = 1;
    head->next = m->dead;
    m->dead = head;
}

void mf_h2_mem_done(mf_h2_mem *m)
{
    while (m->dead) {
        mf_pool_head *head = m->dead;
        m->dead = head->next;
        mf_pool_give(m->pool, head + 1);
    }
}
