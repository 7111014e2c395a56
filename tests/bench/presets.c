/*
 * What a preset costs and what it gains, of a host with a server.
 *
 *     presets PRESET SCHEMA       0: balanced, 1: small, 2: fast
 *
 * The host is a child, whose memory is read from outside; this process is its
 * client, tuned alike for all. Prints one figure a line, with its name behind
 * it.
 */
#include <mayfly/mayfly.h>

#include "tests/bench/random.h"
#include "tests/support/outside.h"

#include <stdatomic.h>
#include <unistd.h>

enum {
    IDLE = 500,  /* connections that do nothing */
    LOADS = 200, /* one behind the other */
    SPARSE = 12, /* loads and calls with a pause before each, of */
    PAUSE_MS = 300,
    BURST = 256,   /* calls in flight, of */
    BULK = 262144, /* bytes each */
    CHANNELS = 4
};

static mayfly_error err;

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, err.message);
    exit(1);
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The median of what is done `n` times. */
static double median(double (*once)(void), int n, long pause)
{
    double times[LOADS];
    for (int i = 0; i < n; i++) {
        pause_ms(pause);
        times[i] = once();
    }
    qsort(times, (size_t)n, sizeof times[0], compare);
    return times[n / 2];
}

/* --- the host --- */

static mayfly_host *host;
static const char *schema;

static int on_echo(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    return mayfly_call_reply(call, in, NULL) != 0;
}

/* On a worker. */
static int on_wait(void *state, mayfly_call *call, mayfly_bytes in)
{
    pause_ms(1);
    return on_echo(state, call, in);
}

static double load_us(void)
{
    mayfly_context *c;
    double start = bench_seconds();
    if (mayfly_load_file(host, "greeter", schema, NULL, &c, &err) != 0)
        die("load");
    double took = bench_seconds() - start;
    if (mayfly_unload(c, NULL, NULL, &err) != 0)
        die("unload");
    mayfly_context_unref(c);
    return took * 1e6;
}

/* Steps, each begun by a byte and ended by a line. */
static int be_host(int preset)
{
    mayfly_server *server;
    mayfly_context *c;
    int port;
    char step;
    outside_use_stack();
    if (mayfly_host_new(MAYFLY_HOST_OPTIONS(.preset = preset), &host, &err) !=
            0 ||
        mayfly_server_new(host, NULL, &server, &err) != 0 ||
        mayfly_server_add_raw(server, "/b.B/Echo", on_echo, NULL, NULL, &err) !=
            0 ||
        mayfly_server_add_raw(server, "/b.B/Wait", on_wait, NULL,
                              MAYFLY_SERVICE_OPTIONS(.blocking = 1),
                              &err) != 0 ||
        mayfly_server_listen(server, "127.0.0.1:0", &port, &err) != 0)
        die("host");
    printf("%d\n", port);
    fflush(stdout);
    while (read(STDIN_FILENO, &step, 1) == 1) {
        if (step == 'l' &&
            mayfly_load_file(host, "kept", schema, NULL, &c, &err) != 0)
            die("load");
        if (step == 't')
            printf("%.0f %.0f", median(load_us, LOADS, 0),
                   median(load_us, SPARSE, PAUSE_MS));
        printf("\n");
        fflush(stdout);
    }
    mayfly_server_free(server, 0);
    mayfly_host_free(host);
    return 0;
}

/* --- the client --- */

static FILE *answers;
static outside_child child;

typedef struct load {
    const char *path;
    mayfly_channel *channels[CHANNELS];
    mayfly_bytes message;
    double until;
    atomic_long done, flying;
} load;

static void start_one(load *l, mayfly_channel *ch);

static void ended(void *state, mayfly_call *call, int code, mayfly_bytes reply)
{
    load *l = state;
    (void)reply;
    long n = atomic_fetch_add(&l->done, 1);
    mayfly_call_free(call);
    if (code == 0 && bench_seconds() < l->until)
        start_one(l, l->channels[n % CHANNELS]);
    else
        atomic_fetch_sub(&l->flying, 1);
}

static void start_one(load *l, mayfly_channel *ch)
{
    mayfly_call *call;
    if (mayfly_call_new(host, NULL, &call, &err) != 0 ||
        mayfly_channel_start(ch, l->path, call, l->message, ended, l, &err) !=
            0)
        die("start");
}

/* Of the host: CPU seconds so far. */
static double cpu(void)
{
    char path[64], text[512];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child.pid);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = 0;
    const char *end = strrchr(text, ')'); /* its name is in brackets */
    if (!end || sscanf(end + 1,
                       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
                       "%lu %lu",
                       &user, &kernel) != 2)
        die("the host's time cannot be read");
    fclose(f);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

/* Calls per second; `*ret_us`: CPU microseconds of the host for each. */
static double calls(load *l, size_t bytes, int in_flight, double seconds,
                    double *ret_us)
{
    double before = cpu();
    uint8_t *message = calloc(1, bytes);
    double start = bench_seconds();
    l->message = (mayfly_bytes){message, bytes};
    l->until = start + seconds;
    atomic_store(&l->done, 0);
    atomic_store(&l->flying, in_flight);
    for (int i = 0; i < in_flight; i++)
        start_one(l, l->channels[i % CHANNELS]);
    while (atomic_load(&l->flying) > 0)
        pause_ms(1);
    free(message);
    *ret_us = (cpu() - before) * 1e6 / (double)atomic_load(&l->done);
    return (double)atomic_load(&l->done) / (bench_seconds() - start);
}

