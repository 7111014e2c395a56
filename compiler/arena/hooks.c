/*
 * compiler/arena/hooks.c: libtcc's memory, its exits, its limits and its
 * linking.
 *
 * libtcc treats lack of memory by exit(1) and cannot be told to give up, so
 * none of these functions ever returns a failure to it: they leave it by a jump
 * to cc.c's frame. Nothing of libtcc's needs to be unwound, because all its
 * memory is in the compile arena, its files are ours, and its globals are
 * reset.
 *
 * The stack and the time are looked at where every unbounded recursion and loop
 * of libtcc passes: at each token the parser reads, at each symbol that is
 * pushed (macro expansion pushes one per nesting), at each allocation.
 *
 * The functions that stand in for libtcc's own must be in this file: libtcc's
 * are weak, which does not make a linker look for better ones in an archive,
 * but this file is always there because libtcc needs the others.
 *
 * What a block is for is known from the address it was asked from: the build
 * makes a table of where libtcc's functions begin (kinds.awk).
 */
#include "compiler/arena/hooks.h"

#include "compiler/arena/run.h"
#include "compiler/arena/types.h"

#include <string.h>

enum { CLOCK_EVERY = 64 };

typedef struct kind_entry {
    uint32_t from; /* offset into libtcc's instructions */
    enum mf_block_kind kind;
} kind_entry;

static const kind_entry kinds[] = {
#include "mf_tcc_kinds.h"
};

static enum mf_block_kind kind_at(const void *caller)
{
    uintptr_t at = (uintptr_t)caller - (uintptr_t)mf_libtcc_text;
    size_t low = 0, high = sizeof kinds / sizeof kinds[0];
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (kinds[mid].from <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low ? kinds[low - 1].kind : MF_KIND_OTHER;
}

_Noreturn void mf_run_stop(mf_run *run, int code, const char *text)
{
    run->stop = code;
    run->stop_text = text;
    longjmp(run->out, 1);
}

void mf_run_check(mf_run *run)
{
    char *here = __builtin_frame_address(0);
    if (here < run->stack_lowest) {
        run->stack_lowest = here;
        if (here < run->stack_low)
            mf_run_stop(run, MAYFLY_ELIMIT,
                        "stack: the source nests too deeply");
    }
    if (--run->ticks == 0) {
        run->ticks = CLOCK_EVERY;
        if (mf_clock_ns() > run->deadline_ns)
            mf_run_stop(run, MAYFLY_ELIMIT, "time: the compile takes too long");
    }
}

static _Noreturn void stop_nomem(mf_run *run)
{
    if (mf_carena_full(run->arena))
        mf_run_stop(run, MAYFLY_ELIMIT, "compile arena: too much memory");
    mf_run_stop(run, MAYFLY_ENOMEM, "the compile arena");
}

/* A pool is made in two allocations: its owner, whose first word will tell what
 * it is for, then the pool. By the next allocation the word is set. */
static void settle_pool(mf_run *run)
{
    unsigned limit;
    if (!run->pool)
        return;
    memcpy(&limit, run->pool_owner, sizeof limit);
    mf_carena_settle(run->arena, run->pool,
                     limit == 256 ? MF_KIND_TOKSYMS : MF_KIND_MACROS);
    run->pool = NULL;
    run->pool_owner = NULL;
}

static void *take(size_t size, const void *caller, int zero)
{
    mf_run *run = mf_run_now();
    enum mf_block_kind kind = kind_at(caller);
    int is_pool = 0;
    mf_run_check(run);
    if (mf_run_fails())
        mf_run_stop(run, MAYFLY_ENOMEM, "the compile arena");
    settle_pool(run);
    if (kind == MF_KIND_POOLS) {
        is_pool = !zero && run->pool_owner;
        if (!is_pool)
            kind = MF_KIND_MACROS;
    }
    void *block = zero ? mf_carena_zero(run->arena, size, kind)
                       : mf_carena_take(run->arena, size, kind);
    if (!block)
        stop_nomem(run);
    if (is_pool)
        run->pool = block;
    else
        run->pool_owner = zero && kind == MF_KIND_MACROS ? block : NULL;
    return block;
}

static void *resize(void *block, size_t size, const void *caller)
{
    mf_run *run = mf_run_now();
    enum mf_block_kind kind = kind_at(caller);
    mf_run_check(run);
    if (mf_run_fails())
        mf_run_stop(run, MAYFLY_ENOMEM, "the compile arena");
    settle_pool(run);
    if (kind == MF_KIND_POOLS)
        kind = MF_KIND_MACROS;
    block = mf_carena_resize(run->arena, block, size, kind);
    if (!block)
        stop_nomem(run);
    return block;
}

void *mf_hook_tcc_malloc(unsigned long size)
{
    return take(size, __builtin_return_address(0), 0);
}

void *mf_hook_tcc_mallocz(unsigned long size)
{
    return take(size, __builtin_return_address(0), 1);
}

void *mf_hook_tcc_realloc(void *block, unsigned long size)
{
    return resize(block, size, __builtin_return_address(0));
}

char *mf_hook_tcc_strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = take(n, __builtin_return_address(0), 0);
    memcpy(copy, text, n);
    return copy;
}

