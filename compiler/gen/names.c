/*
 * compiler/gen/names.c: the C names of types, functions and constants.
 *
 * C has one flat space of names, a schema has nested ones, so two symbols can
 * come to the same C name: Foo.Bar and Foo_Bar; a message Foo_set_bar and the
 * setter of Foo.bar. The rule, written for users in docs/names.md, is that
 * every symbol gets its plain name unless that is taken or reserved, and that
 * nobody else's name changes because of it.
 *
 * Who comes first is told by the schema alone: files by their depth of imports,
 * then by name, so that what a file imports is named without regard to it;
 * within a file, types at the top level, then nested ones in order of
 * declaration, then what is derived from them. A header that was made by itself
 * therefore has the same names as one made with the files that import it.
 *
 * Names that are not the plain ones are kept in a map by descriptor; all others
 * are put together where they are used. All of this is one thread's work, until
 * the names are made; then they only are read.
 */
#include "compiler/gen/names.h"

#include "base/error.h"
#include "compiler/gen/sort.h"

#include <inttypes.h>
#include <string.h>

struct mf_names {
    mf_alloc *alloc;
    mayfly_arena *arena;  /* of the plan: names that are kept */
    mayfly_arena scratch; /* names at work, until all are made */
    mf_map *taken;        /* every C name given out -> itself */
    mf_map *next;    /* names wanted more than once -> next number to try */
    mf_map *types;   /* full name -> C name */
    mf_map *changed; /* stem_key -> stem, where it is not the plain name */
};

enum { DEPTH_MAX = 100 }; /* nesting of messages */

/* Names that come with a type's own name. */
static const char *const message_kin[] = {"_array", "_encode", "_decode", NULL};
static const char *const enum_kin[] = {NULL};
static const char *const service_kin[] = {
    "_new", "_follow", "_free", "_handlers", "_serve", "_serve_unit", NULL};

static const char *const op_words[MF_NAME_OPS] = {
    [MF_NAME_SET] = "set_", [MF_NAME_HAS] = "has_", [MF_NAME_CLEAR] = "clear_",
    [MF_NAME_ADD] = "add_", [MF_NAME_NEW] = "new_", [MF_NAME_CASE] = "case_",
    [MF_NAME_VALUE] = "",   [MF_NAME_METHOD] = "",
};

/* The plain name at file scope. `full_name` has been checked. */
static const char *global_name(mayfly_arena *arena, const char *full_name)
{
    size_t n = strlen(full_name);
    bool single = strchr(full_name, '.') == NULL;
    bool type_like = n >= 2 && strcmp(full_name + n - 2, "_t") == 0;
    char *s = mf_arena_strdup(arena, full_name);
    const char *prefix;

    if (!s)
        return NULL;
    for (char *c = s; *c; c++) {
        if (*c == '.')
            *c = '_';
    }
    prefix = mf_name_prefix(s);
    if (*prefix)
        return mf_arena_printf(arena, "%s%s", prefix, s);
    if ((single && *s >= 'a' && *s <= 'z') || type_like ||
        mf_name_all_upper(s) || mf_name_reserved(s))
        return mf_arena_printf(arena, "%s_", s);
    return s;
}

static int check_name(const char *s, mayfly_error *err)
{
    if (mf_name_valid(s))
        return 0;
    return mf_error_set(err, MAYFLY_ESCHEMA, "a name is not an identifier");
}

static int nomem(mayfly_error *err)
{
    return mf_error_nomem(err, "names");
}

/* Whether the name and all its kin are free. -1: no memory. */
static int all_free(mf_names *n, const char *name, const char *const *kin)
{
    if (mf_map_get_str(n->taken, name))
        return 0;
    for (; *kin; kin++) {
        const char *s = mf_arena_printf(&n->scratch, "%s%s", name, *kin);
        if (!s)
            return -1;
        if (mf_map_get_str(n->taken, s))
            return 0;
    }
    return 1;
}

static int take(mf_names *n, const char *name, const char *const *kin)
{
    if (mf_map_put_str(n->taken, name, n))
        return -1;
    for (; *kin; kin++) {
        const char *s = mf_arena_printf(&n->scratch, "%s%s", name, *kin);
        if (!s || mf_map_put_str(n->taken, s, n))
            return -1;
    }
    return 0;
}

