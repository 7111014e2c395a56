/*
 * Many contexts alive at once: what each takes, and what loading, finding and
 * unloading one costs while so many others are there; and the same with shared
 * objects.
 *
 *     contexts mayfly SCHEMA [HANDLERS.c]
 *     contexts dlopen KERNEL.so UNIT.so DIR     (copies UNIT.so into DIR)
 *
 * Prints a line for 10, 100, 1,000 and 10,000 of them: number, mappings each,
 * KiB each (private dirty memory, and memory files' pages), microseconds of CPU
 * time to load one (the median), nanoseconds to find one (a lease taken and
 * dropped; dlsym), microseconds to unload one (the median). "-" where there is
 * no more room.
 */
#include "base/guest.h"
#include "cache/context/context.h"
#include "tests/bench/random.h"
#include "tests/support/outside.h"

#include <mayfly/mayfly.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 10000, SAMPLES = 200, LOOKUPS = 10000, ROUNDS = 10, SPREAD = 10 };

/* One way to have many units. Functions answer 0 when it went well. */
typedef struct way {
    int (*load)(size_t i);
    int (*find)(size_t i);
    int (*unload)(size_t i);
    void (*prepare)(size_t i); /* what is not measured; or NULL */
} way;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *times, size_t n)
{
    qsort(times, n, sizeof *times, compare);
    return times[n / 2];
}

/* Of this thread: who else is on the machine does not count. */
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One unit is replaced after the other, so that their number stays. */
static int replace(const way *w, size_t n, double *ret_load, double *ret_unload)
{
    static double loads[SAMPLES], unloads[SAMPLES];
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t at = bench_random(&random) % n;
        double start = cpu_seconds();
        if (w->unload(at) != 0)
            return -1;
        unloads[i] = cpu_seconds() - start;
        start = cpu_seconds();
        if (w->load(at) != 0)
            return -1;
        loads[i] = cpu_seconds() - start;
    }
    *ret_load = median(loads, SAMPLES);
    *ret_unload = median(unloads, SAMPLES);
    return 0;
}

/* Ten of them by turns, spread over all: more would measure the processor's
 * cache. The fastest of some rounds. */
static double find(const way *w, size_t n)
{
    double best = 1;
    for (int round = 0; round < ROUNDS; round++) {
        double start = bench_seconds();
        for (size_t i = 0; i < LOOKUPS; i++)
            if (w->find(i % SPREAD * (n / SPREAD)) != 0)
                exit(1);
        double took = (bench_seconds() - start) / LOOKUPS;
        best = took < best ? took : best;
    }
    return best;
}

static void measure(const way *w)
{
    reading before, now;
    size_t have = 0;
    double load, unload;
    outside_read(getpid(), &before);
    for (size_t n = 10; n <= MOST; n *= 10) {
        int full = 0;
        for (; have < n && !full; have += !full) {
            if (w->prepare)
                w->prepare(have);
            full = w->load(have) != 0;
        }
        outside_read(getpid(), &now);
        if (full || replace(w, n, &load, &unload) != 0) {
            printf("%zu - - - - -\n", n);
            fflush(stdout);
            return;
        }
        long kib =
            now.dirty_kib + now.file_kib - before.dirty_kib - before.file_kib;
        printf("%zu %.2f %.1f %.0f %.0f %.0f\n", n,
               (double)(now.mappings - before.mappings) / (double)n,
               (double)kib / (double)n, load * 1e6, find(w, n) * 1e9,
               unload * 1e6);
        fflush(stdout);
    }
    while (have > 0)
        w->unload(--have);
}

/* --- contexts --- */

static mayfly_host *host;
static mayfly_source schema = {.name = "greeter.proto"};
static mayfly_source handlers = {.name = "handlers.c"};
static mayfly_context *contexts[MOST];

static int load_context(size_t i)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    int code = mayfly_load_text(
        host, "greeter", &schema,
        MAYFLY_LOAD_OPTIONS(.handlers = &handlers,
                            .n_handlers = handlers.text != NULL),
        &contexts[i], &err);
    if (code != 0)
        fprintf(stderr, "%s\n", err.message);
    return code;
}

static int find_context(size_t i)
{
    int code = mf_lease_take(contexts[i], NULL);
    if (code == 0)
        mf_lease_drop(contexts[i]);
    return code;
}

static int unload_context(size_t i)
{
    int code = mayfly_unload(contexts[i], NULL, NULL, NULL);
    mayfly_context_unref(contexts[i]);
    return code;
}

static const char *read_all(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = f ? calloc(1, 1 << 20) : NULL;
    if (!text)
        exit(1);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static int with_mayfly(const char *path, const char *handler_path)
{
    static const way w = {
        .load = load_context, .find = find_context, .unload = unload_context};
    schema.text = read_all(path);
    handlers.text = handler_path ? read_all(handler_path) : NULL;
    if (mayfly_host_new(NULL, &host, NULL) != 0)
        return 1;
    measure(&w);
    mayfly_host_free(host);
    free((char *)(uintptr_t)schema.text);
    free((char *)(uintptr_t)handlers.text);
    return 0;
}

/* --- shared objects --- */

static void *objects[MOST];
static const char *original, *folder;

static void object_path(char *out, size_t size, size_t i)
{
    snprintf(out, size, "%s/unit%zu.so", folder, i);
}

static void copy_object(size_t i)
{
    char path[512];
    struct stat st;
    object_path(path, sizeof path, i);
    int from = open(original, O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    if (from < 0 || to < 0 || fstat(from, &st) != 0 ||
        sendfile(to, from, NULL, (size_t)st.st_size) != st.st_size)
        exit(1);
    close(from);
    close(to);
}

static int load_object(size_t i)
{
    char path[512];
    object_path(path, sizeof path, i);
    objects[i] = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!objects[i])
        fprintf(stderr, "%s\n", dlerror());
    return objects[i] ? 0 : -1;
}

static int find_object(size_t i)
{
    return dlsym(objects[i], "mf_unit_entry") ? 0 : -1;
}

static int unload_object(size_t i)
{
    return dlclose(objects[i]);
}

static int with_dlopen(const char *kernel)
{
    static const way w = {.load = load_object,
                          .find = find_object,
                          .unload = unload_object,
                          .prepare = copy_object};
    if (!dlopen(kernel, RTLD_NOW | RTLD_GLOBAL)) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    measure(&w);
    return 0;
}

int main(int argc, char **argv)
{
    if ((argc == 3 || argc == 4) && strcmp(argv[1], "mayfly") == 0)
        return with_mayfly(argv[2], argv[3]);
    if (argc != 5)
        return 2;
    original = argv[3];
    folder = argv[4];
    return with_dlopen(argv[2]);
}
