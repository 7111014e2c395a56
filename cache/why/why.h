/*
 * cache/why/why.h: a report of what holds a context, from the inside.
 *
 * why.c gathers, why_hits.c makes holders of the words that were found,
 * why_write.c writes both forms.
 */
#ifndef MF_CACHE_WHY_H
#define MF_CACHE_WHY_H

#include "cache/why/blame.h"
#include "cache/context/internal.h"

#include <mayfly/why.h>

/* Addresses are kept inverted: a report that somebody keeps must not be found
 * by the next search. Texts are offsets into `strings`. */
typedef struct mf_holder {
    enum mayfly_why_kind kind;
    enum mayfly_why_certainty certainty;
    uintptr_t not_address, not_word;
    long thread;
    uint32_t where, target;
    size_t target_offset;
} mf_holder;

struct mayfly_why_report {
    mf_alloc *alloc;
    void *host;
    void (*unref_host)(void *host);
    mf_buf strings; /* zero-terminated each; the first is empty */
    mf_holder *holders;
    size_t n, cap;
    size_t counts[MAYFLY_WHY_KINDS];
    size_t totals[3]; /* by certainty */
    size_t unkept;    /* possible ones beyond what a search keeps */
    uint32_t context; /* its name */
    enum mayfly_context_state state;
    size_t n_threads, n_examined;
    uint32_t reason;     /* why not all threads were examined; 0: they were */
    uint32_t unexamined; /* which they are */
    uint64_t read_bytes, unread_bytes;
    int memory_complete; /* all of it was read */
    uint64_t stopped_ns;
    mf_buf text, json;
};

/* The contexts that were alive when the search began. */
typedef struct mf_why_search {
    mayfly_why_report *report;
    mayfly_context *context;
    mf_blame *blame;
    mayfly_context **others; /* references */
    size_t n_others, cap_others;
    size_t list_max;
} mf_why_search;

/* why.c. All return 0 or MAYFLY_ENOMEM. */
int mf_why_string(mayfly_why_report *r, uint32_t *ret, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int mf_why_add(mayfly_why_report *r, const mf_holder *holder);
const char *mf_why_text(const mayfly_why_report *r, uint32_t at);

/* The parts of a live context and its bindings; 0: it is not live. */
int mf_why_parts(mayfly_context *c, mf_part_fn add, void *state);
/* The name of what is at or before an address in it; NULL: not known. */
const void *mf_why_name(mayfly_context *c, const void *address, char *out,
                        size_t size);

/* why_hits.c */
int mf_why_hits(mf_why_search *s);
int mf_why_unexamined(mf_why_search *s);

/* why_write.c */
const char *mf_why_kind_name(enum mayfly_why_kind kind);
void mf_why_write_text(mayfly_why_report *r);
void mf_why_write_json(mayfly_why_report *r);

#endif
