/*
 * cache/why/why.c: what holds a context: counted, then looked for.
 *
 * Pins, calls and other leases are known. Everything else is a search through
 * the process (blame.h) for words that point into the context's parts. What
 * mayfly keeps of the context itself is left out of it: the payload names its
 * own records, the search lies in one mapping, and this report keeps addresses
 * inverted.
 *
 * The context is not held meanwhile, so that asking does not change the answer:
 * its lock is taken to copy where its parts are, and again to name what was
 * found, when it may be gone.
 *
 * Who owns what: a report owns its strings and keeps the host's allocator
 * alive, nothing else. Threads: any.
 */
#include "cache/why/why.h"

#include "cache/context/tombs.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/options.h"

#include <stdarg.h>
#include <string.h>

enum { LIST_MAX = 64, LIST_MOST = 65536, TIMEOUT_MS = 2000 };

/* --- the report -------------------------------------------------------------
 */

int mf_why_string(mayfly_why_report *r, uint32_t *ret, const char *format, ...)
{
    va_list args;
    size_t at = r->strings.len;
    va_start(args, format);
    mf_buf_vprintf(&r->strings, format, args);
    va_end(args);
    mf_buf_put_byte(&r->strings, 0);
    if (r->strings.failed)
        return MAYFLY_ENOMEM;
    *ret = (uint32_t)at;
    return 0;
}

const char *mf_why_text(const mayfly_why_report *r, uint32_t at)
{
    return (const char *)r->strings.ptr + at;
}

int mf_why_add(mayfly_why_report *r, const mf_holder *holder)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 32;
        mf_holder *more =
            mf_alloc_resize(r->alloc, r->holders, cap * sizeof *more);
        if (!more)
            return MAYFLY_ENOMEM;
        r->holders = more;
        r->cap = cap;
    }
    r->holders[r->n++] = *holder;
    return 0;
}

static void release(mayfly_why_report *r)
{
    mf_buf_done(&r->strings);
    mf_buf_done(&r->text);
    mf_buf_done(&r->json);
    mf_alloc_free(r->alloc, r->holders);
    mf_alloc_free(r->alloc, r);
}

/* --- parts and names --------------------------------------------------------
 */

int mf_why_parts(mayfly_context *c, mf_part_fn add, void *state)
{
    pthread_mutex_lock(&c->lock);
    int there = mf_context_is_there(c);
    if (there && c->payload.parts)
        c->payload.parts(c->payload.unit, add, state);
    const mf_binding *b = there ? atomic_load(&c->bindings) : NULL;
    for (; b; b = b->next)
        if (b->payload.parts)
            b->payload.parts(b->payload.unit, add, state);
    for (const mf_owned *o = there ? c->owned : NULL; o; o = o->next)
        if (o->bytes)
            add(state, MF_PART_OWN, o, o->bytes);
    pthread_mutex_unlock(&c->lock);
    return there;
}

const void *mf_why_name(mayfly_context *c, const void *address, char *out,
                        size_t size)
{
    const void *found = NULL;
    pthread_mutex_lock(&c->lock);
    int there = mf_context_is_there(c);
    if (there && c->payload.name)
        found = c->payload.name(c->payload.unit, address, out, size);
    const mf_binding *b = there ? atomic_load(&c->bindings) : NULL;
    for (; b && !found; b = b->next)
        if (b->payload.name)
            found = b->payload.name(b->payload.unit, address, out, size);
    pthread_mutex_unlock(&c->lock);
    return found;
}

/* --- what is counted --------------------------------------------------------
 */

typedef struct counting {
    mf_why_search *search;
    size_t calls;
    int code;
} counting;

static int add_definite(mayfly_why_report *r, enum mayfly_why_kind kind,
                        uint32_t where, long thread)
{
    mf_holder h = {.kind = kind,
                   .certainty = MAYFLY_WHY_DEFINITE,
                   .not_address = UINTPTR_MAX,
                   .not_word = UINTPTR_MAX,
                   .thread = thread,
                   .where = where};
    return mf_why_add(r, &h);
}

