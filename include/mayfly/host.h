/*
 * mayfly/host.h: the root object.
 *
 * A host owns everything else: its loop threads and workers, the compiler, the
 * zone in which compiled code lives, the contexts. Several hosts in one process
 * do not touch each other. mayfly changes nothing process-wide: no signal
 * dispositions, no environment, no allocator; it prints nothing.
 *
 *     mayfly_host *host;
 *     mayfly_host_new(MAYFLY_HOST_OPTIONS(.log = my_log), &host, &err);
 *     ...
 *     mayfly_host_free(host);
 *
 * Threads: every function here may be called from any thread. After fork() the
 * child must not use handles of the parent: each call answers MAYFLY_EFORKED; a
 * host made in the child works.
 */
#ifndef MAYFLY_HOST_H
#define MAYFLY_HOST_H

#include <mayfly/error.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_host mayfly_host;
struct mayfly_arena; /* arena.h */
struct uv_loop_s;    /* libuv's uv_loop_t */

/*
 * Where mayfly takes its heap memory. The table is copied into the host. `alloc`
 * returns `size` bytes aligned to 16 or NULL; `resize` is realloc; `release` takes
 * NULL. All three are called from any thread. Compile arenas and compiled code are
 * mapped, not taken from here.
 */
typedef struct mayfly_allocator {
    void *(*alloc)(void *state, size_t size);
    void *(*resize)(void *state, void *block, size_t size);
    void (*release)(void *state, void *block);
    void *state;
} mayfly_allocator;

enum mayfly_log_level {
    MAYFLY_LOG_ERROR = 0,
    MAYFLY_LOG_WARNING = 1,
    MAYFLY_LOG_INFO = 2,
    MAYFLY_LOG_DEBUG = 3
};

/* `owner` names the part of mayfly that speaks ("server", "cache"). The strings
 * are valid during the callback only. Called from any thread; must not block and
 * must not call mayfly. */
typedef void (*mayfly_log_fn)(void *state, int level, const char *owner,
                              const char *text);

/*
 * What loading may take at the most. Exceeding one of these is MAYFLY_ELIMIT, and
 * the message begins with the limit's name. 0 means the default. A load may have
 * limits of its own (mayfly_load_options): then the smaller of the two holds.
 */
typedef struct mayfly_limits {
    size_t size;           /* set by MAYFLY_LIMITS */
    size_t source_bytes;   /* "source": C source with all that it includes, of one
                              context; 64 MiB */
    size_t compile_bytes;  /* "compile arena": of one compile; 256 MiB */
    size_t code_bytes;     /* "code": of all contexts together; 1 GiB. In a load's
                              own: of one unit, of which a context has one, and one
                              more for each other layout it is used with; no bound */
    unsigned compile_ms;   /* "time": of one compile; 10,000 */
    unsigned nesting;      /* "nesting": brackets of any kind inside of each other
                              in C source; as the stack allows, whose end is an
                              error too: "stack" */
    unsigned include_depth; /* "includes": files that include each other; 30,
                               which is also the most */
    unsigned includes;     /* "includes": files included in one compile; 10,000 */
    unsigned contexts;     /* "contexts": that are not unloaded; no bound. Of a
                              host only */
    unsigned mappings_spare; /* "mappings": nothing is compiled when the process has
                              fewer than these left of the number that the
                              kernel allows it; 4,096. Of a host only */
} mayfly_limits;

#define MAYFLY_LIMITS(...) \
    (&(mayfly_limits){ .size = sizeof(mayfly_limits), __VA_ARGS__ })

/* What a host is tuned for; docs/presets.md has the table of what each sets and
 * what was measured. Options that are given hold against the preset. */
enum mayfly_preset {
    MAYFLY_BALANCED = 0,
    MAYFLY_SMALL = 1, /* memory goes back almost at once, and less is kept */
    MAYFLY_FAST = 2   /* memory is kept for seconds, and more of it */
};

