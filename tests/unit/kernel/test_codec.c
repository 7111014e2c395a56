/*
 * The codec on hand-written wire bytes of t.Everything: where values end up,
 * what errors say, limits, memory. What is accepted at large is judged by
 * protobuf in tests/interop/test_codec.py.
 */
#include "compiler/kernel/codec.h"
#include "compiler/kernel/tables.h"
#include "tests/support/fault.h"
#include "tests/support/plan.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/golden/unit/everything.c"

struct fixture {
    mf_alloc alloc;
    mf_plan *plan;
    mf_buf tables;
    mayfly_arena arena;
    mayfly_error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    mf_alloc_init(&f->alloc, NULL);
    mf_buf_init(&f->tables, &f->alloc, 0);
    mf_arena_init(&f->arena, &f->alloc, 0, 0);
    *state = f;
    if (test_plan(&f->alloc, "tests/golden/unit", "everything.proto", &f->plan,
                  &f->err) != 0)
        return -1;
    return mf_tables_build(f->plan, &f->tables, &f->err);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    size_t left;

    mf_arena_done(&f->arena);
    mf_buf_done(&f->tables);
    mf_plan_free(f->plan);
    left = atomic_load(&f->alloc.blocks);
    free(f);
    return left != 0;
}

static uint32_t index_of(struct fixture *f, const char *name)
{
    return mf_plan_find(f->plan, name)->index;
}

/* Decodes from a block of exactly the input's size. */
static int decode(struct fixture *f, const char *type, const char *in,
                  size_t len, void *ret)
{
    uint8_t *copy = mf_arena_raw(&f->arena, len ? len : 1);

    memcpy(copy, in, len);
    memset(&f->err, 0, sizeof(f->err));
    return mf_decode(f->tables.ptr, index_of(f, type), copy, len, &f->arena,
                     ret, &f->err);
}

#define DECODE(f, type, wire, ret)                                             \
    assert_int_equal(decode(f, type, wire, sizeof(wire) - 1, ret), 0)

static mayfly_bytes encode(struct fixture *f, const char *type,
                           const void *message, size_t head)
{
    mayfly_bytes out = {NULL, 0};

    assert_int_equal(mf_encode(mf_unit_entry.encode[index_of(f, type)], message,
                               head, &f->arena, &out, &f->err),
                     0);
    return out;
}

static void check_wire(mayfly_bytes out, const char *want, size_t n)
{
    assert_int_equal(out.len, n);
    assert_memory_equal(out.ptr, want, n);
}

#define CHECK(out, want) check_wire(out, want, sizeof(want) - 1)

/* Refused with this text. */
static void refused(struct fixture *f, const char *in, size_t len,
                    const char *text)
{
    void *message = f;

    assert_int_equal(decode(f, "t.Everything", in, len, &message),
                     MAYFLY_EDECODE);
    assert_string_equal(f->err.message, text);
    assert_ptr_equal(message, f);
}

#define REFUSED(f, wire, text) refused(f, wire, sizeof(wire) - 1, text)

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

