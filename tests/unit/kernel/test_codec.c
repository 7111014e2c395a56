/*
 * The codec on hand-written wire bytes of t.Everything: where values end up,
 * what is written, stubs. What is accepted at large is judged by protobuf in
 * tests/interop/test_codec.py.
 */
#include "tests/unit/kernel/fixture.h"

static void scalars(void **state)
{
    static const char wire[] =
        "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
        "\x10\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"
        "\x18\xff\xff\xff\xff\x0f\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
        "\x28\x03\x30\x04\x38\x01\x45\x01\x02\x03\x04"
        "\x49\x01\x02\x03\x04\x05\x06\x07\x08\x55\xff\xff\xff\xff"
        "\x59\xfe\xff\xff\xff\xff\xff\xff\xff\x65\x00\x00\x80\x3f"
        "\x69\x00\x00\x00\x00\x00\x00\x00\xc0\x72\x02hi\x7a\x02\xff\x00"
        "\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    t_Everything *m;

    DECODE(*state, "t.Everything", wire, &m);
    assert_int_equal(m->i32, -1);
    assert_int_equal(m->i64, INT64_MIN);
    assert_int_equal(m->u32, UINT32_MAX);
    assert_true(m->u64 == UINT64_MAX);
    assert_int_equal(m->s32, -2);
    assert_int_equal(m->s64, 2);
    assert_true(m->flag);
    assert_int_equal(m->f32, 0x04030201);
    assert_true(m->f64 == 0x0807060504030201);
    assert_int_equal(m->sf32, -1);
    assert_int_equal(m->sf64, -2);
    assert_true(m->real == 1.0f);
    assert_true(m->precise == -2.0);
    assert_int_equal(m->text.len, 2);
    assert_memory_equal(m->text.ptr, "hi", 2);
    assert_int_equal(m->raw.len, 2);
    assert_memory_equal(m->raw.ptr, "\xff\0", 2);
    assert_int_equal(m->color, -1);
    assert_null(m->child);
    CHECK(encode(*state, "t.Everything", m, 0), wire);
}

/* An int32 sent as more than 32 bits is cut; a bool is any varint but 0. */
static void narrow_values_are_cut(void **state)
{
    t_Everything *m;

    DECODE(*state, "t.Everything",
           "\x08\x85\x80\x80\x80\x10\x18\x86\x80\x80\x80\x80\x01"
           "\x28\x83\x80\x80\x80\x10\x38\x80\x80\x80\x80\x10",
           &m);
    assert_int_equal(m->i32, 5);
    assert_int_equal(m->u32, 6);
    assert_int_equal(m->s32, -2);
    assert_true(m->flag);
    DECODE(*state, "t.Everything",
           "\x10\x85\x80\x80\x80\x80\x80\x80\x80\x80\x7e", &m);
    assert_int_equal(m->i64, 5);
}

static void presence(void **state)
{
    t_Everything *m, made = {0};

    /* Explicit presence keeps a zero; implicit presence does not send one. */
    DECODE(*state, "t.Everything", "\x08\x00\x90\x01\x00\xa0\x01\x00", &m);
    assert_true(m->mayfly_has[0] & 1);
    CHECK(encode(*state, "t.Everything", m, 0), "\x90\x01\x00\xa0\x01\x00");

    made.real = -0.0f;
    made.precise = -0.0;
    CHECK(encode(*state, "t.Everything", &made, 0),
          "\x65\x00\x00\x00\x80\x69\x00\x00\x00\x00\x00\x00\x00\x80");
    made.opt_i32 = 7; /* without its has-bit */
    made.real = 0;
    made.precise = 0;
    CHECK(encode(*state, "t.Everything", &made, 0), "");
}

