/*
 * Nothing from a schema reaches C but identifiers and escaped literals.
 *
 * The schemas here say "ok" in everything that may be named, and "evil" in all
 * that must not come through: comments, options, default values, JSON names,
 * file names. What is generated is cut into tokens, and each of them must be
 * known.
 */
#include "tests/unit/gen/gen.h"

#include <ctype.h>

/* All words that generated C has of its own, beside those with mayfly_, MAYFLY_
 * and mf_ in front. */
static const char known[] =
    " typedef struct union enum static const inline void bool int float double "
    "int32_t int64_t uint32_t uint64_t uint8_t size_t return if else for while "
    "sizeof offsetof NULL UINT64_C INT32_C extern memcpy "
    "m value arena array item items n cap child ptr len context err code "
    "message wire ret_wire ret_message channel proxy ret_proxy call request "
    "reply ret_reply done state server unit handlers options table i w p io "
    "handler "
    "error writer tables number at end entry key presence set "
    "seconds nanos break case switch ";

static int is_known(const char *word, size_t n)
{
    char padded[256];

    if (n + 3 > sizeof padded)
        return 0;
    snprintf(padded, sizeof padded, " %.*s ", (int)n, word);
    return strstr(known, padded) != NULL || strncmp(word, "mayfly_", 7) == 0 ||
           strncmp(word, "MAYFLY_", 7) == 0 || strncmp(word, "mf_", 3) == 0 ||
           strncmp(word, "MF_", 3) == 0;
}

static int has(const char *s, size_t n, const char *what)
{
    size_t k = strlen(what);

    for (size_t i = 0; i + k <= n; i++) {
        if (memcmp(s + i, what, k) == 0)
            return 1;
    }
    return 0;
}

/* One token or space at `s`; its length. */
static size_t check_word(const char *s)
{
    size_t n = 0;

    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    if (isdigit((unsigned char)*s))
        return n;
    /* the file's own name is in identifiers too, in hexadecimal */
    if (has(s, n, "evil") && strncmp(s, "mayfly_", 7) != 0 &&
        strncmp(s, "MAYFLY_H_", 9) != 0)
        fail_msg("a foreign name: %.*s", (int)n, s);
    if (!is_known(s, n) && !has(s, n, "ok") && !has(s, n, "Ok") &&
        strncmp(s, "google_protobuf_", 16) != 0)
        fail_msg("an unknown word: %.*s", (int)n, s);
    return n;
}

static size_t check_literal(const char *s)
{
    size_t n = 1;

    for (; s[n] != '"'; n++) {
        if (s[n] == '\\') {
            for (size_t digit = 1; digit <= 3; digit++)
                assert_true(s[n + digit] >= '0' && s[n + digit] <= '7');
            n += 3;
        } else if (s[n] < ' ' || s[n] > '~' || s[n] == '?' || s[n] == '*') {
            fail_msg("character %d in a literal", s[n]);
        }
    }
    return n + 1;
}

/* Comments and lines of the preprocessor: nothing in them but words, spaces and
 * plain marks. */
static size_t check_run(const char *s, const char *end, const char *marks)
{
    const char *stop = strstr(s, end);

    assert_non_null(stop);
    assert_false(has(s, (size_t)(stop - s), "evil\""));
    for (const char *c = s; c < stop; c++) {
        if (!isalnum((unsigned char)*c) && !strchr(marks, *c))
            fail_msg("character %d in: %.80s", *c, s);
    }
    return (size_t)(stop - s) + strlen(end);
}

static void check_c(const char *text)
{
    const char *s = text;
    int lines = 1;

    while (*s) {
        if (isspace((unsigned char)*s)) {
            lines = *s == '\n' ? 1 : lines;
            s++;
            continue;
        }
        if (*s == '#') {
            assert_true(lines);
            assert_true(strncmp(s, "#ifndef MAYFLY_H_", 17) == 0 ||
                        strncmp(s, "#define MAYFLY_H_", 17) == 0 ||
                        strncmp(s, "#include <mayfly/", 17) == 0 ||
                        strncmp(s, "#include \"", 10) == 0 ||
                        strncmp(s, "#endif\n", 7) == 0);
            s += check_run(s, "\n", "#<>\"/._- ");
            continue;
        }
        lines = 0;
        if (strncmp(s, "/*", 2) == 0)
            s += 2 + check_run(s + 2, "*/", " _.,:;`'/-()\n");
        else if (*s == '"')
            s += check_literal(s);
        else if (isalnum((unsigned char)*s) || *s == '_')
            s += check_word(s);
        else if (strchr("(){}[];,.*&=<>|-+!~:/%", *s))
            s++;
        else if (*s == '?' && s[1] == ' ')
            s++; /* the operator, not the start of a trigraph */
        else
            fail_msg("character %d: %.80s", *s, s);
    }
}

#define EVIL_IMPORT "import evil\"*/ ?\?/\n\\#include <evil.h> \x80.proto"

