/*
 * compiler/arena/nesting.c: how deeply a source nests.
 *
 * Types:
 * libtcc initialises an object by recursion into its first member, and the
 * first member of that, without reading a token in between; nothing could stop
 * it there. A thousand lines `struct b { struct a m; };` make a type a thousand
 * deep. The depth cannot be more than the number of structs that are members of
 * others by value, plus the arrays of structs or arrays; these are counted as
 * they are declared, and the stack that such a depth needs must be there. Real
 * units have a few dozen.
 *
 * Brackets: the stack bounds them always; they are counted too, as tokens are
 * read, for where a limit is set. What libtcc reads again, token strings that
 * it kept, is balanced; where it goes back by a token, so does the count.
 */
#include "compiler/arena/run.h"
#include "compiler/arena/types.h"

#include <string.h>

enum { FRAME = 352 }; /* of the stack for one level, measured: 296 */

static void bound_depth(mf_run *run)
{
    size_t left = (size_t)((char *)__builtin_frame_address(0) - run->stack_low);
    if ((run->n_nested + run->n_arrays) * FRAME > left)
        mf_run_stop(run, MAYFLY_ELIMIT,
                    "stack: too many structures inside of others");
}

static size_t place_of(const void **set, size_t room, const void *item)
{
    uintptr_t h = (uintptr_t)item;
    size_t i = (size_t)((h >> 4) ^ (h >> 16)) & (room - 1);
    while (set[i] && set[i] != item)
        i = (i + 1) & (room - 1);
    return i;
}

static void add_nested(mf_run *run, const void *item)
{
    if (run->n_nested * 2 >= run->nested_room) {
        size_t room = run->nested_room ? run->nested_room * 2 : 64;
        const void **set =
            mf_carena_zero(run->arena, room * sizeof *set, MF_KIND_PARSER);
        if (!set)
            mf_run_stop(run, MAYFLY_ELIMIT, "compile arena: too much memory");
        for (size_t i = 0; i < run->nested_room; i++) {
            if (run->nested[i])
                set[place_of(set, room, run->nested[i])] = run->nested[i];
        }
        mf_carena_give(run->arena, run->nested);
        run->nested = set;
        run->nested_room = room;
    }
    size_t i = place_of(run->nested, run->nested_room, item);
    if (run->nested[i])
        return;
    run->nested[i] = item;
    run->n_nested++;
    bound_depth(run);
}

void mf_run_member(mf_run *run, const void *of_type)
{
    const mf_tcc_type *t = of_type;
    if ((t->flags & MF_TCC_BASIC) == MF_TCC_STRUCT)
        add_nested(run, t->of);
}

void mf_run_array(mf_run *run, int element)
{
    if ((element & MF_TCC_BASIC) == MF_TCC_STRUCT ||
        (element & MF_TCC_ARRAY)) {
        run->n_arrays++;
        bound_depth(run);
    }
}

static int opens(int token)
{
    return token == '(' || token == '[' || token == '{';
}

static int closes(int token)
{
    return token == ')' || token == ']' || token == '}';
}

void mf_run_nest(mf_run *run, int token)
{
    if (closes(token)) {
        run->depth -= run->depth != 0;
    } else if (opens(token)) {
        run->depth++;
        if (run->limits.nesting && run->depth > run->limits.nesting)
            mf_run_stop(run, MAYFLY_ELIMIT,
                        "nesting: too many brackets inside of each other");
    }
}

void mf_run_unnest(mf_run *run, int token)
{
    if (closes(token))
        run->depth++;
    else if (opens(token))
        run->depth -= run->depth != 0;
}
