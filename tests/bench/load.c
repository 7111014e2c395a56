/*
 * From a schema's text to the first callable stub, and back: load, bind a
 * proxy, unload.
 *
 *     load SCHEMA [COUNT]
 *
 * Prints microseconds: of the first load in this process, and the fastest and
 * the median of COUNT more.
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"
#include "tests/bench/random.h"

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static char *read_all(const char *path)
{
    static char text[1 << 20];
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

/* Seconds until the proxy can be called. */
static double load(mayfly_host *host, mayfly_channel *channel, const char *text)
{
    const mayfly_source schema = {"greeter.proto", text, 0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    helloworld_Greeter *greeter;
    mayfly_context *context;
    double start = bench_seconds();

    if (mayfly_load_text(host, "greeter", &schema, NULL, &context, &err) != 0 ||
        helloworld_Greeter_new(context, channel, &greeter, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    double seconds = bench_seconds() - start;
    helloworld_Greeter_free(greeter);
    mayfly_unload(context, NULL, NULL, NULL);
    mayfly_context_unref(context);
    return seconds;
}

int main(int argc, char **argv)
{
    int count = argc > 2 ? atoi(argv[2]) : 500;
    double *times = calloc((size_t)count + 1, sizeof *times);
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_channel *channel;
    mayfly_host *host;
    char *text = argc > 1 ? read_all(argv[1]) : NULL;

    if (!text || !times)
        return 2;
    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_dial(host, "127.0.0.1:1", NULL, &channel, &err) != 0)
        return 1;
    double first = load(host, channel, text);
    for (int i = 0; i < count; i++)
        times[i] = load(host, channel, text);
    qsort(times, (size_t)count, sizeof *times, compare);
    printf("%.0f %.0f %.0f\n", first * 1e6, times[0] * 1e6,
           times[count / 2] * 1e6);
    mayfly_channel_unref(channel);
    mayfly_host_free(host);
    free(times);
    return 0;
}
