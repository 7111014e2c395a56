/*
 * compiler/arena/shapes.c: values that libtcc passes otherwise than compilers
 * do.
 *
 * On x86-64 a struct of 16 bytes or less travels in registers, and each half of
 * it by what is in it: integers and pointers in one kind of register, floating
 * point in another; with a member that lies across, in memory. libtcc decides
 * once for the whole struct, takes an array for an integer whatever it is of,
 * and knows nothing of members that lie across, nor of alignment above 16. What
 * both decide alike agrees; anything else arrives as garbage, and is refused
 * where it would cross from a unit's code to another compiler's.
 *
 * Where that is, is known by names. A symbol that the unit uses is looked at
 * when code or data refers to it, and noted when its type, or the values a call
 * passes, are wrong: whether it is another source of the unit, or foreign,
 * comes out in linking, and then the note is an error (mf_run_import). A type
 * is looked through as far as it goes: pointers to functions among the
 * parameters, and structs with such pointers, are called from the other side.
 * Functions that the unit defines are noted likewise; they are refused to
 * whoever asks for their address by name (mf_run_trouble).
 *
 * What is called through a pointer alone says nothing of where it leads: calls
 * inside of a unit are good in any shape.
 *
 * Threads: those of a run: one at a time.
 */
#include "compiler/arena/run.h"

#include "compiler/arena/hooks.h"
#include "compiler/arena/types.h"

#include <stdio.h>
#include <string.h>

enum { PART = 8, PARTS = 2, TEXT = 200, DEPTH = 12, LOOKED_AT = 400 };

/* Kinds of registers for one half, in the words of the ABI; X87 takes two. */
enum registers { NONE, INTEGER, SSE, X87, X87UP, MEMORY };

static int basic(const mf_tcc_type *t)
{
    return t->flags & MF_TCC_BASIC;
}

static int is_struct(const mf_tcc_type *t)
{
    return basic(t) == MF_TCC_STRUCT;
}

/* Of a flexible one 0. */
static int array_length(const mf_tcc_type *t)
{
    return t->of->at > 0 ? t->of->at : 0;
}

static int size_of(const mf_tcc_type *t)
{
    if (t->flags & MF_TCC_ARRAY)
        return array_length(t) * size_of(&t->of->type);
    switch (basic(t)) {
    case MF_TCC_BYTE:
    case MF_TCC_BOOL:
        return 1;
    case MF_TCC_SHORT:
        return 2;
    case MF_TCC_INT:
    case MF_TCC_FLOAT:
        return 4;
    case MF_TCC_LDOUBLE:
        return 16;
    case MF_TCC_STRUCT:
        return t->of->at;
    default:
        return 8;
    }
}

/* --- as the ABI has it --- */

static enum registers merge(enum registers a, enum registers b)
{
    if (a == b || b == NONE)
        return a;
    if (a == NONE)
        return b;
    if (a == MEMORY || b == MEMORY)
        return MEMORY;
    if (a == INTEGER || b == INTEGER)
        return INTEGER;
    return a == SSE && b == SSE ? SSE : MEMORY;
}

static void put(enum registers parts[PARTS], int at, enum registers what)
{
    if (at / PART < PARTS)
        parts[at / PART] = merge(parts[at / PART], what);
}

static void put_scalar(enum registers parts[PARTS], const mf_tcc_type *t,
                       int at)
{
    int kind = basic(t);
    int size = size_of(t);
    if (kind == MF_TCC_VOID)
        return;
    if (at % size) {
        put(parts, at, MEMORY); /* lies across, being packed */
    } else if (kind == MF_TCC_LDOUBLE) {
        put(parts, at, X87);
        put(parts, at + PART, X87UP);
    } else {
        int is_float = kind == MF_TCC_FLOAT || kind == MF_TCC_DOUBLE;
        put(parts, at, is_float ? SSE : INTEGER);
    }
}

