/* The first version: makes the state where there is none, and counts. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

int mayfly_on_load(const mayfly_handover *from, void **ret_state,
                   mayfly_error *err)
{
    state *s = from->state;
    (void)err;
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            return MAYFLY_ENOMEM;
        s->layout = LAYOUT;
        pthread_mutex_init(&s->lock, NULL);
    }
    host_note(from->state ? "first goes on with the counts that there are"
                          : "first begins to count");
    *ret_state = s;
    return 0;
}

void mayfly_on_unload(void *shared, int in_use)
{
    state *s = shared;
    host_note(in_use ? "first is gone, the counts stay"
                     : "first is gone, and the counts with it");
    if (in_use)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* The entry of a name, made where there is none; NULL: no room. Locked. */
static entry *find(state *s, mayfly_str name)
{
    int i;
    for (i = 0; i < s->n; i++)
        if (strlen(s->entries[i].name) == name.len &&
            memcmp(s->entries[i].name, name.ptr, name.len) == 0)
            return &s->entries[i];
    if (s->n == NAMES_MAX || name.len == 0 || name.len >= NAME_MAX_BYTES)
        return NULL;
    memcpy(s->entries[s->n].name, name.ptr, name.len);
    return &s->entries[s->n++];
}

int counter_Counter_on_Add(void *shared, mayfly_call *call,
                           const counter_AddRequest *request,
                           counter_AddReply *reply)
{
    state *s = shared;
    entry *e;
    pthread_mutex_lock(&s->lock);
    e = find(s, request->name);
    if (e)
        reply->count = e->count += request->by;
    pthread_mutex_unlock(&s->lock);
    reply->said_by = mayfly_str_of("first");
    return e ? 0
             : mayfly_call_fail(call, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
                                "no room for another name");
}
