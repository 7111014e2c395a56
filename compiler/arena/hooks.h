/*
 * compiler/arena/hooks.h: what the relinked libtcc calls instead of the system.
 *
 * libtcc.mk gives these names to libtcc's references; the types are those of
 * the functions they stand for, with void for libtcc's own.
 */
#ifndef MF_ARENA_HOOKS_H
#define MF_ARENA_HOOKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mf_tcc_value; /* types.h */

/* Memory and limits: hooks.c. */
void *mf_hook_tcc_malloc(unsigned long size);
void *mf_hook_tcc_mallocz(unsigned long size);
void *mf_hook_tcc_realloc(void *block, unsigned long size);
char *mf_hook_tcc_strdup(const char *text);
void mf_hook_dynarray_add(void *table, int *count, void *item);
void *mf_hook_malloc(size_t size);
void *mf_hook_calloc(size_t n, size_t size);
void *mf_hook_realloc(void *block, size_t size);
void mf_hook_free(void *block);
void mf_hook_next(void);
void mf_hook_skip(int token);
void mf_hook_unget_tok(int token);
void *mf_hook_sym_push(int v, void *type, int r, int c);
void *mf_hook_sym_push2(void **stack, int v, int t, int c);
void mf_hook_asm_operand(void);
void mf_hook_greloca(void *section, const void *sym, unsigned long offset,
                     int type, unsigned long addend);
void mf_hook_gfunc_call(int n);
void mf_hook_gfunc_prolog(const void *sym);
_Noreturn void mf_hook_exit(int code);
_Noreturn void mf_hook_assert_fail(const char *what, const char *file,
                                   unsigned line, const char *function);
_Noreturn void mf_hook_longjmp_chk(jmp_buf to, int value);
_Noreturn void mf_hook_stack_chk_fail(void);

/* Steps of compiling and linking: hooks.c. */
void mf_hook_preprocess_start(void *state, int filetype);
void mf_hook_cstr_cat(void *cstr, const char *text, int len);
int mf_hook_define(void *cstr, const char *format, ...);
size_t mf_hook_section_add(void *section, size_t size, int align);
void mf_hook_pragma_option(void *state, const char *options);
void mf_hook_add_runtime(void *state);
void *mf_hook_image_copy(void *to, const void *from, size_t n);
void *mf_hook_image_zero(void *to, int byte, size_t n);
int mf_hook_mprotect(void *at, size_t n, int protection);
void *mf_hook_dlopen(const char *path, int flags);
void *mf_hook_dlsym(void *handle, const char *name);
int mf_hook_dlclose(void *handle);

/* Files: includes.c. */
int mf_hook_open(const char *path, int flags, ...);
ssize_t mf_hook_read(int fd, void *to, size_t n);
int mf_hook_close(int fd);
off_t mf_hook_lseek(int fd, off_t offset, int whence);

/* All else: outside.c. */
extern void *const mf_hook_stdout;
extern void *const mf_hook_stderr;
extern char **const mf_hook_environ;

/* libtcc's own, under their new names. */
void mf_libtcc_next(void);
extern int mf_libtcc_tok;            /* what the line above read */
void mf_libtcc_skip(int token);      /* reads on, behind that token */
void mf_libtcc_unget_tok(int token); /* goes back one, to that token */
void *mf_libtcc_sym_push(int v, void *type, int r, int c);
void *mf_libtcc_sym_push2(void **stack, int v, int t, int c);
void mf_libtcc_gexpr(void);             /* reads an expression */
int mf_libtcc_gv(int registers);        /* the value at hand to one of them */
extern struct mf_tcc_value *mf_libtcc_vtop; /* the value at hand */
void mf_libtcc_warning(const char *format, ...);
const char *mf_libtcc_get_tok_str(int token, void *value);
void mf_libtcc_greloca(void *section, const void *sym, unsigned long offset,
                       int type, unsigned long addend);
void mf_libtcc_gfunc_call(int n);
void mf_libtcc_gfunc_prolog(const void *sym);
void mf_libtcc_preprocess_start(void *state, int filetype);
void mf_libtcc_cstr_cat(void *cstr, const char *text, int len);
size_t mf_libtcc_section_add(void *section, size_t size, int align);
/* Forgets the symbols that were pushed on a stack after `to`. */
void mf_libtcc_sym_pop(void **stack, void *to, int keep);
extern void *mf_libtcc_global_stack; /* the newest name at file scope */
extern const char mf_libtcc_text[]; /* begin of its instructions */

#endif
