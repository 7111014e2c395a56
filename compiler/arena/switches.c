/*
 * compiler/arena/switches.c: reading tokens, with two more around a switch's
 * value.
 *
 * A function that returns a char, a short or a _Bool leaves anything above it
 * in the register. libtcc knows, and cuts the value down wherever it is used
 * but in `switch (f())`, where the whole register is compared with the cases.
 * So its parser is given `switch (+(f()))`: the sum promotes, as the language
 * has it anyway, and makes no code where there is nothing to do.
 *
 * A token that is put in is handed out in place of reading on. What libtcc
 * keeps to read it again (the bodies of inline functions) has these in it, and
 * gets them once more then, which changes nothing.
 *
 * Threads: those of a run: one at a time.
 */
#include "compiler/arena/run.h"

#include "compiler/arena/hooks.h"
#include "compiler/arena/types.h"

#include <string.h>

/* What is to come, beside what is read. */
enum { NOTHING, A_BRACKET, A_PLUS, AN_OPEN, A_CLOSE };

static void push(mf_run *run, unsigned depth)
{
    mf_run_switches *s = &run->switches;
    if (s->n == s->room) {
        size_t room = s->room ? s->room * 2 : 16;
        unsigned *more =
            mf_carena_take(run->arena, room * sizeof *more, MF_KIND_PARSER);
        if (!more)
            mf_run_stop(run, MAYFLY_ELIMIT, "compile arena: too much memory");
        if (s->n)
            memcpy(more, s->depth, s->n * sizeof *more);
        mf_carena_give(run->arena, s->depth);
        s->depth = more;
        s->room = room;
    }
    s->depth[s->n++] = depth;
}

/* 1 when a token was put in. */
static int put_in(mf_run *run)
{
    mf_run_switches *s = &run->switches;
    switch (s->next) {
    case A_PLUS:
        mf_libtcc_tok = '+';
        s->next = AN_OPEN;
        return 1;
    case AN_OPEN:
        mf_libtcc_tok = '(';
        s->next = NOTHING;
        push(run, run->depth); /* of the switch's own bracket */
        mf_run_nest(run, '(');
        return 1;
    case A_CLOSE:
        mf_libtcc_tok = ')';
        s->next = NOTHING;
        mf_run_nest(run, ')');
        return 1;
    default:
        return 0;
    }
}

/* A token was read. */
static void follow(mf_run *run)
{
    mf_run_switches *s = &run->switches;
    int token = mf_libtcc_tok;
    mf_run_nest(run, token);
    if (token == ')' && s->n && run->depth == s->depth[s->n - 1]) {
        s->n--;
        s->next = A_CLOSE;
    } else if (token == '(' && s->next == A_BRACKET) {
        s->next = A_PLUS;
    } else {
        s->next = token == MF_TCC_TOK_SWITCH ? A_BRACKET : NOTHING;
    }
}

void mf_run_advance(mf_run *run)
{
    if (put_in(run))
        return;
    mf_libtcc_next();
    follow(run);
}

void mf_run_skip(mf_run *run, int token)
{
    if (mf_libtcc_tok == token && put_in(run))
        return;
    mf_libtcc_skip(token);
    follow(run);
}

void mf_run_back(mf_run *run, int token)
{
    mf_run_switches *s = &run->switches;
    mf_run_unnest(run, mf_libtcc_tok);
    if (s->next == A_CLOSE)
        push(run, run->depth - 1);
    s->next = token == MF_TCC_TOK_SWITCH ? A_BRACKET : NOTHING;
    mf_libtcc_unget_tok(token);
}