static void has_bits_past_one_word(void **state)
{
    t_Many *m;

    DECODE(*state, "t.Many", "\x08\x01\x80\x04\x00\x88\x04\x05\xb0\x04\x09",
           &m);
    assert_true(m->mayfly_has[0] == 0x8000000000000001u);
    assert_true(m->mayfly_has[1] == 0x21u);
    assert_int_equal(m->a65, 5);
    assert_int_equal(m->a70, 9);
    CHECK(encode(*state, "t.Many", m, 0),
          "\x08\x01\x80\x04\x00\x88\x04\x05\xb0\x04\x09");
}

static void oneofs_replace_and_merge(void **state)
{
    t_Everything *m;

    DECODE(*state, "t.Everything",
           "\xd0\x01\x05\xda\x01\x02"
           "ab",
           &m);
    assert_int_equal(m->choice_case, 27);
    assert_int_equal(m->c_text.len, 2);
    CHECK(encode(*state, "t.Everything", m, 0), "\xda\x01\x02"
                                                "ab");

    DECODE(*state, "t.Everything", "\xe2\x01\x02\x08\x07\xe2\x01\x02\x10\x09",
           &m);
    assert_int_equal(m->choice_case, 28);
    assert_int_equal(m->c_child->i32, 7);
    assert_int_equal(m->c_child->i64, 9);

    /* A pointer must not be made of a double's bytes. */
    DECODE(*state, "t.Everything",
           "\xe2\x01\x02\x08\x07\xe9\x01\x01\x02\x03\x04\x05\x06\x07\x08"
           "\xe2\x01\x02\x10\x09",
           &m);
    assert_int_equal(m->choice_case, 28);
    assert_int_equal(m->c_child->i32, 0);
    assert_int_equal(m->c_child->i64, 9);
}

static void messages_merge(void **state)
{
    t_Everything *m;

    DECODE(*state, "t.Everything",
           "\x8a\x01\x07\x08\x01\xfa\x01\x02\x01\x02"
           "\x8a\x01\x05\x10\x02\xf8\x01\x03",
           &m);
    assert_int_equal(m->child->i32, 1);
    assert_int_equal(m->child->i64, 2);
    assert_int_equal(m->child->r_i32.n, 3);
    assert_int_equal(m->child->r_i32.items[2], 3);
}

/* Packed and single elements of one field, mixed. */
static void both_forms_of_repeated_scalars(void **state)
{
    t_Everything *m;

    DECODE(*state, "t.Everything",
           "\xf8\x01\x01\xf8\x01\x02\xfa\x01\x09\x03\x04\x05\x06\x07\x08\x09"
           "\x0a\x0b\xfa\x01\x00\xf8\x01\x0c"
           "\x82\x03\x02\x0d\x0e\x80\x03\x0f"
           "\x9d\x03\x01\x00\x00\x00\x9a\x03\x04\x02\x00\x00\x00",
           &m);
    assert_int_equal(m->r_i32.n, 12);
    for (int i = 0; i < 12; i++)
        assert_int_equal(m->r_i32.items[i], i + 1);
    assert_int_equal(m->n_i32.n, 3);
    assert_int_equal(m->n_f32.n, 2);
    CHECK(encode(*state, "t.Everything", m, 0),
          "\xfa\x01\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"
          "\x80\x03\x0d\x80\x03\x0e\x80\x03\x0f"
          "\x9d\x03\x01\x00\x00\x00\x9d\x03\x02\x00\x00\x00");
}

static void maps(void **state)
{
    t_Maps *m;

    /* 1: "a", 2: "b", 1: "c", and an entry of nothing; unknown in an entry. */
    DECODE(*state, "t.Maps",
           "\x0a\x05\x08\x01\x12\x01"
           "a"
           "\x0a\x05\x08\x02\x12\x01"
           "b"
           "\x0a\x07\x08\x01\x18\x05\x12\x01"
           "c"
           "\x0a\x00\x12\x03\x0a\x01k",
           &m);
    assert_int_equal(m->i32.n, 3);
    assert_int_equal(m->i32.items[0].key, 2);
    assert_memory_equal(m->i32.items[1].value.ptr, "c", 1);
    assert_int_equal(m->i32.items[2].key, 0);
    assert_int_equal(m->text.n, 1);
    assert_non_null(m->text.items[0].value);
    CHECK(encode(*state, "t.Maps", m, 0),
          "\x0a\x05\x08\x02\x12\x01"
          "b"
          "\x0a\x05\x08\x01\x12\x01"
          "c"
          "\x0a\x04\x08\x00\x12\x00\x12\x05\x0a\x01k\x12\x00");
}

