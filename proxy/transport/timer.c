/*
 * Every call may have a deadline, and most calls end long before it: timers are
 * set and cleared far more often than they fire. A pairing heap makes setting a
 * comparison and clearing a short merge, needs no memory beside the timer
 * itself, and knows exactly when the first is due, so that an idle loop sleeps.
 *
 * What stays true: a timer is due no earlier than its parent; `back` of the
 * root is NULL. No function recurses: the depth of the heap is the peers'
 * choice.
 */
#include "proxy/transport/timer.h"

#include <stddef.h>

/* Two roots become one. */
static mf_timer *meld(mf_timer *a, mf_timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (b->at_ms < a->at_ms) {
        mf_timer *t = a;
        a = b;
        b = t;
    }
    b->sibling = a->child;
    if (b->sibling)
        b->sibling->back = b;
    b->back = a;
    a->child = b;
    a->sibling = NULL;
    a->back = NULL;
    return a;
}

/* The children of a removed timer: melded in pairs, then from the last to the
 * first, which is what keeps the cost logarithmic over time. */
static mf_timer *meld_children(mf_timer *child)
{
    mf_timer *pairs = NULL;
    while (child) {
        mf_timer *a = child, *b = a->sibling;
        child = b ? b->sibling : NULL;
        a->sibling = NULL;
        a->back = NULL;
        if (b) {
            b->sibling = NULL;
            b->back = NULL;
        }
        a = meld(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    mf_timer *root = NULL;
    while (pairs) {
        mf_timer *next = pairs->sibling;
        pairs->sibling = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

void mf_timer_clear(mf_timers *timers, mf_timer *timer)
{
    if (!timer->is_set)
        return;
    mf_timer *rest = meld_children(timer->child);
    if (timers->first == timer) {
        timers->first = rest;
    } else {
        if (timer->back->child == timer)
            timer->back->child = timer->sibling;
        else
            timer->back->sibling = timer->sibling;
        if (timer->sibling)
            timer->sibling->back = timer->back;
        timers->first = meld(timers->first, rest);
    }
    timer->child = timer->sibling = timer->back = NULL;
    timer->is_set = 0;
}

void mf_timer_set(mf_timers *timers, mf_timer *timer, uint64_t at_ms,
                  void (*run)(mf_timer *timer))
{
    mf_timer_clear(timers, timer);
    timer->at_ms = at_ms;
    timer->run = run;
    timer->is_set = 1;
    timers->first = meld(timers->first, timer);
}

void mf_timers_run(mf_timers *timers, uint64_t now_ms)
{
    while (timers->first && timers->first->at_ms <= now_ms) {
        mf_timer *t = timers->first;
        mf_timer_clear(timers, t);
        t->run(t);
    }
}
