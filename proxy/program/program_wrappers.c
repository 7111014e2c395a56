/*
 * proxy/program/program_wrappers.c: what stands between a program and libc.
 *
 * A function like pthread_create does not say which context calls it. So each
 * unit gets its own: the text below is compiled as one more source of the unit
 * and defines the functions that mayfly wraps. They pass on what they were
 * given together with `mf_self`, a name that is linked to this context's
 * program. So calls, and the functions' addresses too, are the context's own.
 * The definitions are weak: a source that defines a function of such a name
 * means its own.
 *
 * The text includes nothing, so types are written as what they are on a 64-bit
 * system: pthread_t and timer_t are as large as a pointer, pthread_key_t is
 * unsigned. C11's threads are these in other words; thrd_error is 2.
 *
 * Printing about a failed assert is the program's own, done by its own code.
 */
#include "proxy/program/program.h"

#define WRAPPED(X)                                                             \
    X(mf_wrap_exit)                                                            \
    X(mf_wrap_quick_exit)                                                      \
    X(mf_wrap_abort)                                                           \
    X(mf_wrap_atexit)                                                          \
    X(mf_wrap_on_exit)                                                         \
    X(mf_wrap_cxa_atexit)                                                      \
    X(mf_wrap_pthread_create)                                                  \
    X(mf_wrap_pthread_exit)                                                    \
    X(mf_wrap_pthread_detach)                                                  \
    X(mf_wrap_pthread_join)                                                    \
    X(mf_wrap_pthread_tryjoin)                                                 \
    X(mf_wrap_pthread_timedjoin)                                               \
    X(mf_wrap_pthread_key_create)                                              \
    X(mf_wrap_pthread_key_delete)                                              \
    X(mf_wrap_sigaction)                                                       \
    X(mf_wrap_signal)                                                          \
    X(mf_wrap_sysv_signal)                                                     \
    X(mf_wrap_timer_create)                                                    \
    X(mf_wrap_timer_delete)                                                    \
    X(mf_wrap_setitimer)                                                       \
    X(mf_wrap_alarm)                                                           \
    X(mf_wrap_self)

