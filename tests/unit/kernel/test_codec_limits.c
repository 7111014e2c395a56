/*
 * What the codec refuses and says about it; sizes, depth, lack of memory.
 */
#include "tests/unit/kernel/fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(large_maps_take_linear_time),
        TEST(many_pieces_of_unknown_fields),
        TEST(errors_say_where),
        TEST(depth_is_limited),
        TEST(lengths_grow),
        TEST(varints_of_all_lengths),
        TEST(lack_of_memory),
        TEST(arenas_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
