/*
 * mayfly/context.h: loading a schema, holding it, unloading it, and the receipt.
 *
 * A context is one loaded unit: a linked schema, the codecs, client stubs and
 * server dispatchers compiled for it, and the memory they live in.
 *
 *     mayfly_context *ctx;
 *     mayfly_load_file(host, "greeter", "greeter.proto", NULL, &ctx, &err);
 *     ...
 *     mayfly_receipt *receipt;
 *     mayfly_unload(ctx, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 1000), &receipt, &err);
 *     puts(mayfly_receipt_text(receipt));
 *     mayfly_receipt_free(receipt);
 *     mayfly_context_unref(ctx);
 *
 * The handle outlives the code: after unload it still answers its name and state,
 * and everything that would need the code answers MAYFLY_EUNLOADED.
 *
 * Threads: every function may be called from any thread.
 */
#ifndef MAYFLY_CONTEXT_H
#define MAYFLY_CONTEXT_H

#include <mayfly/arena.h>
#include <mayfly/error.h>
#include <mayfly/host.h>
#include <mayfly/layout.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_context mayfly_context;
typedef struct mayfly_pin mayfly_pin;
typedef struct mayfly_receipt mayfly_receipt;

enum mayfly_context_state {
    MAYFLY_COMPILING = 0,
    MAYFLY_LIVE = 1,
    MAYFLY_UNLOADING = 2, /* refuses new leases, waits for those that are held */
    MAYFLY_UNLOADED = 3   /* every byte is given back; the handle remains */
};

/* A name that C source compiled into a context may use, and where it is. */
typedef struct mayfly_symbol {
    const char *name;
    const void *address;
} mayfly_symbol;

#define MAYFLY_SYMBOL(name) { #name, (const void *)(uintptr_t)(name) }

/* One file of text in memory. `len` 0 with text not NULL: zero-terminated. */
typedef struct mayfly_source {
    const char *name;
    const char *text;
    size_t len;
} mayfly_source;

/* The text of the file that C source includes as `name`, or NULL. It must stay
 * until the load returns. `ret_len` may be left as it is (0) for zero-terminated
 * text. What is included beside a source or header "dir/a.c" is asked for as
 * "dir/name" first, then as "name". A unit (cache.h) asks for all that the source
 * names, before it is compiled. Called while the compiler is at work: must not
 * call mayfly. */
typedef const char *(*mayfly_include_fn)(void *state, const char *name,
                                         size_t *ret_len);

/* The address of a name that is not found elsewhere, or NULL. Called while the
 * compiler is at work: must not call mayfly. */
typedef const void *(*mayfly_resolve_fn)(void *state, const char *name);

/* The path of a schema file that is looked for on disk, before it is opened and
 * whether or not it is there. Must not call mayfly. */
typedef void (*mayfly_file_fn)(void *state, const char *path);

/*
 * What a load takes. A name that C source uses is looked up in this order: the
 * sources themselves; mayfly's wrappers (source.h); `symbols`; what the host
 * exports (mayfly_host_export); a list of libc's; mayfly's functions; `resolve`;
 * `libraries`; `library_dirs`. What is in none of them is an error of the load.
 */
