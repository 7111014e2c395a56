/*
 * compiler/arena/run.h: one compile, as the hooks see it.
 *
 * libtcc calls its hooks without a context of ours, so the compile that holds
 * the lock is found through mf_run_now (state.c, where all mutable globals
 * are). A hook that cannot go on calls mf_run_stop, which jumps to cc.c's own
 * frame; from there the arena is dropped and libtcc's state reset.
 */
#ifndef MF_ARENA_RUN_H
#define MF_ARENA_RUN_H

#include "compiler/arena/carena.h"
#include "compiler/arena/cc.h"

#include <setjmp.h>

enum { MF_RUN_FILES = 32, MF_RUN_FINDINGS = 20, MF_RUN_TEXT = 8192 };

/* Where libtcc finds what is included by <>; no such folder exists. */
#define MF_RUN_ROOT "/mf"

/* An open file: text in memory behind a descriptor that is none. */
typedef struct mf_run_file {
    const char *text; /* NULL: not open */
    size_t len;
    size_t at;
} mf_run_file;

/* Where libtcc is in a source. */
typedef struct mf_run_place {
    char file[256]; /* cut if longer */
    int line;
} mf_run_place;

typedef struct mf_run_shape mf_run_shape; /* shapes.c */
struct mf_tcc_sym;
struct mf_tcc_value;

/* An error or warning, kept until the lock is given up. Offsets into `text`. */
typedef struct mf_run_finding {
    size_t file;
    size_t text;
    int line;
    int is_warning;
} mf_run_finding;

/* The values of switches that are being read. */
typedef struct mf_run_switches {
    int next;        /* what is to come: switches.c */
    unsigned *depth; /* of brackets, behind each one's; a stack */
    size_t n, room;
} mf_run_switches;

typedef struct mf_run {
    const mf_cc_input *input;
    mf_cc_limits limits; /* with the defaults filled in */
    mf_carena *arena;

    jmp_buf out; /* cc.c's frame */
    int stop;    /* the code that it was left with, or 0 */
    const char *stop_text;

    char *stack_low;    /* the stack may reach down to here */
    char *stack_lowest; /* and reached down to here */
    uint64_t deadline_ns;
    unsigned ticks; /* hooks until the clock is looked at */

    const mayfly_source *source; /* is opened next */
    int in_predefs;              /* libtcc writes its predefined macros */
    const char *predefs;         /* ours, instead of its own */
    int system; /* the source may include the system's headers */
    mf_run_file files[MF_RUN_FILES];
    unsigned open_files;
    unsigned n_includes; /* files opened beside the sources */
    unsigned depth;      /* brackets of any kind that are open */
    size_t read_bytes;   /* of sources and includes so far */

    int in_parts;      /* the first of several parts has begun; */
    void *before_part; /* the newest name before that */

    void *pool_owner; /* a pool's owner, whose kind is not known yet */
    void *pool;

    const void **nested; /* set of structs that are parts of others */
    size_t nested_room;  /* a power of two, or 0 */
    size_t n_nested;
    size_t n_arrays;     /* of structs or arrays */
    size_t object_bytes; /* of variables so far, zeroed ones too */
    uint8_t *image;      /* where the linked bytes go ... */
    uintptr_t image_at;  /* ... and where they think they are */
    size_t image_room;   /* bytes of `image` */
    size_t image_end;    /* end of what was written */
    size_t copy_at;      /* the last section that was copied */
    size_t copy_bytes;
    size_t text_bytes; /* of executable sections */
    size_t data_at;    /* begin of the first other section, or SIZE_MAX */

    mf_run_place *asked_place; /* the next message only tells this */
    mf_run_shape *shapes;      /* values that cannot cross, newest first */
    size_t bad_shapes;         /* ... that would */
    uint8_t *looked;           /* set of names that were looked at */
    size_t looked_bytes;
    mf_run_switches switches;

    int linking;
    size_t unresolved; /* names found missing, and as many as have room */
    char names[800];
    mf_run_finding findings[MF_RUN_FINDINGS];
    size_t n_findings;
    char text[MF_RUN_TEXT]; /* of the findings */
    size_t text_used;
} mf_run;

