/*
 * A host that starts with 200 services of 10 methods each, from a folder of
 * schemas: everything compiled at once, by one thread and by two, and compiled
 * on first use.
 *
 *     cold             (runs itself: cold HOW FOLDER)
 *
 * Prints a line for each way, of the fastest of some starts: its name;
 * milliseconds from the program's begin until all is loaded, until the first
 * call of a client is answered, until each service has answered one; KiB of
 * resident memory at its peak until the first answer, and until the last; units
 * that were compiled by the first answer, and by the last.
 */
#include "tests/bench/random.h"

#include <mayfly/mayfly.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVICES = 200, METHODS = 10, RUNS = 15, FIRST = 137 };

static mayfly_error err = MAYFLY_ERROR_INIT;

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "cold: %s: %s\n", what, err.message);
    exit(1);
}

/* --- the schemas --- */

/* Each method has messages of its own, with fields of several kinds. */
static void write_schema(const char *folder, int number)
{
    char path[256];
    snprintf(path, sizeof path, "%s/cold%d.proto", folder, number);
    FILE *f = fopen(path, "w");
    must(f != NULL, "a schema");
    fprintf(f, "syntax = \"proto3\";\npackage cold%d;\nservice Store {\n",
            number);
    for (int m = 0; m < METHODS; m++)
        fprintf(f, "  rpc Method%d (Request%d) returns (Reply%d);\n", m, m, m);
    fprintf(f, "}\n");
    for (int m = 0; m < METHODS; m++)
        fprintf(f,
                "message Request%d { string name = 1; int64 at = 2; repeated "
                "int32 sizes = 3; bool all = 4; }\n"
                "message Reply%d { repeated Item items = 1; bytes token = 2; "
                "double score = 3; }\n",
                m, m);
    fprintf(f, "message Item { string key = 1; string value = 2; map<string, "
               "string> labels = 3; }\n");
    must(fclose(f) == 0, "a schema");
}

/* --- one start --- */

static long peak_kib(void)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

static int answer(void *state, mayfly_call *call, mayfly_str request,
                  mayfly_str *ret_reply)
{
    (void)state, (void)call, (void)request;
    *ret_reply = (mayfly_str)MAYFLY_STR("{\"score\": 1}");
    return 0;
}

static void serve_all(mayfly_host *host, mayfly_server *server)
{
    for (int i = 0; i < SERVICES; i++) {
        char name[32], service[32];
        mayfly_unit *unit;
        snprintf(name, sizeof name, "cold%d", i);
        snprintf(service, sizeof service, "cold%d.Store", i);
        must(mayfly_unit_find(host, name, &unit, &err) == 0, "finding");
        must(mayfly_unit_serve_json(unit, server, service, answer, NULL, NULL,
                                    &err) == 0,
             "serving");
        mayfly_unit_unref(unit);
    }
}

static void call(mayfly_host *host, mayfly_channel *channel, int service)
{
    char path[64];
    mayfly_call *c;
    mayfly_bytes reply, request = {(const uint8_t *)"\n\3ada", 5};
    snprintf(path, sizeof path, "/cold%d.Store/Method%d", service,
             service % METHODS);
    must(mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 60000), &c,
                         &err) == 0 &&
             mayfly_channel_call(channel, path, c, request, &reply, &err) == 0,
         "a call");
    mayfly_call_free(c);
}

static unsigned long builds(mayfly_host *host)
{
    mayfly_cache_stats stats = {.size = sizeof stats};
    mayfly_cache_get_stats(host, &stats);
    return (unsigned long)stats.builds;
}

static int start(const char *how, const char *folder)
{
    double begun = bench_seconds();
    mayfly_host *host;
    mayfly_bulk *bulk;
    mayfly_bulk_info info = {.size = sizeof info};
    mayfly_server *server;
    mayfly_channel *channel;
    char target[64];
    int port = 0;
    must(mayfly_host_new(NULL, &host, &err) == 0, "a host");
    must(mayfly_bulk_load(
             host,
             MAYFLY_BULK_OPTIONS(.paths = &folder, .n_paths = 1,
                                 .lazy = strcmp(how, "first-use") == 0,
                                 .threads =
                                     strcmp(how, "all-by-two") == 0 ? 2 : 1),
             &bulk, &err) == 0,
         "loading");
    mayfly_bulk_get_info(bulk, &info);
    mayfly_bulk_free(bulk);
    must(info.loaded == SERVICES, "every schema");
    double loaded = bench_seconds();
    must(mayfly_server_new(host, NULL, &server, &err) == 0, "a server");
    serve_all(host, server);
    must(mayfly_server_listen(server, "127.0.0.1:0", &port, &err) == 0,
         "listening");
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    must(mayfly_dial(host, target, NULL, &channel, &err) == 0, "dialling");
    call(host, channel, FIRST);
    double first = bench_seconds();
    long first_kib = peak_kib();
    unsigned long first_builds = builds(host);
    for (int i = 0; i < SERVICES; i++)
        call(host, channel, i);
    double last = bench_seconds();
    printf("%.1f %.1f %.1f %ld %ld %lu %lu\n", (loaded - begun) * 1e3,
           (first - begun) * 1e3, (last - begun) * 1e3, first_kib, peak_kib(),
           first_builds, builds(host));
    mayfly_channel_unref(channel);
    mayfly_server_free(server, 1000);
    mayfly_host_free(host);
    return 0;
}

/* --- several of them --- */

/* The line of the start that answered first; static. */
static const char *fastest(const char *program, const char *how,
                           const char *folder)
{
    static char best[200];
    double best_ms = 1e9;
    for (int i = 0; i < RUNS; i++) {
        char command[600], line[200];
        double loaded, first;
        snprintf(command, sizeof command, "'%s' %s '%s'", program, how, folder);
        FILE *p = popen(command, "r");
        must(p && fgets(line, sizeof line, p) &&
                 sscanf(line, "%lf %lf", &loaded, &first) == 2,
             "a start");
        must(pclose(p) == 0, "a start");
        if (first < best_ms) {
            best_ms = first;
            snprintf(best, sizeof best, "%s", line);
        }
    }
    return best;
}

int main(int argc, char **argv)
{
    static const char *const ways[] = {"all", "all-by-two", "first-use"};
    char folder[] = "/tmp/cold.XXXXXX", path[300];
    if (argc == 3)
        return start(argv[1], argv[2]);
    must(mkdtemp(folder) != NULL, "a folder");
    for (int i = 0; i < SERVICES; i++)
        write_schema(folder, i);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        printf("%s %s", ways[i], fastest(argv[0], ways[i], folder));
        fflush(stdout);
    }
    for (int i = 0; i < SERVICES; i++) {
        snprintf(path, sizeof path, "%s/cold%d.proto", folder, i);
        unlink(path);
    }
    rmdir(folder);
    return 0;
}
