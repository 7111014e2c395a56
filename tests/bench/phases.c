/*
 * Where the time of loading a small service goes, and what compiling several at
 * once saves.
 *
 *     phases
 *
 * Prints lines "NAME MICROSECONDS", than which a tenth of many are faster: the
 * steps of one load, and all of it by the library; then, per unit, what takes
 * the place of four of these steps, from emitting C to placing it, for several
 * units in one compile.
 */
#include "base/error.h"
#include "compiler/gen/emit.h"
#include "compiler/schema/files.h"
#include "compiler/unit.h"
#include "tests/support/small.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 300, LEAST = 9, MOST = 100, STEPS = 16 };

typedef struct bench {
    mf_alloc alloc;
    mf_compiler compiler;
    char folder[64]; /* with a file of each service */
    size_t n_steps;
    struct step {
        const char *name;
        double us[ROUNDS + LEAST];
    } steps[STEPS];
} bench;

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "phases: %s\n", what);
    exit(1);
}

/* Adds a time to the step of that name. */
static void note(bench *b, const char *name, int round, double us)
{
    size_t i = 0;
    while (i < b->n_steps && strcmp(b->steps[i].name, name) != 0)
        i++;
    must(i < STEPS, "steps");
    if (i == b->n_steps)
        b->steps[b->n_steps++].name = name;
    b->steps[i].us[round] = us;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Some of the times are of the clock: what else the machine did is left out. */
static double fast(double *us, size_t n)
{
    qsort(us, n, sizeof *us, compare);
    return us[n / 10];
}

/* --- a schema, from a file to a plan --- */

static void file_name(char out[32], size_t number)
{
    snprintf(out, 32, "small%zu.proto", number);
}

static void put_file(const bench *b, size_t number)
{
    char name[32], path[128], text[SMALL_BYTES];
    file_name(name, number);
    small_text(text, number);
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    FILE *f = fopen(path, "w");
    must(f && fputs(text, f) >= 0 && fclose(f) == 0, "a file");
}

typedef struct opened {
    mf_files files;
    mf_schema_source source;
    double read_us; /* of opening and reading */
} opened;

static int open_timed(void *state, const char *name, mf_schema_text *ret,
                      mayfly_error *err)
{
    opened *o = state;
    double start = cpu_us();
    int code = o->source.open(o->source.state, name, ret, err);
    o->read_us += cpu_us() - start;
    return code;
}

static void close_timed(void *state, mf_schema_text *text)
{
    opened *o = state;
    o->source.close(o->source.state, text);
}

static mf_unit_input read_input(bench *b, size_t number, double *ret_read,
                                double *ret_parse, double *ret_plan)
{
    char name[32];
    const char *names[1] = {name}, *dirs[1] = {b->folder};
    mf_schema *schema;
    file_name(name, number);
    double start = cpu_us();
    mf_unit_input in = {.heap = mf_heap_new(&b->alloc, 0)};
    mf_alloc *a = mf_heap_alloc(in.heap);
    opened o = {.files = {.alloc = a, .dirs = dirs, .n_dirs = 1}};
    o.source = mf_files_source(&o.files);
    mf_schema_source timed = {open_timed, close_timed, &o};
    mf_compiler_begin(&b->compiler, in.heap);
    must(mf_schema_parse(a, &timed, names, 1, NULL, NULL, NULL, &schema,
                         NULL) == 0,
         "a schema");
    double parsed = cpu_us();
    must(mf_plan_native(a, schema, &in.plan, NULL) == 0, "a plan");
    mf_compiler_end(&b->compiler, in.heap);
    *ret_read = o.read_us;
    *ret_parse = parsed - start - o.read_us;
    *ret_plan = cpu_us() - parsed;
    mf_schema_unref(schema);
    return in;
}

/* --- one at a time --- */

static void measure_steps(bench *b)
{
    for (int i = 0; i < ROUNDS; i++) {
        double read, parse, plan;
        mf_unit *unit;
        mf_unit_report r;
        mf_unit_input in =
            read_input(b, (size_t)i % MOST, &read, &parse, &plan);
        double start = cpu_us();
        must(mf_unit_build(&b->compiler, &in, &unit, &r, NULL) == 0, "a unit");
        double built = cpu_us() - start, generate = (double)r.generate_ns / 1e3;
        double compile = (double)r.cc.compile_ns / 1e3;
        double link = (double)r.cc.link_ns / 1e3;
        start = cpu_us();
        mf_unit_free(unit);
        note(b, "read", i, read);
        note(b, "parse", i, parse);
        note(b, "plan", i, plan);
        note(b, "emit", i, generate);
        note(b, "compile", i, compile);
        note(b, "link", i, link);
        double rest = built - generate - compile - link;
        note(b, "place", i, rest > 0 ? rest : built); /* it was interrupted */
        note(b, "unload", i, cpu_us() - start);
    }
}

/* All of a load by the library, from a file: what is more than the steps is the
 * copy of the schema, the context with its snapshots, the cache. */
static void measure_load(bench *b)
{
    mayfly_host *host;
    const char *dirs[1] = {b->folder};
    must(mayfly_host_new(NULL, &host, NULL) == 0, "a host");
    for (int i = 0; i < ROUNDS; i++) {
        char name[32], path[128];
        mayfly_unit *unit;
        file_name(name, (size_t)i % MOST);
        snprintf(path, sizeof path, "%s/%s", b->folder, name);
        double start = cpu_us();
        must(
            mayfly_unit_load(
                host, name,
                MAYFLY_RECIPE(.path = path,
                              .load = MAYFLY_LOAD_OPTIONS(.include_dirs = dirs,
                                                          .n_include_dirs = 1)),
                &unit, NULL, NULL) == 0,
            "a load");
        note(b, "all", i, cpu_us() - start);
        must(mayfly_unit_remove(unit, 1000, NULL) == 0, "removing");
        mayfly_unit_unref(unit);
    }
    mayfly_host_free(host);
}

/* --- several in one compile --- */

static double one_batch(bench *b, size_t n)
{
    static mf_unit_input in[MOST];
    static mf_unit *units[MOST];
    static mf_unit_report reports[MOST];
    double unused[3];
    for (size_t i = 0; i < n; i++)
        in[i] = read_input(b, i, &unused[0], &unused[1], &unused[2]);
    double start = cpu_us();
    must(mf_unit_build_several(&b->compiler, in, n, units, reports, NULL) == 0,
         "several");
    double took = cpu_us() - start;
    for (size_t i = 0; i < n; i++)
        mf_unit_free(units[i]);
    return took / (double)n;
}

static void measure_batches(bench *b)
{
    static const size_t sizes[] = {1, 2, 5, 10, 20, 50, 100};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        double us[ROUNDS + LEAST];
        size_t rounds = ROUNDS / sizes[k] + LEAST;
        for (size_t i = 0; i < rounds; i++)
            us[i] = one_batch(b, sizes[k]);
        printf("batch-of-%zu %.1f\n", sizes[k], fast(us, rounds));
    }
}

int main(void)
{
    static bench b = {.folder = "/tmp/phases.XXXXXX"};
    const mf_log log = {0};
    const mf_cc_limits limits = {0};
    mf_alloc_init(&b.alloc, NULL);
    must(mkdtemp(b.folder) != NULL, "a folder");
    for (size_t i = 0; i < MOST; i++)
        put_file(&b, i);
    must(mf_compiler_init(&b.compiler, &b.alloc, &log, &limits, 0, NULL) == 0,
         "a compiler");
    measure_steps(&b);
    measure_load(&b);
    for (size_t i = 0; i < b.n_steps; i++)
        printf("%s %.1f\n", b.steps[i].name, fast(b.steps[i].us, ROUNDS));
    measure_batches(&b);
    mf_compiler_done(&b.compiler);
    for (size_t i = 0; i < MOST; i++) {
        char name[32], path[128];
        file_name(name, i);
        snprintf(path, sizeof path, "%s/%s", b.folder, name);
        unlink(path);
    }
    rmdir(b.folder);
    return 0;
}
