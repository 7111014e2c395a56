/*
 * Contexts come and go for as long as one likes, and nothing is left.
 *
 * The program runs itself as a child that loads and unloads at its parent's
 * word: a small unit (a schema, now and then with handler source) again and
 * again, then a large one (a megabyte of C), with loads that fail at random in
 * between: a broken schema, broken handler source, a limit, an allocation that
 * is refused. The parent reads the child's private dirty memory, memory files,
 * mappings, descriptors and threads from /proc at 1, 10, 100, ... cycles.
 *
 * What must hold:
 *   - flat: once the zone's queue of addresses is full, the readings as they
 *     are (what is kept for speed included) do not grow;
 *   - at every such moment and at the end, once the quarantine is emptied and
 *     the host trimmed, the process is as before the first load, to 64 KiB.
 *
 * The numbers of cycles come from SOAK_SMALL and SOAK_LARGE; `make soak` sets
 * them to 1,000,000 and 1,000.
 */
#include <mayfly/mayfly.h>

#include "tests/support/outside.h"
#include "tests/support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    SMALL = 2000, /* cycles, unless the environment says otherwise */
    LARGE = 10,
    LARGE_BYTES = 1 << 20,
    POOR_BYTES = 64 << 20,
    QUARANTINE = 64,   /* units, as by default */
    SMALL_FULL = 1000, /* cycles after which every queue is full, and each */
    LARGE_FULL = 100,  /* kind of failure was there */
    SLACK_KIB = 64,    /* what is no growth */
    SLACK_MAPPINGS = 4,
    SOURCE_EVERY = 32, /* one small cycle in so many has handler source, */
    FAIL_EVERY = 8,    /* one is preceded by a load that fails, */
    SHOWN = 20         /* lines of progress */
};

/* --- the child ---------------------------------------------------------------
 */

static const char greeter[] =
    "syntax = \"proto3\";\npackage hello;\n"
    "service Greeter { rpc SayHello (Request) returns (Reply); }\n"
    "message Request { string name = 1; repeated int32 numbers = 2; }\n"
    "message Reply { string message = 1; map<string, Request> all = 2; }\n";

static const char good_source[] =
    "#include \"hello.mf.h\"\n"
    "static int calls = 41;\n"
    "int count(int n) { return calls += n; }\n"
    "int hello_Greeter_on_SayHello(void *s, mayfly_call *c,\n"
    "    const hello_Request *r, hello_Reply *a)\n"
    "{ a->message = r->name; return count(1) ? 0 : 1; }\n";

typedef struct failure {
    const char *schema; /* NULL: the good one */
    const char *source; /* NULL: none */
    int code;
} failure;

static const failure failures[] = {
    {"syntax = \"proto3\"; message M { string a = 1;", NULL, MAYFLY_ESCHEMA},
    {"syntax = \"proto3\"; message M { Gone a = 1; }", NULL, MAYFLY_ESCHEMA},
    {"syntax = \"proto3\"; import \"gone.proto\";", NULL, MAYFLY_ENOTFOUND},
    {NULL, "int f(int n) { return n 1; }", MAYFLY_ECOMPILE},
    {NULL, "#include <gone.h>\n", MAYFLY_ECOMPILE},
    {NULL, "int f(void) { return \"no end", MAYFLY_ECOMPILE},
    {NULL, "int gone(int); int f(int n) { return gone(n); }", MAYFLY_ELINK},
};
enum { FAILURES = sizeof failures / sizeof failures[0] };

/* An allocator that refuses when it is told to. Its blocks lie one behind the
 * other in a mapping of its own, so that what malloc keeps for speed has no
 * part in what is measured. Used again from the start when none is left. */
typedef struct poor {
    char *at;
    atomic_size_t used;
    atomic_long live;    /* blocks */
    atomic_long seen;    /* allocations asked for */
    atomic_long fail_at; /* which one is refused, from 1; 0: none */
    int for_ever;        /* and all after it */
} poor;

typedef struct worker {
    mayfly_host *host;
    poor poor;
    long allocations; /* that a whole life with `poor` makes; 0: not known */
    char *large;      /* a megabyte of C */
    uint64_t random;
} worker;

