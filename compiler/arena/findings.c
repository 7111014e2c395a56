/*
 * compiler/arena/findings.c: what libtcc has to say about a source.
 *
 * libtcc reports errors and warnings as lines of text, through a callback, in
 * the midst of its work. They are taken apart and kept, within fixed bounds,
 * until the compile is over and the lock is given up: only then is the user's
 * own callback called, which may do what it likes. The first error becomes the
 * compile's.
 *
 * Threads: those of a run: one at a time.
 */
#include "compiler/arena/run.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static size_t keep_text(mf_run *run, const char *text, size_t n)
{
    size_t room = sizeof run->text - run->text_used;
    size_t at = run->text_used;
    if (room < 2)
        return sizeof run->text - 1; /* which is always a zero */
    if (n > room - 2)
        n = room - 2;
    memcpy(run->text + at, text, n);
    run->text[at + n] = '\0';
    run->text_used += n + 1;
    return at;
}

static void note_unresolved(mf_run *run, const char *text)
{
    const char *from = strchr(text, '\'');
    const char *to = from ? strrchr(text, '\'') : NULL;
    size_t used = strlen(run->names);
    if (!from || to <= from)
        return;
    size_t n = (size_t)(to - from) - 1;
    run->unresolved++;
    if (used + n + 6 > sizeof run->names) {
        if (used && run->names[used - 1] != '.')
            strcpy(run->names + used, " ...");
        return;
    }
    if (used) {
        memcpy(run->names + used, ", ", 2);
        used += 2;
    }
    memcpy(run->names + used, from + 1, n);
    run->names[used + n] = '\0';
}

/* libtcc's text is "file:line: error: text", after lines that say where the
 * file was included from; "tcc: error: text" where there is no file. */
typedef struct parts {
    const char *file; /* not terminated */
    size_t file_len;
    int line;
    const char *text;
    int is_warning;
} parts;

static void add(mf_run *run, const parts *p)
{
    if (run->n_findings == MF_RUN_FINDINGS)
        return;
    mf_run_finding *f = &run->findings[run->n_findings++];
    f->file = keep_text(run, p->file, p->file_len);
    f->text = keep_text(run, p->text, strlen(p->text));
    f->line = p->line;
    f->is_warning = p->is_warning;
}

static parts take_apart(const char *message)
{
    const char *line = message;
    const char *from = "In file included from ";
    while (strncmp(line, from, strlen(from)) == 0 && strchr(line, '\n'))
        line = strchr(line, '\n') + 1;
    const char *error = strstr(line, ": error: ");
    const char *warning = strstr(line, ": warning: ");
    int is_warning = warning && (!error || warning < error);
    const char *place_end = is_warning ? warning : error;
    const char *text = line;
    size_t file_len = 0;
    int number = 0;
    if (place_end) {
        const char *colon = place_end;
        text = place_end + strlen(is_warning ? ": warning: " : ": error: ");
        while (colon > line && colon[-1] >= '0' && colon[-1] <= '9')
            colon--;
        if (colon > line && colon < place_end && colon[-1] == ':') {
            file_len = (size_t)(colon - 1 - line);
            number = atoi(colon);
        } else if (strncmp(line, "tcc:", 4) != 0) {
            file_len = (size_t)(place_end - line);
        }
    }
    size_t root = strlen(MF_RUN_ROOT "/");
    if (file_len > root && strncmp(line, MF_RUN_ROOT "/", root) == 0) {
        line += root;
        file_len -= root;
    }
    return (parts){line, file_len, number, text, is_warning};
}

void mf_run_note(void *state, const char *message)
{
    mf_run *run = state;
    parts p = take_apart(message);
    if (run->asked_place) {
        mf_run_place *place = run->asked_place;
        if (p.file_len >= sizeof place->file)
            p.file_len = sizeof place->file - 1;
        memcpy(place->file, p.file, p.file_len);
        place->file[p.file_len] = '\0';
        place->line = p.line;
        return;
    }
    if (run->linking && strncmp(p.text, "undefined symbol ", 17) == 0)
        note_unresolved(run, p.text);
    add(run, &p);
}

void mf_run_add(mf_run *run, const char *file, int line, const char *text)
{
    parts p = {file, strlen(file), line, text, 0};
    add(run, &p);
}

void mf_run_tell(const mf_run *run)
{
    const mf_cc_input *in = run->input;
    if (!in->diagnostic)
        return;
    for (size_t i = 0; i < run->n_findings; i++) {
        const mf_run_finding *f = &run->findings[i];
        mayfly_diagnostic d = {
            .file = run->text + f->file,
            .line = f->line,
            .is_warning = f->is_warning,
            .text = run->text + f->text,
        };
        in->diagnostic(in->diagnostic_state, &d);
    }
}

/* The first error that libtcc named, else `text`. */
int mf_run_error(const mf_run *run, const char *text, mayfly_error *err)
{
    for (size_t i = 0; i < run->n_findings; i++) {
        const mf_run_finding *f = &run->findings[i];
        if (f->is_warning)
            continue;
        if (f->line)
            return mf_error_at(err, MAYFLY_ECOMPILE, run->text + f->file,
                               f->line, 0, "%s", run->text + f->text);
        return mf_error_set(err, MAYFLY_ECOMPILE, "%s%s%s", run->text + f->file,
                            run->text[f->file] ? ": " : "",
                            run->text + f->text);
    }
    return mf_error_set(err, MAYFLY_ECOMPILE, "%s", text);
}

int mf_run_stop_error(const mf_run *run, mayfly_error *err)
{
    if (run->stop == MAYFLY_ECOMPILE)
        return mf_run_error(run, run->stop_text, err);
    if (run->stop == MAYFLY_ENOMEM)
        return mf_error_nomem(err, run->stop_text);
    return mf_error_set(err, run->stop, "%s", run->stop_text);
}
