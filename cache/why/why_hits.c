/*
 * cache/why/why_hits.c: words that were found become holders.
 *
 * The search gives addresses and values; here each gets its kind from where it
 * lies, and those that are listed get names: of the thread, of the image's
 * variable, of the other context's object, of the function it points to. All
 * are counted, the most telling are listed: threads in the code first, then
 * words by kind, in the order of the enum.
 *
 * A word on a stack that points into text right behind a call instruction is
 * taken for a return address, which makes the thread a likely holder.
 *
 * Runs after the threads go on: what it reads of them may have changed, and is
 * only used for names. Threads: that of the search.
 */
#include "cache/why/why.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    NAME_MAX_BYTES = 256,
    GUARD_MAX = 1 << 20,
    CONTROL_BYTES = 2304, /* of a thread library's block for a thread */
    CALL_MAX = 8          /* bytes of a call instruction, and more */
};

typedef struct found {
    const mf_blame_hit *hit;
    uint8_t kind, certainty;
} found;

/* --- where a word lies ------------------------------------------------------
 */

static int is_examined(const mf_blame_thread *t)
{
    return t->state == MF_BLAME_STOPPED || t->state == MF_BLAME_CALLER;
}

static int in_control_block(const mf_blame_thread *t, uintptr_t at)
{
#if defined(__aarch64__)
    return at < t->tp && t->tp - at <= CONTROL_BYTES;
#else
    return at >= t->tp && at - t->tp < CONTROL_BYTES;
#endif
}

/* The image whose thread-local block of this thread holds the address. */
static const mf_blame_module *tls_module(const mf_blame *b,
                                         const mf_blame_thread *t, uintptr_t at)
{
    for (size_t i = 0; i < b->n_module; i++) {
        const mf_blame_module *m = &b->module[i];
        if (m->n_tls && at - (t->tp + (uintptr_t)m->tls) < m->n_tls)
            return m;
    }
    return NULL;
}

static int is_tls_of(const mf_blame *b, const mf_blame_thread *t, uintptr_t at)
{
    return is_examined(t) && t->tp &&
           (in_control_block(t, at) || tls_module(b, t, at));
}

static const mf_blame_thread *tls_owner(const mf_blame *b,
                                        const mf_blame_hit *h)
{
    if (h->thread >= 0)
        return is_tls_of(b, &b->thread[h->thread], h->at)
                   ? &b->thread[h->thread]
                   : NULL;
    for (size_t i = 0; i < b->n_thread; i++)
        if (is_tls_of(b, &b->thread[i], h->at))
            return &b->thread[i];
    return NULL;
}

static const mf_blame_module *module_of(const mf_blame *b, uintptr_t at)
{
    for (size_t i = 0; i < b->n_module; i++)
        if (at >= b->module[i].at && at < b->module[i].end)
            return &b->module[i];
    return NULL;
}

/* Anonymous memory right above a page that nobody may touch. */
static int looks_like_stack(const mf_blame *b, uintptr_t at)
{
    const mf_blame_map *m = mf_blame_map_of(b, at);
    if (!m || (m->flags & MF_MAP_SHARED))
        return 0;
    if (strncmp(b->text + m->name, "[stack", 6) == 0)
        return 1;
    if (b->text[m->name] || m == b->map)
        return 0;
    const mf_blame_map *below = m - 1;
    return below->end == m->at && below->end - below->at <= GUARD_MAX &&
           !(below->flags & (MF_MAP_READ | MF_MAP_WRITE));
}

/* Whether a call instruction ends right before. */
static int is_return_address(mf_blame *b, uintptr_t value)
{
    const mf_blame_range *range = mf_blame_find(b, value);
    uint8_t before[CALL_MAX];
    if (!range || range->part != MF_PART_TEXT || value - range->at < CALL_MAX ||
        mf_blame_peek(b, value - CALL_MAX, before, CALL_MAX) != CALL_MAX)
        return 0;
#if defined(__x86_64__)
    const uint8_t *end = before + CALL_MAX;
    if (end[-5] == 0xe8)
        return 1;
    for (int n = 2; n <= 7; n++) /* call through a register or memory */
        if (end[-n] == 0xff && ((end[-n + 1] >> 3) & 7) == 2)
            return 1;
    return 0;
#else
    uint32_t word;
    memcpy(&word, before + CALL_MAX - 4, sizeof word);
    return (word & 0xfc000000u) == 0x94000000u ||
           (word & 0xfffffc1fu) == 0xd63f0000u;
#endif
}

