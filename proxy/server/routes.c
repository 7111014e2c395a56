/*
 * Paths to handlers, read without a lock, and taken off without one either.
 *
 * A call is not counted where it comes by a route: that would be one line that
 * all loops write. Instead, when a route is taken off, the calls that have it
 * are looked for. A loop finds a route and puts its call into the list of calls
 * within one section of the grace; so once the route is out of the table and
 * the sections are over, every call that has it is in a list, or has ended.
 * Those are told to count, and the last of them gives the route back.
 *
 * What stays true: a route's state is released once, when nothing can reach it:
 * by the thread that has taken it off, or by a worker where a loop would have
 * to do it, because releasing may wait for others. A route is found only when
 * all that were added with it are there.
 *
 * Who owns what: a server has one reference to its routes, each route that was
 * taken off another, for its release may come later than the server's end, and
 * so has whoever adds to them by itself.
 *
 * Threads: any. `changing` is held over a whole change; no loop waits for it,
 * but one whose own handler makes a change.
 */
#include "proxy/server/routes.h"

#include "base/census.h"
#include "base/error.h"
#include "base/owner.h"
#include "base/sync.h"
#include "base/table.h"

#include <errno.h>
#include <string.h>

/* One removal, for who waits for it. */
typedef struct removal {
    atomic_uint refs; /* its thread's, and each route's */
    size_t left;      /* routes that are not released; under `telling` */
} removal;

typedef struct entry {
    mf_route route; /* first: calls keep a pointer to it */
    mf_routes *routes;
    atomic_uchar is_active; /* may be found */
    atomic_uchar is_off;
    atomic_uint holders; /* of one that is off: calls, and who took it off */
    removal *removal;    /* of one that is off */
    mf_task task;        /* its release, on a worker */
    struct entry *next;  /* in a list of those added or removed together */
    size_t len;          /* of the path */
    char path[];
} entry;

struct mf_routes {
    mayfly_host *host;
    atomic_uint refs;
    mf_table *table;
    pthread_mutex_t changing;
    int is_closed;           /* under `changing` */
    pthread_mutex_t telling; /* for removals' counts */
    pthread_cond_t told;
};

/* --- lives --- */

mf_routes *mf_routes_new(mayfly_host *host)
{
    mf_routes *r = mf_alloc_zero(&host->alloc, sizeof *r);
    mf_table *table = r ? mf_table_new(&host->alloc, host->grace) : NULL;
    if (!table || mf_sync_init(&r->telling, &r->told) != 0) {
        mf_table_free(table);
        mf_alloc_free(&host->alloc, r);
        return NULL;
    }
    r->host = host;
    r->table = table;
    atomic_init(&r->refs, 1);
    pthread_mutex_init(&r->changing, NULL);
    return r;
}

mf_routes *mf_routes_ref(mf_routes *r)
{
    atomic_fetch_add(&r->refs, 1);
    return r;
}

void mf_routes_unref(mf_routes *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    mf_table_free(r->table);
    pthread_mutex_destroy(&r->changing);
    mf_sync_done(&r->telling, &r->told);
    mf_alloc_free(&r->host->alloc, r);
}

static int collect(void *state, void *value)
{
    entry **list = state, *e = value;
    e->next = *list;
    *list = e;
    return 0;
}

void mf_routes_close(mf_routes *r)
{
    entry *list = NULL;
    pthread_mutex_lock(&r->changing);
    r->is_closed = 1;
    mf_table_each(r->table, collect, &list); /* no loop looks any more */
    pthread_mutex_unlock(&r->changing);
    while (list) {
        entry *e = list;
        list = e->next;
        if (e->route.release)
            e->route.release(e->route.state);
        mf_alloc_free(&r->host->alloc, e);
    }
}

static void removal_unref(mf_alloc *alloc, removal *x)
{
    if (atomic_fetch_sub(&x->refs, 1) == 1)
        mf_alloc_free(alloc, x);
}

