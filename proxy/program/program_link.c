/*
 * proxy/program/program_link.c: what source is compiled and linked with.
 *
 * The options of a load become what the compiler takes: defines as lines before
 * each source, tables of symbols, and a function that is asked for every other
 * name. Names are looked up in this order: the sources themselves, the
 * wrappers, the load's own symbols, those that the host exports, libc's list,
 * mayfly's functions, the user's function, libraries, folders of libraries.
 *
 * An mf_link is one load's, on its thread's stack; the program stays.
 */
#include "proxy/program/program.h"

#include "base/error.h"
#include "proxy/program/symbols.h"

#include <string.h>

/* --- what the options say --- */

static int bad_list(const char *const *list, size_t n)
{
    if (n && !list)
        return 1;
    for (size_t i = 0; i < n; i++)
        if (!list[i])
            return 1;
    return 0;
}

int mf_link_check(const mayfly_load_options *o, mayfly_error *err)
{
    if ((o->n_handlers && !o->handlers) || (o->n_symbols && !o->symbols) ||
        bad_list(o->header_dirs, o->n_header_dirs) ||
        bad_list(o->defines, o->n_defines) ||
        bad_list(o->libraries, o->n_libraries) ||
        bad_list(o->library_dirs, o->n_library_dirs))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a list of the options is missing, or a name in "
                            "it");
    for (size_t i = 0; i < o->n_handlers; i++)
        if (!o->handlers[i].text)
            return mf_error_set(err, MAYFLY_EINVAL, "a source without text");
    for (size_t i = 0; i < o->n_symbols; i++)
        if (!o->symbols[i].name)
            return mf_error_set(err, MAYFLY_EINVAL, "a symbol without a name");
    return 0;
}

/* "NAME" is defined as 1, as compilers do it. A line break would end the line
 * and let the rest be anything. */
static int write_defines(const mayfly_load_options *o, mf_buf *out,
                         mayfly_error *err)
{
    for (size_t i = 0; i < o->n_defines; i++) {
        const char *text = o->defines[i];
        size_t name = strcspn(text, "=");
        if (name == 0 || strchr(text, '\n') || strchr(text, '\r'))
            return mf_error_set(err, MAYFLY_EINVAL, "not a define: \"%s\"",
                                text);
        mf_buf_printf(out, "#define %.*s %s\n", (int)name, text,
                      text[name] ? text + name + 1 : "1");
    }
    return mf_buf_text(out) ? mf_buf_check(out, "the defines", err)
                            : mf_error_nomem(err, "the defines");
}

int mf_link_init(mf_link *l, mf_program *p, mayfly_host *host,
                 const mayfly_load_options *o, mayfly_error *err)
{
    memset(l, 0, sizeof *l);
    l->program = p;
    l->options = o;
    l->exports = mf_exports_get(host);
    mf_buf_init(&l->prelude, p->alloc, 0);
    int code = write_defines(o, &l->prelude, err);
    for (size_t i = 0; code == 0 && i < o->n_libraries; i++)
        code = mf_program_add_library(p, o->libraries[i], err);
    if (code == 0)
        code = mf_folders_init(&l->folders, p->alloc, o->library_dirs,
                               o->n_library_dirs, err);
    return code;
}

void mf_link_done(mf_link *l)
{
    if (!l->program)
        return;
    mf_exports_unref(l->exports);
    mf_folders_done(&l->folders);
    mf_buf_done(&l->prelude);
}

/* --- names --- */

static const void *find_api(const char *name)
{
    size_t n;
    const mayfly_symbol *api = mf_api_symbols(&n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(api[i].name, name) == 0)
            return api[i].address;
    return NULL;
}

static const void *find_name(void *state, const char *name)
{
    mf_link *l = state;
    const mayfly_load_options *o = l->options;
    const void *address = find_api(name);
    if (address) {
        l->program->uses_mayfly = 1;
        return address;
    }
    if (o->resolve)
        address = o->resolve(o->resolve_state, name);
    if (!address)
        address = mf_program_find_in_libraries(l->program, name);
    return address ? address : mf_folders_find(&l->folders, l->program, name);
}

void mf_link_give(mf_link *l, mf_unit_input *input)
{
    const mayfly_load_options *o = l->options;
    input->handlers = o->handlers;
    input->n_handlers = o->n_handlers;
    input->symbols = o->symbols;
    input->n_symbols = o->n_symbols;
    input->given = (mf_unit_given){
        .wrappers = &mf_wrappers_source,
        .wrapped = l->wrapped,
        .n_wrapped = mf_wrappers_symbols(l->program, l->wrapped),
        .exported = l->exports ? l->exports->symbols : NULL,
        .n_exported = l->exports ? l->exports->n : 0,
        .include = o->include,
        .include_state = o->include_state,
        .include_dirs = o->header_dirs,
        .n_include_dirs = o->n_header_dirs,
        .real_paths = o->n_header_dirs != 0,
        .prelude = o->n_defines ? mf_buf_text(&l->prelude) : NULL,
        .resolve = find_name,
        .resolve_state = l,
    };
}

int mf_link_blame(const mf_link *l, int code, mayfly_error *err)
{
    if (code != MAYFLY_ELINK || !l->program)
        return code;
    if (l->folders.failed)
        return mf_error_nomem(err, "a library");
    if (!l->folders.trouble[0] || !err)
        return code;
    mayfly_error before = *err;
    return mf_error_set(err, code,
                        "%s; a library that has such a name cannot "
                        "be loaded: %s",
                        before.message, l->folders.trouble);
}
