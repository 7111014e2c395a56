/*
 * compiler/arena/cc.c: one compile from sources to an image in the zone.
 *
 * The only file that includes libtcc.h (whose functions are called by their
 * names in the relinked object). A compile takes the process's turn, works in
 * the compile arena, links into a buffer of that arena at the addresses that
 * the unit will have, and hands the bytes to the zone; then the arena is
 * dropped, libtcc's state is reset, and what was found is told to the caller.
 * libtcc is left either by return or by a jump to `inside`; both ways lead
 * through the same ending.
 *
 * An image is [tables][code][literals, linkage]; with mutable data libtcc's
 * data section, in which literals and linkage are, begins a page and becomes
 * private read-write memory. A first object aligned to a page sees to that.
 *
 * Threads: any. What needs the process's turn is between mf_run_enter and
 * mf_run_leave; the hot arena has a lock of its own.
 */
#include "compiler/arena/cc.h"

#include "base/error.h"
#include "compiler/arena/hooks.h"
#include "compiler/arena/mappings.h"
#include "compiler/arena/run.h"

#define tcc_new mf_tcc_new
#define tcc_set_error_func mf_tcc_set_error_func
#define tcc_set_options mf_tcc_set_options
#define tcc_set_output_type mf_tcc_set_output_type
#define tcc_add_sysinclude_path mf_tcc_add_sysinclude_path
#define tcc_add_file mf_tcc_add_file
#define tcc_relocate mf_tcc_relocate
#define tcc_get_symbol mf_tcc_get_symbol
#define tcc_list_symbols mf_tcc_list_symbols
#include <libtcc.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

enum { PAGE = 4096, TABLE_ALIGN = 64, INCLUDE_DEPTH = 30, INCLUDES = 10000 };

struct mf_cc {
    mf_alloc *alloc;
    mf_zone *zone;
    pthread_mutex_t lock;
    mf_carena *arenas;   /* all there are, newest first */
    mf_carena *hot;      /* one of them, reset, for the next compile; or NULL */
    uint64_t used_at;    /* monotonic, of the end of the last compile */
    mf_cc_limits limits; /* of every compile */
    mf_mappings mappings;
    atomic_int forbidden;
    atomic_int keeps_none;
    atomic_size_t resident_bytes;
};

/* What a compile must not lose when libtcc is left by a jump. */
typedef struct job {
    mf_run run;
    mf_cc *cc;
    mf_image image;
    int has_span;
    int defined_code; /* of the caller's callback */
    uint64_t began;
    uint64_t linked; /* when compiling ended and linking began */
    mayfly_error *err;
} job;

/* --- compiling and linking ---------------------------------------------- */

/* What a source begins with: ours, then the caller's. */
static const char *begin_text(mf_run *run, size_t source)
{
    const mf_cc_input *in = run->input;
    const char *ours = mf_predefs(run->system, in->mutable_data && source == 0);
    const char *theirs = in->prelude;
    if (!theirs || source < in->prelude_from)
        return ours;
    size_t n = strlen(ours), m = strlen(theirs) + 1;
    char *both = mf_carena_take(run->arena, n + m, MF_KIND_TEXT);
    if (!both)
        mf_run_stop(run, MAYFLY_ELIMIT, "compile arena: the defines");
    memcpy(both, ours, n);
    memcpy(both + n, theirs, m);
    return both;
}

static TCCState *compile(job *j)
{
    mf_run *run = &j->run;
    const mf_cc_input *in = run->input;
    TCCState *s = tcc_new();
    tcc_set_error_func(s, run, mf_run_note);
    tcc_set_options(s, in->warnings_are_errors
                           ? "-nostdinc -std=c11 -xc -Werror"
                           : "-nostdinc -std=c11 -xc");
    tcc_set_output_type(s, TCC_OUTPUT_MEMORY);
    tcc_add_sysinclude_path(s, MF_RUN_ROOT);
    for (size_t i = 0; i < in->n_sources; i++) {
        const char *name = in->sources[i].name;
        if (!name || !name[0] || strcmp(name, "-") == 0)
            name = "source";
        run->source = &in->sources[i];
        run->system = in->system_includes && i >= in->system_from;
        run->predefs = begin_text(run, i);
        mf_run_shapes_begin(run);
        if (tcc_add_file(s, name) != 0)
            return NULL;
    }
    return s;
}

