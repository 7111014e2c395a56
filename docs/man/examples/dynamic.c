/*
 * A message of a schema that the program has no header of:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>

static const char schema_text[] =
    "syntax = \"proto3\";\n"
    "package shop;\n"
    "message Customer { string name = 1; }\n"
    "message Item { int32 count = 1; }\n"
    "message Order { Customer customer = 1; repeated Item items = 2;\n"
    "  map<string, double> prices = 3; }\n";

int main(void)
{
    const mayfly_source schema = {.name = "shop.proto",
                                  .text = schema_text};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *ctx;
    mayfly_arena *arena;
    mayfly_dynamic *m;
    mayfly_str json;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_load_text(host, "shop", &schema, NULL, &ctx, &err) !=
            0 ||
        mayfly_arena_new(host, 0, &arena, &err) != 0 ||
        mayfly_dynamic_new(ctx, "shop.Order", arena, &m, &err) != 0 ||
        mayfly_dynamic_set_str(m, "customer.name", mayfly_str_of("ada"),
                               &err) != 0 ||
        mayfly_dynamic_set_int(m, "items[0].count", 3, &err) != 0 ||
        mayfly_dynamic_set_double(m, "prices[\"eu\"]", 9.5, &err) !=
            0 ||
        mayfly_dynamic_to_json(m, 0, &json, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%.*s\n", (int)json.len, json.ptr);
    if (mayfly_dynamic_set_int(m, "customer.age", 36, &err) != 0)
        printf("%s\n", err.message);
    mayfly_arena_free(arena);
    mayfly_context_unref(ctx);
    mayfly_host_free(host);
    return 0;
}
