/*
 * proxy/call/start.c: how a client's call begins, and how it is cancelled.
 *
 * A call is checked, noted, taken through the interceptors, and given to its
 * channel's loop or, where a caller waits for it and nobody else calls, driven
 * by that. What is not ready to be sent can be *claimed* first: from then on it
 * is under way for its user, who may cancel or free it, while somebody else has
 * its arena and makes the message.
 *
 * What stays true: between the claim and the end nobody but who claimed it ends
 * the call; who cancels only leaves word. `done` is called on the loop.
 */
#include "proxy/channel/channel.h"
#include "proxy/call/intercept.h"

#include "base/error.h"
#include "base/owner.h"

#include <stdio.h>
#include <string.h>

/* --- starting and cancelling --- */

int mf_channel_check(mayfly_channel *ch, mayfly_call *c, int blocking,
                     mayfly_error *err)
{
    if (!ch || !c)
        return mf_error_set(err, MAYFLY_EINVAL, "no channel or no call");
    int rc = mf_host_check(ch->host, err);
    if (rc != 0)
        return rc;
    if (c->is_server || atomic_load(&c->phase) != MF_CALL_NEW)
        return mf_error_set(err, MAYFLY_EINVAL, "the call was used before");
    if (blocking && mf_host_on_loop(ch->host))
        return mf_error_set(err, MAYFLY_EONLOOP,
                            "a blocking call would stop this loop; start it, "
                            "or serve with .blocking = 1");
    return 0;
}

/* What every form begins with. */
static int prepare(mayfly_channel *ch, const char *path, mayfly_call *c,
                   int blocking, mayfly_error *err)
{
    int rc = mf_channel_check(ch, c, blocking, err);
    if (rc != 0)
        return rc;
    if (!path || !mf_path_ok(path, strlen(path)))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "\"%.200s\" is not /package.Service/Method",
                            path ? path : "");
    c->path = path;
    c->gather.max = c->reply_bytes_max;
    c->channel = mf_channel_hold(ch);
    c->loop = ch->loop;
    c->is_blocking = (uint8_t)blocking;
    c->started_ns = mf_clock_ns();
    if (c->timeout_ms && !c->deadline_ns)
        c->deadline_ns = c->started_ns + (uint64_t)c->timeout_ms * 1000000;
    mf_call_ref(c); /* until its end has been told */
    mf_calls_add(ch->loop->user, c);
    return 0;
}

static int check_message(mayfly_bytes message, mayfly_error *err)
{
    return message.len < MF_MESSAGE_HEAD
               ? mf_error_set(err, MAYFLY_EINVAL, "no message")
               : 0;
}

/* Interceptors have their turn. 1: one of them has ended the call. */
static int pass_in(mayfly_channel *ch, mayfly_call *c)
{
    if (mf_chains_any(&ch->chains) && mf_intercept_request(&ch->chains, c)) {
        c->is_over = 1;
        c->code = MAYFLY_ESTATUS; /* until mf_intercept_result knows better */
        mf_calls_remove(c);
        return 1;
    }
    mf_call_seal(c->message);
    return 0;
}

static void run_ended(mf_task *task)
{
    mf_request_tell(MF_OWNER(task, mayfly_call, task));
}

/* A call that was started and has ended on this side: its end is told on the
 * loop, where it always is. */
static void tell_on_loop(mayfly_call *c)
{
    atomic_store(&c->phase, MF_CALL_STARTED);
    c->task.run = run_ended;
    if (mf_loop_post(c->loop, &c->task) != 0)
        mf_request_tell(c);
}

/* Gives the call to the loop. */
static void enqueue(mayfly_channel *ch, mayfly_call *c)
{
    pthread_mutex_lock(&ch->lock);
    atomic_store(&c->phase, MF_CALL_STARTED);
    ch->n_calls++;
    ch->n_started++;
    mf_call_ref(c); /* the queue's, later the stream's */
    c->wait_next = NULL;
    c->wait_link = ch->waiting_end;
    *ch->waiting_end = c;
    ch->waiting_end = &c->wait_next;
    if (ch->is_closed || atomic_load(&c->cancel_asked))
        mf_request_end(c, MAYFLY_STATUS_CANCELLED, "cancelled");
    else
        mf_channel_wake(ch);
    mayfly_call *ended = mf_request_take_ended(ch);
    pthread_mutex_unlock(&ch->lock);
    mf_request_tell(ended);
}