/* Returns 0, ENOMEM, or EUNLOADED; the leases that are held, pins included. */
static int count_pins(mf_why_search *s, size_t *ret_leases)
{
    mayfly_context *c = s->context;
    mayfly_why_report *r = s->report;
    uint64_t now = mf_clock_ns();
    size_t listed = 0;
    int code = 0;
    pthread_mutex_lock(&c->lock);
    long sum = mf_lease_sum(c);
    if (!mf_context_is_there(c))
        code = MAYFLY_EUNLOADED;
    r->state = (enum mayfly_context_state)atomic_load(&c->state);
    r->counts[MAYFLY_WHY_PIN] = c->n_pins;
    for (const mayfly_pin *p = c->pins; p && code == 0 && listed < s->list_max;
         p = p->next, listed++) {
        uint32_t where;
        code =
            mf_why_string(r, &where, "pin \"%s\" (%s:%d, thread %ld, %llu ms)",
                          p->owner, p->file, p->line, p->thread,
                          (unsigned long long)((now - p->at_ns) / 1000000));
        if (code == 0)
            code = add_definite(r, MAYFLY_WHY_PIN, where, p->thread);
    }
    pthread_mutex_unlock(&c->lock);
    *ret_leases = sum > 0 ? (size_t)sum : 0;
    return code;
}

static void count_call(void *state, const mf_call_note *call)
{
    counting *k = state;
    mayfly_why_report *r = k->search->report;
    uint32_t where;
    if (k->calls++ >= k->search->list_max || k->code != 0)
        return;
    k->code = mf_why_string(r, &where, "call %s %s %s, %llu ms", call->path,
                            call->is_server ? "from" : "to", call->peer,
                            (unsigned long long)(call->age_ns / 1000000));
    if (k->code == 0)
        k->code = add_definite(r, MAYFLY_WHY_CALL, where, 0);
}

/* Lock held. What holds no lease is undone by an unload, and passed over. */
static void count_started(void *state, const mf_owned *o)
{
    counting *k = state;
    mayfly_why_report *r = k->search->report;
    uint32_t where;
    if (!o->holds || r->counts[MAYFLY_WHY_STARTED]++ >= k->search->list_max ||
        k->code != 0)
        return;
    k->code = mf_why_string(
        r, &where, "%s \"%s\" of its own code (thread %ld, %llu ms)",
        mf_owned_kind_name(o->kind, 1), o->name, o->thread,
        (unsigned long long)((mf_clock_ns() - o->at_ns) / 1000000));
    if (k->code == 0)
        k->code = add_definite(r, MAYFLY_WHY_STARTED, where, o->thread);
}

static int count_known(mf_why_search *s)
{
    const mf_context_options *o = &s->context->options;
    mayfly_why_report *r = s->report;
    counting k = {.search = s};
    size_t leases;
    int code = count_pins(s, &leases);
    if (code == 0 && o->each_call) {
        o->each_call(o->host, s->context, count_call, &k);
        code = k.code;
    }
    r->counts[MAYFLY_WHY_CALL] = k.calls;
    if (code == 0) {
        mf_owned_each(s->context, count_started, &k);
        code = k.code;
    }
    size_t known =
        r->counts[MAYFLY_WHY_PIN] + k.calls + r->counts[MAYFLY_WHY_STARTED];
    if (code == 0 && leases > known) {
        uint32_t where;
        r->counts[MAYFLY_WHY_LEASE] = leases - known;
        code = mf_why_string(r, &where,
                             "%zu lease%s of calls or pins that begin or end",
                             leases - known, leases - known == 1 ? "" : "s");
        if (code == 0)
            code = add_definite(r, MAYFLY_WHY_LEASE, where, 0);
    }
    for (int i = MAYFLY_WHY_PIN; i <= MAYFLY_WHY_LEASE; i++)
        r->totals[MAYFLY_WHY_DEFINITE] += r->counts[i];
    return code;
}

/* --- where to look, and for what --------------------------------------------
 */