static void give_up(const char *what, const mayfly_error *err)
{
    fprintf(stderr, "child: %s: %s\n", what, err ? err->message : "");
    _exit(1);
}

static void *poor_alloc(void *state, size_t size)
{
    poor *p = state;
    long n = atomic_fetch_add(&p->seen, 1) + 1, at = atomic_load(&p->fail_at);
    if (at && (n == at || (n > at && p->for_ever)))
        return NULL;
    size_t bytes = (size + 31) & ~(size_t)15;
    size_t from = atomic_fetch_add(&p->used, bytes);
    if (from + bytes > POOR_BYTES)
        return NULL;
    atomic_fetch_add(&p->live, 1);
    memcpy(p->at + from, &size, sizeof size);
    return p->at + from + 16;
}

static void poor_release(void *state, void *block)
{
    poor *p = state;
    if (block)
        atomic_fetch_sub(&p->live, 1);
}

static void *poor_resize(void *state, void *block, size_t size)
{
    size_t had = 0;
    void *moved = poor_alloc(state, size);
    if (!moved || !block)
        return moved;
    memcpy(&had, (char *)block - 16, sizeof had);
    memcpy(moved, block, had < size ? had : size);
    poor_release(state, block);
    return moved;
}

static size_t pick(worker *w, size_t n)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (size_t)(w->random % n);
}

/* Functions that call each other, until the text is large enough. */
static char *make_large(void)
{
    char *text = malloc(LARGE_BYTES + 4096);
    size_t n = 0;
    if (!text)
        _exit(1);
    n += (size_t)sprintf(text, "int f0(int n) { return n; }\n");
    for (int i = 1; n < LARGE_BYTES; i++)
        n += (size_t)sprintf(
            text + n,
            "struct s%d { int a, b; }; int f%d(int n)"
            " { struct s%d x = { n, %d }; return x.a + f%d(x.b); }\n",
            i, i, i, i, i - 1);
    return text;
}

static int load(mayfly_host *host, const char *schema, const char *source,
                mayfly_context **ret, mayfly_error *err)
{
    const mayfly_source s = {"hello.proto", schema ? schema : greeter, 0};
    const mayfly_source h = {"handlers.c", source, 0};
    return mayfly_load_text(
        host, "soak", &s,
        MAYFLY_LOAD_OPTIONS(.handlers = &h, .n_handlers = source != NULL), ret,
        err);
}

static void unload(mayfly_context *c)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (mayfly_unload(c, NULL, NULL, &err) != 0)
        give_up("unload", &err);
    mayfly_context_unref(c);
}

/* Loads, goes in where there is something to call, and unloads. */
static void cycle(mayfly_host *host, const char *source, const char *name,
                  int argument, int expected)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = NULL;
    mayfly_pin *pin = NULL;
    if (load(host, NULL, source, &c, &err) != 0 ||
        mayfly_pin_take(c, "soak", &pin, &err) != 0)
        give_up("load", &err);
    if (source) {
        void *at;
        if (mayfly_pin_symbol(pin, name, &at, &err) != 0)
            give_up("symbol", &err);
        int value = ((int (*)(int))(uintptr_t)at)(argument);
        if (value != expected)
            give_up("a wrong answer", NULL);
    }
    mayfly_pin_free(pin);
    unload(c);
}

static void expect_failure(mayfly_host *host, const char *schema,
                           const char *source, int expected)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = NULL;
    int code = load(host, schema, source, &c, &err);
    if (code != expected || c)
        give_up("a load that should have failed otherwise", &err);
}

static void exceed_limit(worker *w)
{
    static const mayfly_limits none = {.size = sizeof none};
    static const mayfly_limits limits[] = {
        {.size = sizeof limits[0], .source_bytes = 100},
        {.size = sizeof limits[0], .compile_bytes = 32 << 10},
        {.size = sizeof limits[0], .nesting = 1},
    };
    mayfly_error err = MAYFLY_ERROR_INIT;
    size_t n = pick(w, sizeof limits / sizeof limits[0]);
    if (mayfly_host_set_limits(w->host, &limits[n], &err) != 0)
        give_up("limits", &err);
    expect_failure(w->host, NULL, good_source, MAYFLY_ELIMIT);
    if (mayfly_host_set_limits(w->host, &none, &err) != 0)
        give_up("limits", &err);
}