static enum mayfly_why_kind kind_of(mf_blame *b, const mf_blame_hit *h)
{
    if (h->via == MF_BLAME_PC)
        return MAYFLY_WHY_THREAD;
    if (h->via == MF_BLAME_REGISTER)
        return MAYFLY_WHY_LOCAL;
    if (h->via == MF_BLAME_SIGNAL)
        return MAYFLY_WHY_SIGNAL;
    if (tls_owner(b, h))
        return MAYFLY_WHY_THREAD_LOCAL;
    if (h->via == MF_BLAME_ON_STACK)
        return is_return_address(b, h->value) ? MAYFLY_WHY_THREAD
                                              : MAYFLY_WHY_LOCAL;
    if (mf_blame_other_of(b, h->at))
        return MAYFLY_WHY_CONTEXT;
    if (module_of(b, h->at))
        return MAYFLY_WHY_GLOBAL;
    return looks_like_stack(b, h->at) ? MAYFLY_WHY_STACK : MAYFLY_WHY_HEAP;
}

/* --- names ------------------------------------------------------------------
 */

/* A small file about a thread, as text. */
static void read_of_thread(long tid, const char *file, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%ld/%s", tid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
}

static void thread_name(long tid, char *out, size_t size)
{
    read_of_thread(tid, "comm", out, size);
    out[strcspn(out, "\n")] = '\0';
}

