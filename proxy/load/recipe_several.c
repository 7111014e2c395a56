/*
 * proxy/load/recipe_several.c: compiling what several recipes need before each
 * is loaded.
 *
 * Whoever loads many units reads some, has them compiled here by one compile,
 * and loads each of them; the load finds its unit made. Units that need a
 * compile of their own are passed over: those with C source, which are
 * programs; with limits, which hold for one; resident ones; and all where the
 * process is measured, for a receipt tells what one unit takes.
 *
 * What stays true: a recipe is as it was, or has its unit. So no error is told
 * here: what is wrong with a unit comes out when it is built alone.
 *
 * Threads: any; a recipe is one thread's until it is loaded.
 */
#include "proxy/load/recipe.h"

enum { PER_METHOD = 4 }; /* functions, beside one per message */

static int can_be_part(mayfly_host *host, const mf_recipe *recipe)
{
    const mf_recipe_ready *ready = mf_recipe_get_ready(recipe);
    return ready->schema && ready->is_plain && !recipe->lazy &&
           !host->options.measure_process && !mf_units_has(host->units, recipe);
}

size_t mf_recipe_functions(mayfly_host *host, const mf_recipe *recipe)
{
    const mf_recipe_ready *ready = mf_recipe_get_ready(recipe);
    if (!can_be_part(host, recipe))
        return 0;
    size_t n = ready->schema->n_messages + 1;
    for (uint32_t i = 0; i < ready->schema->n_files; i++) {
        const mf_file *file = ready->schema->files[i];
        for (uint32_t s = 0; file->is_root && s < file->n_services; s++)
            n += PER_METHOD * (size_t)file->services[s].n_methods;
    }
    return n;
}

typedef struct several {
    mf_alloc *alloc;
    mf_recipe_ready **of;
    mf_unit_input *inputs;
    mf_unit **units;
    mf_unit_report *reports;
    mf_built **built; /* what recipes get */
    uint64_t *plan_ns;
    size_t n;
} several;

static int several_init(several *s, size_t n)
{
    s->of = mf_alloc_zero(s->alloc, n * sizeof *s->of);
    s->inputs = mf_alloc_zero(s->alloc, n * sizeof *s->inputs);
    s->units = mf_alloc_zero(s->alloc, n * sizeof *s->units);
    s->reports = mf_alloc_zero(s->alloc, n * sizeof *s->reports);
    s->built = mf_alloc_zero(s->alloc, n * sizeof *s->built);
    s->plan_ns = mf_alloc_zero(s->alloc, n * sizeof *s->plan_ns);
    return s->of && s->inputs && s->units && s->reports && s->built &&
           s->plan_ns;
}

static void several_done(several *s)
{
    for (size_t i = 0; i < s->n; i++)
        mf_alloc_free(s->alloc, s->built[i]);
    mf_alloc_free(s->alloc, s->of);
    mf_alloc_free(s->alloc, s->inputs);
    mf_alloc_free(s->alloc, s->units);
    mf_alloc_free(s->alloc, s->reports);
    mf_alloc_free(s->alloc, s->built);
    mf_alloc_free(s->alloc, s->plan_ns);
}

/* Makes the plan of one, which is a part then. */
static void add(several *s, mf_compiler *c, mf_recipe_ready *ready)
{
    size_t i = s->n;
    uint64_t start = mf_clock_ns();
    s->inputs[i] =
        (mf_unit_input){.heap = ready->heap, .strict = ready->is_strict};
    s->built[i] = mf_alloc_new(s->alloc, sizeof *s->built[i]);
    if (!s->built[i])
        return;
    mf_compiler_begin(c, ready->heap);
    int code = mf_plan_native(mf_heap_alloc(ready->heap), ready->schema,
                              &s->inputs[i].plan, NULL);
    mf_compiler_end(c, ready->heap);
    s->plan_ns[i] = mf_clock_ns() - start;
    s->of[i] = ready;
    if (code == 0) {
        s->n++;
        return;
    }
    mf_alloc_free(s->alloc, s->built[i]);
    s->built[i] = NULL;
}

/* The unit has heap and plan now, and by that the schema. */
static void give(several *s, size_t i)
{
    mf_recipe_ready *ready = s->of[i];
    s->reports[i].generate_ns += s->plan_ns[i];
    *s->built[i] = (mf_built){s->units[i], s->reports[i]};
    mf_schema_unref(ready->schema);
    ready->schema = NULL;
    ready->heap = NULL;
    ready->built = s->built[i];
    s->built[i] = NULL;
}

void mf_recipe_compile_several(mayfly_host *host, const mf_recipe *recipes,
                               size_t n)
{
    mf_compiler *c = &host->compiler;
    several s = {.alloc = &host->alloc};
    int code = several_init(&s, n) ? 0 : MAYFLY_ENOMEM;
    for (size_t i = 0; code == 0 && i < n; i++)
        if (can_be_part(host, &recipes[i]))
            add(&s, c, mf_recipe_get_ready(&recipes[i]));
    if (code == 0 && s.n < 2)
        code = MAYFLY_EUNSUPPORTED; /* one alone is none of several */
    if (code == 0)
        code =
            mf_unit_build_several(c, s.inputs, s.n, s.units, s.reports, NULL);
    for (size_t i = 0; i < s.n; i++) {
        if (code == 0)
            give(&s, i);
        else
            mf_plan_free(s.inputs[i].plan);
    }
    several_done(&s);
}
