/*
 * compiler/arena/cc.h: C source in, a code image in the zone out.
 *
 * libtcc behind a fence. Its allocations are taken from a compile arena that is
 * dropped as a whole, its files are served from memory, its exits, failed
 * asserts and lack of memory come back as errors, its stack and time are
 * checked while it works, and its global state is reset after every compile
 * (docs/architecture.md tells how). The one file that includes libtcc.h is
 * cc.c.
 *
 * Threads: any; libtcc has global state, so compiles take turns in a process.
 */
#ifndef MF_ARENA_CC_H
#define MF_ARENA_CC_H

#include "base/alloc.h"
#include "base/census.h"
#include "compiler/arena/carena.h"
#include "compiler/arena/zone.h"

#include <mayfly/context.h>
#include <mayfly/error.h>

typedef struct mf_cc mf_cc;

typedef struct mf_cc_limits { /* 0: the default */
    size_t source_bytes;      /* sources and includes together: 64 MiB */
    size_t arena_bytes;       /* 256 MiB */
    size_t code_bytes;        /* of one unit; as the zone allows */
    size_t stack_bytes; /* of the calling thread: what is left less 64 KiB, at
                           the most 8 MiB */
    unsigned time_ms;   /* 10,000 */
    unsigned include_depth;  /* 30, which is also the most */
    unsigned includes;       /* files included in all: 10,000 */
    unsigned mappings_spare; /* that the process keeps: 4096; of all compiles
                                only */
    unsigned nesting; /* brackets of any kind inside of each other: as the stack
                         allows */
} mf_cc_limits;

typedef struct mf_image {
    mf_span span;
    const void
        *tables;       /* where the tables ended up; NULL when there are none */
    size_t text_bytes; /* of the code part: instructions */
    size_t const_bytes; /* literals, linkage */
    size_t table_bytes;
    size_t data_bytes; /* writable */
    void *resident;    /* the kept compile arena, or NULL */
} mf_image;

/*
 * One of several units that are compiled as one source, for what is the same in all
 * of them is read once. Each becomes an image of its own, of whole pages, and is
 * released by itself. In the source, part number N begins with the line
 *
 *     #pragma comment(option, "part")
 *
 * behind which names of the part before are not known any more, and the object
 * `char mf_tables_N[]`, which begins a page and has room for the tables. It ends
 * with the object `mf_unit_entry_N`. All of a part is in the section .text, and it
 * refers to nothing outside of itself but by address.
 */
#define MF_CC_NEXT_PART "part"
typedef struct mf_cc_part {
    const void *tables;
    size_t table_bytes;
    size_t entry_bytes; /* of the last object */
    mf_image image;     /* result; text and constants are not told apart */
    void *entry;        /* result: where the last object is */
} mf_cc_part;

typedef struct mf_cc_input {
    const mayfly_source *sources; /* each one translation unit */
    size_t n_sources;
    /* Finds the text of an #include; NULL: there is none of that name. The text
     * must stay until the compile is over. */
    const char *(*include)(void *state, const char *name, size_t *ret_len);
    void *include_state;
    /* Folders in which what is included by <>, or not found beside the source
     * that asks, is looked up next. */
    const char *const *include_dirs;
    size_t n_include_dirs;
    int real_paths; /* an include may name a file by an absolute path, or by one
                       that goes up; else neither names anything */
    const char *prelude; /* whole lines that sources begin with; or NULL */
    size_t prelude_from; /* the first source that does */
    int system_includes; /* what is included and not found there may be a header
                            of the system's; else only those of a compiler:
                            stdarg, stdbool, stddef, stdint, limits, float, and
                            a short string.h */
    size_t system_from;  /* the first source for which that holds: the system's
                            headers take longer than a small unit */
    const mayfly_symbol *const *symbols; /* tables of names the code may use */
    const size_t *n_symbols;
    size_t n_symbol_tables;
    /* Asked for a name that is nowhere else; NULL: it is unresolved. Called
     * with the compiler at work: must not call mayfly. */
    const void *(*resolve)(void *state, const char *name);
    void *resolve_state;
    const char *const *wanted; /* names whose addresses are asked for */
    size_t n_wanted;
    void **ret_addresses; /* one per wanted name; NULL where not defined */
    /* Called for every global name that the sources define, with its address in
     * the image (not of what they only use); NULL: nobody asks. `trouble`: why
     * code of other compilers cannot call it, or NULL. The strings are good
     * during the callback only. Not 0 ends the compile with that code. */
    int (*defined)(void *state, const char *name, void *address,
                   const char *trouble);
    void *defined_state;
    const void *tables; /* placed beside the code, aligned to 64 */
    size_t table_bytes;
    mf_cc_part *parts; /* the source is several units; then none of wanted,
                          defined, tables, mutable_data, resident is used */
    size_t n_parts;
    int mutable_data; /* the sources have writable data: give it pages of
                         its own; else all becomes read-execute */
    int warnings_are_errors;
    int resident;        /* keep the compile arena with the image */
    mf_cc_limits limits; /* the compiler's own hold too */
    mayfly_diagnostic_fn diagnostic;
    void *diagnostic_state;
} mf_cc_input;

typedef struct mf_cc_report {
    mf_census census; /* of the compile arena at its fullest: arena "compile" */
    size_t arena_peak_bytes;
    uint64_t compile_ns;
    uint64_t link_ns;
} mf_cc_report;

int mf_cc_new(mf_alloc *alloc, mf_zone *zone, mf_cc **ret_cc,
              mayfly_error *err);
void mf_cc_free(mf_cc *cc);

/* For the compiles that begin from now on. */
void mf_cc_set_limits(mf_cc *cc, const mf_cc_limits *limits);

/* From now on every compile is refused. */
void mf_cc_forbid(mf_cc *cc);
/* 0, or EUNSUPPORTED where it is forbidden. */
int mf_cc_check_allowed(const mf_cc *cc, mayfly_error *err);

/* Errors: ECOMPILE (with file, line), ELINK (every unresolved name), ELIMIT
 * (which is named: source, compile arena, stack, nesting, time, includes,
 * code), ENOMEM, EIO, EUNSUPPORTED (forbidden). After any of them the next
 * compile is as if this one had not been. `ret_image` is not used where there are
 * parts; `ret_report` may be NULL. */
int mf_cc_compile(mf_cc *cc, const mf_cc_input *input, mf_image *ret_image,
                  mf_cc_report *ret_report, mayfly_error *err);

/* Gives back the image's pages, and its compile arena if that was kept. */
void mf_cc_release(mf_cc *cc, mf_image *image);

/* The code arena's kinds of one image, arena "code". And, where the compile
 * arena was kept, its kinds, arena "compile". */
void mf_cc_census(const mf_image *image, mf_census *c);

/* A compile arena is kept hot for the next compile. This gives it back when it
 * has not been used for `idle_ns`; 0: at once. */
void mf_cc_trim(mf_cc *cc, uint64_t idle_ns);
void mf_cc_keep_none(mf_cc *cc); /* none is kept, from now on */

/* Tells `add` each compile arena there is: of a compile under way, kept hot,
 * kept with an image. `space` only where nobody works in it; else NULL. `add`
 * must not call the compiler. */
typedef void (*mf_cc_arena_fn)(void *state, const void *at, size_t bytes,
                               int is_hot, const mf_carena_space *space);
void mf_cc_each_arena(const mf_cc *cc, mf_cc_arena_fn add, void *state);

/* Bytes of compile arenas held at the moment, hot ones included. */
size_t mf_cc_arena_bytes(const mf_cc *cc);

#endif
