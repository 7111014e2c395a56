/*
 * A header made from one version of a schema, bound to another one.
 */
#include "tests/unit/gen/layout_of.h"

#define SERVICE "service S { rpc Do(M) returns (R); }\n"
#define REPLY "message R {}\n"

/* A header of `v1` bound to `v2`. */
typedef struct versions {
    mf_alloc alloc;
    mf_plan *v1, *v2; /* native plans */
    mf_plan *bound;
    layout_of *header;
    mayfly_error err;
    int code;
} versions;

static void bind(versions *v, const char *v1, const char *v2)
{
    memset(v, 0, sizeof *v);
    mf_alloc_init(&v->alloc, NULL);
    v->v1 = gen_plan(&v->alloc, v1);
    v->v2 = gen_plan(&v->alloc, v2);
    v->header = malloc(sizeof *v->header);
    layout_make(v->header, v->v1);
    v->code = mf_plan_bind(&v->alloc, v->v2->schema, &v->header->layout, 0, 0,
                           &v->bound, &v->err);
}

static void done(versions *v)
{
    mf_plan_free(v->bound);
    mf_plan_free(v->v2);
    mf_plan_free(v->v1);
    free(v->header);
    assert_int_equal(atomic_load(&v->alloc.blocks), 0);
}

/* Messages M of a service's request, with these fields in v1 and v2. */
static void bind_fields(versions *v, const char *v1, const char *v2)
{
    char a[1024], b[1024];
    static const char form[] =
        "package t; enum E { Z = 0; O = 1; }\n"
        "message P { int32 x = 1; }\n"
        "message Q { int64 x = 1; string y = 2; }\n"
        "message W { string x = 1; }\n"
        "message Entry { string key = 1; P value = 2; }\n"
        "message M { %s }\n" REPLY SERVICE;

    snprintf(a, sizeof a, form, v1);
    snprintf(b, sizeof b, form, v2);
    bind(v, a, b);
}

static const mf_plan_field *field_of(const versions *v, uint32_t number)
{
    return mf_plan_field_of(mf_plan_find(v->bound, "t.M"), number);
}

static void the_same_schema_fits(void **state)
{
    versions v;

    (void)state;
    bind_fields(&v,
                "int32 a = 1; M m = 2; repeated Q q = 3; map<string, W> w = 4; "
                "optional string o = 5; oneof k { P p = 6; int32 i = 7; }",
                "int32 a = 1; M m = 2; repeated Q q = 3; map<string, W> w = 4; "
                "optional string o = 5; oneof k { P p = 6; int32 i = 7; }");
    assert_int_equal(v.code, 0);
    assert_true(mf_plan_fits(v.v2, v.bound));
    /* M, R, Q, W, the entry, P: not Entry, which nothing reaches */
    assert_int_equal(v.bound->n_messages, 6);
    assert_int_equal(v.bound->n_services, 1);
    assert_string_equal(v.bound->services[0].methods[0].path, "/t.S/Do");
    assert_string_equal(v.bound->services[0].methods[0].c_name, "t_S_Do");
    done(&v);
}

static void fields_come_and_go(void **state)
{
    versions v;

    (void)state;
    bind_fields(&v, "int32 a = 1; string b = 2;", "string b = 2; int64 c = 3;");
    assert_int_equal(v.code, 0);
    assert_false(mf_plan_fits(v.v2, v.bound));
    assert_int_equal(mf_plan_find(v.bound, "t.M")->n_fields, 2);
    assert_null(field_of(&v, 1)->descriptor);
    assert_int_equal(field_of(&v, 1)->type, MAYFLY_TYPE_INT32);
    assert_string_equal(field_of(&v, 2)->descriptor->name, "b");
    assert_null(field_of(&v, 3));
    assert_int_equal(field_of(&v, 2)->offset, v.header->fields[4][1].offset);
    done(&v);
}

