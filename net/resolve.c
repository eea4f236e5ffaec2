#include "net/resolve.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/mailbox.h"

struct resolver {
    struct mailbox inbox;               /* queries for the helper thread */
    pthread_t thread;
    atomic_bool started;
    atomic_bool stopping;               /* what is still queued is refused */
    struct mail stop;
    bool stopped;                       /* the helper thread's own */
};

/* Whoever changes the state from ASKED decides who frees: a query that is cancelled before its
 * answer is there never goes back to its loop, which may not live as long as the look-up. */
enum query_state { QUERY_ASKED, QUERY_ANSWERED, QUERY_CANCELLED };

/* Travels to the helper thread, is filled there, and comes back to its loop as mail. */
struct resolve_query {
    struct mail mail;
    struct resolver *resolver;
    struct loop *loop;
    char *host;
    uint16_t port;
    void (*answer)(void *context, const struct resolved *result);
    void *context;
    _Atomic enum query_state state;
    struct resolved result;
};

static struct resolve_query *query_of(struct mail *mail)
{
    return (struct resolve_query *)((char *)mail - offsetof(struct resolve_query, mail));
}

static void query_free(struct resolve_query *query)
{
    free(query->host);
    free(query);
}

static void deliver_answer(struct mail *mail)
{
    struct resolve_query *query = query_of(mail);

    if (query->state == QUERY_ANSWERED)
        query->answer(query->context, &query->result);
    query_free(query);
}

static void send_answer(struct resolve_query *query)
{
    if (atomic_exchange(&query->state, QUERY_ANSWERED) == QUERY_CANCELLED) {
        query_free(query);
        return;
    }
    query->mail.deliver = deliver_answer;
    loop_post(query->loop, &query->mail);
}

/* --- the helper thread ------------------------------------------------------------------------ */

static void deliver_query(struct mail *mail)
{
    struct resolve_query *query = query_of(mail);

    if (query->state == QUERY_ASKED && !query->resolver->stopping) {
        int failed = address_look_up(query->host, query->port, 0, &query->result);
        if (failed != 0)
            LOG_DEBUG("resolve-failed", "host=%s reason=\"%s\"", query->host, gai_strerror(failed));
    }
    send_answer(query);
}

static void deliver_stop(struct mail *mail)
{
    struct resolver *resolver = (struct resolver *)((char *)mail - offsetof(struct resolver, stop));
    resolver->stopped = true;
}

static void *resolver_main(void *context)
{
    struct resolver *resolver = context;

    pthread_setname_np(pthread_self(), "resolver");
    while (!resolver->stopped) {
        mailbox_wait(&resolver->inbox);
        mailbox_drain(&resolver->inbox);
    }
    return NULL;
}

/* Several loops may ask for the first time at once: one of them starts the thread. */
static int start(struct resolver *resolver)
{
    sigset_t all, before;

    if (atomic_exchange(&resolver->started, true))
        return 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&resolver->thread, NULL, resolver_main, resolver);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        resolver->started = false;
    return failed == 0 ? 0 : K_NOMEM;
}

/* --- resolver --------------------------------------------------------------------------------- */

int resolver_new(struct resolver **out)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver == NULL)
        return K_NOMEM;
    resolver->stop.deliver = deliver_stop;
    int error = mailbox_init(&resolver->inbox);
    if (error != 0) {
        free(resolver);
        return error;
    }
    *out = resolver;
    return 0;
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    if (resolver->started) {
        resolver->stopping = true;
        mailbox_post(&resolver->inbox, &resolver->stop);
        pthread_join(resolver->thread, NULL);
    }
    mailbox_fini(&resolver->inbox);
    free(resolver);
}

void resolver_abandon(struct resolver *resolver)
{
    close(resolver->inbox.fd);
}

struct resolve_query *resolve(struct resolver *resolver, struct loop *loop, const char *host,
                              uint16_t port,
                              void (*answer)(void *context, const struct resolved *result),
                              void *context)
{
    struct resolve_query *query = calloc(1, sizeof *query);
    if (query == NULL)
        return NULL;
    query->resolver = resolver;
    query->loop = loop;
    query->answer = answer;
    query->context = context;
    query->host = strdup(host);
    query->port = port;
    if (query->host == NULL)
        goto free_query;

    if (address_look_up(host, port, AI_NUMERICHOST, &query->result) == 0) {
        send_answer(query);
    } else if (start(resolver) == 0) {
        query->mail.deliver = deliver_query;
        mailbox_post(&resolver->inbox, &query->mail);
    } else {
        goto free_query;
    }
    return query;

free_query:
    query_free(query);
    return NULL;
}

void resolve_cancel(struct resolve_query *query)
{
    atomic_store(&query->state, QUERY_CANCELLED);
}