/* The first of name, name_2, name_3, ... that is free with its kin, now taken.
 * Numbers that were given out once are not tried again. */
static const char *take_free(mf_names *n, const char *name,
                             const char *const *kin)
{
    uintptr_t number = (uintptr_t)mf_map_get_str(n->next, name);
    const char *at = name;
    int is_free;

    if (number)
        at = mf_arena_printf(&n->scratch, "%s_%" PRIuPTR, name, number);
    while (at && (is_free = all_free(n, at, kin)) != 1) {
        if (is_free < 0)
            return NULL;
        number = number ? number + 1 : 2;
        at = mf_arena_printf(&n->scratch, "%s_%" PRIuPTR, name, number);
    }
    if (!at || take(n, at, kin))
        return NULL;
    if (number && mf_map_put_str(n->next, name, (void *)(number + 1)))
        return NULL;
    return at;
}

static int name_type(mf_names *n, const char *full_name, const char *const *kin,
                     mayfly_error *err)
{
    const char *name;

    if (!mf_name_full_valid(full_name))
        return mf_error_set(err, MAYFLY_ESCHEMA, "a name is not an identifier");
    name = global_name(&n->scratch, full_name);
    name = name ? take_free(n, name, kin) : NULL;
    name = name ? mf_arena_strdup(n->arena, name) : NULL;
    if (!name || mf_map_put_str(n->types, full_name, (void *)(uintptr_t)name))
        return nomem(err);
    return 0;
}

static int name_nested(mf_names *n, const mf_message *m, unsigned depth,
                       mayfly_error *err)
{
    int code = 0;

    if (depth > DEPTH_MAX)
        return mf_error_set(err, MAYFLY_ELIMIT, "messages nest deeper than %d",
                            DEPTH_MAX);
    for (uint32_t i = 0; !code && i < m->n_enums; i++)
        code = name_type(n, m->enums[i]->full_name, enum_kin, err);
    for (uint32_t i = 0; !code && i < m->n_messages; i++)
        code = name_type(n, m->messages[i]->full_name, message_kin, err);
    for (uint32_t i = 0; !code && i < m->n_messages; i++)
        code = name_nested(n, m->messages[i], depth + 1, err);
    return code;
}

static int name_types(mf_names *n, const mf_file *file, mayfly_error *err)
{
    int code = 0;

    for (uint32_t i = 0; !code && i < file->n_messages; i++)
        code = name_type(n, file->messages[i]->full_name, message_kin, err);
    for (uint32_t i = 0; !code && i < file->n_enums; i++)
        code = name_type(n, file->enums[i]->full_name, enum_kin, err);
    for (uint32_t i = 0; !code && i < file->n_services; i++)
        code = name_type(n, file->services[i].full_name, service_kin, err);
    for (uint32_t i = 0; !code && i < file->n_messages; i++)
        code = name_nested(n, file->messages[i], 1, err);
    return code;
}

typedef struct stem_key {
    const void *of;
    uintptr_t op;
} stem_key;

static int keep_stem(mf_names *n, enum mf_name_op op, const void *of,
                     const char *stem)
{
    stem_key key = {of, op};
    char *kept = mf_arena_strdup(n->arena, stem);

    return kept ? mf_map_put(n->changed, &key, sizeof key, kept) : -1;
}

/* The plain name of what is derived, changed when it is not ours to use. */
static const char *derived_name(mf_names *n, const char *owner,
                                const char *word, const char *name)
{
    const char *plain =
        mf_arena_printf(&n->scratch, "%s_%s%s", owner, word, name);

    if (plain && (mf_name_all_upper(plain) || mf_name_reserved(plain)))
        plain = mf_arena_printf(&n->scratch, "%s_", plain);
    return plain;
}

/* A function or constant: owner, word and stem in one name. */
static int name_derived(mf_names *n, enum mf_name_op op, const char *owner,
                        const void *of, const char *name, mayfly_error *err)
{
    static const char *const no_kin[] = {NULL};
    size_t head = strlen(owner) + 1 + strlen(op_words[op]);
    const char *plain = derived_name(n, owner, op_words[op], name);
    const char *given = plain ? take_free(n, plain, no_kin) : NULL;

    if (!given)
        return nomem(err);
    if (strcmp(given + head, name) != 0 && keep_stem(n, op, of, given + head))
        return nomem(err);
    return 0;
}

