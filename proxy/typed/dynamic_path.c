/*
 * proxy/typed/dynamic_path.c: from a path to a place in a struct.
 *
 * A path is walked name by name, through the plan that says what there may be
 * and through the struct that says what there is. Reading goes on where the
 * struct has ended: a sub-message that is not set has fields too, all of them
 * zero. Setting walks twice, once to see that it can be done and once to make
 * what is missing, so that a path that cannot be set changes nothing.
 *
 * What stays true: a path that was accepted by MF_WALK_CHECK fails in
 * MF_WALK_MAKE for lack of memory only. The members of a oneof share their
 * bytes, so a value is looked at only while the case names its field, and all
 * of them are zeroed before another member is set.
 *
 * Paths come from the program or from its peers: they are text of any kind.
 * Functions of their arguments; any thread.
 */
#include "proxy/typed/dynamic.h"

#include "base/error.h"
#include "compiler/gen/layout.h"
#include "compiler/json/numbers.h"
#include "compiler/json/value.h"

#include <string.h>

typedef struct walk {
    const mf_plan *plan;
    enum mf_walk mode;
    mayfly_arena *arena;
    mayfly_error *err;
    const char *path;
    const char *at;           /* in the path */
    const mf_plan_message *m; /* whose field is named next */
    void *data;               /* its struct; NULL: not there */
    bool is_missing;          /* an element on the way is not there */
} walk;

/* What stands in brackets. */
typedef struct bracket {
    mayfly_str text;
    bool is_quoted;
} bracket;

/* A map's key as its field has it. Strings stay in the path. */
typedef struct key {
    const mf_plan_field *field;
    const bracket *from;
    size_t size;
    union {
        bool yes;
        int32_t i32;
        int64_t i64;
        uint32_t u32;
        uint64_t u64;
    } as;
} key;

static int malformed(const walk *w, const char *what)
{
    return mf_error_set(w->err, MAYFLY_EINVAL, "%s at byte %zu of the path",
                        what, (size_t)(w->at - w->path));
}

static int nomem(const walk *w)
{
    return mf_arena_nomem(w->arena, "what is to be set", w->err);
}

/* --- brackets ----------------------------------------------------------------
 */

/* Whether the character at the beginning of `text` is written as two. */
static bool is_escape(const char *text)
{
    return text[0] == '\\' && (text[1] == '"' || text[1] == '\\');
}

static int read_quoted(walk *w, bracket *b)
{
    const char *from = ++w->at;
    while (*w->at && *w->at != '"') {
        if (*w->at == '\\' && !is_escape(w->at))
            return malformed(w, "a \\ that is not in front of \" or \\");
        w->at += *w->at == '\\' ? 2 : 1;
    }
    b->text = (mayfly_str){from, (size_t)(w->at - from)};
    b->is_quoted = true;
    if (!*w->at)
        return malformed(w, "a key without its closing quote");
    w->at++;
    return 0;
}

/* From the opening bracket to behind the closing one. */
static int read_bracket(walk *w, bracket *b)
{
    w->at++;
    *b = (bracket){.is_quoted = false};
    if (*w->at == '"') {
        int code = read_quoted(w, b);
        if (code != 0)
            return code;
    } else {
        size_t n = strcspn(w->at, "]");
        b->text = (mayfly_str){w->at, n};
        w->at += n;
        if (n == 0)
            return malformed(w, "nothing in brackets");
    }
    if (*w->at != ']')
        return malformed(w, "no closing bracket");
    w->at++;
    return *w->at && *w->at != '.'
               ? malformed(w, "something behind a closing bracket")
               : 0;
}

/* --- elements ----------------------------------------------------------------
 */

