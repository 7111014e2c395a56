/*
 * mayfly/stub.h: what generated units are written against.
 *
 * This file is read by two compilers: gcc or clang, as part of the library, and
 * libtcc, to which it is served from memory as <mayfly/stub.h>. So it keeps to the
 * C that both read alike: nothing narrower than int is returned, no struct is
 * passed by value, no builtins. Generated units may also be compiled by the system
 * compiler, which is why they are plain C11.
 *
 * An encode function has the shape
 *
 *     static uint8_t *encode_helloworld_HelloRequest(
 *         mf_writer *w, uint8_t *p, const helloworld_HelloRequest *m);
 *
 * It writes forward from p and returns where it stopped, or NULL when the writer
 * has failed (w->code says why).
 */
#ifndef MAYFLY_STUB_H
#define MAYFLY_STUB_H

#include <mayfly/layout.h>
#include <mayfly/types.h>

typedef struct mf_writer mf_writer;

/* One call as its stub sees it, filled in by whoever calls the stub. All pointers
 * are borrowed for the length of the stub's call. */
typedef struct mf_stub_io {
    const void *tables; /* the unit's decode tables */
    mf_writer *writer;  /* where an encoded message goes */
    void *arena;        /* the call's memory (mayfly_arena) */
    const uint8_t *in;  /* a received message */
    size_t in_len;
    void *call;    /* the call (mayfly_call), for handlers */
    void *state;   /* the handlers' state */
    void *handler; /* the method's handler, of its typed signature */
    void *error;   /* mayfly_error, or NULL */
    void *reply;   /* set by `serve`: the reply struct, for deferred calls */
} mf_stub_io;

/* A method's four functions. All return 0 or a negative MAYFLY_E code, `serve`
 * also a positive gRPC status. */
typedef struct mf_method_stub {
    /* client: encodes the request */
    int (*send)(mf_stub_io *io, const void *request);
    /* client: decodes the reply from io->in */
    int (*receive)(mf_stub_io *io, void **ret_reply);
    /* server: decodes the request, makes a zeroed reply, calls the handler */
    int (*serve)(mf_stub_io *io);
    /* server: encodes the reply */
    int (*reply)(mf_stub_io *io, const void *reply);
} mf_method_stub;

/* Encodes the message with the plan's index; what message.h's functions use. */
typedef uint8_t *(*mf_encode_fn)(mf_writer *w, uint8_t *p, const void *m);

/* What a generated unit exports, under the name `mf_unit_entry`. */
typedef struct mf_unit_table {
    uint32_t n_messages;
    uint32_t n_methods;
    const mf_encode_fn *encode;    /* by the plan's message index */
    const mf_method_stub *methods; /* services in the plan's order, flattened */
} mf_unit_table;

/* The writer's parts and the kernels that generated code calls follow here. */

#endif
