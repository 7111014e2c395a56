#include <mayfly/mayfly.h>

#include <stdint.h>
#include <stdio.h>

static int rows[4];

static int db_get(int row)
{
    return rows[row % 4];
}

static void db_put(int row, int value)
{
    rows[row % 4] = value;
}

int main(void)
{
    static const mayfly_symbol ours[] = {MAYFLY_SYMBOL(db_get),
                                         MAYFLY_SYMBOL(db_put)};
    const mayfly_source file = {
        .name = "twice.c",
        .text =
            "int db_get(int row);\n"
            "void db_put(int row, int value);\n"
            "void twice(int row) { db_put(row, 2 * db_get(row)); }\n"};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *ctx;
    mayfly_pin *pin;
    void *twice;

    rows[1] = 21;
    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_host_export(host, ours, 2, &err) != 0 ||
        mayfly_load_source(host, "twice", &file, 1, NULL, &ctx, &err) !=
            0 ||
        mayfly_pin_take(ctx, "main", &pin, &err) != 0 ||
        mayfly_pin_symbol(pin, "twice", &twice, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    ((void (*)(int))(uintptr_t)twice)(1);
    printf("%d\n", rows[1]);
    mayfly_pin_free(pin);
    mayfly_context_unref(ctx);
    mayfly_host_free(host);
    return 0;
}