static const char *image_name(const mf_blame_module *m)
{
    const char *path = m->path[0] ? m->path : program_invocation_short_name;
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int where_variable(mayfly_why_report *r, uint32_t *ret,
                          const mf_blame_module *m, uintptr_t value, int tls,
                          const char *prefix)
{
    char name[NAME_MAX_BYTES];
    uintptr_t begin;
    if (mf_blame_symbol(m->path, value, tls, name, sizeof name, &begin) == 0)
        return mf_why_string(r, ret, "%s%s: %s+0x%zx", prefix, image_name(m),
                             name, (size_t)(value - begin));
    return mf_why_string(r, ret, "%s%s: %s+0x%zx", prefix, image_name(m),
                         tls ? "thread-local storage" : "image", (size_t)value);
}

static int where_thread_local(mf_why_search *s, uint32_t *ret,
                              const mf_blame_hit *h, const mf_blame_thread *t)
{
    char name[32], prefix[80];
    const mf_blame_module *m = tls_module(s->blame, t, h->at);
    thread_name(t->tid, name, sizeof name);
    if (!m)
        return mf_why_string(s->report, ret,
                             "thread %ld (%s): a thread-specific value, or "
                             "what it was started with",
                             t->tid, name);
    snprintf(prefix, sizeof prefix, "thread %ld (%s): ", t->tid, name);
    return where_variable(s->report, ret, m,
                          h->at - (t->tp + (uintptr_t)m->tls), 1, prefix);
}

static const char *const parts[] = {"text", "tables", "constants", "data"};

static int where_context(mf_why_search *s, uint32_t *ret, const mf_blame_hit *h)
{
    const mf_blame_range *range = mf_blame_other_of(s->blame, h->at);
    mayfly_context *c = s->others[range->context];
    char name[NAME_MAX_BYTES];
    uintptr_t begin =
        (uintptr_t)mf_why_name(c, (const void *)h->at, name, sizeof name);
    if (!begin) {
        snprintf(name, sizeof name, "%s", parts[range->part]);
        begin = range->at;
    }
    return mf_why_string(s->report, ret, "context \"%s\": %s+0x%zx",
                         c->options.name, name, (size_t)(h->at - begin));
}

static int where_signal(mayfly_why_report *r, uint32_t *ret, int number)
{
    const char *name = sigabbrev_np(number); /* NULL: a real-time one */
    return mf_why_string(r, ret, "the process's handler of signal %d%s%s",
                         number, name ? ", SIG" : "", name ? name : "");
}

static int where_mapping(mf_why_search *s, uint32_t *ret, const mf_blame_hit *h,
                         enum mayfly_why_kind kind)
{
    const mf_blame *b = s->blame;
    const mf_blame_map *m = mf_blame_map_of(b, h->at);
    if (!m)
        return mf_why_string(s->report, ret, "memory");
    const char *name = b->text + m->name;
    size_t offset = h->at - m->at;
    if (kind == MAYFLY_WHY_STACK)
        return mf_why_string(s->report, ret,
                             "a stack that no examined thread is on, "
                             "0x%zx+0x%zx",
                             (size_t)m->at, offset);
    if (name[0])
        return mf_why_string(s->report, ret, "%s+0x%zx", name, offset);
    return mf_why_string(s->report, ret, "mapped memory 0x%zx+0x%zx",
                         (size_t)m->at, offset);
}

static int where(mf_why_search *s, uint32_t *ret, const mf_blame_hit *h,
                 enum mayfly_why_kind kind)
{
    const mf_blame *b = s->blame;
    const mf_blame_module *m = module_of(b, h->at);
    char name[32];
    if (kind == MAYFLY_WHY_THREAD_LOCAL)
        return where_thread_local(s, ret, h, tls_owner(b, h));
    if (kind == MAYFLY_WHY_SIGNAL)
        return where_signal(s->report, ret, (int)h->at);
    if (kind == MAYFLY_WHY_CONTEXT)
        return where_context(s, ret, h);
    if (kind == MAYFLY_WHY_GLOBAL)
        return where_variable(s->report, ret, m, h->at - m->bias, 0, "");
    if (h->thread < 0)
        return where_mapping(s, ret, h, kind);
    thread_name(b->thread[h->thread].tid, name, sizeof name);
    return mf_why_string(s->report, ret, "thread %ld (%s) %s",
                         b->thread[h->thread].tid, name,
                         h->via == MF_BLAME_PC         ? "is running in it"
                         : h->via == MF_BLAME_REGISTER ? "has it in a register"
                         : kind == MAYFLY_WHY_THREAD   ? "will return to it"
                                                       : "has it on its stack");
}

static int target(mf_why_search *s, mf_holder *holder, uintptr_t value)
{
    char name[NAME_MAX_BYTES];
    uintptr_t begin = (uintptr_t)mf_why_name(s->context, (const void *)value,
                                             name, sizeof name);
    if (!begin) {
        const mf_blame_range *range = mf_blame_find(s->blame, value);
        snprintf(name, sizeof name, "%s", parts[range->part]);
        begin = range->at;
    }
    holder->target_offset = value - begin;
    return mf_why_string(s->report, &holder->target, "%s", name);
}

static int list_one(mf_why_search *s, const found *f)
{
    const mf_blame_hit *h = f->hit;
    mf_holder holder = {.kind = f->kind,
                        .certainty = f->certainty,
                        .not_address =
                            f->kind == MAYFLY_WHY_SIGNAL ? UINTPTR_MAX : ~h->at,
                        .not_word = ~h->value};
    if (h->thread >= 0)
        holder.thread = s->blame->thread[h->thread].tid;
    int code = where(s, &holder.where, h, f->kind);
    if (code == 0)
        code = target(s, &holder, h->value);
    return code == 0 ? mf_why_add(s->report, &holder) : code;
}

/* --- all of them ------------------------------------------------------------
 */

static int by_weight(const void *a, const void *b)
{
    const found *l = a, *r = b;
    if (l->certainty != r->certainty)
        return l->certainty < r->certainty ? -1 : 1;
    if (l->kind != r->kind)
        return l->kind < r->kind ? -1 : 1;
    return l->hit < r->hit ? -1 : l->hit > r->hit;
}

int mf_why_hits(mf_why_search *s)
{
    mf_blame *b = s->blame;
    mayfly_why_report *r = s->report;
    if (!b->n_hit)
        return 0;
    found *all = mf_alloc_zero(r->alloc, b->n_hit * sizeof *all);
    if (!all)
        return MAYFLY_ENOMEM;
    for (size_t i = 0; i < b->n_hit; i++) {
        enum mayfly_why_kind kind = kind_of(b, &b->hit[i]);
        all[i].hit = &b->hit[i];
        all[i].kind = (uint8_t)kind;
        all[i].certainty =
            kind == MAYFLY_WHY_THREAD || kind == MAYFLY_WHY_SIGNAL
                ? MAYFLY_WHY_LIKELY
                : MAYFLY_WHY_POSSIBLE;
        r->counts[kind]++;
        r->totals[all[i].certainty]++;
    }
    r->totals[MAYFLY_WHY_POSSIBLE] += b->n_more;
    qsort(all, b->n_hit, sizeof *all, by_weight);
    int code = 0;
    for (size_t i = 0; i < b->n_hit && i < s->list_max && code == 0; i++)
        code = list_one(s, &all[i]);
    mf_alloc_free(r->alloc, all);
    return code;
}

/* --- threads that were not examined -----------------------------------------
 */

static const char *refusal(int error)
{
    if (error == ETIMEDOUT)
        return "it did not stop in time";
    if (error == EPERM && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1)
        return "the kernel refuses ptrace: this process is not dumpable";
    if (error == EPERM || error == EACCES)
        return "the kernel refuses ptrace: a debugger is attached, or a "
               "container, Yama or seccomp forbids it";
    if (error == ENOSYS)
        return "the kernel refuses ptrace: seccomp forbids it";
    return strerror(error);
}

/* A thread that has ended but is not yet gone cannot be traced, nor hold. */
static int has_ended(long tid)
{
    char stat[256];
    read_of_thread(tid, "stat", stat, sizeof stat);
    const char *state = strrchr(stat, ')');
    return !state || state[1] != ' ' || state[2] == 'Z' || state[2] == 'X';
}

int mf_why_unexamined(mf_why_search *s)
{
    enum { NAMED_MAX = 8 };
    mf_blame *b = s->blame;
    mayfly_why_report *r = s->report;
    int first_error = 0, code = 0;
    size_t named = 0;
    char list[512] = "", name[32];
    for (size_t i = 0; i < b->n_thread; i++) {
        mf_blame_thread *t = &b->thread[i];
        if (t->state == MF_BLAME_GONE ||
            (!is_examined(t) && t->error != ETIMEDOUT && has_ended(t->tid)))
            continue;
        r->n_threads++;
        r->n_examined += (size_t)is_examined(t);
        if (is_examined(t))
            continue;
        if (!first_error)
            first_error = t->error;
        if (named++ >= NAMED_MAX)
            continue;
        thread_name(t->tid, name, sizeof name);
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%ld (%s)",
                 used ? ", " : "", t->tid, name);
    }
    r->n_threads += b->n_thread_more;
    if (r->n_examined == r->n_threads)
        return 0;
    if (named > NAMED_MAX)
        code = mf_why_string(r, &r->unexamined, "%s and %zu more", list,
                             named - NAMED_MAX);
    else
        code = mf_why_string(r, &r->unexamined, "%s", list);
    if (code != 0)
        return code;
    if (b->occupied)
        return mf_why_string(r, &r->reason,
                             "another search is under way in this process");
    if (b->no_tracer)
        return mf_why_string(r, &r->reason, "no tracer could be made: %s",
                             strerror(b->no_tracer));
    if (b->keep_running)
        return mf_why_string(r, &r->reason, "asked not to stop any");
    return mf_why_string(r, &r->reason, "%s",
                         first_error ? refusal(first_error)
                                     : "there are too many");
}
