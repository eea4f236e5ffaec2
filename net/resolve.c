/* resolve.c - a helper thread that asks getaddrinfo, and mail that brings the answers back. */
#include "net/resolve.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/list.h"
#include "common/mail.h"
#include "net/address.h"
#include "net/loop.h"

enum { STACK_SIZE = 256 * 1024 };

struct resolve_query {
    struct mail mail;
    struct list node;                   /* in the resolver's queue */
    struct loop *loop;
    char *host;
    uint16_t port;
    void (*answer)(void *context, const struct resolved *result);
    void *context;                      /* loop's thread */
    bool cancelled;                     /* loop's thread */
    struct resolved result;
};

struct resolver {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list queue;                  /* guarded, as the flags */
    bool stopping, started;
    pthread_t thread;
};

static void query_free(struct resolve_query *query)
{
    free(query->host);
    free(query);
}

static void answered(struct mail *mail)
{
    struct resolve_query *query = LIST_OWNER(mail, struct resolve_query, mail);
    if (!query->cancelled)
        query->answer(query->context, &query->result);
    query_free(query);
}

static void *thread_main(void *context)
{
    struct resolver *resolver = context;

    pthread_setname_np(pthread_self(), "resolve");
    pthread_mutex_lock(&resolver->lock);
    for (;;) {
        while (list_empty(&resolver->queue) && !resolver->stopping)
            pthread_cond_wait(&resolver->wake, &resolver->lock);
        if (resolver->stopping)
            break;
        struct list *node = list_first(&resolver->queue);
        struct resolve_query *query = LIST_OWNER(node, struct resolve_query, node);
        list_remove(node);
        pthread_mutex_unlock(&resolver->lock);
        address_look_up(query->host, query->port, false, false, &query->result);
        loop_post(query->loop, &query->mail);
        pthread_mutex_lock(&resolver->lock);
    }
    pthread_mutex_unlock(&resolver->lock);
    return NULL;
}

int resolver_new(struct resolver **out)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver == NULL)
        return K_NOMEM;
    pthread_mutex_init(&resolver->lock, NULL);
    pthread_cond_init(&resolver->wake, NULL);
    list_init(&resolver->queue);
    *out = resolver;
    return 0;
}

/* With the lock held. */
static bool start_thread(struct resolver *resolver)
{
    sigset_t all, before;
    pthread_attr_t attributes;

    if (resolver->started)
        return true;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    resolver->started = pthread_create(&resolver->thread, &attributes, thread_main, resolver) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return resolver->started;
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    pthread_mutex_lock(&resolver->lock);
    resolver->stopping = true;
    pthread_cond_signal(&resolver->wake);
    pthread_mutex_unlock(&resolver->lock);
    if (resolver->started)
        pthread_join(resolver->thread, NULL);
    for (struct list *node; (node = list_first(&resolver->queue)) != NULL;) {
        list_remove(node);
        query_free(LIST_OWNER(node, struct resolve_query, node));
    }
    pthread_mutex_destroy(&resolver->lock);
    pthread_cond_destroy(&resolver->wake);
    free(resolver);
}

struct resolve_query *resolve(struct resolver *resolver, struct loop *loop, const char *host,
                              uint16_t port,
                              void (*answer)(void *context, const struct resolved *result),
                              void *context)
{
    struct resolve_query *query = calloc(1, sizeof *query);
    if (query == NULL)
        return NULL;
    query->mail.deliver = answered;
    query->loop = loop;
    query->port = port;
    query->answer = answer;
    query->context = context;
    list_init(&query->node);
    query->host = strdup(host);
    if (query->host == NULL) {
        free(query);
        return NULL;
    }
    /* Numbers need no name service, and no thread. */
    address_look_up(host, port, false, true, &query->result);
    if (query->result.code == 0) {
        loop_post(loop, &query->mail);
        return query;
    }
    pthread_mutex_lock(&resolver->lock);
    bool started = start_thread(resolver);
    if (started) {
        list_append(&resolver->queue, &query->node);
        pthread_cond_signal(&resolver->wake);
    }
    pthread_mutex_unlock(&resolver->lock);
    if (!started) {
        query_free(query);
        return NULL;
    }
    return query;
}

void resolve_cancel(struct resolve_query *query)
{
    query->cancelled = true;
}