/* What may change beside each other, and what may not. */
static void types_may_change_within_their_class(void **state)
{
    static const struct {
        const char *v1, *v2;
        const char *error; /* NULL: fine */
    } rows[] = {
        {"int32 a = 1;", "int64 a = 1;", NULL},
        {"int64 a = 1;", "uint32 a = 1;", NULL},
        {"bool a = 1;", "E a = 1;", NULL},
        {"uint64 a = 1;", "bool a = 1;", NULL},
        {"sint32 a = 1;", "sint64 a = 1;", NULL},
        {"fixed32 a = 1;", "sfixed32 a = 1;", NULL},
        {"sfixed64 a = 1;", "fixed64 a = 1;", NULL},
        {"string a = 1;", "bytes a = 1;", NULL},
        {"bytes a = 1;", "string a = 1;", NULL},
        {"int32 a = 1;", "string a = 1;",
         "t.M.a (1): header has int32, schema has string"},
        {"int32 a = 1;", "sint32 a = 1;",
         "t.M.a (1): header has int32, schema has sint32"},
        {"int32 a = 1;", "fixed32 a = 1;",
         "t.M.a (1): header has int32, schema has fixed32"},
        {"float a = 1;", "fixed32 a = 1;",
         "t.M.a (1): header has float, schema has fixed32"},
        {"float a = 1;", "double a = 1;",
         "t.M.a (1): header has float, schema has double"},
        {"double a = 1;", "fixed64 a = 1;",
         "t.M.a (1): header has double, schema has fixed64"},
        {"string a = 7;", "P a = 7;",
         "t.M.a (7): header has string, schema has message"},
        {"P a = 1;", "bytes a = 1;",
         "t.M.a (1): header has message, schema has bytes"},
        /* names do not count */
        {"int32 a = 1;", "int32 renamed = 1;", NULL},
        {"int32 a = 1;", "string renamed = 1;",
         "t.M.a (1): header has int32, schema has string"},
        /* one or many */
        {"string a = 1;", "repeated string a = 1;", NULL},
        {"repeated bytes a = 1;", "bytes a = 1;", NULL},
        {"P a = 1;", "repeated P a = 1;", NULL},
        {"int32 a = 1;", "repeated int32 a = 1;",
         "t.M.a (1): header has int32, schema has repeated int32"},
        {"repeated E a = 1;", "E a = 1;",
         "t.M.a (1): header has repeated enum, schema has enum"},
        {"repeated int32 a = 1;", "repeated uint64 a = 1 [packed = false];",
         NULL},
        /* presence */
        {"int32 a = 1;", "optional int32 a = 1;", NULL},
        {"optional int32 a = 1;", "int32 a = 1;", NULL},
        {"int32 a = 1; P b = 2;", "oneof k { int32 a = 1; P b = 2; }", NULL},
        {"oneof k { int32 a = 1; P b = 2; }", "int32 a = 1; P b = 2;", NULL},
        /* messages by their fields */
        {"P a = 1;", "Q a = 1;", NULL},
        {"Q a = 1;", "P a = 1;", NULL},
        {"P a = 1;", "W a = 1;",
         "t.P.x (1): header has int32, schema has string"},
        {"P a = 1; P b = 2;", "P a = 1; Q b = 2;", NULL},
        {"P a = 1; P b = 2;", "P a = 1; W b = 2;",
         "t.P.x (1): header has int32, schema has string"},
        {"M a = 1; P b = 2;", "M a = 1; W b = 2;",
         "t.P.x (1): header has int32, schema has string"},
        /* maps */
        {"map<string, P> a = 1;", "repeated Entry a = 1;", NULL},
        {"repeated Entry a = 1;", "map<string, P> a = 1;", NULL},
        {"map<string, P> a = 1;", "map<string, Q> a = 1;", NULL},
        {"map<string, P> a = 1;", "map<int32, P> a = 1;",
         "t.M.AEntry.key (1): header has string, schema has int32"},
        {"map<string, int32> a = 1;", "map<string, string> a = 1;",
         "t.M.AEntry.value (2): header has int32, schema has string"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        versions v;
        bind_fields(&v, rows[i].v1, rows[i].v2);
        if (v.code != (rows[i].error ? MAYFLY_EINCOMPATIBLE : 0))
            fail_msg("%s against %s: %d %s", rows[i].v1, rows[i].v2, v.code,
                     v.err.message);
        if (rows[i].error) {
            assert_string_equal(v.err.message, rows[i].error);
            assert_null(v.bound);
        }
        done(&v);
    }
}

/* The schema says how a repeated field is written, the header where it lies. */
static void packing_is_the_schemas(void **state)
{
    versions v;

    (void)state;
    bind_fields(&v, "repeated int32 a = 1;",
                "repeated int32 a = 1 [packed = false];");
    assert_int_equal(v.code, 0);
    assert_int_equal(field_of(&v, 1)->flags, 0);
    assert_true(mf_plan_fits(v.v2, v.bound));
    done(&v);
    bind_fields(&v, "repeated int32 a = 1 [packed = false];",
                "repeated int64 a = 1;");
    assert_int_equal(v.code, 0);
    assert_int_equal(field_of(&v, 1)->flags, MAYFLY_FIELD_PACKED);
    assert_int_equal(field_of(&v, 1)->type, MAYFLY_TYPE_INT32);
    assert_false(mf_plan_fits(v.v2, v.bound));
    done(&v);
}

static void only_what_is_reached_counts(void **state)
{
    versions v;

    (void)state;
    bind(&v,
         "package t; message Far { int32 a = 1; }\n"
         "message M { int32 a = 1; }\n" REPLY SERVICE,
         "package t; message Far { string a = 1; }\n"
         "message M { int32 a = 1; }\n" REPLY SERVICE);
    assert_int_equal(v.code, 0);
    assert_true(mf_plan_fits(v.v2, v.bound));
    assert_null(mf_plan_find(v.bound, "t.Far"));
    done(&v);
    /* a message that only the header still has a field for */
    bind_fields(&v, "int32 a = 1; W gone = 2;", "int32 a = 1;");
    assert_int_equal(v.code, 0);
    assert_null(mf_plan_find(v.bound, "t.W")->descriptor);
    assert_non_null(mf_plan_find(v.bound, "t.M")->descriptor);
    done(&v);
}

static void methods_come_and_go(void **state)
{
    static const char types[] = "package t; message M {} " REPLY;
    static const struct {
        const char *v1, *v2;
        int code;
        const char *error;
    } rows[] = {
        {"rpc A(M) returns (R);", "rpc A(M) returns (R);", 0, NULL},
        {"rpc A(M) returns (R); rpc B(M) returns (R);", "rpc B(M) returns (R);",
         0, NULL},
        {"rpc B(M) returns (R);", "rpc A(M) returns (R); rpc B(M) returns (R);",
         0, NULL},
        {"rpc A(M) returns (R);", "rpc A(M) returns (stream R);",
         MAYFLY_EINCOMPATIBLE,
         "t.S.A: header has unary, schema has a server's stream"},
        {"rpc A(stream M) returns (stream R);", "rpc A(stream M) returns (R);",
         MAYFLY_EINCOMPATIBLE,
         "t.S.A: header has streams both ways, schema has a client's stream"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char a[512], b[512];
        versions v;
        snprintf(a, sizeof a, "%s service S { %s }", types, rows[i].v1);
        snprintf(b, sizeof b, "%s service S { %s }", types, rows[i].v2);
        bind(&v, a, b);
        assert_int_equal(v.code, rows[i].code);
        if (rows[i].error)
            assert_string_equal(v.err.message, rows[i].error);
        else
            assert_int_equal(mf_plan_fits(v.v2, v.bound), i == 0);
        if (i == 1) {
            assert_null(v.bound->services[0].methods[0].descriptor);
            assert_non_null(v.bound->services[0].methods[1].descriptor);
        }
        done(&v);
    }
}

static void what_is_not_there_is_not_found(void **state)
{
    versions v;

    (void)state;
    bind(&v, "package t; message M {} " REPLY SERVICE,
         "package u; message M {} " REPLY SERVICE);
    assert_int_equal(v.code, MAYFLY_ENOTFOUND);
    assert_string_equal(v.err.message, "the schema has no service t.S");
    v.code = mf_plan_bind(&v.alloc, v.v2->schema, &v.header->layout,
                          MF_NO_MESSAGE, 0, &v.bound, &v.err);
    assert_int_equal(v.code, MAYFLY_ENOTFOUND);
    assert_string_equal(v.err.message, "the schema has no message t.M");
    assert_null(v.bound);
    done(&v);
}

/* Ways to damage the tables of M { int32 a = 1; P p = 2; optional int32 o = 3;
 * optional int32 q = 4; oneof k { string s = 5; int32 i = 6; } map<string, P> m
 * = 7;
 * }, which is message 1 with P as message 0. */
/* clang-format off */
static void damage(layout_of *l, int how)
{
    mayfly_field_layout *f = l->fields[1];
    mayfly_message_layout *m = &l->messages[1];

    switch (how) {
    case 0: l->layout.abi++; break;
    case 1: l->layout.messages = NULL; break;
    case 2: l->layout.services = NULL; break;
    case 3: l->layout.n_services = 0; break;
    case 4: l->layout.n_messages = 1; break;
    case 5: l->layout.n_imports = 1; break;
    case 6: l->services[0].full_name = NULL; break;
    case 7: l->services[0].methods = NULL; break;
    case 8: l->methods[0][0].name = "a b"; break;
    case 9: l->methods[0][0].request = 99; break;
    case 10: l->methods[0][0].response_import = 1; break;
    case 11: m->full_name = "t..M"; break;
    case 12: m->c_name = "t.M"; break;
    case 13: m->size += 8; break;
    case 14: m->size = 8; break;
    case 15: m->unknown += 8; break;
    case 16: m->has_words = 1000; break;
    case 17: m->has_words = 0; break;
    case 18: m->fields = NULL; break;
    case 19: f[0].number = 0; break;
    case 20: f[1].number = 1; break;
    case 21: f[5].number = 1u << 29; break;
    case 22: f[0].offset += 4; break;
    case 23: f[0].offset += 1; break;
    case 24: f[0].offset = 1u << 31; break;
    case 25: f[0].offset = m->unknown; break;
    case 26: f[0].type = 0; break;
    case 27: f[0].type = 19; break;
    case 28: f[0].type = MAYFLY_TYPE_INT64; break;
    case 29: f[0].cardinality = 3; break;
    case 30: f[0].presence_kind = 4; break;
    case 31: f[0].presence_kind = MAYFLY_POINTER; break;
    case 32: f[0].name = NULL; break;
    case 33: f[0].name = "a*/"; break;
    case 34: f[0].c_name = "a; int b"; break;
    case 35: f[1].message = 99; break;
    case 36: f[1].import = 1; break;
    case 37: f[1].presence_kind = MAYFLY_HASBIT; break;
    case 38: f[1].presence_kind = MAYFLY_IMPLICIT; break;
    case 39: f[2].presence = 1; break;
    case 40: f[3].presence = 64; break;
    case 41: f[4].presence = f[0].offset; break;
    case 42: f[4].presence = m->size; break;
    case 43: f[5].offset = f[0].offset; break;
    case 44: f[6].message = 0; break;
    case 45: f[6].type = MAYFLY_TYPE_INT32; break;
    case 46: f[6].presence_kind = MAYFLY_POINTER; break;
    case 47: l->messages[2].n_fields = 1; break;
    case 48: l->fields[2][0].cardinality = MAYFLY_REPEATED; break;
    case 49: l->messages[0].c_name = "t_M"; break;
    default: fail(); break;
    }
}

/* clang-format on */

enum { DAMAGES = 50 };

static void tables_are_checked(void **state)
{
    static const char text[] =
        "package t; message P {} message M { int32 a = 1; P p = 2; "
        "optional int32 o = 3; optional int32 q = 4; "
        "oneof k { string s = 5; int32 i = 6; } map<string, P> m = 7; "
        "} " SERVICE REPLY;

    (void)state;
    for (int how = 0; how < DAMAGES; how++) {
        versions v;
        bind(&v, text, text);
        assert_int_equal(v.code, 0);
        mf_plan_free(v.bound);
        v.bound = NULL;
        assert_string_equal(v.header->messages[1].full_name, "t.M");
        damage(v.header, how);
        v.code = mf_plan_bind(&v.alloc, v.v2->schema, &v.header->layout, 0, 0,
                              &v.bound, &v.err);
        if (v.code != MAYFLY_EINVAL)
            fail_msg("damage %d: %d %s", how, v.code, v.err.message);
        assert_null(v.bound);
        done(&v);
    }
}

/* A bound plan gives structs that lie as the header's do. */
static void bound_structs_lie_as_the_headers(void **state)
{
    versions v;
    mf_buf out;
    const char *text;

    (void)state;
    bind_fields(
        &v,
        "int32 a = 1; P p = 2; optional int32 o = 3; "
        "oneof k { string s = 5; int32 i = 6; }",
        "int64 a = 1; optional P p = 2; string s = 5; int32 added = 9;");
    assert_int_equal(v.code, 0);
    mf_buf_init(&out, &v.alloc, 0);
    assert_int_equal(mf_emit_structs(v.bound, NULL, &out, &v.err), 0);
    text = mf_buf_text(&out);
    assert_non_null(strstr(text, "struct t_M {\n"
                                 "    uint64_t mayfly_has[1];\n"
                                 "    union {\n"
                                 "        mayfly_str s;\n"
                                 "        int32_t i;\n"
                                 "    };\n"
                                 "    struct t_P *p;\n"
                                 "    int32_t a;\n"
                                 "    int32_t o;\n"
                                 "    uint32_t mayfly_case_40;\n"
                                 "    mayfly_unknown mayfly_unknown_fields;\n"
                                 "};\n"));
    mf_buf_done(&out);
    done(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_schema_fits),
        cmocka_unit_test(fields_come_and_go),
        cmocka_unit_test(types_may_change_within_their_class),
        cmocka_unit_test(packing_is_the_schemas),
        cmocka_unit_test(only_what_is_reached_counts),
        cmocka_unit_test(methods_come_and_go),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(tables_are_checked),
        cmocka_unit_test(bound_structs_lie_as_the_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
