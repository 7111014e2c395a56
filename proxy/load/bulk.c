/*
 * proxy/load/bulk.c: the job of loading many units.
 *
 * The caller's thread and those that are made for the job take units from the
 * list, one at a time, and put them, when they are over, into another, which
 * the caller's thread tells of between its own. libtcc compiles one unit at a
 * time, so what more threads gain is that files are read and C is written
 * meanwhile.
 *
 * What stays true: a unit is begun by one thread, in the order of the list, and
 * told once; nothing is told after the job has returned, and no thread is left.
 *
 * Threads: `lock` guards what the threads share; an item that is begun is its
 * thread's.
 */
#include "proxy/load/bulk.h"

#include "base/error.h"
#include "base/options.h"
#include "proxy/transport/workers.h"

enum { THREADS_MAX = 64 };

/* --- the threads' part --- */

/* The next one to load; NULL: there is none, or the job is cancelled. */
static mf_bulk_item *take(mayfly_bulk *b)
{
    mf_bulk_item *item = NULL;
    pthread_mutex_lock(&b->lock);
    if (!b->stop && b->next_item < b->n)
        item = &b->items[b->next_item++];
    pthread_mutex_unlock(&b->lock);
    return item;
}

static void put(mayfly_bulk *b, mf_bulk_item *item)
{
    int stopping = item->result.code == MAYFLY_ECANCELLED &&
                   mf_host_check(b->host, NULL) == MAYFLY_ECANCELLED;
    pthread_mutex_lock(&b->lock);
    item->next = NULL;
    *b->last_over = item;
    b->last_over = &item->next;
    if (stopping)
        b->stop = 1;
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void finish_batch(mayfly_bulk *b, mf_bulk_batch *batch)
{
    mf_bulk_finish(b, batch);
    for (size_t i = 0; i < batch->n; i++)
        put(b, batch->loading[i].item);
    batch->n = 0;
}

/* Works until nothing is left to begin; `between` is called once in a while. */
static void work_through(mayfly_bulk *b, int (*between)(mayfly_bulk *b))
{
    mf_bulk_batch batch = {0};
    mf_bulk_item *item;
    while ((item = take(b))) {
        mf_bulk_read(b, item, &batch);
        if (mf_bulk_is_full(&batch))
            finish_batch(b, &batch);
        if (between)
            between(b);
    }
    finish_batch(b, &batch);
}

static void *work(void *state)
{
    mayfly_bulk *b = state;
    mf_thread_name("mayfly-bulk", 0);
    work_through(b, NULL);
    pthread_mutex_lock(&b->lock);
    b->working--;
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* --- the caller's part --- */

static void count(mayfly_bulk *b, const mayfly_bulk_result *r)
{
    if (r->code != 0)
        b->info.failed++;
    else if (r->is_left_out)
        b->info.left_out++;
    else
        b->info.loaded++;
}

/* Tells of those that are over; 0 when there were none. */
static int tell(mayfly_bulk *b)
{
    pthread_mutex_lock(&b->lock);
    mf_bulk_item *first = b->over;
    b->over = NULL;
    b->last_over = &b->over;
    pthread_mutex_unlock(&b->lock);
    for (mf_bulk_item *item = first; item; item = item->next) {
        mf_bulk_tell_findings(b, item);
        count(b, &item->result);
        const mayfly_bulk_info *i = &b->info;
        mayfly_bulk_progress progress = {
            .done = i->loaded + i->failed + i->left_out,
            .total = b->n,
            .failed = i->failed,
            .result = &item->result,
        };
        if (!b->options.progress ||
            b->options.progress(b->options.progress_state, &progress) == 0)
            continue;
        pthread_mutex_lock(&b->lock);
        b->stop = 1;
        pthread_mutex_unlock(&b->lock);
    }
    return first != NULL;
}

/* Tells until no other thread works any more and all has been told. */
static void wait_for_others(mayfly_bulk *b)
{
    for (;;) {
        pthread_mutex_lock(&b->lock);
        while (b->working && !b->over)
            pthread_cond_wait(&b->changed, &b->lock);
        pthread_mutex_unlock(&b->lock);
        if (!tell(b))
            return;
    }
}

/* Where a thread cannot be made, there are fewer. */
static void work_on_all(mayfly_bulk *b)
{
    pthread_t threads[THREADS_MAX];
    unsigned n = 0;
    while (n + 1 < b->options.threads && n + 1 < b->n) {
        pthread_mutex_lock(&b->lock);
        b->working++;
        pthread_mutex_unlock(&b->lock);
        if (mf_thread_start(&threads[n], work, b) == 0) {
            n++;
            continue;
        }
        pthread_mutex_lock(&b->lock);
        b->working--;
        pthread_mutex_unlock(&b->lock);
        break;
    }
    b->info.threads = n + 1;
    work_through(b, tell);
    wait_for_others(b);
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

/* What was not begun, and the results one behind the other. */
static void finish(mayfly_bulk *b)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    b->info.is_cancelled = b->stop;
    mf_error_set(&err, MAYFLY_ECANCELLED, "the job was cancelled before");
    for (size_t i = 0; i < b->n; i++) {
        if (i >= b->next_item) {
            if (!b->items[i].is_over)
                mf_bulk_end(b, &b->items[i], err.code, &err);
            count(b, &b->items[i].result);
        }
        b->results[i] = b->items[i].result;
    }
}

/* --- public --- */

static int read_options(const mayfly_bulk_options *given, mayfly_bulk *b,
                        mayfly_error *err)
{
    mayfly_bulk_options *o = &b->options;
    *o = (mayfly_bulk_options){.size = sizeof *o};
    int code = mf_options_read(o, sizeof *o, given, "bulk options", err);
    if (code == 0)
        code = mf_load_options_read(o->load, &b->load, err);
    if (code != 0)
        return code;
    if ((o->n_items && !o->items) || (o->n_paths && !o->paths) ||
        (b->load.n_include_dirs && !b->load.include_dirs))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a list of the bulk options is missing");
    if (o->threads > THREADS_MAX)
        return mf_error_set(err, MAYFLY_EINVAL, "at most %d threads",
                            THREADS_MAX);
    return 0;
}

int mayfly_bulk_load(mayfly_host *host, const mayfly_bulk_options *options,
                     mayfly_bulk **ret_bulk, mayfly_error *err)
{
    uint64_t start = mf_clock_ns();
    if (!host || !ret_bulk)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no host or nowhere to put the results");
    int code = mf_host_check(host, err);
    if (code == 0 && mf_loop_on_any())
        code = mf_error_set(err, MAYFLY_EONLOOP, "loading on a loop thread");
    if (code != 0)
        return code;
    mayfly_bulk *b = mf_alloc_zero(&host->alloc, sizeof *b);
    if (!b)
        return mf_error_nomem(err, "a job");
    b->host = mf_host_ref(host);
    b->alloc = &host->alloc;
    b->last_over = &b->over;
    b->info.size = sizeof b->info;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    code = read_options(options, b, err);
    if (code == 0)
        code = mf_bulk_find(b, err);
    if (code != 0) {
        mayfly_bulk_free(b);
        return code;
    }
    work_on_all(b);
    finish(b);
    b->info.took_us = (mf_clock_ns() - start) / 1000;
    *ret_bulk = b;
    return 0;
}

const mayfly_bulk_result *mayfly_bulk_results(const mayfly_bulk *bulk,
                                              size_t *ret_n)
{
    *ret_n = bulk->n;
    return bulk->results;
}

void mayfly_bulk_get_info(const mayfly_bulk *bulk, mayfly_bulk_info *ret_info)
{
    if (bulk && ret_info)
        mf_options_write(ret_info, &bulk->info, sizeof bulk->info);
}

void mayfly_bulk_free(mayfly_bulk *b)
{
    if (!b || mf_host_check(b->host, NULL) == MAYFLY_EFORKED)
        return;
    mayfly_host *host = b->host;
    for (size_t i = 0; i < b->n; i++)
        mf_bulk_item_done(b, &b->items[i]);
    mf_alloc_free(b->alloc, b->items);
    mf_alloc_free(b->alloc, b->results);
    while (b->roots) {
        mf_bulk_root *next = b->roots->next;
        mf_alloc_free(b->alloc, b->roots->dirs);
        mf_alloc_free(b->alloc, b->roots->own);
        mf_alloc_free(b->alloc, b->roots);
        b->roots = next;
    }
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    mf_alloc_free(b->alloc, b);
    mf_host_unref(host);
}