static void add_target(void *state, enum mf_part part, const void *at,
                       size_t bytes)
{
    mf_blame *b = state;
    if (part == MF_PART_OWN)
        mf_blame_skip(b, (uintptr_t)at, (uintptr_t)at + bytes);
    else
        mf_blame_target(b, part, at, bytes, 0);
}

static void add_other(void *state, enum mf_part part, const void *at,
                      size_t bytes)
{
    mf_why_search *s = state;
    if (part != MF_PART_OWN)
        mf_blame_other(s->blame, part, at, bytes, (uint32_t)s->n_others);
}

static int add_others(mf_why_search *s)
{
    mf_registry *registry = s->context->options.registry;
    mf_alloc *alloc = s->report->alloc;
    mayfly_context *c = NULL;
    while ((c = mf_registry_next(registry, c))) {
        if (c == s->context)
            continue;
        if (s->n_others == s->cap_others) {
            size_t cap = s->cap_others ? s->cap_others * 2 : 16;
            mayfly_context **more =
                mf_alloc_resize(alloc, s->others, cap * sizeof *more);
            if (!more) {
                mayfly_context_unref(c);
                return MAYFLY_ENOMEM;
            }
            s->others = more;
            s->cap_others = cap;
        }
        if (mf_why_parts(c, add_other, s))
            s->others[s->n_others++] = mayfly_context_ref(c);
    }
    return 0;
}

static int look(mf_why_search *s, const mayfly_why_options *o, uintptr_t frame)
{
    mf_blame *b = s->blame;
    mayfly_why_report *r = s->report;
    if (s->context->options.trim) /* a hot compile arena has old words in it */
        s->context->options.trim(s->context->options.host);
    mf_why_parts(s->context, add_target, b);
    const void *tombs;
    size_t bytes;
    mf_tombs_memory(mf_registry_tombs(s->context->options.registry), &tombs,
                    &bytes);
    add_target(b, MF_PART_OWN, tombs, bytes);
    int code = add_others(s);
    if (code != 0)
        return code;
    b->frame = frame;
    b->timeout_ns =
        (uint64_t)(o->timeout_ms ? o->timeout_ms : TIMEOUT_MS) * 1000000;
    b->keep_running = o->keep_running;
    b->skip_memory = o->skip_memory;
    if (b->n_target)
        mf_blame_run(b);
    r->read_bytes = b->read_bytes;
    r->unread_bytes = b->unread_bytes;
    r->memory_complete = !b->skip_memory && !b->timed_out;
    r->stopped_ns = b->stopped_ns;
    r->unkept = b->n_more;
    code = mf_why_unexamined(s);
    return code != 0 ? code : mf_why_hits(s);
}

static void search_done(mf_why_search *s)
{
    for (size_t i = 0; i < s->n_others; i++)
        mayfly_context_unref(s->others[i]);
    mf_alloc_free(s->report->alloc, s->others);
    mf_blame_free(s->blame);
}

static int make(mayfly_context *c, const mayfly_why_options *o, uintptr_t frame,
                mayfly_why_report *r, mayfly_error *err)
{
    mf_why_search s = {.report = r, .context = c, .blame = mf_blame_new()};
    s.list_max = o->list_max ? o->list_max : LIST_MAX;
    if (s.list_max > LIST_MOST)
        s.list_max = LIST_MOST;
    uint32_t empty;
    int code = s.blame ? mf_why_string(r, &empty, "%s", "") : MAYFLY_ENOMEM;
    if (code == 0)
        code = mf_why_string(r, &r->context, "%s", c->options.name);
    if (code == 0)
        code = count_known(&s);
    if (code == 0)
        code = look(&s, o, frame);
    search_done(&s);
    if (code == 0) {
        mf_why_write_text(r);
        mf_why_write_json(r);
        if (!mf_buf_text(&r->text) || !mf_buf_text(&r->json))
            code = MAYFLY_ENOMEM;
    }
    if (code == MAYFLY_EUNLOADED)
        return mf_error_set(err, code, "context \"%s\" is not live",
                            c->options.name);
    return code == 0 ? 0 : mf_error_nomem(err, "a report");
}

