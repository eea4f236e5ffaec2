#include "client/handle.h"

#include <stdlib.h>

#include "client/cluster.h"
#include "client/config.h"
#include "client/error.h"
#include "client/task.h"
#include "common/error.h"
#include "net/loop.h"
#include "net/resolve.h"

static void destroy(struct klient *klient)
{
    resolver_free(klient->resolver);        /* first: it posts to the loop */
    loop_free(klient->loop);
    klient_config_free(klient->config);
    forked_page_free(klient->mine);
    free(klient);
}

/* On the handle's thread. */
static void settle_in(void *context)
{
    struct klient *klient = context;

    klient->thread = pthread_self();
    config_divert_log(klient->config);
}

klient_t *klient_new(const klient_config_t *config, klient_error_t **error)
{
    struct loop_options options = { .name = "klient", .cpu = -1 };

    if (config == NULL) {
        fail(error, K_INVALID_ARGUMENT, "a configuration is needed");
        return NULL;
    }
    if (config_check(config, error) != 0)
        return NULL;
    struct klient *klient = calloc(1, sizeof *klient);
    if (klient == NULL)
        goto nomem;
    atomic_init(&klient->references, 1);
    klient->config = klient_config_copy(config);
    klient->mine = forked_page_new();
    if (klient->config == NULL || klient->mine == NULL || resolver_new(&klient->resolver) != 0 ||
        loop_new(&options, &klient->loop) != 0)
        goto undo;
    if (silence_init(&klient->silence, klient) != 0)
        goto undo;
    if (troubles_open(&klient->troubles, klient, klient->config) != 0)
        goto undo_silence;
    if (statistics_open(&klient->statistics, klient, klient->config) != 0)
        goto undo_troubles;
    if (cluster_new(klient, &klient->cluster) != 0)
        goto undo_statistics;
    if (loop_start(klient->loop) != 0) {
        cluster_free(klient->cluster);
        goto undo_statistics;
    }
    task_call(klient, settle_in, klient);
    return klient;

undo_statistics:
    statistics_close(&klient->statistics);
undo_troubles:
    troubles_close(&klient->troubles);
undo_silence:
    silence_fini(&klient->silence);
undo:
    destroy(klient);
nomem:
    fail(error, K_NOMEM, NULL);
    return NULL;
}

int handle_check(const struct klient *klient)
{
    if (handle_forked(klient))
        return K_FORKED;
    return pthread_equal(klient->thread, pthread_self()) ? K_IN_CALLBACK : 0;
}

struct klient *handle_ref(struct klient *klient)
{
    atomic_fetch_add_explicit(&klient->references, 1, memory_order_relaxed);
    return klient;
}

static void free_cluster(void *context)
{
    struct klient *klient = context;

    statistics_close(&klient->statistics);
    cluster_free(klient->cluster);
    klient->cluster = NULL;
    troubles_close(&klient->troubles);
    silence_fini(&klient->silence);
}

void handle_unref(struct klient *klient)
{
    if (atomic_fetch_sub(&klient->references, 1) != 1)
        return;
    if (handle_forked(klient)) {
        /* A child has neither the threads nor the right to touch what it shares with its parent. */
        loop_abandon(klient->loop);
        resolver_abandon(klient->resolver);
        return;
    }
    task_call(klient, free_cluster, klient);
    loop_stop(klient->loop);
    loop_join(klient->loop);
    destroy(klient);
}

void klient_free(klient_t *klient)
{
    if (klient != NULL)
        handle_unref(klient);
}
