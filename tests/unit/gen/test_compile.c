/*
 * What compilers make of generated C: structs lie where the plan says, with
 * gcc, clang and libtcc; libtcc reads headers, and units whose symbols have
 * every name that is hard to have.
 */
#include "compiler/arena/cc.h"
#include "compiler/kernel/codec.h"
#include <mayfly/call.h>
#include "tests/unit/gen/corpus.h"

/* Every place that a plan knows, as a line of `form` with what and how much. */
static void put_places(const mf_plan *plan, mf_buf *out, const char *before,
                       const char *between, const char *after)
{
    for (uint32_t i = 0; i < plan->n_messages; i++) {
        const mf_plan_message *m = &plan->messages[i];
        mf_buf_printf(out, "%ssizeof(%s)%s%u%s", before, m->c_name, between,
                      m->size, after);
        mf_buf_printf(out, "%soffsetof(%s, " MF_UNKNOWN_MEMBER ")%s%u%s",
                      before, m->c_name, between, m->unknown, after);
        if (m->has_words)
            mf_buf_printf(out, "%soffsetof(%s, " MF_HAS_MEMBER ")%s0%s", before,
                          m->c_name, between, after);
        for (uint32_t j = 0; j < m->n_fields; j++) {
            const mf_plan_field *f = &m->fields[j];
            mf_buf_printf(out, "%soffsetof(%s, %s)%s%u%s", before, m->c_name,
                          f->c_name, between, f->offset, after);
            if (f->presence_kind == MAYFLY_ONEOF)
                mf_buf_printf(out, "%soffsetof(%s, %s)%s%u%s", before,
                              m->c_name, f->case_name, between, f->presence,
                              after);
        }
    }
}

static const char *const schemas[][2] = {
    {"tests/golden/unit", "everything.proto"},
    {"tests/golden/gen", "rich.proto"},
};

static void structs_lie_where_the_plan_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        mf_alloc alloc;
        mf_plan *plan = gen_read(&alloc, schemas[i][0], schemas[i][1]);
        char dir[4096];
        mf_buf out;
        mf_buf_init(&out, &alloc, 0);
        mf_buf_puts(&out, "#include <mayfly/types.h>\n");
        assert_int_equal(mf_emit_structs(plan, NULL, &out, &err), 0);
        mf_buf_puts(&out, "#ifdef __cplusplus\n#define CHECK static_assert\n"
                          "#else\n#define CHECK _Static_assert\n#endif\n");
        put_places(plan, &out, "CHECK(", " == ", ", \"place\");\n");
        gen_write(gen_dir(dir), "places.c", mf_buf_text(&out));
        gen_compile(dir, "places.c", 1);
        gen_remove(dir);
        mf_buf_done(&out);
        mf_plan_free(plan);
        assert_int_equal(atomic_load(&alloc.blocks), 0);
    }
}

/* Headers of a plan's schema, in memory. */
typedef struct shelf {
    size_t n;
    char names[16][128];
    mf_buf texts[16];
} shelf;

static void shelf_fill(shelf *s, const mf_plan *plan, mf_alloc *alloc)
{
    mayfly_arena arena;

    mf_arena_init(&arena, alloc, 0, 0);
    s->n = plan->schema->n_files;
    assert_true(s->n <= 16);
    for (size_t i = 0; i < s->n; i++) {
        const char *file = plan->schema->files[i]->name;
        snprintf(s->names[i], sizeof s->names[i], "%s",
                 mf_header_name(&arena, file));
        gen_header(plan, file, alloc, &s->texts[i]);
    }
    mf_arena_done(&arena);
}

static void shelf_done(shelf *s)
{
    for (size_t i = 0; i < s->n; i++)
        mf_buf_done(&s->texts[i]);
}

static const char *shelf_serve(void *state, const char *name, size_t *ret_len)
{
    shelf *s = state;

    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->names[i], name) == 0) {
            *ret_len = s->texts[i].len;
            return (const char *)s->texts[i].ptr;
        }
    }
    return mf_kernel_header(name, ret_len);
}

/* libtcc and what it compiled last. */
typedef struct tcc {
    mf_alloc alloc;
    mf_zone *zone;
    mf_cc *cc;
    mf_image image;
} tcc;

static void tcc_init(tcc *t)
{
    mayfly_error err = MAYFLY_ERROR_INIT;

    mf_alloc_init(&t->alloc, NULL);
    assert_int_equal(mf_zone_new(&t->alloc, 0, &t->zone, &err), 0);
    assert_int_equal(mf_cc_new(&t->alloc, t->zone, &t->cc, &err), 0);
}

static void tcc_done(tcc *t)
{
    mf_cc_free(t->cc);
    mf_zone_free(t->zone);
    assert_int_equal(atomic_load(&t->alloc.blocks), 0);
}

static void *tcc_compile(tcc *t, shelf *s, const char *text, const char *want)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_source source = {"t.c", text, 0};
    const mayfly_symbol *symbols;
    size_t n_symbols;
    void *at = NULL;
    mf_cc_input in = {.sources = &source,
                      .n_sources = 1,
                      .include = shelf_serve,
                      .include_state = s,
                      .symbols = &symbols,
                      .n_symbols = &n_symbols,
                      .n_symbol_tables = 1,
                      .wanted = &want,
                      .n_wanted = 1,
                      .ret_addresses = &at,
                      .warnings_are_errors = 1};

    symbols = mf_kernel_symbols(&n_symbols);
    if (mf_cc_compile(t->cc, &in, &t->image, NULL, &err) != 0)
        fail_msg("%s", err.message);
    assert_non_null(at);
    return at;
}