typedef struct mayfly_host_options {
    size_t size; /* set by MAYFLY_HOST_OPTIONS */
    const mayfly_allocator *allocator; /* NULL: malloc */
    mayfly_log_fn log;                 /* NULL: silent */
    void *log_state;
    int log_level;             /* most detail to log; default WARNING */
    unsigned loops;            /* event-loop threads; 0: 1. With `uv_loop` that
                                  one is the first of them */
    unsigned workers;          /* most threads for blocking handlers; 0: 4, SMALL: 2,
                                  FAST: 16 */
    size_t source_bytes_max;   /* C source per context; 0: 64 MiB */
    size_t compile_bytes_max;  /* compile arena per compile; 0: 256 MiB */
    size_t code_bytes_max;     /* all compiled units together; 0: 1 GiB */
    unsigned compile_ms_max;   /* time of one compile; 0: 10,000 */
    unsigned idle_ms;          /* unused memory goes back after; 0: 200, SMALL: 20,
                                  FAST: 10,000 */
    const mayfly_limits *limits; /* instead of the four above, where not 0, and
                                    further ones; copied. NULL: none */
    int forbid_compile;        /* nothing is compiled at run time, whoever asks:
                                  every load answers EUNSUPPORTED */
    unsigned quarantine_max; /* see mayfly_host_set_quarantine; 0: 64, SMALL: 16 */
    unsigned quarantine_ms;  /* likewise; 0: 60,000, SMALL: 10,000 */
    int measure_process;       /* receipts also read /proc/self (about 0.3 ms a
                                  snapshot), and what is kept for speed is given
                                  back before each reading; 2: also the mappings
                                  by type (about 1 ms); 0: arenas only */
    struct uv_loop_s *uv_loop; /* a loop of yours to run on instead of a thread;
                                  see "on a loop of yours". NULL: none */
    int preset;                /* enum mayfly_preset */
    int reserved;              /* 0 */
} mayfly_host_options;

#define MAYFLY_HOST_OPTIONS(...) \
    (&(mayfly_host_options){     \
        .size = sizeof(mayfly_host_options), .log_level = 1, __VA_ARGS__ })

/* `options` may be NULL for the defaults. Errors: EINVAL (an option out of its
 * range or not known to this mayfly), ENOMEM, EIO (no thread, no descriptor). */
MAYFLY_API int mayfly_host_new(const mayfly_host_options *options,
                               mayfly_host **ret_host, mayfly_error *err);

/* Stops servers and channels that are left, cancels their calls, unloads every
 * context, joins all threads. Handles that are still referenced stay valid for
 * their free/unref and answer errors. NULL is allowed. Must not be called on a
 * loop thread or a worker of this host; for a host on a loop of yours see there. */
MAYFLY_API void mayfly_host_free(mayfly_host *host);

/*
 * --- on a loop of yours ---
 *
 * A host that is given a uv_loop_t makes no thread for it: its servers, channels
 * and timers live on that loop, and its handlers and `done` callbacks run on the
 * thread that runs it. Several hosts may share a loop.
 *
 *     uv_loop_t *loop = uv_default_loop();
 *     mayfly_host_new(MAYFLY_HOST_OPTIONS(.uv_loop = loop), &host, &err);
 *     ...
 *     uv_run(loop, UV_RUN_DEFAULT);
 *     mayfly_host_free(host);
 *
 * Thread. The loop's thread is the one that ran it last; before its first turn
 * the one that made the host, or that called mayfly_host_take_loop. There, and in
 * callbacks of mayfly's on any loop, what waits for the loop answers
 * MAYFLY_EONLOOP, whether it runs at the moment or not. mayfly_host_new has to be called on the
 * thread that runs the loop, or before it runs. All other functions may be called
 * from any thread as ever; what has to wait for the loop (a blocking call,
 * mayfly_server_free) goes on when somebody runs it.
 *
 * uv_run returns. The host keeps it from returning while a server listens or has
 * connections, while a call that was started on this host has not ended, and while
 * it is being closed; an idle host does not, nor do connections of channels without
 * calls and timers of contexts. What other threads ask for keeps it only from the next turn on: where they
 * use the host, keep the loop running by a handle of your own. Unused memory goes
 * back as the loop turns.
 *
 * Closing. The host's handles are closed by turns of the loop, hence
 * - mayfly_host_free on the loop's thread, when the loop does not run, turns it
 *   until they are closed; your own callbacks run meanwhile when they are due;
 * - mayfly_host_free on another thread waits until the loop's thread, which runs
 *   it, has closed them;
 * - in any callback of the loop use mayfly_host_close.
 */