/* The whole life of a host of its own. Returns the first error. */
static int live_poorly(worker *w)
{
    const mayfly_allocator table = {poor_alloc, poor_resize, poor_release,
                                    &w->poor};
    mayfly_host *host = NULL;
    mayfly_context *c = NULL;
    int code =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = &table), &host, NULL);
    if (code == 0)
        code = load(host, NULL, NULL, &c, NULL);
    if (code == 0)
        unload(c);
    mayfly_host_free(host);
    if (atomic_load(&w->poor.live) != 0)
        give_up("blocks are left", NULL);
    atomic_store(&w->poor.used, 0);
    madvise(w->poor.at, POOR_BYTES, MADV_DONTNEED);
    return code;
}

static void refuse_allocation(worker *w)
{
    poor *p = &w->poor;
    if (!w->allocations) {
        if (live_poorly(w) != 0)
            give_up("a poor host's load", NULL);
        w->allocations = atomic_load(&p->seen);
    }
    p->for_ever = pick(w, 2) == 0;
    atomic_store(&p->seen, 0);
    atomic_store(&p->fail_at, 1 + (long)pick(w, (size_t)w->allocations));
    int code = live_poorly(w);
    atomic_store(&p->fail_at, 0);
    if (code != 0 && code != MAYFLY_ENOMEM)
        give_up("a life without memory", NULL);
}

static void fail_somehow(worker *w)
{
    size_t n = pick(w, FAILURES + 2);
    if (n == FAILURES)
        exceed_limit(w);
    else if (n == FAILURES + 1)
        refuse_allocation(w);
    else
        expect_failure(w->host, failures[n].schema, failures[n].source,
                       failures[n].code);
}

static void run_cycles(worker *w, int large, long n)
{
    for (long i = 0; i < n; i++) {
        if (pick(w, FAIL_EVERY) == 0)
            fail_somehow(w);
        if (large)
            cycle(w->host, w->large, "f1", 3, 4);
        else if (pick(w, SOURCE_EVERY) == 0)
            cycle(w->host, good_source, "count", 5, 46);
        else
            cycle(w->host, NULL, NULL, 0, 0);
    }
}

static void begin(worker *w)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    memset(w, 0, sizeof *w);
    outside_use_stack();
    w->poor.at = mmap(NULL, POOR_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    /* An hour: nothing is given back while the parent looks. */
    mayfly_host *other = NULL;
    if (w->poor.at == MAP_FAILED ||
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.idle_ms = 3600 * 1000), &w->host,
                        &err) != 0 ||
        mayfly_host_new(NULL, &other, &err) != 0)
        give_up("host", &err);
    /* The C library keeps stacks of threads that have ended. */
    mayfly_host_free(other);
    w->large = make_large();
    w->random = 88172645463325252u;
}

/* All that is kept for speed; and the quarantine, which is kept on purpose: as
 * many records of what was unloaded as are asked for. */
static void give_back(worker *w)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (mayfly_host_set_quarantine(w->host, 0, 0, &err) != 0)
        give_up("quarantine", &err);
    mayfly_host_trim(w->host);
    if (mayfly_host_set_quarantine(w->host, QUARANTINE, 60000, &err) != 0)
        give_up("quarantine", &err);
}

/* Orders are lines: "small N", "large N", "trim"; each is answered by a byte.
 */
static int child(void)
{
    worker w;
    char line[64];
    begin(&w);
    for (;;) {
        long n;
        char what[16];
        if (write(STDOUT_FILENO, ".", 1) != 1 ||
            !fgets(line, sizeof line, stdin) ||
            sscanf(line, "%15s %ld", what, &n) != 2)
            break;
        if (strcmp(what, "trim") == 0)
            give_back(&w);
        else
            run_cycles(&w, strcmp(what, "large") == 0, n);
    }
    mayfly_host_free(w.host);
    free(w.large);
    return 0;
}

/* --- the parent --------------------------------------------------------------
 */