static void libtcc_lays_structs_out_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        mf_alloc alloc;
        mf_plan *plan = gen_read(&alloc, schemas[i][0], schemas[i][1]);
        shelf headers;
        mf_buf out;
        tcc t;
        unsigned (*f)(unsigned);
        void *at;
        shelf_fill(&headers, plan, &alloc);
        mf_buf_init(&out, &alloc, 0);
        mf_buf_printf(&out, "#include \"%s\"\n", headers.names[headers.n - 1]);
        mf_buf_puts(&out, "unsigned f(unsigned i) {\n"
                          "static const unsigned places[] = {\n");
        put_places(plan, &out, "", ", ", ",\n");
        mf_buf_puts(&out, "}; return i < sizeof places / 4 ? places[i] : "
                          "4000000000u; }\n");
        tcc_init(&t);
        at = tcc_compile(&t, &headers, mf_buf_text(&out), "f");
        memcpy(&f, &at, sizeof f);
        for (unsigned k = 0; f(k) != 4000000000u; k += 2)
            assert_int_equal(f(k), f(k + 1));
        assert_true(f(100) != 4000000000u);
        mf_cc_release(t.cc, &t.image);
        tcc_done(&t);
        mf_buf_done(&out);
        shelf_done(&headers);
        mf_plan_free(plan);
        assert_int_equal(atomic_load(&alloc.blocks), 0);
    }
}

/* Helpers of a header, as handler source uses them. */
static void libtcc_reads_headers(void **state)
{
    static const char text[] =
        "#include \"rich.mf.h\"\n"
        "int rich_v1_Store_on_Get(void *state, mayfly_call *call,\n"
        "    const rich_v1_Many *request, rich_v1_Item *reply)\n"
        "{\n"
        "    rich_v1_Item_set_count_2(reply, request->a1 + 1);\n"
        "    rich_v1_Item_set_tint(reply, rich_v1_Color_DEEPEST);\n"
        "    rich_v1_Item_set_number(reply, 7);\n"
        "    reply->class_ = mayfly_str_of(\"from here\");\n"
        "    return state == NULL && call == NULL &&\n"
        "        rich_v1_Many_has_a1(request) ? 0 : 5;\n"
        "}\n";
    mf_alloc alloc;
    mf_plan *plan = gen_read(&alloc, "tests/golden/gen", "rich.proto");
    shelf headers;
    tcc t;
    void *at;
    int (*get)(void *, mayfly_call *, const void *, void *);
    struct {
        uint64_t has;
        int64_t far;
        int32_t a1, a2;
        mayfly_unknown unknown;
    } request = {1, 0, 41, 0, {NULL, 0}};
    const mf_plan_message *item = mf_plan_find(plan, "rich.v1.Item");
    char *reply = calloc(1, item->size);
    int32_t value;
    mayfly_str name;

    (void)state;
    assert_int_equal(sizeof request, mf_plan_find(plan, "rich.v1.Many")->size);
    shelf_fill(&headers, plan, &alloc);
    tcc_init(&t);
    at = tcc_compile(&t, &headers, text, "rich_v1_Store_on_Get");
    memcpy(&get, &at, sizeof get);
    assert_int_equal(get(NULL, NULL, &request, reply), 0);
    memcpy(&value, reply + mf_plan_field_of(item, 10)->offset, 4);
    assert_int_equal(value, 42);
    memcpy(&value, reply + mf_plan_field_of(item, 14)->offset, 4);
    assert_int_equal(value, INT32_MIN);
    memcpy(&value, reply + mf_plan_field_of(item, 51)->presence, 4);
    assert_int_equal(value, 51);
    memcpy(&name, reply + mf_plan_field_of(item, 1)->offset, sizeof name);
    assert_int_equal(name.len, 9);
    assert_memory_equal(name.ptr, "from here", 9);
    assert_int_equal(*(uint64_t *)(void *)reply, 1u << 0 | 1u << 4);
    mf_cc_release(t.cc, &t.image);
    tcc_done(&t);
    free(reply);
    shelf_done(&headers);
    mf_plan_free(plan);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

static void libtcc_compiles_units_of_all_words(void **state)
{
    static const char *const packages[] = {"package mayfly;\n",
                                           "package mf.int;\n", ""};
    enum { SIZE = 1 << 20 };
    char *words = malloc(SIZE);

    (void)state;
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) {
        mayfly_source source = {"words.proto", words, 0};
        mayfly_error err = MAYFLY_ERROR_INIT;
        shelf none = {.n = 0};
        mf_alloc alloc;
        mf_plan *plan;
        mf_buf out;
        tcc t;
        mf_alloc_init(&alloc, NULL);
        words_text(words, SIZE, packages[i]);
        plan = gen_plans(&alloc, &source, 1);
        mf_buf_init(&out, &alloc, 0);
        assert_int_equal(mf_emit_unit(plan, &out, &err), 0);
        tcc_init(&t);
        tcc_compile(&t, &none, mf_buf_text(&out), "mf_unit_entry");
        mf_cc_release(t.cc, &t.image);
        tcc_done(&t);
        mf_buf_done(&out);
        mf_plan_free(plan);
        assert_int_equal(atomic_load(&alloc.blocks), 0);
    }
    free(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structs_lie_where_the_plan_says),
        cmocka_unit_test(libtcc_lays_structs_out_alike),
        cmocka_unit_test(libtcc_reads_headers),
        cmocka_unit_test(libtcc_compiles_units_of_all_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