/* What a method's stem gives beside the functions that share its name: the
 * prototype of its handler, and the member of the struct of handlers (written
 * with a dot, so that it meets no name at file scope). 1: taken now, 0: not
 * free, -1: no memory. */
static int take_handler(mf_names *n, const char *owner, const char *stem)
{
    const char *on = mf_arena_printf(&n->scratch, "%s_on_%s", owner, stem);
    const char *member = mf_name_member(&n->scratch, stem);

    if (member)
        member = mf_arena_printf(&n->scratch, "%s.%s", owner, member);
    if (!on || !member)
        return -1;
    if (mf_map_get_str(n->taken, on) || mf_map_get_str(n->taken, member))
        return 0;
    if (mf_map_put_str(n->taken, on, n) || mf_map_put_str(n->taken, member, n))
        return -1;
    return 1;
}

/* A method's functions, which share a stem. */
static int name_method(mf_names *n, const char *owner, const mf_method *m,
                       mayfly_error *err)
{
    static const char *const kin[] = {"_start", "_reply", NULL};
    size_t head = strlen(owner) + 1;
    const char *plain = derived_name(n, owner, "", m->name);
    const char *given;
    int taken = 0;

    while (taken == 0) {
        given = plain ? take_free(n, plain, kin) : NULL;
        taken = given ? take_handler(n, owner, given + head) : -1;
    }
    if (taken < 0)
        return nomem(err);
    if (strcmp(given + head, m->name) != 0 &&
        keep_stem(n, MF_NAME_METHOD, m, given + head))
        return nomem(err);
    return 0;
}

unsigned mf_name_field_ops(const mf_field *f)
{
    const unsigned presence =
        1u << MF_NAME_SET | 1u << MF_NAME_HAS | 1u << MF_NAME_CLEAR;
    bool message =
        f->type == MAYFLY_TYPE_MESSAGE || f->type == MAYFLY_TYPE_GROUP;
    unsigned ops = message ? 1u << MF_NAME_NEW : 0;

    if (f->label == MF_REPEATED)
        return 1u << MF_NAME_ADD;
    if (f->oneof && !f->oneof->synthetic)
        ops |= presence | 1u << MF_NAME_CASE;
    else if (!message && f->has_presence && !f->parent->is_map_entry)
        ops |= presence;
    return ops;
}

static int name_enum_values(mf_names *n, const mf_enum *e, mayfly_error *err)
{
    const char *owner = mf_names_type(n, e->full_name);
    int code = 0;

    for (uint32_t i = 0; !code && i < e->n_values; i++) {
        const mf_enum_value *v = &e->values[i];
        code = check_name(v->name, err);
        if (!code)
            code = name_derived(n, MF_NAME_VALUE, owner, v, v->name, err);
    }
    return code;
}

/* What is derived from a message and the types within it. The depth was checked
 * with the types. */
static int name_message_parts(mf_names *n, const mf_message *m,
                              mayfly_error *err)
{
    const char *owner = mf_names_type(n, m->full_name);
    int code = 0;

    for (uint32_t i = 0; !code && i < m->n_fields; i++) {
        const mf_field *f = &m->fields[i];
        unsigned ops = mf_name_field_ops(f);
        code = check_name(f->name, err);
        for (int op = 0; !code && op < MF_NAME_OPS; op++) {
            if (ops & 1u << op)
                code = name_derived(n, (enum mf_name_op)op, owner, f, f->name,
                                    err);
        }
    }
    for (uint32_t i = 0; !code && i < m->n_oneofs; i++)
        code = check_name(m->oneofs[i].name, err);
    for (uint32_t i = 0; !code && i < m->n_enums; i++)
        code = name_enum_values(n, m->enums[i], err);
    for (uint32_t i = 0; !code && i < m->n_messages; i++)
        code = name_message_parts(n, m->messages[i], err);
    return code;
}

