/*
 * Files of the corpus with bytes and tokens changed, in a fixed sequence of
 * 20,000 changes: accepted or refused, never a crash, nothing left in memory.
 * What is accepted can be written as a descriptor set.
 */
#include "tests/unit/schema/corpus.h"

enum { MUTATIONS = 20000, TEXT_MAX = 1 << 16 };

static mf_alloc alloc;

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t below(uint64_t *state, size_t n)
{
    return n ? (size_t)(random_next(state) % n) : 0;
}

static const char *const pieces[] = {
    "{",
    "}",
    ";",
    "=",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    ",",
    ".",
    "-",
    "\"",
    "'",
    "/*",
    "*/",
    "//",
    "\\",
    "\n",
    "message ",
    "enum ",
    "oneof ",
    "map<",
    "stream ",
    "rpc ",
    "to ",
    "max",
    "import ",
    "option ",
    "extend ",
    "reserved ",
    "optional ",
    "repeated ",
    "0",
    "-1",
    "19000",
    "536870911",
    "1e9999",
    "0x",
    "\xff",
    "99999999999999999999",
    "extensions ",
    "group ",
    "default = 1",
    "package ",
    "json_name = ",
    "google.protobuf.Any ",
    "M",
    "E",
    "a",
};

/* Where the next token begins: good enough for mutations. */
static size_t token_end(const char *text, size_t at, size_t n)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    if (at < n && text[at] && strchr(word, text[at])) {
        while (at < n && text[at] && strchr(word, text[at]))
            at++;
        return at;
    }
    return at < n ? at + 1 : n;
}

static void replace(char *text, size_t *n, size_t at, size_t old,
                    const char *piece, size_t len)
{
    if (*n - old + len >= TEXT_MAX)
        return;
    memmove(text + at + len, text + at + old, *n - at - old);
    memcpy(text + at, piece, len);
    *n = *n - old + len;
}

static void mutate(uint64_t *seed, char *text, size_t *n)
{
    char copy[64];
    size_t at = below(seed, *n);
    size_t end = token_end(text, at, *n);
    size_t from = below(seed, *n);
    size_t len = token_end(text, from, *n) - from;
    const char *piece = pieces[below(seed, sizeof pieces / sizeof pieces[0])];
    if (len > sizeof copy)
        len = sizeof copy;
    memcpy(copy, text + from, len);
    switch (below(seed, 7)) {
    case 0:
        if (*n)
            text[at] = (char)random_next(seed);
        break;
    case 1:
        replace(text, n, at, end - at, "", 0);
        break;
    case 2:
        replace(text, n, at, end - at, copy, len);
        break;
    case 3:
        replace(text, n, at, 0, copy, len);
        break;
    case 4:
        replace(text, n, at, 0, piece, strlen(piece));
        break;
    case 5:
        replace(text, n, at, end - at, piece, strlen(piece));
        break;
    default:
        if (below(seed, 8) == 0)
            *n = at;
    }
}

static void check(corpus *c, const char *text, size_t n)
{
    static const char name[] = "mutation.proto";
    mayfly_source all[CORPUS_MAX + 1];
    const char *roots = name;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_schema *schema = NULL;
    memcpy(all + 1, c->files, c->n * sizeof all[0]);
    all[0] = (mayfly_source){name, text, n};
    mf_files files = {.alloc = &alloc, .memory = all, .n_memory = c->n + 1};
    mf_schema_source source = mf_files_source(&files);
    int code = mf_schema_parse(&alloc, &source, &roots, 1, NULL, NULL, NULL,
                               &schema, &err);
    if (code == 0) {
        mf_buf out;
        mf_buf_init(&out, &alloc, 0);
        assert_int_equal(mf_schema_to_descriptor_set(schema, &out, &err), 0);
        mf_buf_done(&out);
        mf_schema_unref(schema);
    } else {
        assert_null(schema);
        assert_int_equal(err.code, code);
        assert_true(err.message[0] != '\0');
    }
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

static void test_mutations(void **state)
{
    corpus *c = *state;
    static char text[TEXT_MAX];
    uint64_t seed = 0x9e3779b97f4a7c15u;
    for (int i = 0; i < MUTATIONS; i++) {
        const mayfly_source *f = &c->files[below(&seed, c->n)];
        if (f->len > 4000 && i % 50)
            continue; /* the large ones now and then */
        size_t n = f->len;
        /* a block of its own, so that reading past the end is seen */
        memcpy(text, f->text, n);
        for (size_t k = below(&seed, 4) + 1; k > 0; k--)
            mutate(&seed, text, &n);
        char *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, text, n);
        if (n > 0)
            check(c, exact, n);
        free(exact);
    }
}

/* Every file cut off at every byte. */
static void test_truncations(void **state)
{
    corpus *c = *state;
    for (size_t i = 0; i < c->n; i++) {
        const mayfly_source *f = &c->files[i];
        size_t step = f->len > 1500 ? f->len / 300 : 1;
        if (strncmp(f->name, "n_", 2) == 0)
            continue;
        for (size_t n = 1; n < f->len; n += step) {
            char *exact = malloc(n);
            assert_non_null(exact);
            memcpy(exact, f->text, n);
            check(c, exact, n);
            free(exact);
        }
    }
}

int main(void)
{
    mf_alloc_init(&alloc, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_truncations),
    };
    return cmocka_run_group_tests(tests, corpus_setup, corpus_teardown);
}
