/*
 * tests/unit/schema/corpus.h: the files of tests/corpus in memory.
 *
 * y_* are accepted; n_* are refused, at the place that their first line tells;
 * i_* are imported by others. They import one another by plain names.
 */
#ifndef TESTS_SCHEMA_CORPUS_H
#define TESTS_SCHEMA_CORPUS_H

#include "tests/support/test.h"

#include "compiler/schema/files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CORPUS_MAX = 1000 };

typedef struct corpus {
    mayfly_source files[CORPUS_MAX]; /* by name */
    size_t n;
} corpus;

static int corpus_order(const void *a, const void *b)
{
    return strcmp(((const mayfly_source *)a)->name,
                  ((const mayfly_source *)b)->name);
}

static void corpus_read_file(corpus *c, const char *dir, const char *name)
{
    char path[500];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = malloc(1 << 16);
    assert_non_null(text);
    size_t n = fread(text, 1, (1 << 16) - 1, f);
    text[n] = '\0';
    fclose(f);
    assert_true(c->n < CORPUS_MAX);
    c->files[c->n++] = (mayfly_source){strdup(name), text, n};
}

static void corpus_read(corpus *c)
{
    const char *dir = "tests/corpus";
    DIR *d = opendir(dir);
    assert_non_null(d);
    c->n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t n = strlen(e->d_name);
        if (n > 6 && strcmp(e->d_name + n - 6, ".proto") == 0)
            corpus_read_file(c, dir, e->d_name);
    }
    closedir(d);
    qsort(c->files, c->n, sizeof c->files[0], corpus_order);
}

static void corpus_free(corpus *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free((char *)(uintptr_t)c->files[i].name);
        free((char *)(uintptr_t)c->files[i].text);
    }
}

/* For cmocka_run_group_tests: the state of all tests is the corpus. */
static int corpus_setup(void **state)
{
    static corpus c;
    corpus_read(&c);
    *state = &c;
    return 0;
}

static int corpus_teardown(void **state)
{
    corpus_free(*state);
    return 0;
}

#endif