static int walk_index(walk *w, const bracket *b, mf_place *p)
{
    uint64_t index;
    if (b->is_quoted ||
        mf_number_u64(b->text, SIZE_MAX / 2, &index) != MF_NUMBER_OK)
        return mf_error_set(w->err, MAYFLY_EINVAL,
                            "[%.*s] is no index of the repeated field %s",
                            b->text.len < 80 ? (int)b->text.len : 80,
                            b->text.ptr, p->field->name);
    p->is_element = 1;
    p->index = (size_t)index;
    p->size = mf_value_size(w->plan, p->field);
    p->array = p->in ? mf_field_at(p->in, p->field) : NULL;
    size_t n = p->array ? p->array->n : 0;
    if (p->index < n) {
        p->element = (char *)p->array->items + p->index * p->size;
    } else if (w->mode == MF_WALK_LOOK) {
        p->is_missing = 1;
    } else if (p->index > n) {
        return mf_error_set(w->err, MAYFLY_ENOTFOUND,
                            "%s has %zu elements; the next one is [%zu]",
                            p->field->name, n, n);
    } else if (w->mode == MF_WALK_MAKE) {
        p->element = mayfly_arena_add(w->arena, p->array, p->size);
        if (!p->element)
            return nomem(w);
    }
    return 0;
}

/* --- entries -----------------------------------------------------------------
 */

static bool text_is(mayfly_str text, const char *what)
{
    return text.len == strlen(what) && memcmp(text.ptr, what, text.len) == 0;
}

static bool parse_bool(mayfly_str text, bool *ret)
{
    *ret = text_is(text, "true");
    return *ret || text_is(text, "false");
}

static bool parse_signed(mayfly_str text, bool is_wide, key *k)
{
    int64_t value;
    if (mf_number_i64(text, is_wide ? INT64_MIN : INT32_MIN,
                      is_wide ? INT64_MAX : INT32_MAX, &value) != MF_NUMBER_OK)
        return false;
    if (is_wide)
        k->as.i64 = value;
    else
        k->as.i32 = (int32_t)value;
    return true;
}

static bool parse_unsigned(mayfly_str text, bool is_wide, key *k)
{
    uint64_t value;
    if (mf_number_u64(text, is_wide ? UINT64_MAX : UINT32_MAX, &value) !=
        MF_NUMBER_OK)
        return false;
    if (is_wide)
        k->as.u64 = value;
    else
        k->as.u32 = (uint32_t)value;
    return true;
}

static bool parse_key(key *k)
{
    mayfly_str text = k->from->text;
    if (k->field->type == MAYFLY_TYPE_STRING)
        return true;
    if (k->from->is_quoted)
        return false;
    switch (k->field->type) {
    case MAYFLY_TYPE_BOOL:
        return parse_bool(text, &k->as.yes);
    case MAYFLY_TYPE_UINT32:
    case MAYFLY_TYPE_FIXED32:
    case MAYFLY_TYPE_UINT64:
    case MAYFLY_TYPE_FIXED64:
        return parse_unsigned(text, k->size == 8, k);
    default:
        return parse_signed(text, k->size == 8, k);
    }
}

/* The key's text without escapes: into `out`, or only its length. */
static size_t unescape(const bracket *b, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < b->text.len; i++) {
        if (b->is_quoted && b->text.ptr[i] == '\\')
            i++;
        if (out)
            out[n] = b->text.ptr[i];
        n++;
    }
    return n;
}

static bool same_text(const bracket *b, mayfly_str have)
{
    size_t n = 0;
    for (size_t i = 0; i < b->text.len; i++, n++) {
        if (b->is_quoted && b->text.ptr[i] == '\\')
            i++;
        if (n == have.len || have.ptr[n] != b->text.ptr[i])
            return false;
    }
    return n == have.len;
}

static bool key_is(const key *k, const void *entry)
{
    const void *at = mf_field_in(entry, k->field);
    if (k->field->type == MAYFLY_TYPE_STRING)
        return same_text(k->from, *(const mayfly_str *)at);
    return memcmp(at, &k->as, k->size) == 0;
}

/* Adds an entry with this key. */
static void *add_entry(walk *w, const key *k, mayfly_array *array, size_t size)
{
    mayfly_str text = {NULL, 0};
    if (k->field->type == MAYFLY_TYPE_STRING) {
        text.len = unescape(k->from, NULL);
        char *copy = mf_arena_raw(w->arena, text.len + 1);
        if (!copy)
            return NULL;
        unescape(k->from, copy);
        text.ptr = copy;
    }
    void *entry = mayfly_arena_add(w->arena, array, size);
    if (!entry)
        return NULL;
    void *at = mf_field_at(entry, k->field);
    if (text.ptr)
        memcpy(at, &text, sizeof text);
    else
        memcpy(at, &k->as, k->size);
    return entry;
}

