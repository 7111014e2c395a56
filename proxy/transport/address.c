/*
 * Targets as people write them, and the addresses they stand for. Bounded: a
 * name with more addresses than MF_ADDRESSES_MAX is tried at the first of them.
 */
#include "proxy/transport/address.h"

#include "base/error.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static int parse_unix(const char *path, mf_target *t, mayfly_error *err)
{
    struct sockaddr_un un;
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof un.sun_path)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the path of a unix socket has 1 to %zu bytes",
                            sizeof un.sun_path - 1);
    t->is_unix = 1;
    memcpy(t->host, path, len + 1);
    return 0;
}

int mf_target_parse(const char *text, mf_target *ret, mayfly_error *err)
{
    mf_target t = {0};
    if (strncmp(text, "unix:", 5) == 0) {
        int rc = parse_unix(text + 5, &t, err);
        if (rc == 0)
            *ret = t;
        return rc;
    }
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t host_len = colon ? (size_t)(colon - text) : 0;
    if (host_len >= 2 && text[0] == '[' && text[host_len - 1] == ']') {
        host++;
        host_len -= 2;
    } else if (colon && memchr(text, ':', host_len)) {
        colon = NULL; /* an IPv6 address without brackets */
    }
    unsigned port = 0;
    size_t digits = 0;
    while (colon && colon[1 + digits] >= '0' && colon[1 + digits] <= '9' &&
           digits < 6)
        port = port * 10 + (unsigned)(colon[1 + digits++] - '0');
    if (!colon || digits == 0 || colon[1 + digits] || port > 65535 ||
        host_len >= sizeof t.host)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "\"%.200s\" is neither host:port nor unix:PATH",
                            text);
    memcpy(t.host, host, host_len);
    memcpy(t.port, colon + 1, digits);
    *ret = t;
    return 0;
}

static void unix_address(const mf_target *target, mf_addresses *ret)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    memcpy(un.sun_path, target->host, strlen(target->host));
    ret->n = 1;
    ret->list[0].len = sizeof un;
    memcpy(&ret->list[0].at, &un, sizeof un);
}

static int lookup(const mf_target *target, int flags, mf_addresses *ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *host =
        target->host[0] && strcmp(target->host, "*") != 0 ? target->host : NULL;
    ret->n = 0;
    int rc = getaddrinfo(host, target->port, &hints, &found);
    if (rc != 0)
        return rc;
    for (struct addrinfo *a = found; a && ret->n < MF_ADDRESSES_MAX;
         a = a->ai_next) {
        if (a->ai_addrlen > sizeof ret->list[0].at)
            continue;
        memcpy(&ret->list[ret->n].at, a->ai_addr, a->ai_addrlen);
        ret->list[ret->n++].len = a->ai_addrlen;
    }
    freeaddrinfo(found);
    return ret->n ? 0 : EAI_NONAME;
}

int mf_target_numeric(const mf_target *target, mf_addresses *ret,
                      mayfly_error *err)
{
    if (target->is_unix) {
        unix_address(target, ret);
        return 0;
    }
    if (lookup(target, AI_NUMERICHOST, ret) != 0)
        return mf_error_set(err, MAYFLY_EINVAL, "%s is a name", target->host);
    return 0;
}

int mf_target_resolve(const mf_target *target, int to_listen, mf_addresses *ret,
                      mayfly_error *err)
{
    if (target->is_unix) {
        unix_address(target, ret);
        return 0;
    }
    int rc = lookup(target, to_listen ? AI_PASSIVE : AI_ADDRCONFIG, ret);
    if (rc != 0)
        return mf_error_set(err, MAYFLY_EIO, "%s: %s", target->host,
                            gai_strerror(rc));
    return 0;
}

int mf_sockaddr_port(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return ntohs(in.sin_port);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        return ntohs(in.sin6_port);
    }
    return 0;
}