static void put_bits(enum registers parts[PARTS], const mf_tcc_sym *member,
                     int at)
{
    unsigned flags = (unsigned)member->type.flags;
    int first = at * 8 + (int)(flags >> MF_TCC_BIT_AT & MF_TCC_BITS);
    int bits = (int)(flags >> MF_TCC_BIT_SIZE & MF_TCC_BITS);
    if ((member->name & ~MF_TCC_FIELD) >= MF_TCC_ANONYMOUS)
        return; /* only takes room */
    for (int bit = first; bit < first + bits; bit += 8)
        put(parts, bit / 8, INTEGER);
    if (bits)
        put(parts, (first + bits - 1) / 8, INTEGER);
}

static void put_type(enum registers parts[PARTS], const mf_tcc_type *t, int at);

static void put_struct(enum registers parts[PARTS], const mf_tcc_sym *of,
                       int at)
{
    for (const mf_tcc_sym *m = of->next; m; m = m->next) {
        if (m->type.flags & MF_TCC_BITFIELD)
            put_bits(parts, m, at + m->at);
        else
            put_type(parts, &m->type, at + m->at);
    }
}

static void put_type(enum registers parts[PARTS], const mf_tcc_type *t, int at)
{
    if (t->flags & MF_TCC_ARRAY) {
        int step = size_of(&t->of->type);
        for (int i = 0; step && i < array_length(t); i++)
            put_type(parts, &t->of->type, at + i * step);
    } else if (is_struct(t)) {
        put_struct(parts, t->of, at);
    } else {
        put_scalar(parts, t, at);
    }
}

static void classify(enum registers parts[PARTS], const mf_tcc_type *t)
{
    parts[0] = parts[1] = NONE;
    put_type(parts, t, 0);
    if (parts[0] == MEMORY || parts[1] == MEMORY ||
        (parts[1] == X87UP && parts[0] != X87))
        parts[0] = parts[1] = MEMORY;
}

/* --- as libtcc has it --- */

/* One for all of the struct. */
static enum registers simple(const mf_tcc_type *t)
{
    enum registers all = NONE;
    switch (basic(t)) {
    case MF_TCC_VOID:
        return NONE;
    case MF_TCC_FLOAT:
    case MF_TCC_DOUBLE:
        return SSE;
    case MF_TCC_LDOUBLE:
        return X87;
    case MF_TCC_STRUCT:
        for (const mf_tcc_sym *m = t->of->next; m; m = m->next)
            all = merge(all, simple(&m->type));
        return all;
    default:
        return INTEGER;
    }
}

/* Whether a value of this type arrives. */
static int agrees(const mf_tcc_type *t)
{
    if (!is_struct(t))
        return 1;
    int size = t->of->at;
    if (size > PARTS * PART || size < 0)
        return t->of->align <= 16;
    enum registers parts[PARTS], all = simple(t);
    classify(parts, t);
    if (all == X87)
        return parts[0] == X87 && parts[1] == X87UP;
    if (size == 0)
        return all == NONE;
    return parts[0] == all && (size <= PART || parts[1] == all);
}

/* --- saying what is wrong --- */

static const char *name_of(int name)
{
    return mf_libtcc_get_tok_str(name & ~(MF_TCC_TAG | MF_TCC_FIELD), NULL);
}

typedef struct text {
    char *to;
    size_t used, size;
} text;

static void say(text *t, const char *words)
{
    size_t n = strlen(words), room = t->size - t->used - 1;
    if (n > room)
        n = room;
    memcpy(t->to + t->used, words, n);
    t->used += n;
    t->to[t->used] = '\0';
}