/* Tables of pointers, which double at every power of two. */
void mf_hook_dynarray_add(void *table, int *count, void *item)
{
    void **items;
    int n = *count;
    memcpy(&items, table, sizeof items);
    if ((n & (n - 1)) == 0) {
        size_t room = n ? (size_t)n * 2 : 1;
        items =
            resize(items, room * sizeof *items, __builtin_return_address(0));
        memcpy(table, &items, sizeof items);
    }
    items[n] = item;
    *count = n + 1;
}

void *mf_hook_malloc(size_t size)
{
    return take(size, __builtin_return_address(0), 0);
}

void *mf_hook_calloc(size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        stop_nomem(mf_run_now());
    return take(n * size, __builtin_return_address(0), 1);
}

void *mf_hook_realloc(void *block, size_t size)
{
    return resize(block, size, __builtin_return_address(0));
}

void mf_hook_free(void *block)
{
    mf_carena_give(mf_run_now()->arena, block);
}

void mf_hook_next(void)
{
    mf_run *run = mf_run_now();
    mf_run_check(run);
    mf_run_advance(run);
}

void mf_hook_skip(int token)
{
    mf_run *run = mf_run_now();
    mf_run_check(run);
    mf_run_skip(run, token);
}

void mf_hook_unget_tok(int token)
{
    mf_run_back(mf_run_now(), token);
}

/* A symbol that has a place among the names; members of structs are among them.
 */
void *mf_hook_sym_push(int v, void *type, int r, int c)
{
    if ((v & MF_TCC_FIELD) && v != MF_TCC_FIELD)
        mf_run_member(mf_run_now(), type);
    return mf_libtcc_sym_push(v, type, r, c);
}

/* Any symbol. The bare flag stands for what an array, of length `c`, is made
 * of; with a length of -1 for what a pointer points to. */
void *mf_hook_sym_push2(void **stack, int v, int t, int c)
{
    mf_run *run = mf_run_now();
    mf_run_check(run);
    if (v == MF_TCC_FIELD && c != -1)
        mf_run_array(run, t);
    return mf_libtcc_sym_push2(stack, v, t, c);
}

/* An operand of assembly. The outcome of a comparison is in the processor's
 * flags, which libtcc then takes for a register beyond all that there are; and
 * where a value came about by one, notes of it are left in place of the symbol,
 * which is looked at for variables that are kept in registers. */
void mf_hook_asm_operand(void)
{
    mf_libtcc_gexpr();
    mf_tcc_value *v = mf_libtcc_vtop;
    unsigned where = v->where & MF_TCC_PLACE;
    if (where >= MF_TCC_FLAGS && where <= MF_TCC_JUMPS)
        mf_libtcc_gv(MF_TCC_ANY_INTEGER);
    if (!(v->where & MF_TCC_SYMBOL) && where != MF_TCC_LOCAL)
        v->sym = NULL;
}

/* Code or data refers to a symbol. */
void mf_hook_greloca(void *section, const void *sym, unsigned long offset,
                     int type, unsigned long addend)
{
    if (sym)
        mf_run_use(mf_run_now(), sym);
    mf_libtcc_greloca(section, sym, offset, type, addend);
}

/* The arguments are on top of the function. */
void mf_hook_gfunc_call(int n)
{
    mf_run_call(mf_run_now(), mf_libtcc_vtop, n);
    mf_libtcc_gfunc_call(n);
}

void mf_hook_gfunc_prolog(const void *sym)
{
    mf_run_function(mf_run_now(), sym);
    mf_libtcc_gfunc_prolog(sym);
}

_Noreturn void mf_hook_exit(int code)
{
    (void)code;
    mf_run_stop(mf_run_now(), MAYFLY_ECOMPILE, "the compiler gave up");
}

_Noreturn void mf_hook_assert_fail(const char *what, const char *file,
                                   unsigned line, const char *function)
{
    (void)what, (void)file, (void)line, (void)function;
    mf_run_stop(mf_run_now(), MAYFLY_ECOMPILE,
                "the compiler found a defect of its own");
}

_Noreturn void mf_hook_longjmp_chk(jmp_buf to, int value)
{
    longjmp(to, value);
}