static int check(const mayfly_context *c, const mayfly_why_options *given,
                 mayfly_why_options *o, const void *ret, mayfly_error *err)
{
    if (!c || !ret)
        return mf_error_set(err, MAYFLY_EINVAL, "no context to ask about");
    int code = mf_options_read(o, sizeof *o, given, "options of why", err);
    return code == 0 ? mf_fork_check(c->options.fork_generation, err) : code;
}

static __attribute__((noinline)) int
answer(mayfly_context *c, const mayfly_why_options *options, uintptr_t frame,
       mayfly_why_report **ret_report, mayfly_error *err)
{
    mayfly_why_options o = {.size = sizeof o};
    int code = check(c, options, &o, ret_report, err);
    if (code != 0)
        return code;
    mf_alloc *alloc = c->options.alloc;
    mayfly_why_report *r = mf_alloc_zero(alloc, sizeof *r);
    if (!r)
        return mf_error_nomem(err, "a report");
    r->alloc = alloc;
    mf_buf_init(&r->strings, alloc, 0);
    mf_buf_init(&r->text, alloc, 0);
    mf_buf_init(&r->json, alloc, 0);
    code = make(c, &o, frame, r, err);
    if (code != 0) {
        release(r);
        return code;
    }
    r->host = c->options.host;
    r->unref_host = c->options.unref_host;
    if (c->options.ref_host)
        c->options.ref_host(r->host);
    *ret_report = r;
    return 0;
}

/* --- public -----------------------------------------------------------------
 */

/* The caller's registers that a function must keep are saved in this frame,
 * next to the frame's address; what is above belongs to the caller, what is
 * below is mayfly's own. */
int mayfly_why(mayfly_context *context, const mayfly_why_options *options,
               mayfly_why_report **ret_report, mayfly_error *err)
{
    __builtin_unwind_init();
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
#if defined(__x86_64__)
    frame -= 5 * sizeof(uintptr_t); /* rbx, r12 to r15 */
#endif
    return answer(context, options, frame, ret_report, err);
}

size_t mayfly_why_count(const mayfly_why_report *report,
                        enum mayfly_why_kind kind)
{
    return (unsigned)kind < MAYFLY_WHY_KINDS ? report->counts[kind] : 0;
}

size_t mayfly_why_total(const mayfly_why_report *report,
                        enum mayfly_why_certainty certainty)
{
    return (unsigned)certainty <= MAYFLY_WHY_POSSIBLE
               ? report->totals[certainty]
               : 0;
}

int mayfly_why_get(const mayfly_why_report *report, size_t i,
                   mayfly_why_holder *ret_holder)
{
    if (i >= report->n)
        return MAYFLY_ENOTFOUND;
    const mf_holder *h = &report->holders[i];
    *ret_holder = (mayfly_why_holder){.kind = h->kind,
                                      .certainty = h->certainty,
                                      .where = mf_why_text(report, h->where),
                                      .target = mf_why_text(report, h->target),
                                      .target_offset = h->target_offset,
                                      .address = (const void *)~h->not_address,
                                      .points_to = (const void *)~h->not_word,
                                      .thread = h->thread};
    return 0;
}

size_t mayfly_why_threads(const mayfly_why_report *report, size_t *ret_examined,
                          const char **ret_reason)
{
    if (ret_examined)
        *ret_examined = report->n_examined;
    if (ret_reason)
        *ret_reason = mf_why_text(report, report->reason);
    return report->n_threads;
}

const char *mayfly_why_text(const mayfly_why_report *report)
{
    return (const char *)report->text.ptr;
}

const char *mayfly_why_json(const mayfly_why_report *report)
{
    return (const char *)report->json.ptr;
}

void mayfly_why_free(mayfly_why_report *report)
{
    if (!report)
        return;
    void *host = report->host;
    void (*unref_host)(void *) = report->unref_host;
    release(report);
    if (unref_host)
        unref_host(host);
}