/*
 * Frees the host as mayfly_host_free does, without waiting: handlers that block
 * are waited for by the loop, which goes on meanwhile. The host must not be used
 * any more. `done`, unless NULL, is called on the loop's thread when its last
 * handle is closed. Any thread. Errors: EINVAL (the host has no loop of yours),
 * ECANCELLED (it is being freed), EFORKED.
 */
MAYFLY_API int mayfly_host_close(mayfly_host *host, void (*done)(void *state),
                                 void *state, mayfly_error *err);

/* Makes the calling thread the loop's, as its first turn there would: for a thread
 * that will run a loop whose host another one has made and goes on using. Errors:
 * EINVAL (the host has no loop of yours), ECANCELLED, EFORKED. */
MAYFLY_API int mayfly_host_take_loop(mayfly_host *host, mayfly_error *err);

/* Changes the limits of loads that begin from now on; what is loaded stays. 0
 * stands for the default, not for what was set before. Errors: EINVAL (a limit
 * that this mayfly does not know; code_bytes beyond what the host has reserved addresses for,
 * which is twice the first limit and 1 GiB at the least), EFORKED. */
MAYFLY_API int mayfly_host_set_limits(mayfly_host *host,
                                      const mayfly_limits *limits,
                                      mayfly_error *err);

/* The limits as they were set; 0: the default. The caller has set
 * `ret_limits->size` to the struct's; nothing is stored when it has not. */
MAYFLY_API void mayfly_host_get_limits(mayfly_host *host,
                                       mayfly_limits *ret_limits);

/*
 * After an unload the addresses of code and data stay reserved, without memory and
 * without access, before something else is put there, so that a stale pointer
 * faults; what stood there is remembered as long (fault.h). At the most the newest
 * `units` wait (a context is one, and one more for each header that it was bound
 * to), each for `age_ms` at the most, which is looked at when something is loaded,
 * unloaded or trimmed; where no other addresses are left, none. What exceeds new
 * bounds ends at once. Errors: EINVAL (more than 65,536 units), ENOMEM, EFORKED.
 */
MAYFLY_API int mayfly_host_set_quarantine(mayfly_host *host, size_t units,
                                          unsigned age_ms, mayfly_error *err);

/*
 * Everything that stays registered until it is taken back is counted per owner:
 * pins, listeners, weak handles, routes of servers, bindings to headers, and what
 * code in a context has registered for later. The owner is the name that was
 * given, the context's where none is asked for, "raw routes" for handlers without
 * a context. An owner that has nothing left is forgotten.
 */
typedef struct mayfly_registration {
    const char *owner;
    const char *kind; /* "pin", "listener", "weak handle", "route", "binding",
                         "thread", "timer", ...; static */
    size_t count;
    size_t peak; /* since the owner has had something of this kind */
} mayfly_registration;

/* When one owner has more than `limit` of one kind, this is logged once, as a
 * warning with owner and count; again only after the count was down to half of
 * it, or the limit was set anew. Nothing is refused. 0 (the default): no limit.
 * Errors: EINVAL, EFORKED. */
MAYFLY_API int mayfly_host_set_registration_limit(mayfly_host *host,
                                                  size_t limit,
                                                  mayfly_error *err);

/* The strings are good during the callback, which must not call mayfly. */
typedef void (*mayfly_registration_fn)(void *state,
                                       const mayfly_registration *registration);

/* Calls back for each owner and kind there is. Errors: EINVAL, EFORKED. */
MAYFLY_API int mayfly_host_each_registration(mayfly_host *host,
                                             mayfly_registration_fn each,
                                             void *state, mayfly_error *err);

/* The same as a JSON array of objects with the members' names, in the arena.
 * Errors: EINVAL, ENOMEM, EFORKED. */
MAYFLY_API int mayfly_host_registrations_json(mayfly_host *host,
                                              struct mayfly_arena *arena,
                                              mayfly_str *ret_json,
                                              mayfly_error *err);

/* Gives back at once what is kept for speed: the hot compile arena, pools, free
 * pages of the code zone. The host does the same by itself `idle_ms` after it
 * was last needed. */
MAYFLY_API void mayfly_host_trim(mayfly_host *host);

MAYFLY_END

#endif
