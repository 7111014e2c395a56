/*
 * mayfly/stub.h: what generated units are written against.
 *
 * This file is read by two compilers: gcc or clang, as part of the library, and
 * libtcc, to which it is served from memory as <mayfly/stub.h>. So it keeps to
 * the C that both read alike: nothing narrower than int is returned, no struct
 * is passed by value, no builtins. Generated units may also be compiled by the
 * system compiler, which is why they are plain C11.
 *
 * An encode function has the shape
 *
 *     static uint8_t *encode_helloworld_HelloRequest(
 *         mf_writer *w, uint8_t *p, const helloworld_HelloRequest *m);
 *
 * It writes forward from p and returns where it stopped, or NULL when the
 * writer has failed (w->code says why).
 */
#ifndef MAYFLY_STUB_H
#define MAYFLY_STUB_H

#include <mayfly/types.h>

struct mayfly_call;

typedef struct mf_writer mf_writer;

/* One call as its stub sees it, filled in by whoever calls the stub. All
 * pointers are borrowed for the length of the stub's call. */
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
 * also a positive gRPC status. `serve` is NULL for a method that streams. */
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

/*
 * The writer: one block of memory that grows. A message is written forward from
 * `begin + head`; a sub-message's length is one byte that is made wider, by
 * moving what follows, when it turns out to need more.
 */
struct mf_writer {
    uint8_t *begin;     /* the block, or NULL before the first byte */
    uint8_t *end;       /* where its room ends */
    uint8_t *stop;      /* where the finished message ends; NULL: none yet */
    void *arena;        /* the block's memory (mayfly_arena) */
    size_t head;        /* bytes left free in front of the message */
    unsigned depth;     /* of sub-messages being written */
    int code;           /* 0 or the MAYFLY_E code of the failure */
    const uint8_t *bad; /* EENCODE: the string that is not UTF-8 */
};

/* A tag as the kernels take it: its bytes on the wire, the first one lowest,
 * and how many there are. */
#define MF_TAG(length, bytes) ((uint64_t)(length) << 56 | (uint64_t)(bytes))

/* What one scalar may need, tag included, and what the kernels below may touch
 * behind the last one. */
#define MF_SCALAR_ROOM 16
#define MF_SLACK 16

/* Makes sure that `n` bytes may be written from p; p may move. NULL: failed. */
#define MF_ROOM(w, p, n)                                                       \
    ((size_t)((w)->end - (p)) >= (size_t)(n) ? (p) : mf_put_room(w, p, n))
uint8_t *mf_put_room(mf_writer *w, uint8_t *p, size_t n);

/* A field each, tag and value. Whether it is set has been looked at before, but
 * for `real` and `precise`, which write nothing for zero: it is their bits that
 * count, so -0.0 is written. For scalars there must be room. */
uint8_t *mf_put_varint(uint8_t *p, uint64_t tag, uint64_t value);
uint8_t *mf_put_zigzag(uint8_t *p, uint64_t tag, int64_t value);
uint8_t *mf_put_fixed32(uint8_t *p, uint64_t tag, const void *value);
uint8_t *mf_put_fixed64(uint8_t *p, uint64_t tag, const void *value);
uint8_t *mf_put_real(uint8_t *p, uint64_t tag, const float *value);
uint8_t *mf_put_precise(uint8_t *p, uint64_t tag, const double *value);

/* All below make their own room and return NULL when the writer has failed.
 * `value` is a mayfly_str or mayfly_bytes; `string` checks that it is UTF-8. */
uint8_t *mf_put_string(mf_writer *w, uint8_t *p, uint64_t tag,
                       const void *value);
uint8_t *mf_put_bytes(mf_writer *w, uint8_t *p, uint64_t tag,
                      const void *value);

/* One sub-message; NULL is written as an empty one. */
uint8_t *mf_put_message(mf_writer *w, uint8_t *p, uint64_t tag,
                        mf_encode_fn encode, const void *message);

/* Repeated fields; `array` is a mayfly_array of elements as in the struct. */
uint8_t *mf_put_messages(mf_writer *w, uint8_t *p, uint64_t tag,
                         mf_encode_fn encode, const void *array,
                         size_t element_size);
uint8_t *mf_put_strings(mf_writer *w, uint8_t *p, uint64_t tag,
                        const void *array);
uint8_t *mf_put_byteses(mf_writer *w, uint8_t *p, uint64_t tag,
                        const void *array);

/* Repeated scalars; `type` is an enum mayfly_type. */
uint8_t *mf_put_packed(mf_writer *w, uint8_t *p, uint64_t tag, int type,
                       const void *array);
uint8_t *mf_put_repeated(mf_writer *w, uint8_t *p, uint64_t tag, int type,
                         const void *array);

/* Bytes that are fields already: a message's unknown fields. */
uint8_t *mf_put_unknown(mf_writer *w, uint8_t *p, const void *value);

/* What the stubs call. */
int mf_stub_encode(mf_stub_io *io, mf_encode_fn encode, const void *message);
int mf_stub_decode(mf_stub_io *io, uint32_t message, void **ret_message);

/* Sets io->reply to a zeroed struct in the call's memory. */
int mf_stub_new(mf_stub_io *io, size_t size);

#endif
