/*
 * Channels that are shared by target, and what a channel tells of itself.
 *
 * The host has a table of its shared channels by what makes them distinct. A
 * channel is in it as long as it is in the host's list of channels; one whose
 * last reference has just gone is there for another moment, and is not handed
 * out any more: who dials then puts a new one in its place.
 *
 * What stays true: the table is the host's lock's, and an entry is taken out by
 * the channel that it names only.
 */
#include "proxy/channel/channel.h"

#include "base/error.h"
#include "base/options.h"

#include <stdio.h>
#include <string.h>

/* Neither an authority nor a number has a line feed in it, a path may. */
int mf_share_name(mayfly_channel *ch)
{
    enum { NUMBER = 16 };
    size_t size = strlen(ch->authority) + strlen(ch->text) + NUMBER;
    ch->share_key = mf_alloc_new(&ch->host->alloc, size);
    if (!ch->share_key)
        return MAYFLY_ENOMEM;
    snprintf(ch->share_key, size, "%s\n%u\n%s", ch->authority,
             ch->connect_timeout_ms, ch->text);
    return 0;
}

mayfly_channel *mf_share_find(mayfly_channel *like)
{
    const mf_map *map = like->host->shared_channels;
    mayfly_channel *ch =
        like->share_key && map ? mf_map_get_str(map, like->share_key) : NULL;
    unsigned users = ch ? atomic_load(&ch->users) : 0;
    while (users &&
           !atomic_compare_exchange_weak(&ch->users, &users, users + 1))
        ;
    return users ? ch : NULL;
}

int mf_share_add(mayfly_channel *ch)
{
    mayfly_host *host = ch->host;
    if (!ch->share_key)
        return 0;
    if (!host->shared_channels)
        host->shared_channels = mf_map_new(&host->alloc);
    return host->shared_channels
               ? mf_map_put_str(host->shared_channels, ch->share_key, ch)
               : MAYFLY_ENOMEM;
}

void mf_share_remove(mayfly_channel *ch)
{
    mayfly_host *host = ch->host;
    mf_map *map = host->shared_channels;
    if (!ch->share_key || !map || mf_map_get_str(map, ch->share_key) != ch)
        return;
    mf_map_remove_str(map, ch->share_key);
    if (mf_map_count(map) == 0) {
        mf_map_free(map);
        host->shared_channels = NULL;
    }
}

/* --- what it tells --- */

static void read_info(mayfly_channel *ch, mayfly_channel_info *ret)
{
    pthread_mutex_lock(&ch->lock);
    *ret = (mayfly_channel_info){
        .size = sizeof *ret,
        .target = ch->text,
        .authority = ch->authority,
        .is_shared = ch->share_key != NULL,
        .is_connected = mf_channel_usable(ch) != NULL,
        .references = atomic_load(&ch->users),
        .calls = ch->n_calls,
        .dials = atomic_load(&ch->n_dials),
        .calls_started = ch->n_started,
        .connections = ch->n_connections,
    };
    pthread_mutex_unlock(&ch->lock);
}

void mayfly_channel_get_info(mayfly_channel *ch, mayfly_channel_info *ret_info)
{
    mayfly_channel_info info;
    if (!ch || !ret_info)
        return;
    read_info(ch, &info);
    mf_options_write(ret_info, &info, sizeof info);
}

int mayfly_host_each_channel(mayfly_host *host,
                             void (*each)(void *state,
                                          const mayfly_channel_info *info),
                             void *state, mayfly_error *err)
{
    if (!host || !each)
        return mf_error_set(err, MAYFLY_EINVAL, "no host or no callback");
    int rc = mf_host_check(host, err);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&host->lock);
    for (mayfly_channel *ch = host->channels; ch; ch = ch->next) {
        mayfly_channel_info info;
        read_info(ch, &info);
        each(state, &info);
    }
    pthread_mutex_unlock(&host->lock);
    return 0;
}
