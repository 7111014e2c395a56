/*
 * cache/why/why_write.c: a report of what holds a context, as text and as JSON.
 *
 *     context hello: live; held by 1 definitely, 1 likely, 2 possibly
 *     definite
 *       pin "cache" (app.c:12, thread 77, 80 ms)
 *     likely
 *       hello_Greeter_on_SayHello
 *         +0x1c  thread 78 (loop) is running in it
 *     possible
 *       hello_Greeter_on_SayHello
 *         +0x0   app: table+0x8, at 0x55...
 *
 * Words are grouped by what they point to, for that is what has to be let go.
 * docs/why.md names the members of the JSON object.
 */
#include "cache/why/why.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

static const char *const certainties[] = {"definite", "likely", "possible"};

const char *mf_why_kind_name(enum mayfly_why_kind kind)
{
    static const char *const names[MAYFLY_WHY_KINDS] = {
        [MAYFLY_WHY_PIN] = "pin",
        [MAYFLY_WHY_CALL] = "call",
        [MAYFLY_WHY_STARTED] = "started",
        [MAYFLY_WHY_LEASE] = "lease",
        [MAYFLY_WHY_THREAD] = "thread",
        [MAYFLY_WHY_SIGNAL] = "signal",
        [MAYFLY_WHY_LOCAL] = "local",
        [MAYFLY_WHY_GLOBAL] = "global",
        [MAYFLY_WHY_THREAD_LOCAL] = "thread-local",
        [MAYFLY_WHY_CONTEXT] = "context",
        [MAYFLY_WHY_HEAP] = "heap",
        [MAYFLY_WHY_STACK] = "stack",
    };
    return names[kind];
}

/* --- text -------------------------------------------------------------------
 */

static void put_word(const mayfly_why_report *r, const mf_holder *h)
{
    mf_buf *out = (mf_buf *)(uintptr_t)&r->text;
    mf_buf_printf(out, "    +0x%-5zx %s", h->target_offset,
                  mf_why_text(r, h->where));
    if (h->not_address != UINTPTR_MAX)
        mf_buf_printf(out, ", at 0x%llx", (unsigned long long)~h->not_address);
    mf_buf_puts(out, "\n");
}

/* The holders of one certainty: definite ones line by line, words in groups,
 * each where its first one is. `done` marks what has been written. */
static void put_holders(mayfly_why_report *r,
                        enum mayfly_why_certainty certainty, uint8_t *done)
{
    size_t listed = 0;
    if (!r->totals[certainty])
        return;
    mf_buf_printf(&r->text, "%s\n", certainties[certainty]);
    for (size_t i = 0; i < r->n; i++) {
        const mf_holder *h = &r->holders[i];
        if (h->certainty != certainty)
            continue;
        listed += h->kind == MAYFLY_WHY_LEASE ? r->counts[h->kind] : 1;
        if (certainty == MAYFLY_WHY_DEFINITE)
            mf_buf_printf(&r->text, "  %s\n", mf_why_text(r, h->where));
        if (certainty == MAYFLY_WHY_DEFINITE || done[i])
            continue;
        const char *target = mf_why_text(r, h->target);
        mf_buf_printf(&r->text, "  %s\n", target);
        for (size_t k = i; k < r->n; k++) {
            const mf_holder *other = &r->holders[k];
            if (other->certainty != certainty || done[k] ||
                strcmp(mf_why_text(r, other->target), target) != 0)
                continue;
            put_word(r, other);
            done[k] = 1;
        }
    }
    if (r->totals[certainty] > listed)
        mf_buf_printf(&r->text, "  and %zu more\n",
                      r->totals[certainty] - listed);
}

static void put_counts(mayfly_why_report *r)
{
    if (!r->totals[MAYFLY_WHY_POSSIBLE])
        return;
    mf_buf_puts(&r->text, "possible ones by kind:");
    for (int i = MAYFLY_WHY_LOCAL; i < MAYFLY_WHY_KINDS; i++)
        if (r->counts[i])
            mf_buf_printf(&r->text, " %zu %s", r->counts[i],
                          mf_why_kind_name((enum mayfly_why_kind)i));
    if (r->unkept)
        mf_buf_printf(&r->text, " %zu not told apart", r->unkept);
    mf_buf_puts(&r->text, "\n");
}

