/*
 * proxy/transport/address.h: "host:port" and "unix:PATH" as socket addresses.
 */
#ifndef MF_PROXY_ADDRESS_H
#define MF_PROXY_ADDRESS_H

#include <mayfly/error.h>

#include <sys/socket.h>

enum { MF_ADDRESSES_MAX = 8 };

typedef struct mf_target {
    int is_unix;
    char host[256]; /* or the path of the socket; "" is any address */
    char port[8];
} mf_target;

typedef struct mf_addresses {
    unsigned n;
    struct {
        socklen_t len;
        union {
            struct sockaddr any;
            struct sockaddr_storage room;
        } at;
    } list[MF_ADDRESSES_MAX];
} mf_addresses;

/* Reads a target; an IPv6 address stands in brackets. EINVAL. */
int mf_target_parse(const char *text, mf_target *ret, mayfly_error *err);

/* Without asking anybody: EINVAL when the host is a name. */
int mf_target_numeric(const mf_target *target, mf_addresses *ret,
                      mayfly_error *err);

/* Asks the system's resolver, which may take seconds. EIO. */
int mf_target_resolve(const mf_target *target, int to_listen, mf_addresses *ret,
                      mayfly_error *err);

/* The port in host order; 0 for a unix socket. */
int mf_sockaddr_port(const struct sockaddr *address);

#endif
