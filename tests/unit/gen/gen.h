/*
 * tests/unit/gen/gen.h: schemas and plans from text, and output that goes
 * through compilers.
 */
#ifndef TESTS_UNIT_GEN_GEN_H
#define TESTS_UNIT_GEN_GEN_H

#include "compiler/gen/emit.h"
#include "compiler/gen/plan.h"
#include "compiler/schema/files.h"
#include "tests/support/plan.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GEN_FILES = 32 };

/* The schema of files in memory; all whose name does not begin with "import"
 * are roots. */
static inline int gen_parse(mf_alloc *alloc, const mayfly_source *sources,
                            size_t n, mf_schema **ret, mayfly_error *err)
{
    mf_files files = {.alloc = alloc, .memory = sources, .n_memory = n};
    mf_schema_source source = mf_files_source(&files);
    const char *roots[GEN_FILES];
    size_t n_roots = 0;

    for (size_t i = 0; i < n; i++) {
        if (strncmp(sources[i].name, "import", 6) != 0)
            roots[n_roots++] = sources[i].name;
    }
    return mf_schema_parse(alloc, &source, roots, n_roots, NULL, NULL, NULL,
                           ret, err);
}

static inline mf_plan *gen_plans(mf_alloc *alloc, const mayfly_source *sources,
                                 size_t n)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_schema *schema;
    mf_plan *plan;

    if (gen_parse(alloc, sources, n, &schema, &err) != 0)
        fail_msg("%s", err.message);
    if (mf_plan_native(alloc, schema, &plan, &err) != 0)
        fail_msg("%s", err.message);
    mf_schema_unref(schema);
    return plan;
}

/* One file, "a.proto", of proto3 text without its first line. */
static inline mf_plan *gen_plan(mf_alloc *alloc, const char *text)
{
    char *whole = malloc(strlen(text) + 32);
    mayfly_source source = {"a.proto", whole, 0};
    mf_plan *plan;

    sprintf(whole, "syntax = \"proto3\";\n%s", text);
    plan = gen_plans(alloc, &source, 1);
    free(whole);
    return plan;
}

/* Of a file in the tree, with the allocator made new. */
static inline mf_plan *gen_read(mf_alloc *alloc, const char *dir,
                                const char *name)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_plan *plan;

    mf_alloc_init(alloc, NULL);
    if (test_plan(alloc, dir, name, &plan, &err) != 0)
        fail_msg("%s", err.message);
    return plan;
}

static inline const mf_file *gen_file(const mf_plan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->schema->n_files; i++) {
        if (strcmp(plan->schema->files[i]->name, name) == 0)
            return plan->schema->files[i];
    }
    fail_msg("no file %s", name);
    return NULL;
}

/* The header of one file of the plan, as text in `out`. */
static inline const char *gen_header(const mf_plan *plan, const char *file,
                                     mf_alloc *alloc, mf_buf *out)
{
    mayfly_error err = MAYFLY_ERROR_INIT;

    mf_buf_init(out, alloc, 0);
    if (mf_emit_header(plan, gen_file(plan, file), out, &err) != 0)
        fail_msg("%s", err.message);
    return mf_buf_text(out);
}

static inline void gen_write(const char *dir, const char *name,
                             const char *text)
{
    char path[5000];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/'));
         slash++) {
        *slash = 0;
        mkdir(path, 0777);
        *slash = '/';
    }
    f = fopen(path, "wb");
    if (!f)
        fail_msg("cannot write %s", path);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

/* Headers of all files that the plan has messages or services of. */
static inline void gen_write_headers(const mf_plan *plan, mf_alloc *alloc,
                                     const char *dir)
{
    for (uint32_t i = 0; i < plan->schema->n_files; i++) {
        const char *file = plan->schema->files[i]->name;
        mayfly_arena arena;
        mf_buf out;
        mf_arena_init(&arena, alloc, 0, 0);
        gen_write(dir, mf_header_name(&arena, file),
                  gen_header(plan, file, alloc, &out));
        mf_buf_done(&out);
        mf_arena_done(&arena);
    }
}

/* A new folder below the build's; the caller leaves it there for whoever wants
 * to see what failed. */
static inline const char *gen_dir(char buf[4096])
{
    const char *build = getenv("BUILD");

    snprintf(buf, 4096, "%s/gen-test-XXXXXX", build ? build : "/tmp");
    if (!mkdtemp(buf))
        fail_msg("cannot make %s", buf);
    return buf;
}

static inline void gen_remove(const char *dir)
{
    char command[4200];

    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

/* Compiles dir/name as C11 with gcc and clang, and as C++17 with theirs,
 * without a warning. */
static inline void gen_compile(const char *dir, const char *name, int cpp)
{
    static const char *const compilers[] = {
        "gcc -std=gnu11 -x c", /* where `unix` and `linux` are macros */
        "clang -std=c11 -x c", "g++ -std=c++17 -x c++",
        "clang++ -std=c++17 -x c++"};

    for (size_t i = 0; i < sizeof compilers / sizeof *compilers; i++) {
        char command[9000];
        if (!cpp && strstr(compilers[i], "++"))
            continue;
        snprintf(command, sizeof command,
                 "%s -fsyntax-only -pedantic -Wall -Wextra -Wconversion "
                 "-Wsign-conversion -Wshadow -Werror -D_GNU_SOURCE -Iinclude "
                 "-I%s %s/%s",
                 compilers[i], dir, dir, name);
        if (strncmp(compilers[i], "clang", 5) == 0 &&
            system("command -v clang >/dev/null") != 0)
            continue;
        if (system(command) != 0)
            fail_msg("%s", command);
    }
}

#endif