/* Nothing reaches it any more. */
static void release(entry *e)
{
    mf_routes *r = e->routes;
    removal *x = e->removal;
    mf_alloc *alloc = &r->host->alloc;
    if (e->route.release)
        e->route.release(e->route.state);
    mf_alloc_free(alloc, e);
    pthread_mutex_lock(&r->telling);
    x->left--;
    pthread_cond_broadcast(&r->told);
    pthread_mutex_unlock(&r->telling);
    removal_unref(alloc, x);
    mf_routes_unref(r);
}

static void run_release(mf_task *task)
{
    release(MF_OWNER(task, entry, task));
}

static void drop(entry *e)
{
    if (atomic_fetch_sub(&e->holders, 1) != 1)
        return;
    e->task.run = run_release;
    if (!mf_loop_on_any() ||
        mf_workers_push(e->routes->host->workers, &e->task) != 0)
        release(e);
}

void mf_route_drop(const mf_route *route)
{
    union { /* an entry's first member, handed out as const */
        const mf_route *in;
        entry *out;
    } e = {route};
    drop(e.out);
}

/* --- finding --- */

const mf_route *mf_routes_find(const mf_routes *r, const char *path)
{
    const entry *e = mf_table_find(r->table, path, strlen(path));
    return e && atomic_load_explicit(&e->is_active, memory_order_acquire)
               ? &e->route
               : NULL;
}

typedef struct prefix {
    const char *text;
    size_t len;
} prefix;

static int begins_with(void *state, void *value)
{
    const prefix *p = state;
    const entry *e = value;
    return e->len > p->len && memcmp(e->path, p->text, p->len) == 0;
}

int mf_routes_knows_service(const mf_routes *r, const char *path)
{
    prefix p = {path, strlen(path)};
    while (p.len && path[p.len - 1] != '/')
        p.len--;
    return mf_table_each(r->table, begins_with, &p);
}

/* --- adding --- */

static entry *entry_new(mf_routes *r, const mf_route *route)
{
    size_t len = strlen(route->path);
    entry *e = mf_alloc_zero(&r->host->alloc, sizeof *e + len + 1);
    if (!e)
        return NULL;
    memcpy(e->path, route->path, len + 1);
    e->len = len;
    e->route = *route;
    e->route.path = e->path;
    e->routes = r;
    return e;
}

/* Adds one that is not found yet. */
static int add_one(mf_routes *r, const mf_route *route, entry **list,
                   mayfly_error *err)
{
    if (route->is_wanted && !route->is_wanted(route->state))
        return mf_error_set(err, MAYFLY_ECANCELLED, "%s was taken off",
                            route->path);
    entry *e = entry_new(r, route);
    int code = e ? mf_table_add(r->table, e->path, e->len, e) : MAYFLY_ENOMEM;
    if (code == 0) {
        e->next = *list;
        *list = e;
        return 0;
    }
    mf_alloc_free(&r->host->alloc, e);
    return code == MAYFLY_EEXIST
               ? mf_error_set(err, code, "%s is served already", route->path)
               : mf_error_nomem(err, "a route");
}

/* What was not found yet, by nobody, goes as if it had not been there. */
static void take_back(mf_routes *r, entry *list)
{
    while (list) {
        entry *e = list;
        list = e->next;
        mf_table_remove(r->table, e->path, e->len);
        mf_alloc_free(&r->host->alloc, e);
    }
}

static int check(const mf_routes *r, const mf_route *list, size_t n,
                 mayfly_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!list[i].path || !mf_path_ok(list[i].path, strlen(list[i].path)))
            return mf_error_set(err, MAYFLY_EINVAL,
                                "\"%.200s\" is not /package.Service/Method",
                                list[i].path ? list[i].path : "");
    return mf_host_check(r->host, err);
}

int mf_routes_add(mf_routes *r, const mf_route *list, size_t n,
                  mayfly_error *err)
{
    entry *added = NULL;
    int code = check(r, list, n, err);
    if (code != 0)
        return code;
    pthread_mutex_lock(&r->changing);
    if (r->is_closed)
        code = mf_error_set(err, MAYFLY_ECANCELLED, "the server is gone");
    for (size_t i = 0; code == 0 && i < n; i++)
        code = add_one(r, &list[i], &added, err);
    if (code != 0)
        take_back(r, added);
    for (entry *e = added; code == 0 && e; e = e->next)
        atomic_store_explicit(&e->is_active, 1, memory_order_release);
    pthread_mutex_unlock(&r->changing);
    return code;
}