/* Where the image's parts came to lie. */
static int measure(job *j, size_t tables)
{
    mf_run *run = &j->run;
    mf_image *image = &j->image;
    const mf_cc_input *in = run->input;
    size_t code = run->image_end > tables ? run->image_end : tables;
    size_t data = 0;
    if (run->copy_bytes && run->copy_at < run->data_at)
        run->data_at = run->copy_at;
    image->text_bytes = run->text_bytes;
    image->table_bytes = in->table_bytes;
    if (in->mutable_data && run->data_at < code) {
        if (run->data_at % PAGE)
            return 0;
        data = code - run->data_at;
        code = run->data_at;
    } else {
        image->const_bytes = code - tables - run->text_bytes;
    }
    image->data_bytes = data;
    mf_zone_cut(j->cc->zone, &image->span, code, data);
    return 1;
}

/* --- several units in one image --- */

static size_t offset_of(TCCState *s, const job *j, const char *name,
                        size_t part)
{
    char text[64];
    snprintf(text, sizeof text, "%s_%zu", name, part);
    return (uintptr_t)tcc_get_symbol(s, text) - j->run.image_at;
}

/* Where the parts are, with their tables put in; 0: they are not one behind the
 * other, each in pages of its own, with nothing beside them. */
static int place_parts(job *j, TCCState *s)
{
    mf_run *run = &j->run;
    const mf_cc_input *in = run->input;
    size_t at = 0, end = 0;
    for (size_t i = 0; i < in->n_parts; i++) {
        mf_cc_part *p = &in->parts[i];
        size_t entry = offset_of(s, j, "mf_unit_entry", i);
        at = (end + PAGE - 1) & ~(size_t)(PAGE - 1);
        end = entry + p->entry_bytes;
        if (offset_of(s, j, "mf_tables", i) != at || entry > run->image_room ||
            end > run->image_room || entry < at + p->table_bytes)
            return 0;
        memcpy(run->image + at, p->tables, p->table_bytes);
        p->entry = j->image.span.base + entry;
        p->image = (mf_image){
            .tables = p->table_bytes ? j->image.span.base + at : NULL,
            .table_bytes = p->table_bytes,
            .text_bytes = end - at - p->table_bytes,
            .span.code_bytes = (end - at + PAGE - 1) & ~(size_t)(PAGE - 1)};
    }
    mf_zone_cut(j->cc->zone, &j->image.span, end, 0);
    return run->image_end <= end;
}

/* Makes them spans of their own. */
static int split(job *j)
{
    const mf_cc_input *in = j->run.input;
    size_t *bytes = mf_carena_take(j->run.arena, in->n_parts * sizeof *bytes,
                                   MF_KIND_STATE);
    mf_span *spans = mf_carena_take(j->run.arena, in->n_parts * sizeof *spans,
                                    MF_KIND_STATE);
    if (!bytes || !spans)
        return mf_error_nomem(j->err, "the parts");
    for (size_t i = 0; i < in->n_parts; i++)
        bytes[i] = in->parts[i].image.span.code_bytes;
    int code = mf_zone_split(j->cc->zone, &j->image.span, bytes, in->n_parts,
                             spans, j->err);
    for (size_t i = 0; code == 0 && i < in->n_parts; i++)
        in->parts[i].image.span = spans[i];
    return code;
}

/* libtcc lists what the code uses and names of its own too. */
static void on_symbol(void *state, const char *name, const void *address)
{
    static const char *const own[] = {
        "_GLOBAL_OFFSET_TABLE_",
        "_etext",
        "_edata",
        "_end",
    };
    job *j = state;
    const mf_cc_input *in = j->run.input;
    uintptr_t at = (uintptr_t)address - j->run.image_at;
    if (j->defined_code || at >= j->run.image_end || strchr(name, '@') ||
        strncmp(name, "__start_", 8) == 0 || strncmp(name, "__stop_", 7) == 0 ||
        strstr(name, "_array_start") || strstr(name, "_array_end"))
        return;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (strcmp(name, own[i]) == 0)
            return;
    }
    j->defined_code =
        in->defined(in->defined_state, name, (void *)(uintptr_t)address,
                    mf_run_trouble(&j->run, name));
}

