/*
 * The floor under a call's latency: as many bytes as a small unary call there
 * and back over bare TCP, two threads that block.
 *
 *     pingpong SECONDS
 *
 * Prints rounds per second, median and 99th percentile in microseconds.
 */
#include "tests/bench/random.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a greeter's request and answer take with a warm header table. */
enum { REQUEST = 46, ANSWER = 57, SAMPLES = 1 << 20 };

static int exchange(int fd, size_t to_send, size_t to_read, int read_first)
{
    char bytes[64] = {0};
    for (int half = 0; half < 2; half++) {
        if (half == read_first) {
            if (send(fd, bytes, to_send, MSG_NOSIGNAL) != (ssize_t)to_send)
                return -1;
        } else if (recv(fd, bytes, to_read, MSG_WAITALL) != (ssize_t)to_read) {
            return -1;
        }
    }
    return 0;
}

static void *answer(void *listener)
{
    int on = 1;
    int fd = accept(*(int *)listener, NULL, NULL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (exchange(fd, ANSWER, REQUEST, 1) == 0)
        ;
    close(fd);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int on = 1;
    pthread_t thread;
    float *times = calloc(SAMPLES, sizeof *times);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (argc != 2 || !times ||
        bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0 ||
        pthread_create(&thread, NULL, answer, &listener) != 0 ||
        connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        return 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    size_t n = 0;
    double start = bench_seconds(), until = start + atof(argv[1]), now = start;
    while (now < until && n < SAMPLES) {
        if (exchange(fd, REQUEST, ANSWER, 0) != 0)
            return 1;
        double then = now;
        now = bench_seconds();
        times[n++] = (float)(now - then);
    }
    close(fd);
    pthread_join(thread, NULL);
    close(listener);
    qsort(times, n, sizeof *times, compare);
    printf("%.0f %.1f %.1f\n", (double)n / (now - start),
           (double)times[n / 2] * 1e6, (double)times[n * 99 / 100] * 1e6);
    free(times);
    return 0;
}
