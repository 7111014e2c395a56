/*
 * proxy/channel/channel.h: a channel from the inside; for channel.c, request.c,
 * drive.c.
 */
#ifndef MF_PROXY_CHANNEL_H
#define MF_PROXY_CHANNEL_H

#include "proxy/transport/address.h"
#include "proxy/call/call.h"
#include "proxy/transport/conn.h"

#include <mayfly/channel.h>

/* One connection. The channel's newest carries new calls; older ones, which the
 * peer is leaving, live until their calls have ended. */
typedef struct mf_link {
    mf_conn conn;
    mayfly_channel *channel; /* without a reference: links go first */
    mf_watch *watch;         /* loop */
    mf_task flush;           /* loop: at the end of the turn */
    uint8_t is_dirty;
    uint8_t is_leaving; /* takes no new calls: GOAWAY, or it failed */
    uint8_t is_broken;  /* the loop has to close it */
    char why[96];       /* how it ended */
    struct mf_link *next;
} mf_link;

/* Looking up a name, or trying addresses one after the other. Loop. */
typedef struct mf_connecting {
    int is_on;
    mf_addresses list;
    struct mf_link *greeting; /* connected, and not yet answered */
    unsigned at;              /* the address that is being tried */
    int fd;                   /* -1: none */
    mf_watch *watch;
    mf_timer timer;
    char why[160]; /* the last failure */
} mf_connecting;

struct mayfly_channel {
    mayfly_host *host;
    atomic_uint users; /* references of the public kind: the last one closes */
    atomic_uint refs;  /* memory: the users' one, each call's, tasks' */
    mf_loop *loop;
    mf_target target;
    char *text;      /* the target as it was given */
    char *authority; /* as sent */
    unsigned connect_timeout_ms;
    char *share_key; /* what makes it distinct; NULL: it is not shared */
    atomic_uint_fast64_t n_dials;
    mf_chains chains;            /* interceptors */
    struct mayfly_channel *next; /* the host's list */
    struct mayfly_channel **link;

    pthread_mutex_t lock; /* for all that follows */
    mf_pool pool;         /* of the sessions */
    mf_link *links;       /* newest first */
    mayfly_call *waiting; /* calls that are not sent yet, oldest first */
    mayfly_call **waiting_end;
    mayfly_call *ended; /* calls whose end is to be told after unlocking */
    unsigned n_calls;   /* started and not ended */
    uint64_t n_started; /* in all */
    uint64_t n_connections;
    mf_task wake;     /* brings the loop here */
    uint8_t is_woken; /* `wake` is on its way */
    uint8_t is_closed;
    uint8_t holds_loop;       /* for the calls that there are */
    mf_connecting connecting; /* loop */

    /* A caller that does the loop's work itself: drive.c. */
    mayfly_call *driver;  /* whose thread has the connection; NULL: the loop */
    mayfly_call *adopted; /* a driver's call that it left to the loop */
    int wake_fd;      /* an eventfd that the driver polls, too; -1: none yet */
    uint8_t *buffers; /* the driver's; NULL: none yet */
    uint8_t must_yield; /* the driver is asked to leave the rest to the loop */
    uint8_t is_unwatched; /* the loop looks away while callers drive */
    unsigned n_driven;
    unsigned n_driven_seen; /* by the timer */
    unsigned loop_turns;    /* calls that go by the loop before driving again */
    uint64_t driven_ns;     /* when the last one ended */
    mf_timer rewatch;       /* loop: looks again when nobody drives */
};

/* --- channel.c --- */
void mf_channel_unref(mayfly_channel *channel); /* memory; any thread */
mayfly_channel *mf_channel_hold(mayfly_channel *channel);
void mf_channel_wake(mayfly_channel *channel); /* locked: the loop comes here */
/* Locked; the loop's thread when it holds the loop. */
void mf_channel_no_calls(mayfly_channel *channel);
const char *mf_channel_target(const mayfly_channel *channel);
/* Locked: the connection that takes calls, or NULL. */
mf_link *mf_channel_usable(mayfly_channel *channel);
void mf_link_dirty(mf_link *link);          /* locked, loop */
void mf_link_watch(mf_link *link);          /* locked, loop: what to wait for */
void mf_link_ready(void *link, int events); /* the watch's callback */
void mf_link_close(mf_link *link); /* locked, loop; its calls end as lost */
/* Locked: sends what waits. */
void mf_channel_submit(mayfly_channel *channel, mf_link *link);
/* Unlocks and tells those whose calls have ended meanwhile. */
void mf_channel_unlock(mayfly_channel *channel);
void mf_channels_stop(mayfly_host *host);
void mf_channels_trim(mayfly_host *host); /* what they keep for speed */

/* --- channel_share.c --- */
/* What makes it distinct from others. 0 or MAYFLY_ENOMEM. */
int mf_share_name(mayfly_channel *channel);
/* Host locked. One like this that is held, with one more reference, or NULL. */
mayfly_channel *mf_share_find(mayfly_channel *like);
int mf_share_add(mayfly_channel *channel); /* 0 or MAYFLY_ENOMEM */
void mf_share_remove(mayfly_channel *channel);

/* --- connect.c; all locked, loop --- */
void mf_connect_start(mayfly_channel *channel);
void mf_connect_reset(mayfly_channel *channel); /* gives up what is under way */
void mf_connect_greeted(mayfly_channel *channel);
void mf_connect_lost(mayfly_channel *channel, const char *why);

/* --- request.c --- */
extern const mf_h2_events mf_client_events;
/* Sends a call on a link. 0, or it has been ended. Locked. */
int mf_request_submit(mf_link *link, mayfly_call *call);
/* Ends a call with a status of this side's making. Locked. */
void mf_request_end(mayfly_call *call, int status, const char *why);
/* Tells those who wait for the calls that ended; takes the list under the lock
 * with mf_request_take_ended and runs it without. */
mayfly_call *mf_request_take_ended(mayfly_channel *channel);
void mf_request_tell(mayfly_call *ended);
void mf_request_wait(mayfly_call *call);    /* until it has ended */
void mf_request_unqueue(mayfly_call *call); /* locked */
void mf_request_deadline(mf_timer *timer);

/* --- drive.c --- */
/* Runs a call on this thread if the channel is quiet. 1: done or handed over to
 * the loop; 0: not driven. Unlocked. */
int mf_drive(mayfly_channel *channel, mayfly_call *call);
/* The loop found the socket ready, or has work, while a caller drives. Locked.
 */
void mf_drive_look_away(mf_link *link);
void mf_drive_ask_to_yield(mayfly_channel *channel);

#endif
