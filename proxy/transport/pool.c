/*
 * Size classes cut from slabs.
 *
 * A slab holds blocks of one class and knows how many are in use. Slabs with
 * room are in their class's list, which is all that taking a block looks at;
 * full ones are in no list. An empty slab goes back to the heap, except one per
 * class, which a call that ends usually needs again at once.
 *
 * What stays true: a block's head leads to its slab; a slab is in its class's
 * list exactly when it has room. Blocks larger than the largest class are the
 * heap's.
 */
#include "proxy/transport/pool.h"

#include "base/arena.h"

#include <string.h>

enum {
    UNIT = 16,
    HEAD = 16,
    LARGEST = 2048 /* with its head */
};

_Static_assert(sizeof(mf_pool_head) == HEAD, "blocks stay aligned to 16");

struct mf_pool_slab {
    mf_pool_slab *next;
    mf_pool_slab **link; /* NULL: full, in no list */
    mf_pool_head *free;  /* blocks that were given back */
    uint8_t *fresh;      /* from here on nothing has been handed out yet */
    uint32_t in_use;
    uint32_t index; /* of the class */
};

/* Four classes per doubling: the waste is below a quarter. */
static const uint16_t class_size[MF_POOL_CLASSES] = {
    32,  48,  64,  80,  96,  112, 128,  160,  192,  224,
    256, 320, 384, 448, 512, 768, 1024, 1280, 1536, LARGEST};

/* The class for a size with its head; MF_POOL_CLASSES: none. */
static unsigned class_of(size_t size)
{
    if (size <= 128)
        return size <= 32 ? 0 : (unsigned)((size - 17) / 16);
    if (size <= 256)
        return 6 + (unsigned)((size - 129) / 32) + 1;
    if (size <= 512)
        return 10 + (unsigned)((size - 257) / 64) + 1;
    for (unsigned i = 15; i < MF_POOL_CLASSES; i++)
        if (size <= class_size[i])
            return i;
    return MF_POOL_CLASSES;
}

mf_pool_head *mf_pool_head_of(void *block)
{
    return (mf_pool_head *)(void *)((uint8_t *)block - HEAD);
}

static uint8_t *slab_start(mf_pool_slab *s)
{
    return (uint8_t *)s + ((sizeof *s + UNIT - 1) & ~(size_t)(UNIT - 1));
}

static void list_add(mf_pool *p, mf_pool_slab *s)
{
    s->next = p->partial[s->index];
    s->link = &p->partial[s->index];
    if (s->next)
        s->next->link = &s->next;
    p->partial[s->index] = s;
}

static void list_remove(mf_pool_slab *s)
{
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    s->link = NULL;
}

static int is_full(const mf_pool *p, mf_pool_slab *s)
{
    return !s->free &&
           s->fresh + class_size[s->index] > (uint8_t *)s + p->slab_bytes;
}

void mf_pool_init(mf_pool *p, mf_alloc *alloc, uint32_t slab_bytes)
{
    memset(p, 0, sizeof *p);
    p->alloc = alloc;
    p->slab_bytes = slab_bytes;
#ifdef MF_ARENA_POISONS
    p->slab_bytes = 0; /* every block apart, so that a wild access is seen */
#endif
}

void mf_pool_trim(mf_pool *p)
{
    for (unsigned i = 0; i < MF_POOL_CLASSES; i++)
        for (mf_pool_slab *s = p->partial[i], *next; s; s = next) {
            next = s->next;
            if (s->in_use == 0) {
                list_remove(s);
                mf_alloc_free(p->alloc, s);
            }
        }
}

void mf_pool_done(mf_pool *p)
{
    mf_pool_trim(p);
}

static void *take_large(mf_pool *p, size_t size)
{
    mf_pool_head *h =
        size > SIZE_MAX - HEAD ? NULL : mf_alloc_new(p->alloc, size + HEAD);
    if (!h)
        return NULL;
    h->slab = 0;
    h->size = 0;
    h->is_dead = 0;
    return (uint8_t *)h + HEAD;
}

static mf_pool_slab *slab_new(mf_pool *p, unsigned index)
{
    mf_pool_slab *s = mf_alloc_new(p->alloc, p->slab_bytes);
    if (!s)
        return NULL;
    s->free = NULL;
    s->fresh = slab_start(s);
    s->in_use = 0;
    s->index = index;
    list_add(p, s);
    return s;
}

void *mf_pool_take(mf_pool *p, size_t size)
{
    unsigned index = size > LARGEST || p->slab_bytes == 0
                         ? MF_POOL_CLASSES
                         : class_of(size + HEAD);
    if (index == MF_POOL_CLASSES)
        return take_large(p, size);
    mf_pool_slab *s = p->partial[index];
    if (!s) {
        s = slab_new(p, index);
        if (!s)
            return NULL;
    }
    mf_pool_head *h = s->free;
    if (h) {
        s->free = h->next;
    } else {
        h = (mf_pool_head *)(void *)s->fresh;
        s->fresh += class_size[index];
        h->slab = (uint32_t)((uint8_t *)h - (uint8_t *)s);
        h->size = (uint16_t)(class_size[index] / UNIT);
    }
    h->is_dead = 0;
    s->in_use++;
    if (is_full(p, s))
        list_remove(s);
    return (uint8_t *)h + HEAD;
}

void mf_pool_give(mf_pool *p, void *block)
{
    if (!block)
        return;
    mf_pool_head *h = mf_pool_head_of(block);
    if (h->size == 0) {
        mf_alloc_free(p->alloc, h);
        return;
    }
    mf_pool_slab *s = (mf_pool_slab *)(void *)((uint8_t *)h - h->slab);
    h->next = s->free;
    s->free = h;
    s->in_use--;
    if (!s->link)
        list_add(p, s);
    if (s->in_use == 0 && (s->next || p->partial[s->index] != s)) {
        list_remove(s);
        mf_alloc_free(p->alloc, s);
    }
}

void *mf_pool_resize(mf_pool *p, void *block, size_t size)
{
    if (!block)
        return mf_pool_take(p, size);
    mf_pool_head *h = mf_pool_head_of(block);
    size_t room = (size_t)h->size * UNIT - HEAD;
    if (h->size == 0) {
        if (size > SIZE_MAX - HEAD)
            return NULL;
        h = mf_alloc_resize(p->alloc, h, size + HEAD);
        return h ? (uint8_t *)h + HEAD : NULL;
    }
    if (size <= room)
        return block;
    void *moved = mf_pool_take(p, size);
    if (moved) {
        memcpy(moved, block, room);
        mf_pool_give(p, block);
    }
    return moved;
}