static int walk_key(walk *w, const bracket *b, mf_place *p)
{
    const mf_plan_field *map = p->field;
    const mf_plan_message *entry = &w->plan->messages[map->message];
    key k = {.field = mf_plan_field_of(entry, 1), .from = b};
    k.size = mf_value_size(w->plan, k.field);
    if (!parse_key(&k))
        return mf_error_set(w->err, MAYFLY_EINVAL,
                            "[%.*s] is no key of the map %s, which are %s",
                            b->text.len < 80 ? (int)b->text.len : 80,
                            b->text.ptr, map->name, mf_type_text(k.field));
    if (k.field->type == MAYFLY_TYPE_STRING &&
        !mf_utf8_valid(b->text.ptr, b->text.len))
        return malformed(w, "a key that is not UTF-8, which ends");
    p->array = p->in ? mf_field_at(p->in, map) : NULL;
    p->message = entry;
    p->field = mf_plan_field_of(entry, 2);
    p->size = entry->size;
    p->is_value = 1;
    p->in = NULL;
    size_t n = p->array ? p->array->n : 0;
    for (p->index = 0; p->index < n; p->index++) {
        char *at = (char *)p->array->items + p->index * p->size;
        if (key_is(&k, at)) {
            p->in = at;
            return 0;
        }
    }
    if (w->mode == MF_WALK_LOOK)
        p->is_missing = 1;
    else if (w->mode == MF_WALK_MAKE)
        p->in = add_entry(w, &k, p->array, p->size);
    return w->mode == MF_WALK_MAKE && !p->in ? nomem(w) : 0;
}

/* --- steps -------------------------------------------------------------------
 */

/* By its name in the schema, else by its JSON name. */
static const mf_plan_field *find_field(const mf_plan_message *m,
                                       mayfly_str name)
{
    for (uint32_t i = 0; i < m->n_fields; i++)
        if (text_is(name, m->fields[i].name))
            return &m->fields[i];
    for (uint32_t i = 0; i < m->n_fields; i++)
        if (m->fields[i].descriptor &&
            text_is(name, m->fields[i].descriptor->json_name))
            return &m->fields[i];
    return NULL;
}

/* A name, and what stands in brackets behind it. */
static int step(walk *w, mf_place *p)
{
    mayfly_str name = {w->at, strcspn(w->at, ".[")};
    if (name.len == 0)
        return malformed(w, "no field's name");
    *p = (mf_place){.message = w->m,
                    .field = find_field(w->m, name),
                    .in = w->data,
                    .is_missing = w->is_missing};
    if (!p->field)
        return mf_error_set(w->err, MAYFLY_ENOTFOUND,
                            "%s has no field \"%.*s\"", w->m->full_name,
                            name.len < 80 ? (int)name.len : 80, name.ptr);
    w->at += name.len;
    if (*w->at != '[')
        return 0;
    if (p->field->cardinality == MAYFLY_SINGULAR)
        return mf_error_set(w->err, MAYFLY_EINVAL,
                            "%s is neither repeated nor a map", p->field->name);
    bracket b;
    int code = read_bracket(w, &b);
    if (code != 0)
        return code;
    return p->field->cardinality == MAYFLY_MAP ? walk_key(w, &b, p)
                                               : walk_index(w, &b, p);
}