typedef struct mayfly_load_options {
    size_t size; /* set by MAYFLY_LOAD_OPTIONS */
    const char *const *include_dirs; /* -I: where imports are looked up, in order */
    size_t n_include_dirs;           /* 0: the folder of the schema file */
    const mayfly_source *files; /* schema files by import name, before the folders */
    size_t n_files;
    const mayfly_source *handlers; /* C source compiled into the context, each one
                                      translation unit; it may include the
                                      schema's header by its name, "greeter.mf.h",
                                      and the system's */
    size_t n_handlers;
    const mayfly_symbol *symbols; /* what that source may call or use */
    size_t n_symbols;
    int resident; /* keep the compile arena with the context: for comparison */
    int strict_presence; /* a message is refused (EENCODE, with the field's name)
                            where a field has a value and its has-bit, or its
                            oneof's case, does not say so: the member was assigned
                            instead of set, and would not be sent. Holds for typed
                            requests, replies and mayfly_encode; costs a walk over
                            each message. For tests, and while porting */
    const mayfly_limits *limits; /* of this load, beside the host's; NULL: none */
    mayfly_diagnostic_fn diagnostic; /* each error and warning; NULL: none */
    void *diagnostic_state;
    mayfly_context *previous; /* a version of this that is live: its state is
                                 offered to the source's mayfly_on_load
                                 (handlers.h). Pinned during the load. NULL: this
                                 is the first */
    mayfly_include_fn include; /* what that source includes: asked first, after
                                  the schema's headers */
    void *include_state;
    const char *const *header_dirs; /* -I of C: then looked up here, in order; with
                                       folders, "../x.h" and "/dir/x.h" are read as
                                       they are */
    size_t n_header_dirs;
    const char *const *defines; /* -D: "NAME" or "NAME=TEXT" */
    size_t n_defines;
    mayfly_resolve_fn resolve; /* asked for names, see above */
    void *resolve_state;
    const char *const *libraries; /* -l: a soname, a path, or "m" for libm; opened
                                     for the load and kept until unload */
    size_t n_libraries;
    const char *const *library_dirs; /* folders. Each shared object in them (x.so,
                                        libx.so.1) that defines a name which is
                                        still missing is opened, in the order of
                                        their names, and kept until unload; the
                                        others are only looked into */
    size_t n_library_dirs;
    mayfly_file_fn file; /* told which schema files are read, the one that is
                            named and all that it imports, so that they can be
                            watched. Only before the function returns. NULL: none.
                            (Headers: `include` is asked for them) */
    void *file_state;
} mayfly_load_options;

#define MAYFLY_LOAD_OPTIONS(...) \
    (&(mayfly_load_options){ .size = sizeof(mayfly_load_options), __VA_ARGS__ })

/*
 * Reads a schema, compiles its unit and makes a live context called `name`.
 * `path` is a .proto file; its import name is the path below the include folder
 * that holds it. Blocks while it compiles. The caller owns the handle: unload it,
 * then mayfly_context_unref.
 *
 * Errors: EINVAL, ENOTFOUND (a file, an import, a library or a folder of them is
 * not there), EIO (a file cannot be read), ESCHEMA (with line and column), ECOMPILE
 * and ELINK (handler source; every name that is not found), EREFUSED (by its
 * mayfly_on_load, or exit in a constructor), EUNLOADED (`previous` is not live),
 * ELIMIT (which limit is named), ENOMEM, EUNSUPPORTED (proto2, editions; a host that
 * forbids compiling), EFORKED.
 */
MAYFLY_API int mayfly_load_file(mayfly_host *host, const char *name,
                                const char *path,
                                const mayfly_load_options *options,
                                mayfly_context **ret_context,
                                mayfly_error *err);

/* The same for schema text in memory; `schema->name` is its import name. */
MAYFLY_API int mayfly_load_text(mayfly_host *host, const char *name,
                                const mayfly_source *schema,
                                const mayfly_load_options *options,
                                mayfly_context **ret_context,
                                mayfly_error *err);

/*
 * Exports symbols to all C source that this host loads from now on, beside what
 * each load gives it. A name that was exported before gets the new address; NULL
 * takes it back. Names are copied; what they stand for must stay as long as a
 * context uses it. Errors: EINVAL (a name that is none in C), ENOMEM, EFORKED.
 *
 *     static const mayfly_symbol ours[] = {MAYFLY_SYMBOL(db_get),
 *                                          MAYFLY_SYMBOL(db_put)};
 *     mayfly_host_export(host, ours, 2, &err);
 */
MAYFLY_API int mayfly_host_export(mayfly_host *host,
                                  const mayfly_symbol *symbols, size_t n,
                                  mayfly_error *err);

MAYFLY_API mayfly_context *mayfly_context_ref(mayfly_context *context);

/* Gives up one reference. The last one unloads the context if that has not been
 * done, as soon as nothing holds a lease. NULL is allowed. */
MAYFLY_API void mayfly_context_unref(mayfly_context *context);

MAYFLY_API const char *mayfly_context_name(const mayfly_context *context);

/* Which load of its host it was, from 1. */
MAYFLY_API uint64_t mayfly_context_version(const mayfly_context *context);
MAYFLY_API enum mayfly_context_state
mayfly_context_get_state(const mayfly_context *context);

/* How long calls took: [i] counts those of less than 4096 << 2 * i nanoseconds
 * (4 us, 16 us, ... 1 s) that are not in an earlier one, the last all others. */
