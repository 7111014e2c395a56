/*
 * SIGPIPE never reaches the host: with the default disposition, under which one
 * would end the process, mayfly writes to peers that have closed, as client and
 * as server.
 */
#include "guest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_int stop_peer;

static int tcp_socket(struct sockaddr_in *address)
{
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* Closing with no linger resets the connection. */
static void reset(int fd)
{
    const struct linger none = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}

/* Accepts, reads a little, and resets the connection. */
static void *rude_server(void *state)
{
    int listener = *(int *)state;
    char bytes[64];

    while (!atomic_load(&stop_peer)) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            break;
        (void)!read(fd, bytes, sizeof bytes);
        reset(fd);
    }
    return NULL;
}

static void writing_to_a_peer_that_closed(void **state)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_channel *channel;
    pthread_t thread;
    char target[64];
    int status;
    (void)state;

    int listener = tcp_socket(&address);
    assert_int_equal(
        bind(listener, (struct sockaddr *)(void *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 64), 0);
    getsockname(listener, (struct sockaddr *)(void *)&address, &size);
    pthread_create(&thread, NULL, rude_server, &listener);

    must(mayfly_host_new(NULL, &host, &err), err);
    snprintf(target, sizeof target, "127.0.0.1:%d", ntohs(address.sin_port));
    for (int i = 0; i < 40; i++) {
        must(mayfly_dial(host, target, NULL, &channel, &err), err);
        assert_int_equal(
            guest_call(host, channel, i % 2 ? 1000000 : 10, &status, &err),
            MAYFLY_ESTATUS);
        assert_int_equal(status, MAYFLY_STATUS_UNAVAILABLE);
        mayfly_channel_unref(channel);
    }
    mayfly_host_free(host);
    atomic_store(&stop_peer, 1);
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
}

/* Preface, SETTINGS, and one request of the echo whose message is in `n` bytes.
 */
static size_t rude_request(uint8_t *out)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const uint8_t settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    /* :method POST, :scheme http, :path, content-type, te as literals */
    static const char headers[] = "\x83\x86"
                                  "\x04\x11/guest.Desk/Leave"
                                  "\x0f\x10\x10"
                                  "application/grpc"
                                  "\x00\x02te\x08trailers";
    const size_t length = sizeof headers - 1;
    uint8_t *p = out;

    memcpy(p, preface, sizeof preface - 1);
    p += sizeof preface - 1;
    memcpy(p, settings, sizeof settings);
    p += sizeof settings;
    const uint8_t head[9] = {0, 0, (uint8_t)length, 1, 4, 0, 0, 0, 1};
    memcpy(p, head, sizeof head);
    memcpy(p + sizeof head, headers, length);
    p += sizeof head + length;
    /* DATA: 1,000 bytes of message */
    const uint8_t data[9] = {0, 3, 0xed, 0, 1, 0, 0, 0, 1};
    const uint8_t prefix[5] = {0, 0, 0, 3, 0xe8};
    memcpy(p, data, sizeof data);
    memcpy(p + sizeof data, prefix, sizeof prefix);
    p += sizeof data + sizeof prefix;
    memset(p, 'x', 1000);
    return (size_t)(p + 1000 - out);
}

static void answering_a_peer_that_is_gone(void **state)
{
    struct sockaddr_in address;
    mayfly_error err = MAYFLY_ERROR_INIT;
    uint8_t bytes[2000];
    guest g;
    (void)state;

    size_t n = rude_request(bytes);
    must(guest_start(&g, NULL, &err), err);
    for (int i = 0; i < 200; i++) {
        int fd = tcp_socket(&address);
        address.sin_port = htons((uint16_t)g.port);
        assert_int_equal(
            connect(fd, (struct sockaddr *)(void *)&address, sizeof address),
            0);
        assert_int_equal(write(fd, bytes, n), n);
        if (i % 2)
            (void)!read(fd, bytes + 1500, 9); /* until it has begun to answer */
        reset(fd);
    }
    /* it still serves */
    must(guest_call(g.host, g.channel, 100, NULL, &err), err);
    guest_stop(&g);
}

static void the_disposition_is_the_hosts(void **state)
{
    struct sigaction now;
    (void)state;
    sigaction(SIGPIPE, NULL, &now);
    assert_true(now.sa_handler == SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writing_to_a_peer_that_closed),
        cmocka_unit_test(answering_a_peer_that_is_gone),
        cmocka_unit_test(the_disposition_is_the_hosts),
    };
    signal(SIGPIPE, SIG_DFL); /* whatever started the test */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