static int link_image(job *j, TCCState *s)
{
    mf_run *run = &j->run;
    const mf_cc_input *in = run->input;
    mf_image *image = &j->image;
    size_t tables = (in->table_bytes + TABLE_ALIGN - 1) / TABLE_ALIGN;
    tables *= TABLE_ALIGN;
    run->linking = 1;
    int need = tcc_relocate(s, NULL);
    if (need < 0) {
        if (run->unresolved)
            return mf_error_set(j->err, MAYFLY_ELINK, "unresolved: %s",
                                run->names);
        if (!run->n_findings)
            return mf_error_set(j->err, MAYFLY_ELIMIT,
                                "code: the unit is too large");
        return mf_run_error(run, "linking failed", j->err);
    }
    if (run->bad_shapes)
        return mf_run_error(run, "values that cannot cross", j->err);
    size_t room = (tables + (size_t)need + PAGE) / PAGE * PAGE;
    if (run->limits.code_bytes &&
        tables + (size_t)need > run->limits.code_bytes)
        return mf_error_set(j->err, MAYFLY_ELIMIT,
                            "code: the unit's %zu bytes are more than its "
                            "limit of %zu",
                            tables + (size_t)need, run->limits.code_bytes);
    int code = mf_zone_take(j->cc->zone, room, 0, &image->span, j->err);
    if (code != 0)
        return code;
    j->has_span = 1;
    run->image = mf_carena_zero(run->arena, room, MF_KIND_IMAGE);
    if (!run->image)
        mf_run_stop(run,
                    mf_carena_full(run->arena) ? MAYFLY_ELIMIT : MAYFLY_ENOMEM,
                    "compile arena: the image");
    run->image_at = (uintptr_t)image->span.base;
    run->image_room = room;
    run->data_at = SIZE_MAX;
    if (in->table_bytes)
        memcpy(run->image, in->tables, in->table_bytes);
    if (tcc_relocate(s, image->span.base + tables) < 0)
        return mf_run_error(run, "linking failed", j->err);
    if (in->n_parts ? !place_parts(j, s) : !measure(j, tables))
        return mf_error_set(j->err, MAYFLY_EINTERNAL,
                            in->n_parts ? "the parts do not lie apart"
                                        : "data does not begin a page");
    code = mf_zone_fill(j->cc->zone, &image->span, run->image,
                        run->image + image->span.code_bytes, j->err);
    if (code != 0 || in->n_parts)
        return code ? code : split(j);
    if (in->defined) {
        tcc_list_symbols(s, j, on_symbol);
        if (j->defined_code)
            return j->defined_code == MAYFLY_ENOMEM
                       ? mf_error_nomem(j->err, "the names of the unit")
                       : mf_error_set(j->err, j->defined_code, "%s",
                                      mayfly_error_text(j->defined_code));
    }
    image->tables = in->table_bytes ? image->span.base : NULL;
    for (size_t i = 0; i < in->n_wanted; i++)
        in->ret_addresses[i] = tcc_get_symbol(s, in->wanted[i]);
    return 0;
}

static int work(job *j)
{
    TCCState *s = compile(j);
    j->linked = mf_clock_ns();
    if (!s)
        return mf_run_error(&j->run, "the compiler gave no reason", j->err);
    return link_image(j, s);
}

/* The frame that libtcc's hooks jump to. */
static int inside(job *j)
{
    if (setjmp(j->run.out) != 0)
        return mf_run_stop_error(&j->run, j->err);
    return work(j);
}

/* --- arenas ----------------------------------------------------------------
 */

static void drop_arena(mf_cc *cc, mf_carena *a)
{
    if (!a)
        return;
    mf_carena_link *l = mf_carena_get_link(a);
    pthread_mutex_lock(&cc->lock);
    if (l->prev)
        mf_carena_get_link(l->prev)->next = l->next;
    else
        cc->arenas = l->next;
    if (l->next)
        mf_carena_get_link(l->next)->prev = l->prev;
    pthread_mutex_unlock(&cc->lock);
    mf_carena_free(a);
}

static mf_carena *new_arena(mf_cc *cc, size_t bytes)
{
    mf_carena *a = mf_carena_new(cc->alloc, bytes);
    if (!a)
        return NULL;
    pthread_mutex_lock(&cc->lock);
    mf_carena_get_link(a)->next = cc->arenas;
    if (cc->arenas)
        mf_carena_get_link(cc->arenas)->prev = a;
    cc->arenas = a;
    pthread_mutex_unlock(&cc->lock);
    return a;
}

static mf_carena *take_arena(mf_cc *cc, size_t bytes)
{
    pthread_mutex_lock(&cc->lock);
    mf_carena *a = cc->hot;
    cc->hot = NULL;
    if (a)
        mf_carena_get_link(a)->resting = 0;
    pthread_mutex_unlock(&cc->lock);
    if (a && !mf_carena_reset(a, bytes)) {
        drop_arena(cc, a);
        a = NULL;
    }
    return a ? a : new_arena(cc, bytes);
}

