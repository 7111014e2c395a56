/*
 * proxy/load/recipe.h: a load that can be done again.
 *
 * A copy of all that a load was asked with, the text of every schema file
 * included, so that a context can be given back and built the same way later,
 * whatever has become of the files since. Its bytes are what tells two contents
 * apart.
 */
#ifndef MF_PROXY_RECIPE_H
#define MF_PROXY_RECIPE_H

#include "cache/units/units.h"
#include "proxy/load/load.h"

/*
 * Reads what `recipe` names, links the schema, and copies everything.
 * `ret_recipe` is for the cache; `unit` is its unit's name. A schema that is
 * wrong is an error here, with every finding told. Errors: those of
 * mayfly_load_file.
 */
int mf_recipe_read(mayfly_host *host, const char *unit,
                   const mayfly_recipe *recipe, mf_recipe *ret_recipe,
                   mayfly_error *err);

/* What the first build of a recipe has to begin with. */
typedef struct mf_recipe_ready {
    mf_heap *heap; /* with the schema, as it was read, or NULL; ... */
    mf_schema *schema;
    mf_built *built; /* ... or the unit already, or NULL */
    int is_plain;    /* it is not resident, and has no handlers nor limits */
    int is_strict;
} mf_recipe_ready;

mf_recipe_ready *mf_recipe_get_ready(const mf_recipe *recipe);

/* How much generated code a recipe is going to be: functions, about; 0: it
 * cannot be compiled with others. */
size_t mf_recipe_functions(mayfly_host *host, const mf_recipe *recipe);

/* Compiles units of recipes by one compile, where that can be, for the build
 * that comes. What does not go well is left for it. */
void mf_recipe_compile_several(mayfly_host *host, const mf_recipe *recipes,
                               size_t n);

/* How many services the files that were asked for have. */
size_t mf_recipe_services(const mf_recipe *recipe);

/* Of mf_units_options. The first build takes the schema as it was read. */
int mf_recipe_build(void *host, void *made, const char *name,
                    mayfly_context *previous, mayfly_context **ret_context,
                    mayfly_error *err);
void mf_recipe_free(void *host, void *made);

/* Likewise. */
int mf_recipe_each_method(void *host, void *made, mf_method_fn each,
                          void *state, mayfly_error *err);

#endif