static int name_parts(mf_names *n, const mf_file *file, mayfly_error *err)
{
    int code = 0;

    for (uint32_t i = 0; !code && i < file->n_messages; i++)
        code = name_message_parts(n, file->messages[i], err);
    for (uint32_t i = 0; !code && i < file->n_enums; i++)
        code = name_enum_values(n, file->enums[i], err);
    for (uint32_t i = 0; !code && i < file->n_services; i++) {
        const mf_service *s = &file->services[i];
        const char *owner = mf_names_type(n, s->full_name);
        for (uint32_t j = 0; !code && j < s->n_methods; j++) {
            code = check_name(s->methods[j].name, err);
            if (!code)
                code = name_method(n, owner, &s->methods[j], err);
        }
    }
    return code;
}

/* A file and how long its longest chain of imports is. */
typedef struct file_rank {
    const mf_file *file;
    uintptr_t depth;
} file_rank;

static int compare_ranks(const void *a, const void *b)
{
    const file_rank *x = a, *y = b;

    if (x->depth != y->depth)
        return x->depth < y->depth ? -1 : 1;
    return strcmp(x->file->name, y->file->name);
}

/* The files in the order in which they are named. In the arena. */
static file_rank *rank_files(mf_names *n, const mf_schema *schema)
{
    file_rank *ranks =
        mf_arena_alloc(&n->scratch, (schema->n_files + 1) * sizeof *ranks);
    mf_map *depths = ranks ? mf_map_new(mf_alloc_scratch(n->alloc)) : NULL;

    if (!depths)
        return NULL;
    for (uint32_t i = 0; i < schema->n_files; i++) {
        const mf_file *file = schema->files[i];
        uintptr_t depth = 1;
        for (uint32_t j = 0; j < file->n_imports; j++) {
            uintptr_t d = (uintptr_t)mf_map_get(depths, &file->imports[j],
                                                sizeof file->imports[j]);
            depth = d >= depth ? d + 1 : depth;
        }
        ranks[i] = (file_rank){file, depth};
        if (mf_map_put(depths, &file, sizeof file, (void *)depth)) {
            mf_map_free(depths);
            return NULL;
        }
    }
    mf_map_free(depths);
    mf_sort(ranks, schema->n_files, sizeof *ranks, compare_ranks);
    return ranks;
}

int mf_names_make(mf_alloc *alloc, mayfly_arena *arena, mf_schema *schema,
                  mf_names **ret_names, mayfly_error *err)
{
    mf_names *n = mf_alloc_zero(alloc, sizeof *n);
    file_rank *ranks;
    int code = 0;

    if (!n)
        return nomem(err);
    n->alloc = alloc;
    n->arena = arena;
    mf_alloc *scratch = mf_alloc_scratch(alloc);
    mf_arena_init(&n->scratch, scratch, 0, 0);
    n->taken = mf_map_new(scratch);
    n->next = mf_map_new(scratch);
    n->types = mf_map_new(alloc);
    n->changed = mf_map_new(alloc);
    if (!n->taken || !n->next || !n->types || !n->changed ||
        !(ranks = rank_files(n, schema))) {
        mf_names_free(n);
        return nomem(err);
    }
    for (uint32_t i = 0; !code && i < schema->n_files; i++) {
        code = name_types(n, ranks[i].file, err);
        if (!code)
            code = name_parts(n, ranks[i].file, err);
    }
    if (code) {
        mf_names_free(n);
        return code;
    }
    mf_map_free(n->taken);
    mf_map_free(n->next);
    n->taken = n->next = NULL;
    mf_arena_done(&n->scratch);
    *ret_names = n;
    return 0;
}

void mf_names_free(mf_names *n)
{
    if (!n)
        return;
    mf_arena_done(&n->scratch);
    mf_map_free(n->taken);
    mf_map_free(n->next);
    mf_map_free(n->types);
    mf_map_free(n->changed);
    mf_alloc_free(n->alloc, n);
}

const char *mf_names_type(const mf_names *n, const char *full_name)
{
    return mf_map_get_str(n->types, full_name);
}

const char *mf_names_stem(const mf_names *n, enum mf_name_op op, const void *of,
                          const char *name)
{
    stem_key key = {of, op};
    const char *stem = mf_map_get(n->changed, &key, sizeof key);

    return stem ? stem : name;
}

const char *mf_name_word(enum mf_name_op op)
{
    return op_words[op];
}