/* The end of a compile: `a` stays with the image, or is kept hot if none is. */
static void give_arena(mf_cc *cc, mf_carena *a, int stays)
{
    uint64_t now = mf_clock_ns();
    if (!stays)
        mf_carena_reset(a, 0);
    pthread_mutex_lock(&cc->lock);
    cc->used_at = now;
    if (stays || (!cc->hot && !atomic_load(&cc->keeps_none))) {
        mf_carena_get_link(a)->resting = 1;
        if (!stays)
            cc->hot = a;
        a = NULL;
    }
    pthread_mutex_unlock(&cc->lock);
    drop_arena(cc, a);
}

void mf_cc_each_arena(const mf_cc *cc, mf_cc_arena_fn add, void *state)
{
    mf_cc *c = (mf_cc *)(uintptr_t)cc; /* only the lock is written */
    pthread_mutex_lock(&c->lock);
    for (mf_carena *a = c->arenas; a; a = mf_carena_get_link(a)->next) {
        const void *at;
        size_t bytes;
        mf_carena_space space;
        int resting = mf_carena_get_link(a)->resting;
        mf_carena_reserved(a, &at, &bytes);
        if (resting)
            mf_carena_measure(a, &space);
        add(state, at, bytes, a == c->hot, resting ? &space : NULL);
    }
    pthread_mutex_unlock(&c->lock);
}

/* --- public -------------------------------------------------------------- */

int mf_cc_new(mf_alloc *alloc, mf_zone *zone, mf_cc **ret_cc, mayfly_error *err)
{
    mf_cc *cc = mf_alloc_zero(alloc, sizeof *cc);
    if (!cc)
        return mf_error_nomem(err, "the compiler");
    cc->alloc = alloc;
    cc->zone = zone;
    pthread_mutex_init(&cc->lock, NULL);
    *ret_cc = cc;
    return 0;
}

void mf_cc_free(mf_cc *cc)
{
    if (!cc)
        return;
    mf_cc_trim(cc, 0);
    pthread_mutex_destroy(&cc->lock);
    mf_alloc_free(cc->alloc, cc);
}

void mf_cc_set_limits(mf_cc *cc, const mf_cc_limits *limits)
{
    pthread_mutex_lock(&cc->lock);
    cc->limits = *limits;
    mf_mappings_recount(&cc->mappings);
    pthread_mutex_unlock(&cc->lock);
}

void mf_cc_forbid(mf_cc *cc)
{
    atomic_store(&cc->forbidden, 1);
}

int mf_cc_check_allowed(const mf_cc *cc, mayfly_error *err)
{
    if (!atomic_load(&cc->forbidden))
        return 0;
    return mf_error_set(err, MAYFLY_EUNSUPPORTED,
                        "this host was made with forbid_compile: nothing is "
                        "compiled at run time");
}

static size_t least(size_t a, size_t b)
{
    return a && (!b || a < b) ? a : b;
}

/* A compile's own limits and those of all. */
static mf_cc_limits take_limits(mf_cc *cc, const mf_cc_limits *own)
{
    pthread_mutex_lock(&cc->lock);
    mf_cc_limits l = cc->limits;
    pthread_mutex_unlock(&cc->lock);
    l.source_bytes = least(l.source_bytes, own->source_bytes);
    l.arena_bytes = least(l.arena_bytes, own->arena_bytes);
    l.code_bytes = least(l.code_bytes, own->code_bytes);
    l.stack_bytes = least(l.stack_bytes, own->stack_bytes);
    l.time_ms = (unsigned)least(l.time_ms, own->time_ms);
    l.include_depth = (unsigned)least(l.include_depth, own->include_depth);
    l.includes = (unsigned)least(l.includes, own->includes);
    l.nesting = (unsigned)least(l.nesting, own->nesting);
    return l;
}

static void fill_limits(mf_cc_limits *l)
{
    if (!l->source_bytes)
        l->source_bytes = 64 * MIB;
    if (!l->arena_bytes)
        l->arena_bytes = 256 * MIB;
    if (!l->time_ms)
        l->time_ms = 10000;
    if (!l->include_depth || l->include_depth > INCLUDE_DEPTH)
        l->include_depth = INCLUDE_DEPTH;
    if (!l->includes)
        l->includes = INCLUDES;
}

