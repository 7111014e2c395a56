/*
 * A folder of schemas, of which one is wrong:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>
#include <sys/stat.h>

static int write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return -1;
    fputs(text, file);
    return fclose(file);
}

static int show(void *state, const mayfly_bulk_progress *progress)
{
    (void)state;
    printf("%d of %d: %s\n", (int)progress->done, (int)progress->total,
           progress->result->path);
    return 0;
}

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_unit *unit;

    mkdir("schemas", 0755);
    mkdir("schemas/shop", 0755);
    write_file("schemas/shop/cart.proto",
               "syntax = \"proto3\"; message Cart { string id = 1; }\n");
    write_file("schemas/wrong.proto",
               "syntax = \"proto3\"; message Wrong { Missing m = 1; }\n");

    const char *folder = "schemas";
    mayfly_bulk *bulk;
    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_bulk_load(host, MAYFLY_BULK_OPTIONS(.paths = &folder, .n_paths = 1,
                                                   .progress = show),
                         &bulk, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    size_t n;
    const mayfly_bulk_result *results = mayfly_bulk_results(bulk, &n);
    for (size_t i = 0; i < n; i++)
        if (results[i].code != 0)
            printf("%s\n", results[i].message);
    mayfly_bulk_free(bulk);
    if (mayfly_unit_find(host, "shop/cart", &unit, &err) == 0)
        printf("version %d of \"%s\" is there\n", (int)mayfly_unit_version(unit),
               mayfly_unit_name(unit));
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
    return 0;
}