static void say_type(text *out, const mf_tcc_type *t, int depth)
{
    static const char *const names[] = {
        [MF_TCC_VOID] = "void",     [MF_TCC_BYTE] = "char",
        [MF_TCC_SHORT] = "short",   [MF_TCC_INT] = "int",
        [MF_TCC_LLONG] = "long",    [MF_TCC_PTR] = "pointer",
        [MF_TCC_FUNC] = "function", [MF_TCC_FLOAT] = "float",
        [MF_TCC_DOUBLE] = "double", [MF_TCC_LDOUBLE] = "long double",
        [MF_TCC_BOOL] = "_Bool"};
    char length[24];
    if (t->flags & MF_TCC_ARRAY) {
        say_type(out, &t->of->type, depth);
        snprintf(length, sizeof length, "[%d]", array_length(t));
        say(out, length);
        return;
    }
    if (!is_struct(t)) {
        const char *name = (size_t)basic(t) < sizeof names / sizeof *names
                               ? names[basic(t)]
                               : NULL;
        say(out, name ? name : "?");
        return;
    }
    int name = t->of->name & ~MF_TCC_TAG;
    say(out, t->flags & MF_TCC_UNION ? "union " : "struct ");
    if (name < MF_TCC_ANONYMOUS) {
        say(out, name_of(name));
        say(out, " ");
    }
    if (depth > 2) {
        say(out, "{...}");
        return;
    }
    say(out, "{");
    for (const mf_tcc_sym *m = t->of->next; m; m = m->next) {
        say_type(out, &m->type, depth + 1);
        if (m->next)
            say(out, ", ");
    }
    say(out, "}");
}

/* --- looking through types --- */

/* The first wrong value that was found, and on the way there. */
typedef struct search {
    const mf_tcc_type *wrong;
    int is_returned;
    int is_indirect; /* by a pointer to a function within the type */
    const mf_tcc_sym *seen[LOOKED_AT];
    size_t n_seen;
} search;

static void look(search *s, const mf_tcc_type *t, int depth);

static void look_value(search *s, const mf_tcc_type *t, int is_returned,
                       int depth)
{
    if (s->wrong)
        return;
    if (!(t->flags & MF_TCC_ARRAY) && !agrees(t)) {
        s->wrong = t;
        s->is_returned = is_returned;
        s->is_indirect = depth > 0;
        return;
    }
    look(s, t, depth + 1);
}

static void look_members(search *s, const mf_tcc_sym *of, int depth)
{
    for (size_t i = 0; i < s->n_seen; i++)
        if (s->seen[i] == of)
            return;
    if (s->n_seen == LOOKED_AT)
        return;
    s->seen[s->n_seen++] = of;
    for (const mf_tcc_sym *m = of->next; m && !s->wrong; m = m->next)
        look(s, &m->type, depth + 1);
}

static void look(search *s, const mf_tcc_type *t, int depth)
{
    if (s->wrong || depth > DEPTH)
        return;
    if (basic(t) == MF_TCC_FUNC) {
        look_value(s, &t->of->type, 1, depth);
        for (const mf_tcc_sym *p = t->of->next; p; p = p->next)
            look_value(s, &p->type, 0, depth);
    } else if (basic(t) == MF_TCC_PTR) {
        look(s, &t->of->type, depth + 1);
    } else if (is_struct(t)) {
        look_members(s, t->of, depth);
    }
}

/* --- notes --- */

/* A name whose values do not arrive. */
struct mf_run_shape {
    mf_run_shape *next;
    int is_own; /* defined by the unit */
    int is_told;
    int line;
    char *file, *why; /* behind the name */
    char name[];
};

static void *take(mf_run *run, size_t n)
{
    void *block = mf_carena_take(run->arena, n, MF_KIND_PARSER);
    if (!block)
        mf_run_stop(run, MAYFLY_ELIMIT, "compile arena: too much memory");
    return block;
}

static mf_run_shape *find(const mf_run *run, const char *name, int is_own)
{
    mf_run_shape *s = run->shapes;
    while (s && (s->is_own != is_own || strcmp(s->name, name) != 0))
        s = s->next;
    return s;
}

