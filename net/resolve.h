/* resolve.h - names to addresses, off the loop.
 *
 * One helper thread per resolver, started at the first name that is not numeric. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <netdb.h>
#include <stdint.h>
#include <sys/socket.h>

struct loop;
struct resolver;

enum { RESOLVE_ADDRESSES_MAX = 16 };

struct resolved {
    int code;                                   /* 0 or K_RESOLVE_FAILED */
    int count;
    struct sockaddr_storage addresses[RESOLVE_ADDRESSES_MAX];
    socklen_t sizes[RESOLVE_ADDRESSES_MAX];
};

int resolver_new(struct resolver **out);        /* 0 or K_NOMEM */
/* Waits for a look-up under way; what is not answered yet is answered RESOLVE_FAILED. Before its
 * loops are freed. NULL is allowed. */
void resolver_free(struct resolver *resolver);

/* In a child after fork(): as loop_abandon(). */
void resolver_abandon(struct resolver *resolver);

/* Ask; `answer` runs on `loop` exactly once, never from inside this call. Returns a handle for
 * resolve_cancel(), NULL when out of memory (answer is not called). */
struct resolve_query;
struct resolve_query *resolve(struct resolver *resolver, struct loop *loop, const char *host,
                              uint16_t port,
                              void (*answer)(void *context, const struct resolved *result),
                              void *context);
/* The answer will not be called. On the loop given to resolve(). */
void resolve_cancel(struct resolve_query *query);

#endif
