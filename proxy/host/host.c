/*
 * The root object: made first, and gone last.
 *
 * It consists of loops, workers, and what the loading side keeps in it. How it
 * ends is told in host_end.c; what is left then is memory without threads, and
 * stays as long as handles that a user still has refer to it.
 *
 * A forked child has the memory of its parent's hosts but none of their
 * threads: every function looks at `made_under` first, and freeing such a host
 * does nothing.
 */
#include "proxy/host/host.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/options.h"
#include "base/owner.h"
#include "base/procfs.h"
#include "proxy/call/call.h"
#include "proxy/channel/channel.h"
#include "proxy/host/limits.h"
#include "proxy/server/server.h"
#include "proxy/host/user_pool.h"

#include <malloc.h>
#include <semaphore.h>

enum {
    LOOPS_MAX = 64,
    WORKERS_MAX = 1024,
    RESOLVERS = 2,
    ADMINS = 4,
    IDLE_MS_MAX = 3600 * 1000,
    LARGE_BYTES = 64 * 1024, /* blocks of calls that are kept */
    TRIM_BYTES =
        16 * 1024, /* of heap freed before malloc is asked to give back */
    WORTH = 64     /* and one byte in so many of the process's */
};

/* --- references --- */

int mf_host_check(const mayfly_host *host, mayfly_error *err)
{
    int rc = mf_fork_check(host->made_under, err);
    if (rc == 0 && atomic_load_explicit(&host->stopping, memory_order_acquire))
        rc = mf_error_set(err, MAYFLY_ECANCELLED, "the host is being freed");
    return rc;
}

mayfly_host *mf_host_ref(mayfly_host *host)
{
    atomic_fetch_add_explicit(&host->refs, 1, memory_order_relaxed);
    return host;
}

static void destroy(mayfly_host *host)
{
    if (&mf_host_loading && mf_host_loading.done)
        mf_host_loading.done(host);
    for (unsigned i = 0; i < host->n_loops; i++) {
        mf_calls_free(host->loops[i]->user);
        mf_loop_free(host->loops[i]);
    }
    mf_alloc_free(&host->alloc, host->loops);
    mf_workers_free(host->workers);
    mf_workers_free(host->resolver);
    mf_workers_free(host->admin_workers);
    mf_large_done(&host->large);
    mf_counts_free(host->counts);
    mf_map_free(host->shared_channels);
    mf_grace_free(host->grace);
    pthread_mutex_destroy(&host->lock);
    /* the host lies in memory of its own allocator */
    mayfly_allocator table = host->alloc.table;
    table.release(table.state, host);
}

void mf_host_unref(mayfly_host *host)
{
    if (mf_fork_check(host->made_under, NULL) != 0)
        return; /* the parent's memory files are shared with this process */
    if (atomic_fetch_sub_explicit(&host->refs, 1, memory_order_acq_rel) == 1)
        destroy(host);
}

int mf_host_on_loop(const mayfly_host *host)
{
    return mf_loop_on_any() || mf_loop_is_mine(host->loops[0]);
}

mf_loop *mf_host_least_loaded(mayfly_host *host)
{
    mf_loop *best = host->loops[0];
    for (unsigned i = 1; i < host->n_loops; i++)
        if (atomic_load(&host->loops[i]->load) < atomic_load(&best->load))
            best = host->loops[i];
    return best;
}

/* --- idle time --- */

static void trim_parts(mayfly_host *host)
{
    mf_channels_trim(host);
    mf_large_trim(&host->large);
    mf_user_pools_trim(host);
    if (&mf_host_loading && mf_host_loading.trim)
        mf_host_loading.trim(host);
}

/* Private pages of the process. */
static size_t resident_bytes(void)
{
    mf_proc r;
    char line[128];
    uint64_t kib = 0;
    if (!mf_proc_open(&r, "/proc/self/status"))
        return 0;
    while (!kib && mf_proc_line(&r, line, sizeof line))
        mf_proc_figure(line, "RssAnon:", &kib);
    mf_proc_close(&r);
    return (size_t)kib * 1024;
}

/* glibc keeps what was freed; many connections that are gone were seen to leave
 * 150 MB. Asking costs it a walk over the program's whole heap, in which others
 * who allocate may have to wait, so only when it is worth it: when `least`
 * bytes were freed, and more than a small part of all that there is; 0: always.
 */
static void trim_heap(mayfly_host *host, size_t least)
{
    if (!host->uses_malloc)
        return;
    size_t high = mf_alloc_high(&host->alloc);
    size_t now = atomic_load(&host->alloc.bytes);
    size_t freed = high > now ? high - now : 0;
    size_t due = atomic_fetch_add(&host->trim_due, freed) + freed;
    if (least && (due < least || due < resident_bytes() / WORTH))
        return;
    atomic_store(&host->trim_due, 0);
    malloc_trim(0);
}

static void trim_idle(mayfly_host *host)
{
    trim_parts(host);
    trim_heap(host, TRIM_BYTES);
}

static void trim_on_worker(mf_task *task)
{
    mayfly_host *host = MF_OWNER(task, mayfly_host, tick_work);
    trim_idle(host);
    atomic_store(&host->is_trimming, 0);
}

