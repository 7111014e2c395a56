/*
 * proxy/load/load.c: from files to a live context, and the host's part that
 * holds the compiler and the contexts.
 *
 *     files ──► schema ──► plan ──► unit ──► context
 *
 * Schema and plan are made in a heap that goes with the unit. Nothing of a load
 * that fails remains: the context is made first, for its first snapshot, and
 * its handle is dropped with everything else. Where its own source refuses to
 * be loaded, that handle has a unit already, which goes as at an unload.
 *
 * What it tells the cache: how to name and cancel the calls that hold a context
 * (the transport keeps the list), which threads must not wait, how to give back
 * what is kept for speed, and how much the arenas hold.
 *
 * Threads: any.
 */
#include "proxy/load/load.h"

#include "proxy/typed/bind.h"
#include "proxy/call/call.h"
#include "proxy/host/limits.h"
#include "proxy/host/memory.h"
#include "proxy/program/program.h"
#include "proxy/host/quarantine.h"
#include "proxy/load/units.h"

#include "base/error.h"
#include "base/guest.h"

#include <string.h>

enum { CALLS_LISTED_MAX = 8 };

/* --- what the cache asks ---------------------------------------------------
 */

typedef struct listing {
    mayfly_context *context;
    mf_buf *out;
    size_t shown;
} listing;

static void list_one(void *state, const mf_call_info *info)
{
    listing *l = state;
    if (!mf_call_holds(info, l->context))
        return;
    if (l->shown < CALLS_LISTED_MAX)
        mf_buf_printf(l->out, "%scall %s %s %s, %llu ms", l->shown ? ", " : "",
                      info->path, info->is_server ? "from" : "to", info->peer,
                      (unsigned long long)(info->age_ns / 1000000));
    l->shown++;
}

static void list_calls(void *host, mayfly_context *context, mf_buf *out)
{
    listing l = {.context = context, .out = out};
    mf_calls_each(host, list_one, &l);
    if (l.shown > CALLS_LISTED_MAX)
        mf_buf_printf(out, ", and %zu more", l.shown - CALLS_LISTED_MAX);
}

typedef struct each_of {
    mayfly_context *context;
    void (*each)(void *state, const mf_call_note *call);
    void *state;
} each_of;

static void tell_one(void *state, const mf_call_info *info)
{
    const each_of *e = state;
    mf_call_note note = {.path = info->path,
                         .peer = info->peer,
                         .age_ns = info->age_ns,
                         .is_server = info->is_server};
    if (mf_call_holds(info, e->context))
        e->each(e->state, &note);
}

static void each_call(void *host, mayfly_context *context,
                      void (*each)(void *state, const mf_call_note *call),
                      void *state)
{
    each_of e = {context, each, state};
    mf_calls_each(host, tell_one, &e);
}

static void cancel_one(void *context, const mf_call_info *info)
{
    if (mf_call_holds(info, context))
        mf_call_request_cancel(info->call);
}

static void cancel_calls(void *host, mayfly_context *context)
{
    mf_calls_each(host, cancel_one, context);
}

static int on_loop(void *host)
{
    return mf_host_on_loop(host);
}

/* A context that its last lease ends, on a worker: the loop goes on. */
typedef struct ending {
    mf_task task;
    mayfly_host *host;       /* a reference */
    mayfly_context *context; /* a reference, taken by who pushes */
} ending;

static void run_ending(mf_task *task)
{
    ending *e = (ending *)(void *)task; /* its first member */
    mayfly_host *host = e->host;
    mf_context_end(e->context);
    mayfly_context_unref(e->context);
    mf_alloc_free(&host->alloc, e);
    mf_host_unref(host);
}

static int end_later(void *host, mayfly_context *context)
{
    mayfly_host *h = host;
    ending *e = mf_alloc_zero(&h->alloc, sizeof *e);
    if (!e)
        return MAYFLY_ENOMEM;
    *e = (ending){.task = {.run = run_ending},
                  .host = mf_host_ref(h),
                  .context = context};
    int code = mf_workers_push(h->workers, &e->task);
    if (code == 0) {
        mayfly_context_ref(
            context); /* the task begins with its lock, held now */
    } else {
        mf_host_unref(h); /* not the last: the context has one */
        mf_alloc_free(&h->alloc, e);
    }
    return code;
}

static void ref_host(void *host)
{
    mf_host_ref(host);
}

static void unref_host(void *host)
{
    mf_host_unref(host);
}

static void touch(void *host)
{
    mf_host_touch(host);
}

static void trim(void *host)
{
    mayfly_host *h = host;
    if (!h->has_compiler)
        return;
    mf_cc_trim(h->compiler.cc, 0);
    mf_work_trim(&h->compiler.work);
    mf_zone_trim(h->compiler.zone);
    mf_registry_trim(h->contexts);
}

/* The code of all units, and compile arenas where none is kept hot. */
static size_t arena_bytes(void *host)
{
    mayfly_host *h = host;
    size_t n = mf_zone_used(h->compiler.zone);
    if (h->options.measure_process)
        n += mf_cc_arena_bytes(h->compiler.cc);
    return n;
}

