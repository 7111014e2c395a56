/*
 * Each allocation of working with a dynamic message failed in turn: the error
 * is lack of memory, nothing leaks, and the message can still be used.
 */
#include "tests/api/dynamic.h"
#include "tests/support/fault.h"

static const struct {
    const char *path;
    const char *text;
} fields[] = {{"customer.friend.name", "a"},
              {"items[0].name", "b"},
              {"items[0].tags[0]", "c"},
              {"items[1].tags[0]", "d"},
              {"stock[\"key\"].name", "e"},
              {"words[true]", "f"},
              {"by_number[7].tags[0]", "g"},
              {"mail", "h"},
              {"parcel.name", "i"},
              {"note", "j"},
              {"customer.friend.first_name", "k"}};

/* Sets, reads, encodes, decodes and prints. */
static int work(mayfly_context *context, mayfly_arena *arena, mayfly_error *err)
{
    mayfly_dynamic *m = NULL, *copy = NULL;
    mayfly_str text, json = {NULL, 0};
    mayfly_bytes wire;
    char big[5000];
    memset(big, 'x', sizeof big);
    int code = mayfly_dynamic_new(context, "shop.Order", arena, &m, err);
    for (size_t i = 0; code == 0 && i < sizeof fields / sizeof fields[0]; i++)
        code = mayfly_dynamic_set_str(m, fields[i].path,
                                      mayfly_str_of(fields[i].text), err);
    if (code == 0)
        code = mayfly_dynamic_set_str(m, "note", (mayfly_str){big, sizeof big},
                                      err);
    if (code == 0)
        code = mayfly_dynamic_type(m, &text, err);
    if (code == 0)
        code = mayfly_dynamic_encode(m, &wire, err);
    if (code == 0)
        code = mayfly_dynamic_new(context, "shop.Order", arena, &copy, err);
    if (code == 0)
        code = mayfly_dynamic_decode(copy, wire, err);
    if (code == 0)
        code = mayfly_dynamic_to_json(copy, 0, &json, err);
    if (code == 0)
        code = mayfly_dynamic_from_json(copy, json, err);
    if (code == 0)
        code = mayfly_dynamic_get_enum(copy, "color", &text, err);
    return code;
}

static long n_told; /* failures */

static long once(long n, int for_ever)
{
    mayfly_error why = MAYFLY_ERROR_INIT;
    const mayfly_source schema = {"shop.proto", SHOP, 0};
    mayfly_context *context;
    mayfly_arena *arena;
    mayfly_host *host;
    fault f;

    fault_init(&f, 0, 0);
    mayfly_allocator table = fault_table(&f);
    must(
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = &table), &host, &err));
    must(mayfly_load_text(host, "shop", &schema, NULL, &context, &err));
    must(mayfly_arena_new(host, 0, &arena, &err));
    f.for_ever = for_ever;
    long before = atomic_load(&f.seen);
    f.fail_at = n ? before + n : 0;
    int code = work(context, arena, &why);
    long seen = atomic_load(&f.seen) - before;
    if (code != 0 && code != MAYFLY_ENOMEM)
        fail_msg("allocation %ld: %s: %s", n, mayfly_error_name(code),
                 why.message);
    n_told += code != 0;
    f.fail_at = 0;
    must(work(context, arena, &err));
    mayfly_arena_free(arena);
    mayfly_context_unref(context);
    mayfly_host_free(host);
    if (atomic_load(&f.live) != 0)
        fail_msg("allocation %ld: %ld blocks leaked", n, atomic_load(&f.live));
    return seen;
}

static void each_allocation_of_a_message(void **state)
{
    (void)state;
    long total = once(0, 0);
    assert_true(total > 5);
    for (int for_ever = 0; for_ever < 2; for_ever++)
        for (long n = 1; n <= total; n++)
            once(n, for_ever);
    assert_true(n_told >= 2 * (total - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