static mayfly_channel *connect_to(const char *target)
{
    mayfly_channel *ch;
    mayfly_call *call;
    mayfly_bytes reply, hello = {(const uint8_t *)"hello", 5};
    if (mayfly_dial(host, target, NULL, &ch, &err) != 0 ||
        mayfly_call_new(host, NULL, &call, &err) != 0 ||
        mayfly_channel_call(ch, "/b.B/Echo", call, hello, &reply, &err) != 0)
        die("connect");
    mayfly_call_free(call);
    return ch;
}

static const char *step(char what)
{
    static char line[128];
    if (write(child.to, &what, 1) != 1 || !fgets(line, sizeof line, answers))
        die("the host has ended");
    return line;
}

static long dirty(void)
{
    reading r;
    if (outside_read(child.pid, &r) != 0)
        die("the host cannot be read");
    return r.dirty_kib;
}

static void memory(const char *target)
{
    static mayfly_channel *idle[IDLE];
    pause_ms(1000);
    printf("%ld host and server, nothing done yet: KiB\n", dirty());
    step('l');
    printf("%ld just after a load: KiB\n", dirty());
    pause_ms(1000);
    long before = dirty();
    printf("%ld a second after a load: KiB\n", before);
    for (int i = 0; i < IDLE; i++)
        idle[i] = connect_to(target);
    pause_ms(1000);
    printf("%.1f each of %d idle connections: KiB\n",
           (double)(dirty() - before) / IDLE, IDLE);
    for (int i = 0; i < IDLE; i++)
        mayfly_channel_unref(idle[i]);
    pause_ms(1000);
    printf("%ld a second after they closed: KiB\n", dirty());
}

static void burst(load *l)
{
    double unused;
    l->path = "/b.B/Echo";
    calls(l, BULK, BURST, 1, &unused);
    printf("%ld just after a burst of large calls: KiB\n", dirty());
    pause_ms(1000);
    printf("%ld a second after it: KiB\n", dirty());
}

static mayfly_channel *asked; /* by call_us */

static double call_us(void)
{
    static const uint8_t message[65536];
    mayfly_call *call;
    mayfly_bytes reply;
    if (mayfly_call_new(host, NULL, &call, &err) != 0)
        die("call");
    double start = bench_seconds();
    if (mayfly_channel_call(asked, "/b.B/Echo", call,
                            (mayfly_bytes){message, sizeof message}, &reply,
                            &err) != 0)
        die("call");
    double took = bench_seconds() - start;
    mayfly_call_free(call);
    return took * 1e6;
}

static void speed(load *l, double seconds)
{
    static const struct {
        size_t bytes;
        int in_flight;
        const char *path;
        const char *name;
    } kinds[] = {{16, 128, "/b.B/Echo", "calls of 16 bytes"},
                 {65536, 32, "/b.B/Echo", "calls of 64 KiB"},
                 {1 << 20, 16, "/b.B/Echo", "calls of 1 MiB"},
                 {16, 64, "/b.B/Wait", "handlers that wait 1 ms"}};
    double hot, sparse;
    if (sscanf(step('t'), "%lf %lf", &hot, &sparse) != 2)
        die("no times");
    printf("%.0f one load behind another: us\n", hot);
    printf("%.0f a load after %d ms: us\n", sparse, PAUSE_MS);
    asked = l->channels[0];
    printf("%.0f a call of 64 KiB after %d ms: us\n",
           median(call_us, SPARSE, PAUSE_MS), PAUSE_MS);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        double us;
        l->path = kinds[i].path;
        double n = calls(l, kinds[i].bytes, kinds[i].in_flight, seconds, &us);
        printf("%.0f %s: calls/s\n", n, kinds[i].name);
        if (kinds[i].path[5] == 'E')
            printf("%.1f %s: CPU us each\n", us, kinds[i].name);
    }
}

int main(int argc, char **argv)
{
    static load l;
    char preset[8], target[32];
    if (argc == 4 && strcmp(argv[1], "host") == 0) {
        schema = argv[3];
        return be_host(atoi(argv[2]));
    }
    if (argc != 3)
        return 2;
    snprintf(preset, sizeof preset, "%d", atoi(argv[1]));
    char name[] = "presets", as_host[] = "host";
    char *arguments[] = {name, as_host, preset, argv[2], NULL};
    const char *turn = getenv("BENCH_TURN");
    char line[32];
    outside_settle_program();
    if (outside_start(arguments, &child) != 0 ||
        !(answers = fdopen(child.from, "r")) ||
        !fgets(line, sizeof line, answers))
        die("the host cannot be started");
    snprintf(target, sizeof target, "127.0.0.1:%d", atoi(line));
    if (mayfly_host_new(MAYFLY_HOST_OPTIONS(.loops = 1), &host, &err) != 0)
        die("client");
    memory(target);
    for (int i = 0; i < CHANNELS; i++)
        l.channels[i] = connect_to(target);
    burst(&l);
    speed(&l, turn ? atof(turn) : 1);
    for (int i = 0; i < CHANNELS; i++)
        mayfly_channel_unref(l.channels[i]);
    mayfly_host_free(host);
    fclose(answers);
    child.from = -1;
    return outside_finish(&child) == 0 ? 0 : 1;
}
