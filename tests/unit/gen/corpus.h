/*
 * tests/unit/gen/corpus.h: a schema in which every word of words.h is the name
 * of everything that has a name.
 */
#ifndef TESTS_UNIT_GEN_CORPUS_H
#define TESTS_UNIT_GEN_CORPUS_H

#include "tests/unit/gen/gen.h"
#include "tests/unit/gen/words.h"

/* How many words before this one have the same name in JSON, which two fields
 * of a message may not have. */
static inline int namesakes(size_t at)
{
    int n = 0;

    for (size_t i = 0; i < at; i++) {
        const char *a = gen_words[i], *b = gen_words[at];
        for (; *a || *b; a++, b++) {
            a += strspn(a, "_");
            b += strspn(b, "_");
            if ((*a | 0x20) != (*b | 0x20) || !*a)
                break;
        }
        n += !*a && !*b;
    }
    return n;
}

typedef struct writer {
    char *at;
    size_t left;
} writer;

static inline void put(writer *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void put(writer *t, const char *format, ...)
{
    va_list args;
    size_t n;

    va_start(args, format);
    n = (size_t)vsnprintf(t->at, t->left, format, args);
    va_end(args);
    assert_true(n < t->left);
    t->at += n;
    t->left -= n;
}

/* A line per word: before, the word, after, a number, end. */
static inline void put_words(writer *t, int round, const char *before,
                             const char *after, const char *end)
{
    for (unsigned i = 0; i < GEN_WORDS; i++) {
        if (round < 0 || namesakes(i) == round)
            put(t, "%s%s%s%u%s", before, gen_words[i], after, i + 1, end);
    }
}

/* Every word as everything that has a name. */
static inline void words_text(char *buf, size_t size, const char *package)
{
    static const struct {
        const char *open, *before, *close;
    } messages[] = {
        {"message Plain%d {\n", "  int32 ", "}\n"},
        {"message Optional%d {\n", "  optional string ", "}\n"},
        {"message Repeated%d {\n", "  repeated Plain0 ", "}\n"},
        {"message Maps%d {\n", "  map<string, Plain0> ", "}\n"},
        {"message Members%d { oneof kind {\n", "  Plain0 ", "} }\n"},
        {"message Values%d { enum Kind { ZERO = 0;\n", "  ", "} }\n"},
    };
    writer t = {buf, size};

    put(&t, "syntax = \"proto3\";\n%s", package);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        for (int round = 0; round < 4; round++) {
            char *start = t.at;
            char open[64];
            snprintf(open, sizeof open, messages[i].open, round);
            put(&t, "%s", open);
            put_words(&t, round, messages[i].before, " = ", ";\n");
            if (strcmp(start, open) ==
                0) /* no such words: a oneof needs some */
                t = (writer){start, size - (size_t)(start - buf)};
            else
                put(&t, "%s", messages[i].close);
        }
    }
    put(&t, "message Cases {\n");
    for (unsigned i = 0; i < GEN_WORDS; i++)
        put(&t, "  oneof %s { bool case%u = %u; }\n", gen_words[i], i, i + 1);
    put(&t, "}\nmessage Enums {\n");
    put_words(&t, -1, "  enum ", " { value", " = 0; }\n");
    put(&t, "}\nmessage Nested {\n");
    put_words(&t, -1, "  message ", " { optional int32 x", " = 1; }\n");
    put(&t, "}\nservice Service {\n");
    put_words(&t, -1, "  rpc ", "(Plain0) returns (Plain0); // ", "\n");
    put(&t, "}\n");
    put_words(&t, -1, "message ", " { string s = ", "; }\n");
}

#endif