enum { MAYFLY_LATENCIES = 11 };

/*
 * Calls that have ended: what a client began and a server's handlers were asked
 * for. A call's time is that of its lease: a client's from before its request is
 * encoded until its reply is decoded, a server's from when its request was there,
 * or a worker took it up, until its answer was sent.
 */
typedef struct mayfly_call_counts {
    uint64_t calls;
    uint64_t errors; /* of these: with another status than OK, or not answered */
    uint64_t ns;     /* of all together */
    uint64_t latency[MAYFLY_LATENCIES];
} mayfly_call_counts;

/* Of a context, since it was loaded. A version that leaves its unit (cache.h)
 * hands over what it has counted and begins at 0. */
MAYFLY_API void mayfly_context_get_calls(mayfly_context *context,
                                         mayfly_call_counts *ret_counts);

/*
 * A pin is a lease that a user asks for: while it is held, the context's code and
 * data stay where they are. `owner`, and where the pin was taken, are recorded and
 * shown by whoever waits for it. Errors: EUNLOADED, ENOMEM, EFORKED.
 */
MAYFLY_API int mayfly_pin_new(mayfly_context *context, const char *owner,
                              const char *file, int line, mayfly_pin **ret_pin,
                              mayfly_error *err);
#define mayfly_pin_take(context, owner, ret_pin, err) \
    mayfly_pin_new(context, owner, __FILE__, __LINE__, ret_pin, err)

/* Gives the pin back. NULL is allowed. */
MAYFLY_API void mayfly_pin_free(mayfly_pin *pin);

/* The address of a function or object that handler source defines. The pin proves
 * that the context stays; the address is good while it is held. Errors: ENOTFOUND;
 * EUNSUPPORTED (the function takes or returns a struct in a way that the host's
 * compiler does not share; docs/handlers.md). */
MAYFLY_API int mayfly_pin_symbol(const mayfly_pin *pin, const char *name,
                                 void **ret_address, mayfly_error *err);

/*
 * A weak handle observes a context without holding it: neither its code nor, past
 * the last mayfly_context_unref, its handle. For caches and for owners that should
 * not be what keeps a context.
 */
typedef struct mayfly_weak mayfly_weak;

/* Errors: ENOMEM, EFORKED. Free with mayfly_weak_free; it may outlive the context
 * and the host. */
MAYFLY_API int mayfly_weak_new(mayfly_context *context, mayfly_weak **ret_weak,
                               mayfly_error *err);

/* A reference to the context, for the caller to give up, if it is live at this
 * moment. It does not keep it live: that does a lease, such as a call's or a pin's.
 * Errors: EUNLOADED (closed to new leases, unloaded, or freed), EFORKED. */
MAYFLY_API int mayfly_weak_lock(mayfly_weak *weak, mayfly_context **ret_context,
                                mayfly_error *err);

/* mayfly_pin_new by a weak handle: no reference is needed. */
MAYFLY_API int mayfly_weak_pin(mayfly_weak *weak, const char *owner,
                               const char *file, int line, mayfly_pin **ret_pin,
                               mayfly_error *err);

/* The context's state; MAYFLY_UNLOADED when its handle is freed. */
MAYFLY_API enum mayfly_context_state mayfly_weak_get_state(mayfly_weak *weak);
MAYFLY_API void mayfly_weak_free(mayfly_weak *weak); /* NULL is allowed */

/*
 * What a listener is told.
 *
 * Each attempt to unload begins with one *unloading*, told before its calls are
 * cancelled and before it waits: stop threads, give back pins, drop pointers. It
 * is told also where the attempt does not wait, so that owners can make room;
 * unloads that run at the same time are one attempt. Each *unloading* is followed
 * by exactly one of the other two: *live again* when a soft attempt has given up
 * (leases can be taken again), or *unloaded*, once in a context's life, when its
 * code and data are gone.
 *
 * Order: the newest listener first. An event is told to the end before the next
 * begins.
 *
 * Thread: *unloading* on the thread whose mayfly_unload (or last
 * mayfly_context_unref) closed the context; *live again* on the thread whose
 * unload gave up last; both before that function returns. *Unloaded* on the
 * thread that gave the memory back: an unload's, before it returns, or, where a
 * forced unload did not wait long enough, the one that dropped the last lease,
 * which may be a loop thread. So a callback must not block. It may give back
 * pins and listeners; an unload of the same context from within answers EINSIDE.
 */
