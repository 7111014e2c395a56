/*
 * compiler/arena/includes.c: the files that libtcc opens, from memory.
 *
 * libtcc reads through open, read and close. Here a descriptor is a number
 * above all real ones, and a file is text: a source, what the caller's callback
 * knows, a header of our own, and, where the caller allows it, a header of the
 * system's, which is read into the compile arena and closed again before libtcc
 * goes on. So no descriptor is ever left open by a compile that is given up.
 *
 * #include <x> is looked up as "/mf/x", a folder that does not exist; #include
 * "x" first beside the file that asks, by the callback alone, then as <x>. A
 * path that is absolute otherwise, or that goes up, names nothing that is not
 * the callback's, unless the caller allows that for a source that it trusts.
 */
#include "compiler/arena/hooks.h"

#include "compiler/arena/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FD_BASE = 1 << 28, PATH_LEN = 1200 };

/* glibc's headers leave out every attribute where the compiler is not one that
 * they know, those of the source that includes them too: a packed struct would
 * silently have gaps. This is put behind the header that does so. */
static const char keep_attributes[] = "\n#undef __attribute__\n";

static int goes_up(const char *path)
{
    for (const char *p = path; (p = strstr(p, "..")) != NULL; p++) {
        if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
            return 1;
    }
    return 0;
}

static ssize_t read_all(int fd, char *to, size_t n)
{
    size_t got = 0;
    while (got < n) {
        ssize_t r = read(fd, to + got, n - got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

/* The whole of a system header, in the compile arena. */
static const char *read_header(mf_run *run, const char *path, size_t *ret_len)
{
    struct stat st;
    char *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0 &&
        (uint64_t)st.st_size <= run->limits.source_bytes) {
        size_t size = (size_t)st.st_size;
        text = mf_carena_take(run->arena, size + sizeof keep_attributes,
                              MF_KIND_TEXT);
        if (text)
            *ret_len = (size_t)read_all(fd, text, size);
        else
            errno = ENOMEM;
    }
    int no_memory = !text && errno == ENOMEM;
    close(fd);
    if (no_memory)
        mf_run_stop(run, MAYFLY_ELIMIT, "compile arena: too much memory");
    return text;
}

static const char *find_in(mf_run *run, const char *const *folders, size_t n,
                           const char *name, size_t *ret_len)
{
    char path[PATH_LEN];
    for (size_t i = 0; i < n; i++) {
        int len = snprintf(path, sizeof path, "%s/%s", folders[i], name);
        if (len < 0 || (size_t)len >= sizeof path)
            continue;
        const char *text = read_header(run, path, ret_len);
        if (text)
            return text;
    }
    return NULL;
}

static const char *find_system(mf_run *run, const char *name, size_t *ret_len)
{
    static const char *const folders[] = {
#if defined(__x86_64__)
        "/usr/include/x86_64-linux-gnu",
#elif defined(__aarch64__)
        "/usr/include/aarch64-linux-gnu",
#endif
        "/usr/include",
    };
    const char *text = find_in(run, folders, sizeof folders / sizeof folders[0],
                               name, ret_len);
    if (text && strcmp(name, "sys/cdefs.h") == 0) {
        char *end = (char *)(uintptr_t)text + *ret_len;
        memcpy(end, keep_attributes, sizeof keep_attributes);
        *ret_len += sizeof keep_attributes - 1;
    }
    return text;
}

static const char *find(mf_run *run, const char *path, size_t *ret_len)
{
    const mf_cc_input *in = run->input;
    size_t root = strlen(MF_RUN_ROOT "/");
    const char *text = NULL;
    const char *name = path;
    int in_root = strncmp(path, MF_RUN_ROOT "/", root) == 0;
    if (in_root)
        name = path + root;
    if (name[0] == '\0')
        return NULL;
    if (in->include)
        text = in->include(in->include_state, name, ret_len);
    if (!text && !in->real_paths && (name[0] == '/' || goes_up(name)))
        return NULL;
    if (!text && name[0] == '/')
        return read_header(run, name, ret_len);
    if (text || !in_root)
        return text;
    text = find_in(run, in->include_dirs, in->n_include_dirs, name, ret_len);
    if (text)
        return text;
    text = mf_builtin_header(name, run->system);
    if (text)
        *ret_len = strlen(text);
    else if (run->system)
        text = find_system(run, name, ret_len);
    return text;
}

int mf_hook_open(const char *path, int flags, ...)
{
    mf_run *run = mf_run_now();
    const char *text = NULL;
    size_t len = 0;
    (void)flags;
    mf_run_check(run);
    if (run->source) {
        text = run->source->text;
        len = run->source->len ? run->source->len : strlen(text);
        run->source = NULL;
    } else {
        text = find(run, path, &len);
        if (text && ++run->n_includes > run->limits.includes)
            mf_run_stop(run, MAYFLY_ELIMIT, "includes: too many files");
    }
    if (!text) {
        errno = ENOENT;
        return -1;
    }
    if (len > run->limits.source_bytes - run->read_bytes)
        mf_run_stop(run, MAYFLY_ELIMIT, "source: too many bytes");
    run->read_bytes += len;
    /* The source itself is at depth 0. */
    if (run->open_files > run->limits.include_depth ||
        run->open_files == MF_RUN_FILES)
        mf_run_stop(run, MAYFLY_ELIMIT, "includes: nested too deeply");
    for (unsigned i = 0; i < MF_RUN_FILES; i++) {
        mf_run_file *f = &run->files[i];
        if (f->text)
            continue;
        f->text = text;
        f->len = len;
        f->at = 0;
        run->open_files++;
        return FD_BASE + (int)i;
    }
    errno = EMFILE;
    return -1;
}

static mf_run_file *file_of(mf_run *run, int fd)
{
    if (fd < FD_BASE || fd >= FD_BASE + MF_RUN_FILES)
        return NULL;
    mf_run_file *f = &run->files[fd - FD_BASE];
    return f->text ? f : NULL;
}

ssize_t mf_hook_read(int fd, void *to, size_t n)
{
    mf_run *run = mf_run_now();
    mf_run_file *f = file_of(run, fd);
    mf_run_check(run);
    if (!f)
        return 0;
    if (n > f->len - f->at)
        n = f->len - f->at;
    memcpy(to, f->text + f->at, n);
    f->at += n;
    return (ssize_t)n;
}

int mf_hook_close(int fd)
{
    mf_run *run = mf_run_now();
    mf_run_file *f = file_of(run, fd);
    if (!f)
        return -1;
    f->text = NULL;
    run->open_files--;
    return 0;
}

off_t mf_hook_lseek(int fd, off_t offset, int whence)
{
    mf_run_file *f = file_of(mf_run_now(), fd);
    if (!f || whence != SEEK_SET || offset < 0 || (size_t)offset > f->len)
        return -1;
    f->at = (size_t)offset;
    return offset;
}