/* Thousands of entries, each key twice, in pieces of one sub-message. */
static void large_maps_take_linear_time(void **state)
{
    enum { N = 40000 };
    struct fixture *f = *state;
    char *wire = malloc(N * 2 * 16), *p = wire;
    t_Everything *m;

    assert_non_null(wire);
    for (unsigned i = 0; i < N * 2; i++) {
        unsigned key = i % N;
        char value = i < N ? 'x' : 'y';

        memcpy(p, "\xe2\x03\x0a\x0a\x08\x08", 6);
        p[6] = (char)(key & 0x7f) | (char)0x80;
        p[7] = (char)(key >> 7 & 0x7f) | (char)0x80;
        p[8] = (char)(key >> 14);
        memcpy(p + 9, "\x12\x02", 2);
        p[11] = p[12] = value;
        p += 13;
    }
    assert_int_equal(decode(f, "t.Everything", wire, (size_t)(p - wire), &m),
                     0);
    assert_int_equal(m->maps->i32.n, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(m->maps->i32.items[i].key, i);
        assert_int_equal(m->maps->i32.items[i].value.ptr[0], 'y');
    }
    free(wire);
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

static void many_pieces_of_unknown_fields(void **state)
{
    enum { N = 200000 };
    char *wire = malloc(N * 8), *p = wire;
    t_Everything *m;

    assert_non_null(wire);
    for (int i = 0; i < N; i++, p += 8)
        memcpy(p, "\x8a\x01\x05\x08\x01\xa0\x06\x02", 8);
    assert_int_equal(
        decode(*state, "t.Everything", wire, (size_t)(p - wire), &m), 0);
    assert_int_equal(m->child->mayfly_unknown_fields.len, N * 3);
    free(wire);
}

static void errors_say_where(void **state)
{
    struct fixture *f = *state;

    REFUSED(f, "\x08\x01\x00", "byte 2: field number 0");
    REFUSED(f, "\x08\x01\x06\x01", "byte 2: field number 0");
    REFUSED(f, "\x0e", "byte 0: a wire type that does not exist");
    REFUSED(f, "\x0f", "byte 0: a wire type that does not exist");
    REFUSED(f, "\x0c", "byte 0: the end of a group that was not started");
    REFUSED(f, "\xa3\x06\x08", "byte 3: it ends within a varint");
    REFUSED(f, "\xa3\x06\x08\x01", "byte 4: it ends within a group");
    REFUSED(f, "\xa3\x06\xac\x06",
            "byte 2: the end of a group that was not started");
    REFUSED(f,
            "\x72\x05"
            "abc",
            "byte 1: a length past the end");
    REFUSED(f, "\x72\x80\x80\x80\x80\x08", "byte 1: a length past 2^31");
    REFUSED(f, "\x72\x80\x80\x80\x80\x80\x00",
            "byte 1: a length of more than 5 bytes");
    REFUSED(f, "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02",
            "byte 1: a varint of more than 64 bits");
    REFUSED(f, "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
            "byte 1: a varint of more than 10 bytes");
    REFUSED(f, "\x88\x80\x80\x80\x80\x00\x01",
            "byte 0: a tag of more than 5 bytes");
    REFUSED(f, "\x72\x01\xff", "byte 2: a string that is not UTF-8");
    REFUSED(f, "\xfa\x01\x02\x01\x80",
            "byte 4: a packed field that ends within a varint");
    REFUSED(f, "\xb2\x02\x03\x01\x02\x03",
            "byte 3: a packed field that ends within a value");
    REFUSED(f, "\x08", "byte 0: a value past the end");
    /* The sub-message's end, not the input's. */
    REFUSED(f, "\x8a\x01\x01\x08\x01", "byte 3: a value past the end");
}

static char *nested(unsigned levels, size_t *ret_len)
{
    char *wire = malloc((size_t)levels * 5 + 1), *p = wire + levels * 5;
    size_t n = 0;

    if (!wire)
        return NULL;
    for (unsigned i = 0; i < levels; i++) {
        char head[4] = "\x8a\x01";
        size_t size = n < 128 ? 3 : 4;

        head[2] = (char)(n < 128 ? n : (n & 0x7f) | 0x80);
        head[3] = (char)(n >> 7);
        p -= size;
        memcpy(p, head, size);
        n += size;
    }
    memmove(wire, p, n);
    *ret_len = n;
    return wire;
}

static void depth_is_limited(void **state)
{
    struct fixture *f = *state;
    t_Everything *m, root = {0}, *last = &root;
    mayfly_bytes out;
    size_t len = 0;
    char *wire = nested(MF_DEPTH_MAX, &len);

    assert_int_equal(decode(f, "t.Everything", wire, len, &m), 0);
    check_wire(encode(f, "t.Everything", m, 0), wire, len);
    free(wire);
    wire = nested(MF_DEPTH_MAX + 1, &len);
    assert_int_equal(decode(f, "t.Everything", wire, len, &m), MAYFLY_EDECODE);
    free(wire);

    for (int i = 0; i <= MF_DEPTH_MAX; i++, last = last->child)
        last->child = mf_arena_alloc(&f->arena, sizeof(*last));
    assert_int_equal(
        mf_encode(mf_unit_entry.encode[index_of(f, "t.Everything")], &root, 0,
                  &f->arena, &out, &f->err),
        MAYFLY_ELIMIT);
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

/* Lengths around the ones where they take another byte, in nested messages. */
static void lengths_grow(void **state)
{
    static const size_t sizes[] = {0,     1,     124,   125,     126,    127,
                                   128,   129,   16378, 16379,   16380,  16383,
                                   16384, 16385, 70000, 2097140, 2097152};
    struct fixture *f = *state;
    char *text = malloc(2097152);

    memset(text, 'x', 2097152);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        t_Everything inner = {.text = {text, sizes[i]}, .i32 = 1};
        t_Everything middle = {.child = &inner, .i64 = 2};
        t_Everything m = {.child = &middle, .opt_i32 = 3}, *back;
        mayfly_bytes out = encode(f, "t.Everything", &m, 0);

        assert_int_equal(
            decode(f, "t.Everything", (const char *)out.ptr, out.len, &back),
            0);
        assert_int_equal(back->child->child->text.len, sizes[i]);
        assert_int_equal(back->child->child->i32, 1);
        assert_int_equal(back->child->i64, 2);
    }
    free(text);
}

/* Every varint length, single and packed, in both builds of the loop. */
static void varints_of_all_lengths(void **state)
{
    struct fixture *f = *state;
    mf_tables *head = (mf_tables *)(void *)f->tables.ptr;
    uint32_t variant = head->variant;

    for (int plain = 0; plain < 2; plain++) {
        head->variant = plain ? (uint32_t)MF_VARIANT_PLAIN : variant;
        for (unsigned shift = 0; shift < 64; shift++) {
            uint64_t values[3] = {((uint64_t)1 << shift) - 1,
                                  (uint64_t)1 << shift, UINT64_MAX >> shift};
            t_Everything m = {.u64 = values[0],
                              .s64 = (int64_t)values[1],
                              .r_u64 = {values, 3, 0},
                              .r_u32 = {(uint32_t *)values, 6, 0}};
            t_Everything *back;
            mayfly_bytes out = encode(f, "t.Everything", &m, 0);

            assert_int_equal(decode(f, "t.Everything", (const char *)out.ptr,
                                    out.len, &back),
                             0);
            assert_true(back->u64 == values[0]);
            assert_true(back->s64 == (int64_t)values[1]);
            assert_int_equal(back->r_u64.n, 3);
            assert_memory_equal(back->r_u64.items, values, sizeof(values));
            assert_int_equal(back->r_u32.n, 6);
            assert_memory_equal(back->r_u32.items, values, sizeof(values));
        }
    }
    head->variant = variant;
}

static const char rich[] =
    "\x08\x05\x72\x03"
    "abc"
    "\x8a\x01\x02\x08\x01\xfa\x01\x03\x01\x02\x03"
    "\xe2\x02\x01x\xe2\x02\x01y\xe2\x02\x01z\xe2\x02\x01w\xe2\x02\x01v"
    "\xfa\x02\x02\x08\x01\xfa\x02\x02\x08\x02\xa0\x06\x01\x10\x01\xa0\x06\x02"
    "\xe2\x03\x0a\x0a\x08\x08\x01\x12\x04"
    "abcd";

static int round_trip(const mayfly_allocator *table, void *state)
{
    struct fixture *f = state;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_arena arena;
    mf_alloc alloc;
    mayfly_bytes out = {NULL, 0};
    mf_buf tables;
    void *message;
    int code;

    mf_alloc_init(&alloc, table);
    mf_buf_init(&tables, &alloc, 0);
    mf_arena_init(&arena, &alloc, 64, 0);
    code = mf_tables_build(f->plan, &tables, &err);
    if (code == 0)
        code = mf_decode(tables.ptr, index_of(f, "t.Everything"),
                         (const uint8_t *)rich, sizeof(rich) - 1, &arena,
                         &message, &err);
    if (code == 0)
        code = mf_encode(mf_unit_entry.encode[index_of(f, "t.Everything")],
                         message, 0, &arena, &out, &err);
    if (code == 0)
        assert_int_equal(out.len, sizeof(rich) - 1);
    assert_int_equal(err.code, code);
    mf_arena_done(&arena);
    mf_buf_done(&tables);
    return code;
}

static void lack_of_memory(void **state)
{
    assert_true(fault_each(round_trip, *state) > 5);
}

static void arenas_are_bounded(void **state)
{
    struct fixture *f = *state;
    mayfly_arena arena;
    char wire[3000];
    void *message;

    /* Two bytes make a struct of hundreds. */
    for (size_t i = 0; i < sizeof(wire); i += 3)
        memcpy(wire + i, "\xfa\x02\x00", 3);
    mf_arena_init(&arena, &f->alloc, 0, 100000);
    assert_int_equal(mf_decode(f->tables.ptr, index_of(f, "t.Everything"),
                               (const uint8_t *)wire, sizeof(wire), &arena,
                               &message, &f->err),
                     MAYFLY_ELIMIT);
    mf_arena_done(&arena);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        TEST(large_maps_take_linear_time),
        TEST(unknown_fields_are_kept),
        TEST(many_pieces_of_unknown_fields),
        TEST(errors_say_where),
        TEST(depth_is_limited),
        TEST(text_that_is_sent_is_checked),
        TEST(the_head_is_left_free),
        TEST(lengths_grow),
        TEST(varints_of_all_lengths),
        TEST(lack_of_memory),
        TEST(arenas_are_bounded),
        TEST(stubs),
        TEST(values_that_are_not_set_are_found),
        cmocka_unit_test(symbols_and_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