/* The walk over the heap takes as long as the program's heap is large, so it
 * must not be taken on a loop that calls go by. 0: a worker has it, or just
 * does it.
 */
static int trim_elsewhere(mayfly_host *host)
{
    if (atomic_exchange(&host->is_trimming, 1))
        return 0;
    host->tick_work.run = trim_on_worker;
    int rc = mf_workers_push(host->workers, &host->tick_work);
    if (rc != 0)
        atomic_store(&host->is_trimming, 0);
    return rc;
}

static void on_tick(mf_timer *timer)
{
    mayfly_host *host = MF_OWNER(timer, mayfly_host, tick);
    mf_loop *loop = host->loops[0];
    unsigned touched = atomic_load(&host->touched);
    int is_used = loop->activity != host->tick_activity;
    host->tick_activity = loop->activity;
    if (touched == host->tick_seen) {
        atomic_store(&host->tick_armed, 0);
        if (!is_used || trim_elsewhere(host) != 0)
            trim_idle(host);
        return;
    }
    host->tick_seen = touched;
    mf_loop_set_timer(loop, timer, loop->now_ms + host->options.idle_ms,
                      on_tick);
}

static void arm_tick(mf_task *task)
{
    mayfly_host *host = MF_OWNER(task, mayfly_host, tick_task);
    mf_loop *loop = host->loops[0];
    host->tick_seen = atomic_load(&host->touched);
    host->tick_activity = loop->activity;
    mf_loop_set_timer(loop, &host->tick, loop->now_ms + host->options.idle_ms,
                      on_tick);
}

void mf_host_touch(mayfly_host *host)
{
    atomic_fetch_add(&host->touched, 1);
    if (atomic_exchange(&host->tick_armed, 1))
        return;
    host->tick_task.run = arm_tick;
    if (mf_loop_post(host->loops[0], &host->tick_task) != 0)
        atomic_store(&host->tick_armed, 0);
}

/* A call's last block may come back when idle time has just begun. */
static void on_kept(void *host)
{
    mf_host_touch(host);
}

/* What a loop keeps for itself. */
static void trim_loop(mf_loop *loop)
{
    mf_calls *calls = loop->user;
    if (calls)
        mf_calls_trim(calls);
    mf_pool_trim(&loop->pool);
}

/* On a loop that nobody has used for a while, and when it stops. What its calls
 * have left elsewhere, large blocks and what malloc keeps, goes next. */
static void idle_loop(mf_loop *loop)
{
    trim_loop(loop);
    mf_host_touch(mf_calls_host(loop->user));
}

/* --- making --- */

static int read_options(const mayfly_host_options *given,
                        mayfly_host_options *o, mayfly_error *err)
{
    *o = (mayfly_host_options){.size = sizeof *o,
                               .log_level = MAYFLY_LOG_WARNING};
    int code = mf_options_read(o, offsetof(mayfly_host_options, reserved),
                               given, "host options", err);
    if (code != 0)
        return code;
    const mf_tuning *t = mf_tuning_of(o->preset);
    if (!t)
        return mf_error_set(err, MAYFLY_EINVAL, "no such preset: %d",
                            o->preset);
    if (o->loops > LOOPS_MAX || o->workers > WORKERS_MAX ||
        o->idle_ms > IDLE_MS_MAX)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "at most %d loops, %d workers, %d ms of idle time",
                            LOOPS_MAX, WORKERS_MAX, IDLE_MS_MAX);
    o->loops = o->loops ? o->loops : 1;
    o->workers = o->workers ? o->workers : t->workers;
    o->idle_ms = o->idle_ms ? o->idle_ms : t->idle_ms;
    if (!o->quarantine_max)
        o->quarantine_max = t->quarantine_max;
    if (!o->quarantine_ms)
        o->quarantine_ms = t->quarantine_ms;
    return 0;
}

static mayfly_host *make(const mayfly_host_options *o,
                         const mayfly_limits *limits)
{
    mf_alloc alloc;
    mf_alloc_init(&alloc, o->allocator);
    mayfly_host *h = alloc.table.alloc(alloc.table.state, sizeof *h);
    if (!h)
        return NULL;
    memset(h, 0, sizeof *h);
    mf_alloc_init(&h->alloc, o->allocator);
    h->tuning = *mf_tuning_of(o->preset);
    mf_large_init(&h->large, &h->alloc, LARGE_BYTES, h->tuning.large_keep);
    h->large.on_kept = on_kept;
    h->large.state = h;
    atomic_init(&h->refs, 1);
    h->options = *o;
    h->options.allocator = NULL; /* copied; the table may be on a stack */
    h->options.limits = NULL;    /* likewise */
    h->limits = *limits;
    h->uses_malloc = o->allocator == NULL;
    h->log = (mf_log){o->log, o->log_state, o->log_level};
    h->made_under = mf_fork_generation();
    pthread_mutex_init(&h->lock, NULL);
    h->counts = mf_counts_new(&h->alloc, &h->log);
    h->grace = mf_grace_new(&h->alloc);
    if (!h->counts || !h->grace) {
        destroy(h);
        return NULL;
    }
    return h;
}