typedef struct soak {
    outside_child child;
    reading start; /* before the first load */
    reading full;  /* the most there was until every queue was full */
    double begun;
    int bad;
} soak;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void order(const soak *s, const char *what, long n)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s %ld\n", what, n);
    if (write(s->child.to, line, (size_t)len) != len ||
        outside_wait(&s->child) != 0) {
        puts("the child is gone");
        exit(1);
    }
}

static reading look(const soak *s)
{
    reading r;
    if (outside_read(s->child.pid, &r) != 0) {
        puts("the child cannot be read");
        exit(1);
    }
    return r;
}

static void show(const soak *s, long cycles, const char *when, const reading *r)
{
    printf("  %9ld  %-8s %9ld %9ld %9ld %9ld %9ld %9.0f\n", cycles, when,
           r->dirty_kib, r->file_kib, r->mappings, r->descriptors, r->threads,
           seconds() - s->begun);
    fflush(stdout);
}

static void check(soak *s, const char *what, const reading *r,
                  const reading *bound)
{
    if (r->dirty_kib <= bound->dirty_kib + SLACK_KIB &&
        r->mapped_kib <= bound->mapped_kib + SLACK_KIB &&
        r->file_kib <= bound->file_kib + SLACK_KIB &&
        r->mappings <= bound->mappings + SLACK_MAPPINGS &&
        r->descriptors <= bound->descriptors && r->threads <= bound->threads)
        return;
    printf("  *** %s\n", what);
    s->bad = 1;
}

static long larger(long a, long b)
{
    return a > b ? a : b;
}

static void widen(reading *r, const reading *by)
{
    r->dirty_kib = larger(r->dirty_kib, by->dirty_kib);
    r->mapped_kib = larger(r->mapped_kib, by->mapped_kib);
    r->file_kib = larger(r->file_kib, by->file_kib);
    r->mappings = larger(r->mappings, by->mappings);
    r->descriptors = larger(r->descriptors, by->descriptors);
    r->threads = larger(r->threads, by->threads);
}

/* Readings at 1, 10, 100, ... cycles and at the end, as it is and trimmed; in
 * between a line of progress now and then. */
static void run_kind(soak *s, const char *kind, long total, long full)
{
    long done = 0, next = 1, step = larger(total / SHOWN, full);
    printf("%s\n  %9s  %-8s %9s %9s %9s %9s %9s %9s\n", kind, "cycles", "",
           "dirty KiB", "files KiB", "mappings", "descript.", "threads",
           "seconds");
    s->full = s->start;
    while (done < total) {
        long to = next < total ? next : total;
        if (to > done + step)
            to = done + step;
        order(s, kind, to - done);
        done = to;
        reading r = look(s);
        show(s, done, "", &r);
        if (done <= full)
            widen(&s->full, &r);
        else
            check(s, "grows", &r, &s->full);
        if (done < next && done < total)
            continue;
        order(s, "trim", 0);
        r = look(s);
        show(s, done, "trimmed", &r);
        check(s, "more than before the first load", &r, &s->start);
        next *= 10;
    }
}

static long number(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? atol(text) : otherwise;
}

static int run(void)
{
    char *const arguments[] = {(char[]){"soak"}, (char[]){"child"}, NULL};
    soak s = {.begun = seconds()};
    outside_settle_program();
    if (outside_start(arguments, &s.child) != 0 ||
        outside_wait(&s.child) != 0) {
        puts("the child does not start");
        return 1;
    }
    s.start = look(&s);
    show(&s, 0, "start", &s.start);
    run_kind(&s, "small", number("SOAK_SMALL", SMALL), SMALL_FULL);
    run_kind(&s, "large", number("SOAK_LARGE", LARGE), LARGE_FULL);
    if (outside_finish(&s.child) != 0) {
        puts("the child failed");
        s.bad = 1;
    }
    puts(s.bad ? "not ok 1 - soak" : "ok 1 - soak");
    return s.bad;
}

int main(int argc, char **argv)
{
    (void)argv;
    if (TEST_ASAN || TEST_TSAN) {
        puts("the sanitizer's own memory hides what is looked for");
        return TEST_SKIPPED;
    }
    return argc == 2 ? child() : run();
}
