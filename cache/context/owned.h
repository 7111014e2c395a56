/*
 * cache/context/owned.h: what a context's own code has started or registered.
 *
 * Code in a context that starts threads or registers things for later does so
 * through wrappers (proxy/program/program.h), which keep a record of each here:
 * so that an unload can name them, and so that they are counted per owner.
 *
 * A record is part of a struct of whoever adds it, who also takes it out before
 * that goes; it is never touched by the cache after that. The list is the
 * context's and outlives its unit. Some of these run beside the calls and are
 * ended by the unload itself: those have the callbacks below.
 *
 * Threads: any. The list has the context's lock.
 */
#ifndef MF_CACHE_OWNED_H
#define MF_CACHE_OWNED_H

#include "cache/context/context.h"

enum mf_owned_kind {
    MF_OWNED_RUN,     /* a run of main */
    MF_OWNED_THREAD,  /* a thread that it started */
    MF_OWNED_HANDLER, /* atexit and on_exit */
    MF_OWNED_KEY,     /* thread keys */
    MF_OWNED_SIGNAL,  /* signal dispositions */
    MF_OWNED_TIMER,
    MF_OWNED_LIBRARY, /* loaded for it */
    MF_OWNED_KINDS
};

enum { MF_OWNED_NAME = 64 };

typedef struct mf_owned {
    struct mf_owned *next, *prev; /* newest first; the cache's */
    mf_count *count; /* likewise; NULL where there was no memory for it */
    enum mf_owned_kind kind;
    int holds;    /* a lease comes with it */
    size_t bytes; /* of the block that begins with this record, which may point
                     into the unit and holds nothing by that; 0: no block */
    long thread; /* the kernel's number: of the run or thread, of who registered
                    else */
    uint64_t at_ns;
    char name[MF_OWNED_NAME]; /* "worker", "SIGUSR1"; cut if longer */
    /* The next three are called with the context's lock held: must be short and
     * call nothing of the cache's. Each may be NULL. */
    void (*cancel)(struct mf_owned *o); /* a forced unload asks it to end */
    /* It can give its lease back when it is asked, which is done when nothing
     * else holds the context. */
    void (*stop)(struct mf_owned *o);
    void (*resume)(struct mf_owned *o); /* an unload has given up */
    /* The payload is about to be destroyed; no lease is left. Takes the record
     * out; nothing of it runs on its return. Without the lock. Or NULL. */
    void (*end)(struct mf_owned *o);
    int claimed; /* somebody ends it: only that one may take it out */
} mf_owned;

void mf_owned_add(mayfly_context *c, mf_owned *o);
void mf_owned_remove(mayfly_context *c, mf_owned *o);

/* A lease that the record holds, on the calling thread; it is in the list. 0,
 * EUNLOADED, EFORKED. */
int mf_owned_take(mayfly_context *c, mf_owned *o, mayfly_error *err);
void mf_owned_drop(mayfly_context *c, mf_owned *o);

/* 1 for the first who asks: that one is to end it. */
int mf_owned_claim(mayfly_context *c, mf_owned *o);

/* It turned out only later which thread it is. */
void mf_owned_set_thread(mayfly_context *c, mf_owned *o, long thread);
size_t mf_owned_count(mayfly_context *c, enum mf_owned_kind kind);

/* "thread", and the like: for `n` of them. */
const char *mf_owned_kind_name(enum mf_owned_kind kind, size_t n);

/* Calls back for each, newest first, with the context's lock held. */
void mf_owned_each(mayfly_context *c,
                   void (*each)(void *state, const mf_owned *o), void *state);

/* Appends those that hold a lease as text. Returns how many they are. */
size_t mf_owned_list_holders(mayfly_context *c, mf_buf *out);

/* Asks those that can end to end. */
void mf_owned_cancel(mayfly_context *c);

#endif