/* --- taking off --- */

typedef struct wanted {
    const char *name; /* without a slash in front */
    size_t len;
    int is_path;
    entry *list;
} wanted;

static int match(void *state, void *value)
{
    wanted *w = state;
    entry *e = value;
    if (e->len > w->len && memcmp(e->path + 1, w->name, w->len) == 0 &&
        e->path[1 + w->len] == (w->is_path ? '\0' : '/'))
        collect(&w->list, e);
    return 0;
}

/* Those of a name. `changing` is held: they stay. */
static entry *find_all(mf_routes *r, const char *name)
{
    wanted w = {.name = *name == '/' ? name + 1 : name};
    w.len = strlen(w.name);
    w.is_path = strchr(w.name, '/') != NULL;
    unsigned side = mf_grace_enter(r->host->grace);
    mf_table_each(r->table, match, &w);
    mf_grace_leave(r->host->grace, side);
    return w.list;
}

/* Has a call that came by one of them count. In the list's lock. */
static void hold(void *state, const mf_call_info *info)
{
    mayfly_call *c = info->call;
    union {
        const mf_route *in;
        entry *out;
    } e = {c->is_server ? c->route : NULL};
    if (!e.out || e.out->routes != state || !atomic_load(&e.out->is_off) ||
        c->holds_route)
        return;
    c->holds_route = 1;
    atomic_fetch_add(&e.out->holders, 1);
}

/* Tells their owners, who may keep what they need. */
static int tell_owners(const entry *list, const char *name, mayfly_error *err)
{
    int code = 0;
    for (const entry *e = list; code == 0 && e; e = e->next)
        if (e->route.taken_off)
            code = e->route.taken_off(e->route.state, name, err);
    return code;
}

/* Takes them out of the table. Each has a reference of this thread's then, and
 * those of its calls. */
static void take_off(mf_routes *r, entry *list, removal *x)
{
    for (entry *e = list; e; e = e->next) {
        e->removal = x;
        x->left++;
        atomic_fetch_add(&x->refs, 1);
        mf_routes_ref(r);
        atomic_store(&e->holders, 1);
        atomic_store(&e->is_off, 1);
        mf_table_remove(r->table, e->path, e->len); /* waits for the loops */
    }
    mf_calls_each(r->host, hold, r);
}

static int wait_gone(mf_routes *r, removal *x, unsigned wait_ms,
                     mayfly_error *err)
{
    struct timespec until =
        mf_sync_until(mf_clock_ns() + (uint64_t)wait_ms * 1000000);
    int rc = 0;
    pthread_mutex_lock(&r->telling);
    while (x->left && wait_ms && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&r->told, &r->telling, &until);
    size_t left = x->left;
    pthread_mutex_unlock(&r->telling);
    if (left && wait_ms)
        return mf_error_set(err, MAYFLY_EBUSY,
                            "calls of %zu methods are under way still", left);
    return 0;
}

int mf_routes_remove(mf_routes *r, const char *name, unsigned wait_ms,
                     mayfly_error *err)
{
    mf_alloc *alloc = &r->host->alloc;
    removal *x = mf_alloc_zero(alloc, sizeof *x);
    if (!x)
        return mf_error_nomem(err, "taking off a route");
    atomic_init(&x->refs, 1);
    mf_routes_ref(r); /* the last release may end the server */
    pthread_mutex_lock(&r->changing);
    entry *list = find_all(r, name);
    int code = list ? tell_owners(list, name, err)
                    : mf_error_set(err, MAYFLY_ENOTFOUND,
                                   "nothing of \"%.200s\" is served", name);
    if (code == 0)
        take_off(r, list, x);
    pthread_mutex_unlock(&r->changing);
    while (code == 0 && list) {
        entry *e = list;
        list = e->next;
        drop(e);
    }
    if (code == 0)
        code = wait_gone(r, x, wait_ms, err);
    removal_unref(alloc, x);
    mf_routes_unref(r);
    return code;
}