/* --- the host's part -------------------------------------------------------
 */

static int part_begin(mayfly_host *host, mayfly_error *err)
{
    mf_cc_limits none = {0};
    host->contexts = mf_registry_new(&host->alloc);
    if (!host->contexts)
        return mf_error_nomem(err, "the list of contexts");
    int code = mf_compiler_init(&host->compiler, &host->alloc, &host->log,
                                &none, host->limits.code_bytes, err);
    if (code != 0) {
        mf_registry_free(host->contexts);
        host->contexts = NULL;
        return code;
    }
    host->compiler.through = !host->uses_malloc;
    host->has_compiler = 1;
    if (host->options.forbid_compile)
        mf_cc_forbid(host->compiler.cc);
    if (!host->tuning.keeps_arena) {
        mf_cc_keep_none(host->compiler.cc);
        mf_work_keep_none(&host->compiler.work);
    }
    mayfly_limits limits = host->limits;
    code = mf_limits_apply(host, &limits, err);
    if (code == 0)
        code = mf_quarantine_begin(host, err);
    return code == 0 ? mf_units_begin(host, err) : code;
}

/* Whoever still holds a context keeps it *unloading*; its last lease drops it,
 * and the last reference to the host, which it holds, ends the compiler. */
static void part_stop(mayfly_host *host)
{
    mf_units_stop(host);
    if (host->contexts)
        mf_registry_unload_all(host->contexts, 0);
}

static void part_done(mayfly_host *host)
{
    mf_units_done(host);
    mf_exports_unref(host->exports);
    host->exports = NULL;
    mf_registry_free(host->contexts); /* before the addresses it remembers go */
    host->contexts = NULL;
    if (host->has_compiler)
        mf_compiler_done(&host->compiler);
    host->has_compiler = 0;
}

static void part_trim(mayfly_host *host)
{
    trim(host);
}

const mf_host_part mf_host_loading = {.begin = part_begin,
                                      .stop = part_stop,
                                      .done = part_done,
                                      .trim = part_trim};

/* --- loading ----------------------------------------------------------------
 */

static int new_context(mayfly_host *host, const char *name, const mf_load *load,
                       mayfly_context **ret_context, mayfly_error *err)
{
    mf_context_options o = {
        .alloc = &host->alloc,
        .name = name,
        .registry = host->contexts,
        .counts = host->counts,
        .measure_process = host->options.measure_process,
        .resident = load->sources.options->resident,
        .host = host,
        .ref_host = ref_host,
        .unref_host = unref_host,
        .list_calls = list_calls,
        .each_call = each_call,
        .cancel_calls = cancel_calls,
        .on_loop = on_loop,
        .end_later = end_later,
        .unloaded = load->unloaded,
        .touch = touch,
        .trim = trim,
        .map = host->options.measure_process > 1 ? mf_report_map : NULL,
        .arena_bytes = arena_bytes,
        .fork_generation = host->made_under,
    };
    return mf_context_new(&o, ret_context, err);
}

/* Schema to plan; the heap holds both, the plan references the schema. */
static int make_plan(const mf_load *load, mf_heap *heap, mf_plan **ret_plan,
                     uint64_t *ret_ns, mayfly_error *err)
{
    mf_alloc *alloc = mf_heap_alloc(heap);
    mf_schema *schema = load->schema;
    const mf_file *unused;
    int code = 0;
    if (!schema)
        code = mf_sources_read(&load->sources, alloc, &schema, &unused, err);
    if (code != 0)
        return code;
    uint64_t start = mf_clock_ns();
    code = mf_plan_native(alloc, schema, ret_plan, err);
    *ret_ns = mf_clock_ns() - start;
    mf_schema_unref(schema);
    return code;
}

void mf_built_free(mayfly_host *host, mf_built *built)
{
    if (!built)
        return;
    mf_unit_free(built->unit);
    mf_alloc_free(&host->alloc, built);
}

static int build_unit(mayfly_host *host, const mf_load *load, mf_link *link,
                      mf_unit **ret_unit, mf_unit_report *report,
                      mayfly_error *err)
{
    if (load->built) {
        *ret_unit = load->built->unit;
        *report = load->built->report;
        mf_alloc_free(&host->alloc, load->built);
        return 0;
    }
    mf_compiler *c = &host->compiler;
    const mayfly_load_options *o = load->sources.options;
    mf_heap *heap = load->heap ? load->heap : mf_heap_new(c->alloc, c->through);
    if (!heap)
        return mf_error_nomem(err, "a schema");
    mf_plan *plan;
    uint64_t plan_ns;
    mf_compiler_begin(c, heap);
    int code = make_plan(load, heap, &plan, &plan_ns, err);
    mf_compiler_end(c, heap);
    if (code != 0) {
        mf_heap_free(heap);
        return code;
    }
    mf_unit_input input = {.heap = heap,
                           .plan = plan,
                           .resident = o->resident,
                           .strict = o->strict_presence != 0,
                           .limits = mf_limits_of_compile(o->limits),
                           .diagnostic = o->diagnostic,
                           .diagnostic_state = o->diagnostic_state};
    if (link->program)
        mf_link_give(link, &input);
    code = mf_unit_build(c, &input, ret_unit, report, err);
    code = mf_link_blame(link, code, err);
    report->generate_ns += plan_ns;
    if (code != 0) {
        mf_plan_free(plan);
        mf_heap_free(heap);
    }
    return code;
}

