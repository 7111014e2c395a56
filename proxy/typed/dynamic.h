/*
 * proxy/typed/dynamic.h: messages without a header from the inside.
 *
 * dynamic.c makes, encodes and decodes them, dynamic_path.c walks a path,
 * dynamic_value.c reads and sets what is at its end, dynamic_call.c and
 * dynamic_serve.c let them travel. All of it works on the native structs of a
 * context's plan, under a lease.
 */
#ifndef MF_PROXY_DYNAMIC_H
#define MF_PROXY_DYNAMIC_H

#include "base/arena.h"
#include "cache/context/context.h"
#include "compiler/unit.h"

#include <mayfly/dynamic.h>

/* Lies in the arena, which may outlive the context: it keeps the number of its
 * message and no pointer into the unit. */
struct mayfly_dynamic {
    mayfly_context *context; /* the user's or the call's; no reference */
    mayfly_arena *arena;
    void *data;       /* the struct, in the arena */
    uint32_t message; /* in the native plan */
    uint8_t is_held;  /* a call holds the lease for it */
};

/* --- dynamic.c --- */

/* Makes sure that the context stays until the end is told. On success `*ret` is
 * its plan. */
int mf_dynamic_enter(const mayfly_dynamic *m, const mf_plan **ret,
                     mayfly_error *err);
void mf_dynamic_leave(const mayfly_dynamic *m);

/* A message around a struct; `data` NULL: an empty one is made. Under a lease.
 * NULL: no memory. */
mayfly_dynamic *mf_dynamic_wrap(mayfly_context *context, uint32_t message,
                                mayfly_arena *arena, void *data, int is_held);

/* Whether the message is message number `index` of the context: EINVAL if not.
 */
int mf_dynamic_check_type(const mayfly_dynamic *m,
                          const mayfly_context *context, uint32_t index,
                          mayfly_error *err);

/* The struct as bytes with room in front, and bytes as a message. Under a
 * lease.
 */
int mf_dynamic_write(const mayfly_dynamic *m, size_t head, mayfly_arena *arena,
                     mayfly_bytes *ret, mayfly_error *err);
int mf_dynamic_read(mayfly_context *context, uint32_t message,
                    mayfly_arena *arena, mayfly_bytes wire, int is_held,
                    mayfly_dynamic **ret, mayfly_error *err);

/* --- dynamic_path.c --- */

enum mf_walk {
    MF_WALK_LOOK,  /* what is there */
    MF_WALK_CHECK, /* whether the next can be done */
    MF_WALK_MAKE   /* makes what is missing, after a check */
};

/* Where a path has led to: a field of a struct, or one value of a repeated
 * field or map. */
typedef struct mf_place {
    const mf_plan_message *message; /* whose field it is */
    const mf_plan_field *field;     /* of a map's value: the entry's `value` */
    void *in;            /* the struct that has it; NULL: not there */
    mayfly_array *array; /* an element's or entry's; NULL: not there */
    void *element;       /* of a repeated field; NULL: not there */
    size_t index, size;  /* in the array; bytes of an element */
    uint8_t is_element;  /* of a repeated field */
    uint8_t is_value;    /* of a map */
    uint8_t
        is_missing; /* the element or key, or an earlier one, is not there */
} mf_place;

/* Walks `path` through a struct of `m`. Errors: EINVAL, ENOTFOUND; MAKE:
 * ENOMEM, ELIMIT. */
int mf_path_walk(const mf_plan *plan, const mf_plan_message *m, void *data,
                 const char *path, enum mf_walk mode, mayfly_arena *arena,
                 mf_place *ret, mayfly_error *err);

/* Whether there is one value at the place: not a whole repeated field or map.
 */
static inline int mf_place_is_single(const mf_place *p)
{
    return p->is_element || p->field->cardinality == MAYFLY_SINGULAR;
}

/* The bytes of the one value, or NULL: it is not set. */
const void *mf_place_value(const mf_plan *plan, const mf_place *p);

/* The struct of the one message, or NULL: it is not set. */
void *mf_place_message(const mf_plan *plan, const mf_place *p);

bool mf_place_is_set(const mf_plan *plan, const mf_place *p);

/* Where the one value is written, which then is set: other members of its oneof
 * are cleared. After a walk that makes. */
void *mf_place_take(const mf_place *p);

/* The struct of the one message, made where there is none. NULL: no memory. */
void *mf_place_make(const mf_plan *plan, const mf_place *p,
                    mayfly_arena *arena);

/* Makes the field unset, or takes the element or entry out. */
void mf_place_clear(const mf_plan *plan, const mf_place *p);

/* --- dynamic_value.c --- */

/* The path in front of what went wrong; 0 stays 0. */
int mf_dynamic_told(int code, const char *path, mayfly_error *err);

/* Walks a path of a message. On success the context stays until
 * mf_dynamic_leave. */
int mf_dynamic_walk(const mayfly_dynamic *m, const char *path,
                    enum mf_walk mode, const mf_plan **ret_plan, mf_place *ret,
                    mayfly_error *err);

/* The same to what is there, for a result that goes to `ret_value`. ENOTFOUND:
 * an element or a key is not. */
int mf_dynamic_look(const mayfly_dynamic *m, const char *path,
                    const void *ret_value, const mf_plan **ret_plan,
                    mf_place *ret, mayfly_error *err);

/* Whether there is a single value, of the type that is asked for. EINVAL. */
int mf_place_check(const mf_place *p, bool is_right, const char *wanted,
                   mayfly_error *err);

/* A message inside of `m` as one of its own. */
int mf_dynamic_view(const mayfly_dynamic *m, uint32_t message, void *data,
                    mayfly_dynamic **ret, mayfly_error *err);

/* Any 64-bit integer: the bits, and whether they are those of a negative. */
typedef struct mf_integer {
    uint64_t bits;
    bool is_negative;
} mf_integer;

bool mf_integer_is_type(const mf_plan_field *f); /* enums too */
bool mf_integer_is_unsigned(const mf_plan_field *f);
mf_integer mf_integer_signed(int64_t value);
mf_integer mf_integer_read(const mf_plan_field *f, const void *at);

/* Whether a field of this sign and width holds the number. */
bool mf_integer_fits(mf_integer n, bool is_unsigned, bool is_wide);
int mf_integer_unfit(mf_integer n, const char *what, mayfly_error *err);

#endif