static void report(const job *j, uint64_t ended, mf_cc_report *ret)
{
    memset(ret, 0, sizeof *ret);
    mf_carena_census(j->run.arena, &ret->census);
    ret->arena_peak_bytes = mf_carena_peak(j->run.arena);
    ret->compile_ns = j->linked - j->began;
    ret->link_ns = ended - j->linked;
}

int mf_cc_compile(mf_cc *cc, const mf_cc_input *input, mf_image *ret_image,
                  mf_cc_report *ret_report, mayfly_error *err)
{
    int code = mf_cc_check_allowed(cc, err);
    if (code != 0)
        return code;
    job *j = mf_alloc_zero(cc->alloc, sizeof *j);
    if (!j)
        return mf_error_nomem(err, "the compiler");
    mf_run *run = &j->run;
    j->cc = cc;
    j->err = err;
    run->input = input;
    run->limits = take_limits(cc, &input->limits);
    fill_limits(&run->limits);
    code = mf_mappings_allow(&cc->mappings, run->limits.mappings_spare, err);
    if (code == 0)
        code = mf_run_bound_stack(run, err);
    if (code != 0) {
        mf_alloc_free(cc->alloc, j);
        return code;
    }
    run->arena = take_arena(cc, run->limits.arena_bytes);
    if (!run->arena) {
        mf_alloc_free(cc->alloc, j);
        return mf_error_nomem(err, "the compile arena");
    }
    mf_run_enter(run);
    j->began = j->linked = mf_clock_ns();
    run->deadline_ns = j->began + (uint64_t)run->limits.time_ms * 1000000u;
    run->ticks = 1;
    code = inside(j);
    uint64_t ended = mf_clock_ns();
    mf_run_leave();
    mf_run_give_back_stack(run);

    if (code != 0 && j->has_span)
        mf_zone_give(cc->zone, &j->image.span);
    if (ret_report && code == 0)
        report(j, ended, ret_report);
    if (code == 0 && input->resident) {
        j->image.resident = run->arena;
        atomic_fetch_add(&cc->resident_bytes, mf_carena_peak(run->arena));
    }
    give_arena(cc, run->arena, code == 0 && input->resident);
    if (code == 0 && !input->n_parts)
        *ret_image = j->image;
    mf_run_tell(run);
    mf_alloc_wipe(cc->alloc, j);
    return code;
}

void mf_cc_release(mf_cc *cc, mf_image *image)
{
    mf_carena *kept = image->resident;
    mf_zone_give(cc->zone, &image->span);
    if (kept) {
        atomic_fetch_sub(&cc->resident_bytes, mf_carena_peak(kept));
        drop_arena(cc, kept);
    }
    memset(image, 0, sizeof *image);
}

void mf_cc_census(const mf_image *image, mf_census *c)
{
    size_t total = image->span.code_bytes + image->span.data_bytes;
    size_t parts = image->text_bytes + image->const_bytes + image->table_bytes +
                   image->data_bytes;
    if (image->text_bytes)
        mf_census_add(c, "code", "text", 1, image->text_bytes);
    if (image->const_bytes)
        mf_census_add(c, "code", "constants", 1, image->const_bytes);
    if (image->table_bytes)
        mf_census_add(c, "code", "codec tables", 1, image->table_bytes);
    if (image->data_bytes)
        mf_census_add(c, "code", "data", 1, image->data_bytes);
    if (total > parts)
        mf_census_add(c, "code", "padding", 0, total - parts);
    if (image->resident)
        mf_carena_census(image->resident, c);
}

void mf_cc_keep_none(mf_cc *cc)
{
    atomic_store(&cc->keeps_none, 1);
    mf_cc_trim(cc, 0);
}

void mf_cc_trim(mf_cc *cc, uint64_t idle_ns)
{
    mf_carena *a = NULL;
    pthread_mutex_lock(&cc->lock);
    int idle = !idle_ns || mf_clock_ns() - cc->used_at >= idle_ns;
    if (idle) {
        a = cc->hot;
        cc->hot = NULL;
    }
    pthread_mutex_unlock(&cc->lock);
    if (!idle)
        return;
    drop_arena(cc, a);
    mf_run_idle();
}

size_t mf_cc_arena_bytes(const mf_cc *cc)
{
    mf_cc *c = (mf_cc *)(uintptr_t)cc;
    pthread_mutex_lock(&c->lock);
    size_t hot = c->hot ? mf_carena_hot(c->hot) : 0;
    pthread_mutex_unlock(&c->lock);
    return hot + atomic_load(&c->resident_bytes);
}