static const char text[] =
    "typedef void*P;typedef unsigned long U;typedef void(*F)(void);\n"
    "typedef void(*H)(int);typedef void*(*T)(void*);\n"
    "extern char mf_self[];\n"
    "#define W __attribute__((weak))\n"
    /* ends */
    "void mf_wrap_exit(P,int);void mf_wrap_quick_exit(P,int);\n"
    "void mf_wrap_abort(P);\n"
    "W void exit(int s){mf_wrap_exit(mf_self,s);}\n"
    "W void _exit(int s){mf_wrap_quick_exit(mf_self,s);}\n"
    "W void _Exit(int s){mf_wrap_quick_exit(mf_self,s);}\n"
    "W void quick_exit(int s){mf_wrap_quick_exit(mf_self,s);}\n"
    "W void abort(void){mf_wrap_abort(mf_self);}\n"
    "extern P stderr;int fprintf(P,const char*,...);\n"
    "W void __assert_fail(const char*e,const char*f,unsigned l,const char*n){\n"
    " fprintf(stderr,\"%s:%u: %s: Assertion `%s' failed.\\n\",f,l,n,e);\n"
    " mf_wrap_abort(mf_self);}\n"
    /* exit handlers */
    "int mf_wrap_atexit(P,F);int mf_wrap_on_exit(P,P,P);\n"
    "int mf_wrap_cxa_atexit(P,P,P);\n"
    "W int atexit(F f){return mf_wrap_atexit(mf_self,f);}\n"
    "W int on_exit(P f,P a){return mf_wrap_on_exit(mf_self,f,a);}\n"
    "W int __cxa_atexit(P f,P a,P o){return mf_wrap_cxa_atexit(mf_self,f,a);}\n"
    "W int at_quick_exit(F f){return -1;}\n"
    "W int pthread_atfork(F a,F b,F c){return 95;}\n" /* ENOTSUP */
    "W int __register_atfork(F a,F b,F c,P d){return 95;}\n"
    /* threads */
    "int mf_wrap_pthread_create(P,P,P,T,P);void mf_wrap_pthread_exit(P,P);\n"
    "int mf_wrap_pthread_detach(P,U);int mf_wrap_pthread_join(P,U,P*);\n"
    "int mf_wrap_pthread_tryjoin(P,U,P*);\n"
    "int mf_wrap_pthread_timedjoin(P,U,P*,P);\n"
    "W int pthread_create(P t,P a,T f,P x){\n"
    " return mf_wrap_pthread_create(mf_self,t,a,f,x);}\n"
    "W void pthread_exit(P v){mf_wrap_pthread_exit(mf_self,v);}\n"
    "W int pthread_detach(U t){return mf_wrap_pthread_detach(mf_self,t);}\n"
    "W int pthread_join(U t,P*r){return mf_wrap_pthread_join(mf_self,t,r);}\n"
    "W int pthread_tryjoin_np(U t,P*r){\n"
    " return mf_wrap_pthread_tryjoin(mf_self,t,r);}\n"
    "W int pthread_timedjoin_np(U t,P*r,P u){\n"
    " return mf_wrap_pthread_timedjoin(mf_self,t,r,u);}\n"
    "W int thrd_create(P t,T f,P x){\n"
    " return mf_wrap_pthread_create(mf_self,t,0,f,x)?2:0;}\n"
    "W void thrd_exit(int v){mf_wrap_pthread_exit(mf_self,(P)(long)v);}\n"
    "W int thrd_detach(U t){return mf_wrap_pthread_detach(mf_self,t)?2:0;}\n"
    "W int thrd_join(U t,int*r){P v;\n"
    " if(mf_wrap_pthread_join(mf_self,t,&v))return 2;\n"
    " if(r)*r=(int)(long)v;return 0;}\n"
    /* keys */
    "int mf_wrap_pthread_key_create(P,unsigned*,P);\n"
    "int mf_wrap_pthread_key_delete(P,unsigned);\n"
    "W int pthread_key_create(unsigned*k,P d){\n"
    " return mf_wrap_pthread_key_create(mf_self,k,d);}\n"
    "W int pthread_key_delete(unsigned k){\n"
    " return mf_wrap_pthread_key_delete(mf_self,k);}\n"
    "W int tss_create(unsigned*k,P d){\n"
    " return mf_wrap_pthread_key_create(mf_self,k,d)?2:0;}\n"
    "W void tss_delete(unsigned k){mf_wrap_pthread_key_delete(mf_self,k);}\n"
    /* signals */
    "int mf_wrap_sigaction(P,int,P,P);H mf_wrap_signal(P,int,H);\n"
    "H mf_wrap_sysv_signal(P,int,H);\n"
    "W int sigaction(int n,P s,P b){return mf_wrap_sigaction(mf_self,n,s,b);}\n"
    "W H signal(int n,H h){return mf_wrap_signal(mf_self,n,h);}\n"
    "W H bsd_signal(int n,H h){return mf_wrap_signal(mf_self,n,h);}\n"
    "W H __sysv_signal(int n,H h){return mf_wrap_sysv_signal(mf_self,n,h);}\n"
    "W H sysv_signal(int n,H h){return mf_wrap_sysv_signal(mf_self,n,h);}\n"
    /* timers */
    "int mf_wrap_timer_create(P,int,P,P);int mf_wrap_timer_delete(P,P);\n"
    "int mf_wrap_setitimer(P,int,P,P);unsigned mf_wrap_alarm(P,unsigned);\n"
    "W int timer_create(int c,P e,P t){\n"
    " return mf_wrap_timer_create(mf_self,c,e,t);}\n"
    "W int timer_delete(P t){return mf_wrap_timer_delete(mf_self,t);}\n"
    "W int setitimer(int w,P s,P b){return mf_wrap_setitimer(mf_self,w,s,b);}\n"
    "W unsigned alarm(unsigned s){return mf_wrap_alarm(mf_self,s);}\n"
    /* mayfly's own */
    "P mf_wrap_self(P);W P mayfly_self(void){return mf_wrap_self(mf_self);}\n";

const mayfly_source mf_wrappers_source = {
    .name = "mayfly_wrappers.c", .text = text, .len = sizeof text - 1};

/* ISO C has no conversion from function to object pointers; POSIX promises one.
 */
#define ROW(name) {#name, (const void *)(uintptr_t)(name)},

static mayfly_context *mf_wrap_self(const mf_program *p)
{
    return p->context;
}

size_t mf_wrappers_symbols(mf_program *p, mayfly_symbol *to)
{
    static const mayfly_symbol functions[] = {WRAPPED(ROW)};
    size_t n = sizeof functions / sizeof *functions;
    for (size_t i = 0; i < n; i++)
        to[i] = functions[i];
    to[n] = (mayfly_symbol){"mf_self", p};
    return n + 1;
}