enum mayfly_context_event {
    MAYFLY_ON_UNLOADING = 0,
    MAYFLY_ON_LIVE_AGAIN = 1,
    MAYFLY_ON_UNLOADED = 2
};

/* `context` may be looked at during the callback. */
typedef void (*mayfly_listener_fn)(void *state, mayfly_context *context,
                                   enum mayfly_context_event event);

/* Adds a listener. `owner` is copied, counted and shown. It stays until it is
 * taken off or the handle is freed. Errors: EINVAL (also where the listener is a
 * function of this very context, which is gone when there is something to tell),
 * EUNLOADED (closed to new leases
 * already), ENOMEM, EFORKED. */
MAYFLY_API int mayfly_context_listen(mayfly_context *context, const char *owner,
                                     mayfly_listener_fn listener, void *state,
                                     uint64_t *ret_id, mayfly_error *err);

/* Takes a listener off. When this returns, it is not running and will not be
 * called: where it runs on another thread just now, this waits for it; from within
 * the callback itself it does not. Errors: ENOTFOUND (no such number, or taken
 * off before), EFORKED. */
MAYFLY_API int mayfly_context_unlisten(mayfly_context *context, uint64_t id,
                                       mayfly_error *err);

typedef struct mayfly_unload_options {
    size_t size;      /* set by MAYFLY_UNLOAD_OPTIONS */
    unsigned wait_ms; /* how long to wait for leases; 0: not at all */
    int force;        /* cancel the calls that hold it first */
} mayfly_unload_options;

#define MAYFLY_UNLOAD_OPTIONS(...)      \
    (&(mayfly_unload_options){          \
        .size = sizeof(mayfly_unload_options), __VA_ARGS__ })

/*
 * Closes the context to new leases, tells listeners, cancels calls when forced,
 * waits for the leases that are held, then gives all memory back. `ret_receipt`
 * may be NULL.
 *
 * Without `force`, an unload whose wait runs out leaves the context live as it
 * was and answers EBUSY with the holders' names. With `force`, the context stays
 * *unloading* and goes when the last lease does: code that a thread may still run
 * is never taken away. Other contexts do not wait for any of this. Errors: EBUSY, EUNLOADED (done
 * before), EINSIDE (called by a handler that runs in the context's name, whether the
 * host's or the context's own, or by any function of the context),
 * EONLOOP (wait_ms on a loop thread), EFORKED; ENOMEM when it is unloaded
 * but there is no memory for the receipt.
 */
MAYFLY_API int mayfly_unload(mayfly_context *context,
                             const mayfly_unload_options *options,
                             mayfly_receipt **ret_receipt, mayfly_error *err);

/* The receipt so far: a live context's has no `unloaded` snapshot yet. Errors:
 * ENOMEM. Free with mayfly_receipt_free. */
MAYFLY_API int mayfly_context_receipt(mayfly_context *context,
                                      mayfly_receipt **ret_receipt,
                                      mayfly_error *err);

/* A new receipt that shows two side by side, `other` first: the same schema
 * loaded disposable and resident, or two versions of one. Its JSON is that of
 * `receipt`, with `other`'s as a member `beside`. Both stay as they are and may be
 * freed. Errors: ENOMEM, EINVAL (NULL). */
MAYFLY_API int mayfly_receipt_beside(const mayfly_receipt *receipt,
                                     const mayfly_receipt *other,
                                     mayfly_receipt **ret_receipt,
                                     mayfly_error *err);

/* A table for people; a JSON object for programs (docs/receipts.md names its
 * members). Both zero-terminated, owned by the receipt. */
MAYFLY_API const char *mayfly_receipt_text(const mayfly_receipt *receipt);
MAYFLY_API const char *mayfly_receipt_json(const mayfly_receipt *receipt);

/* Bytes in mayfly's arenas that the context still holds: 0 after a complete
 * unload. */
MAYFLY_API size_t mayfly_receipt_retained(const mayfly_receipt *receipt);
MAYFLY_API void mayfly_receipt_free(mayfly_receipt *receipt);

MAYFLY_END

#endif