_Noreturn void mf_hook_stack_chk_fail(void)
{
    mf_run_stop(mf_run_now(), MAYFLY_ECOMPILE,
                "the compiler overran a buffer of its own");
}

/* libtcc's predefined macros and declarations are half of the time of a small
 * compile. While it begins a file, the text that it would add is replaced. */
void mf_hook_preprocess_start(void *state, int filetype)
{
    mf_run *run = mf_run_now();
    run->in_predefs = 1;
    mf_libtcc_preprocess_start(state, filetype);
    run->in_predefs = 0;
}

void mf_hook_cstr_cat(void *cstr, const char *text, int len)
{
    mf_run *run = mf_run_now();
    if (run->in_predefs && len == -1)
        text = run->predefs;
    mf_libtcc_cstr_cat(cstr, text, len);
}

/* The macros that libtcc's state begins with: ours are in the text above. */
int mf_hook_define(void *cstr, const char *format, ...)
{
    (void)cstr, (void)format;
    return 0;
}

/* Room for a variable. libtcc's linker counts in 32 bits; zeroed variables take
 * no memory here that would bound them. */
size_t mf_hook_section_add(void *section, size_t size, int align)
{
    mf_run *run = mf_run_now();
    size_t most = (size_t)1 << 30;
    mf_run_check(run);
    if (align < 0 || size > most || (size_t)align > most ||
        run->object_bytes + size + (size_t)align > most)
        mf_run_stop(run, MAYFLY_ELIMIT, "code: the variables are too large");
    run->object_bytes += size + (size_t)align;
    return mf_libtcc_section_add(section, size, align);
}

/* #pragma comment(option, ...): a source does not choose the compiler's
 * options. In one of several parts it says that the next one begins: then the
 * names of the one before are forgotten, so that parts may use the same ones. The
 * parser is between two declarations, as it reads the first token of one. */
void mf_hook_pragma_option(void *state, const char *options)
{
    mf_run *run = mf_run_now();
    (void)state;
    if (!run->input->n_parts || strcmp(options, MF_CC_NEXT_PART) != 0)
        return;
    if (run->in_parts)
        mf_libtcc_sym_pop(&mf_libtcc_global_stack, run->before_part, 0);
    run->in_parts = 1;
    run->before_part = mf_libtcc_global_stack;
}

/* Libraries: there are none; names are found through dlsym below. */
void mf_hook_add_runtime(void *state)
{
    (void)state;
}

/* The linked sections are copied to addresses where no memory is yet: into the
 * image that becomes that memory. */
static uint8_t *image_at(mf_run *run, const void *to, size_t n)
{
    size_t at = (uintptr_t)to - run->image_at;
    if ((uintptr_t)to < run->image_at || at > run->image_room ||
        n > run->image_room - at)
        mf_run_stop(run, MAYFLY_EINTERNAL, "the linker left its image");
    /* Executable sections are followed by their mprotect; this one's
     * predecessor was none if it still stands here. */
    if (run->copy_bytes && run->copy_at < run->data_at)
        run->data_at = run->copy_at;
    run->copy_at = at;
    run->copy_bytes = n;
    if (n && at + n > run->image_end)
        run->image_end = at + n;
    return run->image + at;
}

void *mf_hook_image_copy(void *to, const void *from, size_t n)
{
    memcpy(image_at(mf_run_now(), to, n), from, n);
    return to;
}

void *mf_hook_image_zero(void *to, int byte, size_t n)
{
    memset(image_at(mf_run_now(), to, n), byte, n);
    return to;
}

int mf_hook_mprotect(void *at, size_t n, int protection)
{
    mf_run *run = mf_run_now();
    (void)at, (void)n, (void)protection;
    run->text_bytes += run->copy_bytes;
    run->copy_bytes = 0;
    return 0;
}

void *mf_hook_dlopen(const char *path, int flags)
{
    (void)path, (void)flags;
    return NULL;
}

void *mf_hook_dlsym(void *handle, const char *name)
{
    mf_run *run = mf_run_now();
    const mf_cc_input *in = run->input;
    (void)handle;
    mf_run_import(run, name);
    for (size_t t = 0; t < in->n_symbol_tables; t++) {
        const mayfly_symbol *table = in->symbols[t];
        for (size_t i = 0; i < in->n_symbols[t]; i++) {
            if (table[i].name[0] == name[0] && strcmp(table[i].name, name) == 0)
                return (void *)(uintptr_t)table[i].address;
        }
    }
    const void *address = mf_runtime_find(name);
    if (!address)
        address = mf_libc_find(name);
    if (!address && in->resolve)
        address = in->resolve(in->resolve_state, name);
    return (void *)(uintptr_t)address;
}

int mf_hook_dlclose(void *handle)
{
    (void)handle;
    return 0;
}
