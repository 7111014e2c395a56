/*
 * cli/cmd_stat.c: mayfly stat.
 */
#include "cli/admin.h"

static const char help[] =
    "usage: mayfly stat --admin SOCKET [OPTIONS]\n"
    "\n"
    "Shows what a running host holds and has done: its cache, memory and "
    "process, a\n"
    "line for each version of a unit, contexts that are no unit's, what is "
    "registered.\n"
    "\n" ADMIN_HELP "\n"
    "Example:\n"
    "  mayfly stat --admin /run/hello.sock\n";

enum { NAME_WIDTH = 28 };

/* "name 12,345" and what is in front of it and behind it. */
static void put(const char *before, const cli_json *of, const char *key,
                const char *behind)
{
    char number[CLI_NUMBER];
    printf("%s%s%s", before, cli_grouped(cli_json_number(of, key), number),
           behind);
}

static void print_cache(const cli_json *cache)
{
    put("cache    units ", cache, "units", "");
    put(", versions ", cache, "versions", "");
    put(", loaded ", cache, "loaded", "");
    put(": ", cache, "bytes", " bytes");
    put(", recipes ", cache, "recipe_bytes", " bytes\n");
    put("         hits ", cache, "hits", "");
    put(", misses ", cache, "misses", "");
    put(", builds ", cache, "builds", "");
    put(" (", cache, "build_us", " us)");
    put(", failures ", cache, "failures", "");
    put(", evictions ", cache, "evictions", "\n");
    put("         swaps ", cache, "swaps", "");
    put(" (", cache, "swap_us", " us)");
    put(", refused ", cache, "refused_swaps", "\n");
    if (!cli_json_number(cache, "budget_bytes") &&
        !cli_json_number(cache, "budget_loaded") &&
        !cli_json_number(cache, "budget_idle_ms"))
        return;
    put("budget   bytes ", cache, "budget_bytes", "");
    put(", loaded ", cache, "budget_loaded", "");
    put(", idle ", cache, "budget_idle_ms", " ms (0: no bound)\n");
}

static void print_process(const cli_json *host)
{
    const cli_json *p = cli_json_get(host, "process");
    const cli_json *m = cli_json_get(host, "memory");
    uint64_t cpu_us = cli_json_number(p, "cpu_us");
    put("memory   code ", m, "code", "");
    put(", compile arenas ", m, "compile", "");
    put(", schemas ", m, "schema", "");
    put("\n         heap ", m, "heap", "");
    put(", pools ", m, "pools", " bytes\n");
    put("process  PSS ", p, "pss_kib", " KiB");
    put(", private dirty ", p, "private_dirty_kib", " KiB");
    put(", malloc ", p, "malloc_used_kib", " KiB\n");
    put("         threads ", p, "threads", "");
    put(", mappings ", p, "mappings", "");
    put(", descriptors ", p, "descriptors", "");
    printf(", CPU %llu.%03llu s\n", (unsigned long long)(cpu_us / 1000000),
           (unsigned long long)(cpu_us / 1000 % 1000));
}

/* Left of the numbers, cut where it is too long. */
static void print_name(const char *name)
{
    char text[NAME_WIDTH + 4];
    snprintf(text, sizeof(text), "%-*.*s", NAME_WIDTH, NAME_WIDTH, name);
    admin_print_text(text);
}

static void print_calls(const cli_json *calls)
{
    char n[CLI_NUMBER], errors[CLI_NUMBER], mean[CLI_NUMBER];
    uint64_t count = cli_json_number(calls, "calls");
    uint64_t us = cli_json_number(calls, "us");
    printf(" %12s %9s %9s\n", cli_grouped(count, n),
           cli_grouped(cli_json_number(calls, "errors"), errors),
           cli_grouped(count ? us / count : 0, mean));
}

static void print_unit(const cli_json *v)
{
    char name[256], bytes[CLI_NUMBER], leases[CLI_NUMBER];
    snprintf(name, sizeof(name), "%s@%s%s", cli_json_text(v, "unit"),
             cli_json_text(v, "label"), cli_json_is(v, "current") ? " *" : "");
    print_name(name);
    printf(" %9s %7s",
           cli_json_is(v, "loaded")
               ? cli_grouped(cli_json_number(v, "bytes"), bytes)
           : cli_json_is(v, "lazy") ? "lazy"
                                    : "evicted",
           cli_grouped(cli_json_number(v, "leases"), leases));
    print_calls(cli_json_get(v, "calls"));
}

static void print_context(const cli_json *c)
{
    char leases[CLI_NUMBER];
    print_name(cli_json_text(c, "context"));
    printf(" %9s %7s", cli_json_text(c, "state"),
           cli_grouped(cli_json_number(c, "leases"), leases));
    print_calls(cli_json_get(c, "calls"));
}

static void print_registration(const cli_json *r)
{
    char count[CLI_NUMBER], peak[CLI_NUMBER];
    print_name(cli_json_text(r, "owner"));
    printf(" %-17s %12s %9s\n", cli_json_text(r, "kind"),
           cli_grouped(cli_json_number(r, "count"), count),
           cli_grouped(cli_json_number(r, "peak"), peak));
}

/* A list with a line of titles, where there is something in it. */
static void print_list(const cli_json *list, const char *titles,
                       void (*print_one)(const cli_json *one))
{
    const cli_json *one = list ? list->first : NULL;
    if (one)
        printf("\n%s\n", titles);
    for (; one; one = one->next)
        print_one(one);
}

static void print(const cli_json *result)
{
    printf("mayfly   ");
    admin_print_text(cli_json_text(result, "version"));
    printf(", process %llu", (unsigned long long)cli_json_number(
                                 cli_json_get(result, "process"), "pid"));
    put(", loads ", result, "loads", "");
    put(", unloads ", result, "unloads", "\n");
    print_cache(cli_json_get(result, "cache"));
    print_process(result);
    print_list(cli_json_get(result, "units"),
               "unit@version (*: current)        bytes  leases        calls "
               "   errors   mean us",
               print_unit);
    print_list(cli_json_get(result, "contexts"),
               "context                          state  leases        calls "
               "   errors   mean us",
               print_context);
    print_list(cli_json_get(result, "registrations"),
               "owner                        registered               count "
               "     peak",
               print_registration);
}

int cli_stat(int argc, char **argv)
{
    admin_options o = {NULL, NULL};
    args_list operands = {NULL, 0};
    const args_option options[] = {ADMIN_OPTIONS(o)};
    const args_spec spec = {"mayfly stat",
                            help,
                            options,
                            sizeof(options) / sizeof(options[0]),
                            0,
                            0};
    int is_json = 0;
    int rc = args_parse(&spec, argc, argv, &operands);
    if (rc == ARGS_GO_ON)
        rc = admin_check(&spec, &o, &is_json);
    if (rc == ARGS_GO_ON) {
        admin_request q;
        admin_begin(&q, "stat");
        rc = admin_run(&q, o.socket, is_json, print, NULL);
    }
    args_list_free(&operands);
    return rc;
}