void mf_why_write_text(mayfly_why_report *r)
{
    mf_buf_printf(&r->text,
                  "context %s: %s; held by %zu definitely, %zu likely, %zu "
                  "possibly\n",
                  mf_why_text(r, r->context), mf_state_name(r->state),
                  r->totals[0], r->totals[1], r->totals[2]);
    uint8_t *done = mf_alloc_zero(r->alloc, r->n + 1);
    if (!done) {
        r->text.failed = MAYFLY_ENOMEM;
        return;
    }
    for (int i = MAYFLY_WHY_DEFINITE; i <= MAYFLY_WHY_POSSIBLE; i++)
        put_holders(r, (enum mayfly_why_certainty)i, done);
    mf_alloc_free(r->alloc, done);
    put_counts(r);
    mf_buf_printf(&r->text,
                  "examined %zu of %zu threads and %llu KiB of memory%s, "
                  "stopped for %llu us\n",
                  r->n_examined, r->n_threads,
                  (unsigned long long)(r->read_bytes / 1024),
                  r->memory_complete ? "" : " (not all of it)",
                  (unsigned long long)(r->stopped_ns / 1000));
    if (r->reason)
        mf_buf_printf(&r->text, "not examined: thread %s: %s\n",
                      mf_why_text(r, r->unexamined), mf_why_text(r, r->reason));
}

/* --- JSON -------------------------------------------------------------------
 */

/* Addresses are text: not every reader of JSON has integers of 64 bits. */
static void put_address(mf_json *j, const char *name, uintptr_t inverted)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 + 2 * sizeof(uintptr_t)] = "0x";
    uintptr_t value = ~inverted;
    mf_json_name(j, name);
    if (!value) {
        mf_json_raw(j, "null");
        return;
    }
    size_t n = 2;
    int shift = 8 * (int)sizeof value - 4;
    while (shift && !(value >> shift))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        text[n++] = digits[value >> shift & 15];
    mf_json_str(j, text, n);
}

static void put_holder(mf_json *j, const mayfly_why_report *r,
                       const mf_holder *h)
{
    mf_json_open(j, '{');
    mf_json_put_str(j, "kind", mf_why_kind_name(h->kind));
    mf_json_put_str(j, "certainty", certainties[h->certainty]);
    mf_json_put_str(j, "where", mf_why_text(r, h->where));
    if (h->thread)
        mf_json_put_u64(j, "thread", (uint64_t)h->thread);
    if (h->certainty != MAYFLY_WHY_DEFINITE) {
        mf_json_put_str(j, "target", mf_why_text(r, h->target));
        mf_json_put_u64(j, "target_offset", h->target_offset);
        put_address(j, "address", h->not_address);
        put_address(j, "points_to", h->not_word);
    }
    mf_json_close(j, '}');
}

void mf_why_write_json(mayfly_why_report *r)
{
    mf_json j;
    mf_json_init(&j, &r->json, 1);
    mf_json_open(&j, '{');
    mf_json_put_str(&j, "context", mf_why_text(r, r->context));
    mf_json_put_str(&j, "state", mf_state_name(r->state));
    for (int i = MAYFLY_WHY_DEFINITE; i <= MAYFLY_WHY_POSSIBLE; i++)
        mf_json_put_u64(&j, certainties[i], r->totals[i]);

    mf_json_name(&j, "holders");
    mf_json_open(&j, '[');
    for (size_t i = 0; i < r->n; i++)
        put_holder(&j, r, &r->holders[i]);
    mf_json_close(&j, ']');

    mf_json_name(&j, "counts");
    mf_json_open(&j, '{');
    for (int i = 0; i < MAYFLY_WHY_KINDS; i++)
        mf_json_put_u64(&j, mf_why_kind_name((enum mayfly_why_kind)i),
                        r->counts[i]);
    mf_json_put_u64(&j, "untold", r->unkept);
    mf_json_close(&j, '}');

    mf_json_name(&j, "threads");
    mf_json_open(&j, '{');
    mf_json_put_u64(&j, "all", r->n_threads);
    mf_json_put_u64(&j, "examined", r->n_examined);
    mf_json_put_str(&j, "not_examined", mf_why_text(r, r->unexamined));
    mf_json_put_str(&j, "reason", mf_why_text(r, r->reason));
    mf_json_put_u64(&j, "stopped_us", r->stopped_ns / 1000);
    mf_json_close(&j, '}');

    mf_json_name(&j, "memory");
    mf_json_open(&j, '{');
    mf_json_put_u64(&j, "read_bytes", r->read_bytes);
    mf_json_put_u64(&j, "unread_bytes", r->unread_bytes);
    mf_json_put_bool(&j, "complete", r->memory_complete);
    mf_json_close(&j, '}');
    mf_json_close(&j, '}');
}
