/*
 * proxy/host/registrations.c: what is registered with a host, shown to its
 * user.
 *
 * Whoever registers something counts it (base/counts.h); here the counts are
 * read and the limit is set.
 *
 * Threads: any.
 */
#include "proxy/host/host.h"

#include "base/error.h"
#include "base/json.h"

#include <mayfly/arena.h>

#include <string.h>

int mayfly_host_set_registration_limit(mayfly_host *host, size_t limit,
                                       mayfly_error *err)
{
    if (!host)
        return mf_error_set(err, MAYFLY_EINVAL, "no host");
    int code = mf_host_check(host, err);
    if (code == 0)
        mf_counts_set_limit(host->counts, limit);
    return code;
}

int mayfly_host_each_registration(mayfly_host *host,
                                  mayfly_registration_fn each, void *state,
                                  mayfly_error *err)
{
    if (!host || !each)
        return mf_error_set(err, MAYFLY_EINVAL, "no host or no callback");
    int code = mf_host_check(host, err);
    if (code == 0)
        mf_counts_each(host->counts, each, state);
    return code;
}

static void put_one(void *state, const mayfly_registration *r)
{
    mf_json *j = state;
    mf_json_open(j, '{');
    mf_json_put_str(j, "owner", r->owner);
    mf_json_put_str(j, "kind", r->kind);
    mf_json_put_u64(j, "count", r->count);
    mf_json_put_u64(j, "peak", r->peak);
    mf_json_close(j, '}');
}

int mf_registrations_write(mayfly_host *host, mf_json *j, mayfly_error *err)
{
    mf_json_open(j, '[');
    int code = mayfly_host_each_registration(host, put_one, j, err);
    mf_json_close(j, ']');
    return code;
}

int mayfly_host_registrations_json(mayfly_host *host, mayfly_arena *arena,
                                   mayfly_str *ret_json, mayfly_error *err)
{
    if (!host || !arena || !ret_json)
        return mf_error_set(err, MAYFLY_EINVAL, "no host or no arena");
    mf_buf text;
    mf_json j;
    mf_buf_init(&text, &host->alloc, 0);
    mf_json_init(&j, &text, 0);
    int code = mf_registrations_write(host, &j, err);
    if (code == 0)
        code = mf_buf_check(&text, "a list of registrations", err);
    if (code == 0) {
        mayfly_str s =
            mayfly_arena_str(arena, (const char *)text.ptr, text.len);
        if (s.ptr)
            *ret_json = s;
        else
            code = mf_error_nomem(err, "a list of registrations");
    }
    mf_buf_done(&text);
    return code;
}