int mf_channel_call_framed(mayfly_channel *ch, const char *path, mayfly_call *c,
                           mayfly_bytes message, mayfly_bytes *ret_reply,
                           mayfly_error *err)
{
    int rc = check_message(message, err);
    if (rc == 0)
        rc = prepare(ch, path, c, 1, err);
    if (rc != 0)
        return rc;
    c->message = message;
    if (pass_in(ch, c)) {
        mf_request_tell(c);
    } else if (!mf_drive(ch, c)) {
        enqueue(ch, c);
        mf_request_wait(c);
    }
    if (c->intercept)
        mf_intercept_result(c);
    if (c->code != 0)
        return mf_error_set(err, c->code, "%s: %.*s",
                            mayfly_status_name(c->status),
                            c->text.len < 900 ? (int)c->text.len : 900,
                            c->text.ptr ? c->text.ptr : "");
    *ret_reply = c->reply;
    return 0;
}

int mf_channel_claim(mayfly_channel *ch, const char *path, mayfly_call *c,
                     mayfly_channel_done_fn done, void *state,
                     mayfly_error *err)
{
    int rc = prepare(ch, path, c, 0, err);
    if (rc != 0)
        return rc;
    c->done = done;
    c->done_state = state;
    atomic_store(&c->phase, MF_CALL_CLAIMED);
    return 0;
}

void mf_channel_go(mayfly_call *c, mayfly_bytes message)
{
    mayfly_channel *ch = c->channel;
    c->message = message;
    if (pass_in(ch, c))
        tell_on_loop(c);
    else
        enqueue(ch, c);
}

void mf_channel_give_up(mayfly_call *c, int code, const char *why)
{
    snprintf(c->why, sizeof c->why, "%s", why);
    c->is_over = 1;
    c->code = code;
    c->status = mf_status_of_code(code);
    c->text = mayfly_str_of(c->why);
    mf_calls_remove(c);
    tell_on_loop(c);
}

int mf_channel_start_framed(mayfly_channel *ch, const char *path,
                            mayfly_call *c, mayfly_bytes message,
                            mayfly_channel_done_fn done, void *state,
                            mayfly_error *err)
{
    int rc = check_message(message, err);
    if (rc == 0)
        rc = mf_channel_claim(ch, path, c, done, state, err);
    if (rc == 0)
        mf_channel_go(c, message);
    return rc;
}

/* Copies what the caller keeps. */
static int copy(mayfly_call *c, const char **path, mayfly_bytes request,
                mayfly_bytes *ret_message, mayfly_error *err)
{
    *path = mf_arena_strdup(&c->arena, *path);
    if (!*path)
        return mf_error_nomem(err, "a path");
    return mf_call_frame(c, request, ret_message, err);
}

int mayfly_channel_call(mayfly_channel *ch, const char *path, mayfly_call *c,
                        mayfly_bytes request, mayfly_bytes *ret_reply,
                        mayfly_error *err)
{
    mayfly_bytes message;
    int rc = mf_channel_check(ch, c, 1, err);
    if (rc == 0 && (!path || !ret_reply))
        rc =
            mf_error_set(err, MAYFLY_EINVAL, "no path or no place for a reply");
    if (rc == 0)
        rc = copy(c, &path, request, &message, err);
    return rc ? rc
              : mf_channel_call_framed(ch, path, c, message, ret_reply, err);
}

int mayfly_channel_start(mayfly_channel *ch, const char *path, mayfly_call *c,
                         mayfly_bytes request, mayfly_channel_done_fn done,
                         void *state, mayfly_error *err)
{
    mayfly_bytes message;
    int rc = mf_channel_check(ch, c, 0, err);
    if (rc == 0 && !path)
        rc = mf_error_set(err, MAYFLY_EINVAL, "no path");
    if (rc == 0)
        rc = copy(c, &path, request, &message, err);
    return rc ? rc
              : mf_channel_start_framed(ch, path, c, message, done, state, err);
}

static void run_cancel(mf_task *task)
{
    mayfly_call *c = MF_OWNER(task, mayfly_call, cancel_task);
    mayfly_channel *ch = c->channel;
    pthread_mutex_lock(&ch->lock);
    if (ch->driver == c) {
        mf_drive_ask_to_yield(ch); /* it will see that it was cancelled */
    } else if (!c->is_over) {
        mf_request_end(c, MAYFLY_STATUS_CANCELLED, "cancelled");
        if (c->link_used && c->stream.h2)
            mf_link_dirty(c->link_used);
    }
    mayfly_call *ended = mf_request_take_ended(ch);
    pthread_mutex_unlock(&ch->lock);
    mf_request_tell(ended);
    mf_call_unref(c);
}

void mf_client_cancel(mayfly_call *c)
{
    if (atomic_exchange(&c->cancel_asked, 1) || !mf_call_is_under_way(c))
        return;
    if (!mf_call_try_ref(c))
        return; /* found in the list at the last moment */
    c->cancel_task.run = run_cancel;
    if (mf_loop_post(c->loop, &c->cancel_task) != 0)
        mf_call_unref(c);
}
