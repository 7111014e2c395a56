/*
 * mayfly: gRPC for C programs whose schemas are loaded while they run.
 *
 * This header brings in all of the library; each part can be included by itself.
 * Read them in this order:
 *
 *   types.h    strings, bytes, arrays
 *   error.h    how functions fail
 *   host.h     the root object
 *   context.h  load a schema, hold it, unload it, read the receipt
 *   cache.h    units: versions of a context, swapped while calls go on
 *   bulk.h     many units as one job
 *   why.h      what holds a context
 *   admin.h    a socket that tells of a running host, and changes its units
 *   fault.h    what a stale pointer pointed to
 *   memory.h   what memory there is, by kind
 *   channel.h  call: channels and proxies
 *   server.h   serve: servers and handlers
 *   call.h     one call on either side
 *   interceptor.h  see and change calls on their way
 *   arena.h    memory that is given back as a whole
 *   pool.h     objects, buffers and arenas that come back by themselves
 *   message.h  encode, decode, JSON
 *   dynamic.h  messages without a header: fields by path, handlers, calls
 *   source.h   load any C source, run it
 *   handlers.h what such source says of itself: on load, on unload
 *   background.h timers and threads that belong to a context
 *   emit.h     headers and descriptor sets, for tools
 *   layout.h   the tables of generated headers
 *
 * In C++ options are filled in by hand, for their macros are C:
 *     mayfly_call_options options = {};
 *     options.size = sizeof options;
 *     options.timeout_ms = 200;
 */
#ifndef MAYFLY_MAYFLY_H
#define MAYFLY_MAYFLY_H

#include <mayfly/admin.h>
#include <mayfly/arena.h>
#include <mayfly/bulk.h>
#include <mayfly/background.h>
#include <mayfly/cache.h>
#include <mayfly/call.h>
#include <mayfly/channel.h>
#include <mayfly/context.h>
#include <mayfly/dynamic.h>
#include <mayfly/emit.h>
#include <mayfly/error.h>
#include <mayfly/fault.h>
#include <mayfly/handlers.h>
#include <mayfly/host.h>
#include <mayfly/interceptor.h>
#include <mayfly/layout.h>
#include <mayfly/memory.h>
#include <mayfly/message.h>
#include <mayfly/pool.h>
#include <mayfly/server.h>
#include <mayfly/source.h>
#include <mayfly/types.h>
#include <mayfly/why.h>

#endif
