/*
 * proxy/admin/admin_reply.c: a request, answered.
 *
 *     {"mayfly":1,"ok":true,"result":{...},"findings":[...]}
 *     {"mayfly":1,"ok":false,"error":{"code":...},"findings":[...]}
 *
 * A command writes its result as it goes; where it fails after all, what it has
 * written is dropped and the error stands there instead. Findings are what was
 * wrong with sources that were read, warnings too.
 *
 * Threads: those that answer.
 */
#include "proxy/admin/admin.h"

#include "base/error.h"

#include <string.h>

enum { FINDINGS_MAX = 100, ARENA_ROOM = 1024 * 1024 };

/* --- pieces ------------------------------------------------------------------
 */

void mf_admin_put_json(mf_json *j, const char *name, const char *json)
{
    mf_json_name(j, name);
    mf_json_raw(j, "");
    while (*json) {
        size_t n = strcspn(json, "\n");
        mf_buf_put(j->out, json, n);
        json += n;
        json += strspn(json, "\n "); /* the next line's beginning */
    }
}

static void put_place(mf_json *j, int line, int column)
{
    if (line > 0)
        mf_json_put_u64(j, "line", (uint64_t)line);
    if (line > 0 && column > 0)
        mf_json_put_u64(j, "column", (uint64_t)column);
}

void mf_admin_finding(void *state, const mayfly_diagnostic *d)
{
    mf_admin_reply *r = state;
    mf_json j;
    if (r->n_findings == FINDINGS_MAX)
        return;
    if (r->n_findings++)
        mf_buf_put_byte(&r->findings, ',');
    mf_json_init(&j, &r->findings, 0);
    mf_json_open(&j, '{');
    if (d->file)
        mf_json_put_str(&j, "file", d->file);
    put_place(&j, d->line, d->column);
    mf_json_put_str(&j, "text", d->text);
    mf_json_put_bool(&j, "warning", d->is_warning);
    mf_json_close(&j, '}');
}

static void open_reply(mf_json *j, mf_buf *out, int ok)
{
    mf_json_init(j, out, 0);
    mf_json_open(j, '{');
    mf_json_put_u64(j, "mayfly", MF_ADMIN_PROTOCOL);
    mf_json_put_bool(j, "ok", ok);
}

static void put_error(mf_json *j, const mayfly_error *err)
{
    mf_json_name(j, "error");
    mf_json_open(j, '{');
    mf_json_put_str(j, "code", mayfly_error_name(err->code));
    mf_json_put_str(j, "message", err->message);
    put_place(j, err->line, err->column);
    mf_json_close(j, '}');
}

void mf_admin_write_error(const mayfly_error *err, mf_buf *out)
{
    mf_json j;
    open_reply(&j, out, 0);
    put_error(&j, err);
    mf_json_close(&j, '}');
}

static void put_findings(mf_admin_reply *r)
{
    const char *list = r->n_findings ? mf_buf_text(&r->findings) : NULL;
    if (!list)
        return;
    mf_json_name(&r->json, "findings");
    mf_json_open(&r->json, '[');
    mf_json_raw(&r->json, list);
    mf_json_close(&r->json, ']');
}

/* --- a request ---------------------------------------------------------------
 */

static int obey(mf_admin_reply *r, const mf_admin_request *q, mayfly_error *err)
{
    static int (*const commands[MF_ADMIN_COMMANDS])(
        mf_admin_reply *, const mf_admin_request *,
        mayfly_error *) = {mf_admin_stat, mf_admin_why, mf_admin_load,
                           mf_admin_swap, mf_admin_unload};
    int code = mf_host_check(r->host, err);
    return code ? code : commands[q->command](r, q, err);
}

/* What was changed, by whom, and how it went. */
static void note(const mayfly_host *host, const mf_admin_peer *peer,
                 const mf_admin_request *q, const mayfly_error *err)
{
    if (q->command < MF_ADMIN_LOAD)
        return;
    mf_log_write(&host->log, MAYFLY_LOG_INFO, "admin",
                 "user %u (process %ld): %s %s: %s", peer->uid, peer->process,
                 mf_admin_command_name(q->command), q->unit,
                 err->code ? err->message : "done");
}

void mf_admin_answer(mayfly_admin *admin, const mf_admin_peer *peer,
                     mayfly_str line, mf_buf *out)
{
    mayfly_host *host = admin->host;
    mayfly_arena arena;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_admin_request q;
    mf_admin_reply r = {.admin = admin, .host = host};
    /* texts are twice in it at the most: read, and with a zero behind */
    mf_arena_init(&arena, &host->alloc, 0, 3 * line.len + ARENA_ROOM);
    mf_buf_init(&r.findings, &host->alloc, 0);
    open_reply(&r.json, out, 1);
    int code = mf_admin_request_read(line, &arena, &q, &err);
    if (code == 0) {
        mf_json_name(&r.json, "result");
        mf_json_open(&r.json, '{');
        code = obey(&r, &q, &err);
        mf_json_close(&r.json, '}');
        note(host, peer, &q, &err);
    }
    if (code == 0)
        code = mf_buf_check(out, "an answer", &err);
    if (code != 0) {
        mf_buf_clear(out);
        open_reply(&r.json, out, 0);
        put_error(&r.json, &err);
    }
    put_findings(&r);
    mf_json_close(&r.json, '}');
    mf_buf_done(&r.findings);
    mf_arena_done(&arena);
}
