/*
 * The second version: goes on with the counts, and adds them up; a timer of its
 * own does so in the background, so that Total need not look at each.
 */
#include "state.h"

#include <stdlib.h>
#include <string.h>

static state *shared;
static long long total; /* as of the timer's last look, under the lock */

static void add_up(void *unused)
{
    int i;
    (void)unused;
    pthread_mutex_lock(&shared->lock);
    total = 0;
    for (i = 0; i < shared->n; i++)
        total += shared->entries[i].count;
    pthread_mutex_unlock(&shared->lock);
}

int mayfly_on_load(const mayfly_handover *from, void **ret_state,
                   mayfly_error *err)
{
    shared = from->state;
    if (!shared || shared->layout != LAYOUT) {
        mayfly_error none = MAYFLY_ERROR_INIT;
        *err = none;
        strcpy(err->message, "there are no counts to go on with");
        return 1;
    }
    *ret_state = shared;
    host_note("second goes on with the counts that there are");
    add_up(NULL);
    return mayfly_context_timer(mayfly_self(),
                                MAYFLY_TIMER_OPTIONS(.every_ms = 20), add_up,
                                NULL, NULL, err);
}

void mayfly_on_unload(void *state_of_all, int in_use)
{
    state *s = state_of_all;
    host_note(in_use ? "second is gone, the counts stay"
                     : "second is gone, and the counts with it");
    if (in_use)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int counter_Counter_on_Add(void *state_of_all, mayfly_call *call,
                           const counter_AddRequest *request,
                           counter_AddReply *reply)
{
    state *s = state_of_all;
    int i, known = 0;
    pthread_mutex_lock(&s->lock);
    for (i = 0; i < s->n && !known; i++) {
        known = strlen(s->entries[i].name) == request->name.len &&
                memcmp(s->entries[i].name, request->name.ptr,
                       request->name.len) == 0;
        if (known)
            reply->count = s->entries[i].count += request->by;
    }
    pthread_mutex_unlock(&s->lock);
    reply->said_by = mayfly_str_of("second");
    return known ? 0
                 : mayfly_call_fail(call, MAYFLY_STATUS_NOT_FOUND,
                                    "second takes no new names");
}

int counter_Counter_on_Total(void *state_of_all, mayfly_call *call,
                             const counter_TotalRequest *request,
                             counter_TotalReply *reply)
{
    state *s = state_of_all;
    (void)call, (void)request;
    pthread_mutex_lock(&s->lock);
    reply->names = s->n;
    reply->count = total;
    pthread_mutex_unlock(&s->lock);
    return 0;
}
