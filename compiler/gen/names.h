/*
 * compiler/gen/names.h: the C names of a schema's symbols.
 *
 * The written rule is docs/names.md. Every identifier of generated C that stems
 * from a schema is made here, and every string literal is escaped here; nothing
 * else from a schema reaches C.
 */
#ifndef MF_GEN_NAMES_H
#define MF_GEN_NAMES_H

#include "base/arena.h"
#include "base/buf.h"
#include "compiler/gen/plan.h"

/* What is derived from a symbol, each with a name of its own. */
enum mf_name_op {
    MF_NAME_SET,    /* Foo_set_bar: of a field */
    MF_NAME_HAS,    /* Foo_has_bar */
    MF_NAME_CLEAR,  /* Foo_clear_bar */
    MF_NAME_ADD,    /* Foo_add_bar */
    MF_NAME_NEW,    /* Foo_new_bar */
    MF_NAME_CASE,   /* Foo_case_bar: a constant, of a member of a oneof */
    MF_NAME_VALUE,  /* Color_RED: a constant, of an enum's value */
    MF_NAME_METHOD, /* Greeter_SayHello and its kin: of a method */
    MF_NAME_OPS
};

/* Names for all symbols of a schema. The arena keeps the texts; the maps go
 * with mf_names_free. Errors: ENOMEM, ELIMIT, ESCHEMA (a name that is no
 * identifier). */
int mf_names_make(mf_alloc *alloc, mayfly_arena *arena, mf_schema *schema,
                  mf_names **ret_names, mayfly_error *err);
void mf_names_free(mf_names *names); /* NULL is allowed */

/* The C name of a message, enum or service. */
const char *mf_names_type(const mf_names *names, const char *full_name);

/* What a derived symbol's name ends with, after its owner's name and the op's
 * word: the symbol's own name, or that name with a number. `of` is the
 * mf_field, mf_enum_value or mf_method. */
const char *mf_names_stem(const mf_names *names, enum mf_name_op op,
                          const void *of, const char *name);

/* The word between the owner's name and the stem: "set_"; "" for values and
 * methods. */
const char *mf_name_word(enum mf_name_op op);

/* Which functions and constants a header has for a field, as bits 1u << op. */
unsigned mf_name_field_ops(const mf_field *f);

/* The members of a message's struct: fills in c_name and case_name of all its
 * fields. */
int mf_names_members(mf_alloc *alloc, mayfly_arena *arena, mf_plan_message *m,
                     mayfly_error *err);

/* The name of a member as such (a handler's, say): `name` itself, or made in
 * the arena. NULL: no memory. */
const char *mf_name_member(mayfly_arena *arena, const char *name);

/* Whether it is [A-Za-z_][A-Za-z0-9_]*. */
bool mf_name_valid(const char *s);

/* The same with dots between identifiers. */
bool mf_name_full_valid(const char *s);

/* Whether there is no lower-case letter in it, but one in upper case. */
bool mf_name_all_upper(const char *s);

/* What is put in front of a name that begins like names of others; "" for all
 * others. */
const char *mf_name_prefix(const char *s);

/* Whether C or C++ or a header of theirs has the word for itself, so that
 * nothing may be called so. Only words in lower case; see docs/names.md. */
bool mf_name_reserved(const char *s);

/* An identifier that stands for a file, injective: "dir/a-b.proto" gives
 * "dir_2fa_2db". */
void mf_name_file(mf_buf *out, const char *file);

/* A C string literal with its quotes. */
void mf_name_literal(mf_buf *out, const char *text);

#endif