int mf_load_options_check(mayfly_host *host, const mayfly_load_options *o,
                          mayfly_error *err)
{
    int code = mf_host_check(host, err);
    if (code != 0)
        return code;
    if ((o->n_files && !o->files) || (o->n_include_dirs && !o->include_dirs))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a list of the load options is missing");
    code = mf_link_check(o, err);
    if (code != 0)
        return code;
    if (o->previous && mf_context_host(o->previous) != host)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the version before is of another host");
    code = mf_limits_check(o->limits, err);
    return code == 0 ? mf_cc_check_allowed(host->compiler.cc, err) : code;
}

static int check(mayfly_host *host, const char *name, const mf_sources *s,
                 const void *ret_context, mayfly_error *err)
{
    if (!host || !name || !ret_context)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no host, no name or nowhere to put the context");
    return mf_load_options_check(host, s->options, err);
}

/* What was read or built for a load that does not come to it. */
static void drop_ready(mayfly_host *host, const mf_load *load)
{
    mf_built_free(host, load->built);
    mf_schema_unref(load->schema);
    mf_heap_free(load->heap);
}

/* What C source leaves behind is its program's. */
static int make_program(mayfly_host *host, const mayfly_load_options *o,
                        mayfly_context *context, mf_link *link,
                        mayfly_error *err)
{
    if (o->n_handlers == 0)
        return 0;
    mf_program *p =
        mf_program_new(context, &host->alloc, &host->log, host->made_under);
    return p ? mf_link_init(link, p, host, o, err)
             : mf_error_nomem(err, "a program");
}

/* From a context that compiles to one that is live; where it fails, the context
 * is given up. */
static int load(mayfly_host *host, const mf_load *load, mayfly_context *context,
                mayfly_error *err)
{
    uint64_t start = mf_clock_ns();
    int built = load->built != NULL;
    mf_link link = {0};
    mf_unit *unit;
    mf_unit_report report;
    int code = make_program(host, load->sources.options, context, &link, err);
    if (code == 0)
        code = build_unit(host, load, &link, &unit, &report, err);
    else
        drop_ready(host, load);
    mf_program *program = link.program; /* or NULL: there is no C source */
    mf_link_done(&link);
    mf_host_touch(host);
    if (code != 0) {
        mf_program_free(program);
        mayfly_context_unref(context);
        return code;
    }
    mf_load_report told = {.compiling = report.cc.census,
                           .load_ns = mf_clock_ns() - start,
                           .generate_ns = report.generate_ns,
                           .compile_ns =
                               report.cc.compile_ns + report.cc.link_ns};
    if (built)
        told.load_ns += told.generate_ns + told.compile_ns;
    mf_payload payload =
        program ? mf_program_publish(program, unit) : mf_unit_payload(unit);
    mf_context_attach(context, &payload, &told);
    if (program)
        code = mf_program_load(program, load->sources.options->previous,
                               load->begins, err);
    if (code == 0)
        mf_context_open(context);
    else
        mf_context_abandon(context);
    return code;
}

int mf_load_run(mayfly_host *host, const char *name, const mf_load *what,
                mayfly_context **ret_context, mayfly_error *err)
{
    mayfly_context *context = NULL;
    mayfly_pin *pin = NULL;
    int code = check(host, name, &what->sources, ret_context, err);
    if (code == 0 && what->sources.options->previous) {
        code =
            mayfly_pin_new(what->sources.options->previous,
                           "the load of its next version", name, 0, &pin, err);
        if (code != 0)
            mf_error_wrap(err, code, "the version before");
    }
    if (code == 0)
        code = new_context(host, name, what, &context, err);
    if (code == 0)
        code = load(host, what, context, err);
    else
        drop_ready(host, what);
    if (code == 0)
        *ret_context = context;
    mayfly_pin_free(pin);
    return code;
}

int mayfly_load_file(mayfly_host *host, const char *name, const char *path,
                     const mayfly_load_options *options,
                     mayfly_context **ret_context, mayfly_error *err)
{
    mayfly_load_options o;
    int code = mf_load_options_read(options, &o, err);
    mf_load load = {
        .sources = {.paths = &path, .n_paths = path ? 1 : 0, .options = &o},
        .begins = 1};
    return code == 0 ? mf_load_run(host, name, &load, ret_context, err) : code;
}

int mayfly_load_text(mayfly_host *host, const char *name,
                     const mayfly_source *schema,
                     const mayfly_load_options *options,
                     mayfly_context **ret_context, mayfly_error *err)
{
    mayfly_load_options o;
    int code = mf_load_options_read(options, &o, err);
    mf_load load = {.sources = {.text = schema, .options = &o}, .begins = 1};
    return code == 0 ? mf_load_run(host, name, &load, ret_context, err) : code;
}