static const mayfly_source corpus[] = {
    {EVIL_IMPORT,
     "syntax = \"proto3\"; package okimport; message OkFar { int32 ok = 1; }",
     0},
    {"ok\"; evil();//?\?/\\\r\n.proto",
     "// evil */ int evil; /*\n"
     "/* evil // *\\\n/ evil ?\?/ */\n"
     "// #include <evil.h> \\\n"
     "syntax = \"proto3\";\n"
     "package ok.p;\n"
     "import \"import evil\\\"*/ ?\\?/\\n\\\\#include <evil.h> \\x80.proto\";\n"
     "import \"google/protobuf/timestamp.proto\";\n"
     "option java_package = \"evil\\\"; evil(); \\n#include <evil.h> */ "
     "?\?/\";\n"
     "// \"evil */\n"
     "message OkMessage { // evil\\\n"
     "  option deprecated = false;\n"
     "  /* \"evil\" */ string ok_name = 1 [json_name = \"evil\\\" */\"];\n"
     "  optional int32 ok_number = 2 [json_name = \"?\?/\\n#define evil\"];\n"
     "  repeated OkMessage ok_many = 3;\n"
     "  map<string, okimport.OkFar> ok_map = 4;\n"
     "  oneof ok_kind { bytes ok_bytes = 5; okimport.OkFar ok_far = 6; }\n"
     "  google.protobuf.Timestamp ok_at = 7;\n"
     "  reserved \"evil\", \"evil2\";\n"
     "  repeated double ok_doubles = 8 [packed = false];\n"
     "  enum OkColor { OK_NONE = 0; OK_RED = 1 [deprecated = true]; }\n"
     "  OkColor ok_color = 9;\n"
     "}\n"
     "service OkService { // evil */\n"
     "  rpc OkCall(OkMessage) returns (okimport.OkFar) {\n"
     "    option deprecated = false; /* evil */ }\n"
     "  rpc OkStream(stream OkMessage) returns (stream OkMessage);\n"
     "}\n"
     "/* evil at the end ?\?/",
     0},
};

static void nothing_foreign_comes_through(void **state)
{
    mayfly_source sources[2];
    mayfly_error err = MAYFLY_ERROR_INIT;
    char text[8192];
    mf_alloc alloc;
    mf_plan *plan;
    mf_buf out;

    (void)state;
    mf_alloc_init(&alloc, NULL);
    memcpy(sources, corpus, sizeof sources);
    snprintf(text, sizeof text, "%s */", corpus[1].text);
    sources[1].text = text;
    plan = gen_plans(&alloc, sources, 2);
    for (uint32_t i = 0; i < plan->schema->n_files; i++) {
        check_c(gen_header(plan, plan->schema->files[i]->name, &alloc, &out));
        mf_buf_done(&out);
    }
    mf_buf_init(&out, &alloc, 0);
    assert_int_equal(mf_emit_unit(plan, &out, &err), 0);
    check_c(mf_buf_text(&out));
    mf_buf_done(&out);
    mf_plan_free(plan);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

static void headers_of_odd_files_compile(void **state)
{
    mayfly_source sources[2];
    char text[8192], dir[4096];
    mf_alloc alloc;
    mayfly_arena arena;
    mf_plan *plan;

    (void)state;
    mf_alloc_init(&alloc, NULL);
    mf_arena_init(&arena, &alloc, 0, 0);
    memcpy(sources, corpus, sizeof sources);
    snprintf(text, sizeof text, "%s */", corpus[1].text);
    sources[1].text = text;
    plan = gen_plans(&alloc, sources, 2);
    gen_dir(dir);
    gen_write_headers(plan, &alloc, dir);
    snprintf(text, sizeof text, "#include \"%s\"\n",
             mf_header_name(&arena, sources[1].name));
    gen_write(dir, "odd.c", text);
    gen_compile(dir, "odd.c", 1);
    gen_remove(dir);
    mf_plan_free(plan);
    mf_arena_done(&arena);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

/* Names that no lexer lets through could come by another way than text. */
static void names_that_are_no_identifiers_are_refused(void **state)
{
    static const char *const evil[] = {
        "evil*/", "a b",  "",         "9",        "a?\?/",
        "a\"",    "a\nb", "\xc3\xa4", "a.",       ".a",
        "a;b",    "a-b",  "a\\u0041", "#include", "a..b"};
    enum { PLACES = 8 };

    (void)state;
    for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
        for (int place = 0; place < PLACES; place++) {
            mayfly_error err = MAYFLY_ERROR_INIT;
            mf_alloc alloc;
            mf_plan *plan;
            mf_schema *schema;
            mf_message *m;
            mayfly_source source = {
                "a.proto",
                "syntax = \"proto3\"; package p; message M { string s = 1; "
                "oneof o { int32 i = 2; } enum E { A = 0; } message N {} } "
                "service S { rpc R(M) returns (M); }",
                0};
            mf_alloc_init(&alloc, NULL);
            assert_int_equal(gen_parse(&alloc, &source, 1, &schema, &err), 0);
            m = schema->files[0]->messages[0];
            switch (place) {
            case 0:
                m->full_name = evil[i];
                break;
            case 1:
                m->fields[0].name = evil[i];
                break;
            case 2:
                m->oneofs[0].name = evil[i];
                break;
            case 3:
                m->enums[0]->values[0].name = evil[i];
                break;
            case 4:
                m->enums[0]->full_name = evil[i];
                break;
            case 5:
                m->messages[0]->full_name = evil[i];
                break;
            case 6:
                schema->files[0]->services[0].full_name = evil[i];
                break;
            default:
                schema->files[0]->services[0].methods[0].name = evil[i];
                break;
            }
            plan = NULL;
            assert_int_equal(mf_plan_native(&alloc, schema, &plan, &err),
                             MAYFLY_ESCHEMA);
            assert_null(plan);
            mf_schema_unref(schema);
            assert_int_equal(atomic_load(&alloc.blocks), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_foreign_comes_through),
        cmocka_unit_test(headers_of_odd_files_compile),
        cmocka_unit_test(names_that_are_no_identifiers_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
