/*
 * Every allocation failed in turn, once and for ever, from opening an admin
 * socket to the answers of all its commands: success or lack of memory, nothing
 * leaks, and no name stays behind.
 */
#include "tests/api/admin_client.h"
#include "tests/api/hello.h"
#include "tests/support/fault.h"

#define SCHEMA                                                                 \
    "\"schema\":{\"name\":\"a.proto\",\"text\":"                               \
    "\"syntax=\\\"proto3\\\";message A{}\"}"

static const char *const requests[] = {
    "{\"mayfly\":1,\"command\":\"load\",\"unit\":\"a\"," SCHEMA "}",
    ADMIN_STAT,
    "{\"mayfly\":1,\"command\":\"swap\",\"unit\":\"a\",\"text\":true,"
    "\"handlers\":[{\"name\":\"x.c\",\"text\":\"int x;\"}]," SCHEMA "}",
    "{\"mayfly\":1,\"command\":\"unload\",\"unit\":\"a\",\"text\":true}",
};

enum { PATIENCE_S = 5 };

/* 0, or ENOMEM: an answer says so, or there is none. */
static int ask(int fd, const char *request)
{
    char *answer = admin_ask(fd, request);
    int good = answer && strstr(answer, "\"ok\":true");
    int no_memory = !answer || !*answer || strstr(answer, "MAYFLY_ENOMEM") ||
                    strstr(answer, "no thread") || /* of its own */
                    strstr(answer, "no unit");     /* the load had no memory */
    if (!good && !no_memory)
        fail_msg("%s", answer);
    free(answer);
    return good ? 0 : MAYFLY_ENOMEM;
}

static int whole_life(const mayfly_allocator *table, void *state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host = NULL;
    mayfly_admin *admin = NULL;
    const char *path = state;
    int code =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = table), &host, &err);
    if (code == 0)
        code = mayfly_admin_listen(host, path, NULL, &admin, &err);
    if (code != 0 && code != MAYFLY_ENOMEM)
        fail_msg("%s", err.message);
    int fd = code == 0 ? admin_connect(path) : -1;
    /* without memory for ever nobody accepts */
    struct timeval patience = {.tv_sec = PATIENCE_S};
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (size_t i = 0; code == 0 && i < sizeof requests / sizeof requests[0];
         i++)
        code = ask(fd, requests[i]);
    if (fd >= 0)
        close(fd);
    mayfly_admin_close(admin);
    assert_int_equal(access(path, F_OK), -1);
    mayfly_host_free(host);
    return code;
}

static void each_allocation_of_an_admin_socket(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "/tmp/mayfly-fault-%d.sock", (int)getpid());
    assert_true(fault_each(whole_life, path) > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_an_admin_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