/* Into the message at the place. */
static int descend(walk *w, const mf_place *p)
{
    const mf_plan_field *f = p->field;
    if (!mf_place_is_single(p))
        return mf_error_set(
            w->err, MAYFLY_EINVAL, "%s is %s: say which one", f->name,
            f->cardinality == MAYFLY_MAP ? "a map" : "repeated");
    if (!mf_field_is_message(f))
        return mf_error_set(w->err, MAYFLY_EINVAL,
                            "%s is of type %s and has no fields", f->name,
                            mf_type_text(f));
    w->m = &w->plan->messages[f->message];
    w->is_missing = p->is_missing;
    w->data = w->mode == MF_WALK_MAKE ? mf_place_make(w->plan, p, w->arena)
                                      : mf_place_message(w->plan, p);
    return w->mode == MF_WALK_MAKE && !w->data ? nomem(w) : 0;
}

int mf_path_walk(const mf_plan *plan, const mf_plan_message *m, void *data,
                 const char *path, enum mf_walk mode, mayfly_arena *arena,
                 mf_place *ret, mayfly_error *err)
{
    walk w = {.plan = plan,
              .mode = mode,
              .arena = arena,
              .err = err,
              .path = path,
              .at = path,
              .m = m,
              .data = data};
    int code = step(&w, ret);
    while (code == 0 && *w.at == '.') {
        w.at++;
        code = descend(&w, ret);
        if (code == 0)
            code = step(&w, ret);
    }
    return code;
}

/* --- places ------------------------------------------------------------------
 */

/* Zeroes the members of a field's oneof. */
static void clear_oneof(const mf_plan_message *m, void *data,
                        const mf_plan_field *member)
{
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const mf_plan_field *f = &m->fields[i];
        if (f->presence_kind == MAYFLY_ONEOF && f->presence == member->presence)
            memset(mf_field_at(data, f), 0,
                   mf_layout_size(f->type, f->cardinality));
    }
    memset((char *)data + member->presence, 0, sizeof(uint32_t));
}

const void *mf_place_value(const mf_plan *plan, const mf_place *p)
{
    if (p->is_element)
        return p->element;
    if (!p->in || (p->field->presence_kind != MAYFLY_IMPLICIT &&
                   !mf_field_is_set(plan, p->in, p->field)))
        return NULL;
    return mf_field_in(p->in, p->field);
}

void *mf_place_message(const mf_plan *plan, const mf_place *p)
{
    if (p->is_element)
        return p->element;
    if (!p->in || !mf_field_is_set(plan, p->in, p->field))
        return NULL;
    return *(void **)mf_field_at(p->in, p->field);
}

bool mf_place_is_set(const mf_plan *plan, const mf_place *p)
{
    if (p->is_element || p->is_value)
        return !p->is_missing;
    return p->in && mf_field_is_set(plan, p->in, p->field);
}

void *mf_place_take(const mf_place *p)
{
    if (p->is_element)
        return p->element;
    if (p->field->presence_kind == MAYFLY_ONEOF)
        clear_oneof(p->message, p->in, p->field);
    mf_field_mark(p->in, p->field);
    return mf_field_at(p->in, p->field);
}

void *mf_place_make(const mf_plan *plan, const mf_place *p, mayfly_arena *arena)
{
    if (p->is_element)
        return p->element;
    if (p->field->presence_kind == MAYFLY_ONEOF &&
        !mf_field_is_set(plan, p->in, p->field))
        clear_oneof(p->message, p->in, p->field);
    return mf_field_message(plan, p->in, p->field, arena);
}

void mf_place_clear(const mf_plan *plan, const mf_place *p)
{
    const mf_plan_field *f = p->field;
    if (p->is_missing || (!p->in && !p->element))
        return;
    if (p->is_element || p->is_value) {
        char *at = (char *)p->array->items + p->index * p->size;
        size_t behind = p->array->n - p->index - 1;
        memmove(at, at + p->size, behind * p->size);
        p->array->n--;
        return;
    }
    if (f->presence_kind == MAYFLY_ONEOF) {
        if (mf_field_is_set(plan, p->in, f))
            clear_oneof(p->message, p->in, f);
        return;
    }
    memset(mf_field_at(p->in, f), 0, mf_layout_size(f->type, f->cardinality));
    if (f->presence_kind == MAYFLY_HASBIT) {
        uint64_t *words = p->in;
        words[f->presence / 64] &= ~((uint64_t)1 << f->presence % 64);
    }
}