static int start_loops(mayfly_host *h, mayfly_error *err)
{
    h->loops = mf_alloc_zero(&h->alloc, h->options.loops * sizeof h->loops[0]);
    if (!h->loops)
        return mf_error_nomem(err, "a host");
    for (unsigned i = 0; i < h->options.loops; i++) {
        mf_calls *calls = mf_calls_new(h);
        if (!calls)
            return mf_error_nomem(err, "a host");
        mf_loop_setup setup = {.alloc = &h->alloc,
                               .number = i,
                               .idle_ms = h->options.idle_ms,
                               .idle = idle_loop,
                               .user = calls};
        int rc = i == 0 && h->options.uv_loop
                     ? mf_loop_new_foreign(&setup, h->options.uv_loop,
                                           &h->loops[i], err)
                     : mf_loop_new(&setup, &h->loops[i], err);
        if (rc != 0) {
            mf_calls_free(calls);
            return rc;
        }
        h->n_loops++;
    }
    return 0;
}

int mayfly_host_new(const mayfly_host_options *options, mayfly_host **ret_host,
                    mayfly_error *err)
{
    mayfly_host_options o;
    mayfly_limits limits;
    if (!ret_host)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to store the host");
    int rc = read_options(options, &o, err);
    if (rc == 0)
        rc = mf_limits_read(&o, &limits, err);
    if (rc != 0)
        return rc;
    mayfly_host *h = make(&o, &limits);
    if (!h)
        return mf_error_nomem(err, "a host");
    rc = start_loops(h, err);
    if (rc == 0)
        rc = mf_workers_new(&h->alloc, "mayfly-work", o.workers, &h->workers,
                            err);
    if (rc == 0)
        rc = mf_workers_new(&h->alloc, "mayfly-name", RESOLVERS, &h->resolver,
                            err);
    if (rc == 0)
        rc = mf_workers_new(&h->alloc, "mayfly-admin", ADMINS,
                            &h->admin_workers, err);
    if (rc == 0 && &mf_host_loading && mf_host_loading.begin)
        rc = mf_host_loading.begin(h, err);
    if (rc == 0 && o.uv_loop) /* last, for it could not be undone at once */
        rc = mf_loop_attach(h->loops[0], err);
    if (rc != 0) {
        mf_host_stop_threads(h);
        mf_host_unref(h);
        return rc;
    }
    *ret_host = h;
    return 0;
}

/* A loop's own caches are emptied on its thread. */
typedef struct trim_job {
    mf_task task;
    mf_loop *loop;
    sem_t *done;
} trim_job;

static void run_trim(mf_task *task)
{
    trim_job *job = (trim_job *)(void *)task; /* its first member */
    trim_loop(job->loop);
    sem_post(job->done);
}

static void run_foreign_trim(mf_task *task)
{
    mayfly_host *h = MF_OWNER(task, mayfly_host, trim_task);
    atomic_store(&h->trim_asked, 0);
    trim_loop(h->loops[0]);
}

/* One that is not ours turns when somebody pleases: it is not waited for. */
static void trim_foreign(mayfly_host *h)
{
    if (mf_loop_is_mine(h->loops[0])) {
        trim_loop(h->loops[0]);
    } else if (!atomic_exchange(&h->trim_asked, 1)) {
        h->trim_task.run = run_foreign_trim;
        if (mf_loop_post(h->loops[0], &h->trim_task) != 0)
            atomic_store(&h->trim_asked, 0);
    }
}

static void trim_loops(mayfly_host *h)
{
    trim_job jobs[LOOPS_MAX];
    sem_t done;
    unsigned n = 0, first = mf_loop_is_foreign(h->loops[0]) ? 1 : 0;
    if (first)
        trim_foreign(h);
    if (mf_host_on_loop(h))
        return; /* which does not wait for others */
    sem_init(&done, 0, 0);
    for (unsigned i = first; i < h->n_loops; i++) {
        jobs[i] = (trim_job){{NULL, run_trim}, h->loops[i], &done};
        n += mf_loop_post(h->loops[i], &jobs[i].task) == 0;
    }
    while (n)
        if (sem_wait(&done) == 0)
            n--;
    sem_destroy(&done);
}

void mayfly_host_trim(mayfly_host *h)
{
    if (!h || mf_host_check(h, NULL) != 0)
        return;
    trim_parts(h);
    trim_loops(h);
    trim_heap(h, 0);
}

int mayfly_arena_new(mayfly_host *h, size_t max_bytes, mayfly_arena **ret_arena,
                     mayfly_error *err)
{
    if (!h || !ret_arena)
        return mf_error_set(err, MAYFLY_EINVAL, "an arena needs a host");
    int rc = mf_fork_check(h->made_under, err);
    if (rc != 0)
        return rc;
    mayfly_arena *a = mf_alloc_new(&h->alloc, sizeof *a);
    if (!a)
        return mf_error_nomem(err, "an arena");
    mf_arena_init(a, &h->alloc, 0, max_bytes);
    *ret_arena = a;
    return 0;
}