static void unknown_fields_are_kept(void **state)
{
    static const char mixed[] = "\xa0\x06\x01\x08\x05\xaa\x06\x02zz\xa3\x06\x08"
                                "\x01\xa4\x06\x10\x06\xa5\x06\x01\x02\x03\x04";
    static const char apart[] = "\xa0\x06\x01\x08\x05";
    struct fixture *f = *state;
    t_Everything *m;
    uint8_t input[sizeof(apart)];

    DECODE(f, "t.Everything", mixed, &m);
    assert_int_equal(m->i32, 5);
    CHECK(encode(f, "t.Everything", m, 0),
          "\x08\x05\x10\x06\xa0\x06\x01\xaa\x06\x02zz\xa3\x06\x08\x01\xa4\x06"
          "\xa5\x06\x01\x02\x03\x04");

    /* One piece is not copied. */
    memcpy(input, apart, sizeof(apart));
    assert_int_equal(mf_decode(f->tables.ptr, index_of(f, "t.Everything"),
                               input, sizeof(apart) - 1, &f->arena, (void **)&m,
                               &f->err),
                     0);
    assert_ptr_equal(m->mayfly_unknown_fields.ptr, input);

    /* A known number in a wire type that is not its own. */
    DECODE(f, "t.Everything", "\x0a\x01z\x70\x05", &m);
    assert_int_equal(m->mayfly_unknown_fields.len, 5);
}

static void text_that_is_sent_is_checked(void **state)
{
    struct fixture *f = *state;
    t_Everything m = {.text = MAYFLY_STR("ab\xc0\x80")};
    mayfly_bytes out;

    assert_int_equal(
        mf_encode(mf_unit_entry.encode[index_of(f, "t.Everything")], &m, 0,
                  &f->arena, &out, &f->err),
        MAYFLY_EENCODE);
}

static void the_head_is_left_free(void **state)
{
    t_Everything m = {.i32 = 5};
    mayfly_bytes out = encode(*state, "t.Everything", &m, 5);

    assert_int_equal(out.len, 7);
    assert_memory_equal(out.ptr + 5, "\x08\x05", 2);
    m.i32 = 0;
    assert_int_equal(encode(*state, "t.Everything", &m, 5).len, 5);
}

static int handle(void *state, struct mayfly_call *call, const t_Everything *m,
                  t_Maps *reply)
{
    (void)call;
    *(int *)state = m->i32;
    return reply->i32.n == 0 ? 0 : 13;
}