/* Leaves libtcc. `text` is static. */
_Noreturn void mf_run_stop(mf_run *run, int code, const char *text);

/* Leaves libtcc when the stack or the time is used up. */
void mf_run_check(mf_run *run);

/* A struct gets a member of this type, libtcc's; an array of such elements, by
 * libtcc's flags, is declared. Leaves libtcc when types contain each other more
 * deeply than the stack allows. */
void mf_run_member(mf_run *run, const void *of_type);
void mf_run_array(mf_run *run, int element);

/* libtcc's callback for messages; `state` is the run. */
void mf_run_note(void *state, const char *message);
/* An error that it did not find. */
void mf_run_add(mf_run *run, const char *file, int line, const char *text);
/* Calls the user's callback for each finding. */
void mf_run_tell(const mf_run *run);
/* The first error that libtcc named, else `text`; the reason for a stop. Both
 * return the code. */
int mf_run_error(const mf_run *run, const char *text, mayfly_error *err);
int mf_run_stop_error(const mf_run *run, mayfly_error *err);

/* The text of a header that every compile can include, or NULL. */
const char *mf_builtin_header(const char *name, int system_includes);
/* What every source begins with. `marked`: with an object that begins a page,
 * so that data and code can be told apart. */
const char *mf_predefs(int system_includes, int marked);

/* The address of a function that all code may use, or NULL. */
const void *mf_runtime_find(const char *name);
const void *mf_libc_find(const char *name);
const char *mf_libc_name(size_t i); /* the names of the second; NULL: no more */

/* shapes.c: what libtcc passes otherwise than compilers do. A source begins; code
 * or data refers to a symbol; a function is called with the `n` values up to the
 * top; one is defined. Then, in linking: a name is foreign, which may be an error;
 * why a name of the unit's cannot be called from outside, or NULL. */
void mf_run_shapes_begin(mf_run *run);
void mf_run_use(mf_run *run, const struct mf_tcc_sym *sym);
void mf_run_call(mf_run *run, const struct mf_tcc_value *top, int n);
void mf_run_function(mf_run *run, const struct mf_tcc_sym *sym);
void mf_run_import(mf_run *run, const char *name);
const char *mf_run_trouble(const mf_run *run, const char *name);

/* switches.c: reads on. Tokens are put between those that there are. `skip`: behind
 * that token, which is an error if it is not the one at hand. */
void mf_run_advance(mf_run *run);
void mf_run_skip(mf_run *run, int token);
void mf_run_back(mf_run *run, int token); /* to that token */

/* Follows how deeply brackets nest; leaves libtcc when it is too deep. */
void mf_run_nest(mf_run *run, int token);
/* The token is going to be read again. */
void mf_run_unnest(mf_run *run, int token);

/* stack.c: sets how far the calling thread's stack may be used. Errors: ELIMIT
 * (there is too little left). */
int mf_run_bound_stack(mf_run *run, mayfly_error *err);
/* What a deep recursion has used goes back to the system. */
void mf_run_give_back_stack(const mf_run *run);

/* Process-wide state: state.c. */
mf_run *mf_run_now(void);
void mf_run_enter(mf_run *run); /* waits for its turn */
void mf_run_leave(void);        /* resets libtcc, lets the next one in */
void mf_run_idle(void); /* gives libtcc's state back to the system, if nobody
                           compiles */

/* Tests only: the allocation with number `at` (from 1) fails, and with
 * `persist` all after it too; 0: none. Returns the allocations counted since
 * the last call. */
uint64_t mf_run_fail_at(uint64_t at, int persist);
int mf_run_fails(void); /* counts one */

#endif