static void note(mf_run *run, const char *name, int is_own, const search *s)
{
    char type[TEXT] = "", why[3 * TEXT];
    text out = {type, 0, sizeof type};
    if (find(run, name, is_own))
        return;
    say_type(&out, s->wrong, 0);
    snprintf(why, sizeof why,
             "%s, which is %s, %s %s by value%s: libtcc passes that otherwise "
             "than other compilers do; pass a pointer to it",
             name, is_own ? "compiled here" : "not part of the unit",
             s->is_returned ? "returns a" : "takes a", type,
             s->is_indirect ? ", by a pointer to a function in its type" : "");
    mf_run_place place = {0};
    run->asked_place = &place; /* libtcc says where it is */
    mf_libtcc_warning("%s", "here");
    run->asked_place = NULL;

    size_t n = strlen(name) + 1, m = strlen(why) + 1;
    size_t k = strlen(place.file) + 1;
    mf_run_shape *shape = take(run, sizeof *shape + n + m + k);
    *shape = (mf_run_shape){
        .next = run->shapes, .is_own = is_own, .line = place.line};
    memcpy(shape->name, name, n);
    shape->why = memcpy(shape->name + n, why, m);
    shape->file = memcpy(shape->why + m, place.file, k);
    run->shapes = shape;
}

/* --- what libtcc tells --- */

/* Whether a name of this source is met for the first time. */
static int is_new(mf_run *run, int name)
{
    size_t at = (size_t)name;
    if (at / 8 >= run->looked_bytes) {
        size_t room = run->looked_bytes ? run->looked_bytes : 256;
        while (at / 8 >= room)
            room *= 2;
        uint8_t *more = mf_carena_zero(run->arena, room, MF_KIND_PARSER);
        if (!more)
            mf_run_stop(run, MAYFLY_ELIMIT, "compile arena: too much memory");
        if (run->looked_bytes)
            memcpy(more, run->looked, run->looked_bytes);
        mf_carena_give(run->arena, run->looked);
        run->looked = more;
        run->looked_bytes = room;
    }
    int before = run->looked[at / 8] >> (at % 8) & 1;
    run->looked[at / 8] |= (uint8_t)(1u << (at % 8));
    return !before;
}

void mf_run_shapes_begin(mf_run *run)
{
    if (run->looked)
        memset(run->looked, 0, run->looked_bytes);
}

static int has_name(const mf_tcc_sym *sym)
{
    return sym->name > 0 && sym->name < MF_TCC_ANONYMOUS;
}

static void look_at(mf_run *run, const mf_tcc_sym *sym, int is_own)
{
    search s;
    s.wrong = NULL;
    s.n_seen = 0;
    look(&s, &sym->type, 0);
    if (s.wrong)
        note(run, name_of(sym->name), is_own, &s);
}

void mf_run_use(mf_run *run, const mf_tcc_sym *sym)
{
    if (!run->system || !has_name(sym) || (sym->type.flags & MF_TCC_STATIC) ||
        !is_new(run, sym->name))
        return;
    look_at(run, sym, 0);
}

/* The address of a symbol, and nothing else. */
static int is_address(unsigned where)
{
    unsigned parts = MF_TCC_PLACE | MF_TCC_LVALUE | MF_TCC_SYMBOL;
    return (where & parts) == (MF_TCC_CONST | MF_TCC_SYMBOL);
}

/* What an old-style declaration or "..." does not tell. */
void mf_run_call(mf_run *run, const mf_tcc_value *top, int n)
{
    const mf_tcc_value *function = top - n;
    if (!run->system || !is_address(function->where) ||
        !has_name(function->sym) || (function->sym->type.flags & MF_TCC_STATIC))
        return;
    for (int i = 0; i < n; i++) {
        if (agrees(&top[-i].type))
            continue;
        search s;
        s.wrong = &top[-i].type;
        s.is_returned = s.is_indirect = 0;
        note(run, name_of(function->sym->name), 0, &s);
        return;
    }
}

void mf_run_function(mf_run *run, const mf_tcc_sym *sym)
{
    if (!run->system || !has_name(sym) || (sym->type.flags & MF_TCC_STATIC))
        return;
    look_at(run, sym, 1);
}

/* --- in linking --- */

void mf_run_import(mf_run *run, const char *name)
{
    mf_run_shape *s = run->shapes ? find(run, name, 0) : NULL;
    if (!s || s->is_told)
        return;
    s->is_told = 1;
    run->bad_shapes++;
    mf_run_add(run, s->file, s->line, s->why);
}

const char *mf_run_trouble(const mf_run *run, const char *name)
{
    const mf_run_shape *s = run->shapes ? find(run, name, 1) : NULL;
    return s ? s->why : NULL;
}