static void stubs(void **state)
{
    struct fixture *f = *state;
    const mf_method_stub *stub = &mf_unit_entry.methods[0];
    int (*handler)(void *, struct mayfly_call *, const t_Everything *,
                   t_Maps *) = handle;
    t_Everything m = {.i32 = 42};
    int seen = 0;
    mf_writer w;
    mf_stub_io io = {.tables = f->tables.ptr,
                     .writer = &w,
                     .arena = &f->arena,
                     .error = &f->err,
                     .state = &seen};
    mayfly_bytes out;
    void *reply;

    assert_int_equal(mf_unit_entry.n_methods, 3);
    assert_int_equal(mf_unit_entry.n_messages, f->plan->n_messages);
    mf_writer_init(&w, &f->arena, 5);
    assert_int_equal(stub->send(&io, &m), 0);
    assert_int_equal(mf_writer_take(&w, &out, &f->err), 0);
    assert_int_equal(out.len, 7);

    io.in = out.ptr + 5;
    io.in_len = out.len - 5;
    memcpy(&io.handler, &handler, sizeof(handler));
    assert_int_equal(stub->serve(&io), 0);
    assert_int_equal(seen, 42);
    assert_non_null(io.reply);
    mf_writer_init(&w, &f->arena, 0);
    assert_int_equal(stub->reply(&io, io.reply), 0);
    assert_int_equal(mf_writer_take(&w, &out, &f->err), 0);
    io.in = out.ptr;
    io.in_len = out.len;
    assert_int_equal(stub->receive(&io, &reply), 0);
    io.in = (const uint8_t *)"\x0c";
    io.in_len = 1;
    assert_int_equal(stub->serve(&io), MAYFLY_EDECODE);
    assert_null(mf_unit_entry.methods[1].serve);
}

/* Whatever a unit may call is on the list, and found by its name. */
static void symbols_and_headers(void **state)
{
    size_t n, len;
    const mayfly_symbol *symbols = mf_kernel_symbols(&n);
    const char *text = mf_kernel_header("mayfly/stub.h", &len);
    int found = 0;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_non_null(symbols[i].address);
        found += strcmp(symbols[i].name, "mf_put_varint") == 0;
    }
    assert_int_equal(found, 1);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    assert_non_null(strstr(text, "mf_unit_table"));
    assert_null(strstr(text, "/*"));
    assert_non_null(mf_kernel_header("mayfly/mayfly.h", &len));
    assert_null(mf_kernel_header("stdio.h", &len));
}

static int strict(struct fixture *f, const void *message)
{
    memset(&f->err, 0, sizeof(f->err));
    return mf_check_presence(f->plan, index_of(f, "t.Everything"), message,
                             &f->err);
}

static void values_that_are_not_set_are_found(void **state)
{
    struct fixture *f = *state;
    t_Everything m = {.i32 = 5, .opt_i32 = 0}, child = {.opt_i32 = 7};
    t_Maps_TextEntry entry = {.key = MAYFLY_STR("k"), .value = &child};
    t_Maps maps = {.text = {&entry, 1, 0}};

    assert_int_equal(strict(f, &m), 0);
    m.opt_i32 = 7;
    assert_int_equal(strict(f, &m), MAYFLY_EENCODE);
    assert_string_equal(
        f->err.message,
        "field t.Everything.opt_i32 has a value but is not set");
    m.mayfly_has[0] = 1;
    assert_int_equal(strict(f, &m), 0);
    m.c_double = 1;
    assert_int_equal(strict(f, &m), MAYFLY_EENCODE);
    m.choice_case = 29;
    assert_int_equal(strict(f, &m), 0);
    m.child = &child;
    assert_int_equal(strict(f, &m), MAYFLY_EENCODE);
    m.child = NULL;
    m.r_child.items = &child;
    m.r_child.n = 1;
    assert_int_equal(strict(f, &m), MAYFLY_EENCODE);
    m.r_child.n = 0;
    m.maps = &maps;
    assert_int_equal(strict(f, &m), MAYFLY_EENCODE);
    child.mayfly_has[0] = 1;
    assert_int_equal(strict(f, &m), 0);
    child.child = &child; /* without an end */
    assert_int_equal(strict(f, &m), MAYFLY_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scalars),
        TEST(narrow_values_are_cut),
        TEST(presence),
        TEST(has_bits_past_one_word),
        TEST(oneofs_replace_and_merge),
        TEST(messages_merge),
        TEST(both_forms_of_repeated_scalars),
        TEST(maps),
        TEST(unknown_fields_are_kept),
        TEST(text_that_is_sent_is_checked),
        TEST(the_head_is_left_free),
        TEST(stubs),
        cmocka_unit_test(symbols_and_headers),
        TEST(values_that_are_not_set_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
