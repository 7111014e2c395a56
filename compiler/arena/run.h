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

/* An error or warning, kept until the lock is given up. Offsets into `text`. */
typedef struct mf_run_finding {
    size_t file;
    size_t text;
    int line;
    int is_warning;
} mf_run_finding;

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

/* Follows how deeply brackets nest; leaves libtcc when it is too deep. */
void mf_run_nest(mf_run *run, int token);
/* The token is going to be read again. */
void mf_run_unnest(mf_run *run, int token);

/* Process-wide state: state.c. */
mf_run *mf_run_now(void);
void mf_run_enter(mf_run *run); /* waits for its turn */
void mf_run_leave(void);        /* resets libtcc, lets the next one in */
void mf_run_idle(void); /* gives libtcc's state back to the system, if nobody
                           compiles */
/* The lowest address that the calling thread's stack may use, or NULL when it
 * is not running on its own stack. */
char *mf_stack_end(void);

/* Tests only: the allocation with number `at` (from 1) fails, and with
 * `persist` all after it too; 0: none. Returns the allocations counted since
 * the last call. */
uint64_t mf_run_fail_at(uint64_t at, int persist);
int mf_run_fails(void); /* counts one */

#endif
