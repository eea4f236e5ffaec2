#include <stdlib.h>
#include <string.h>

#include "zk/link.h"

static struct arming *arming_of(const struct zk_watch *watch)
{
    return watch->link;
}

static void disarm(struct zk_watch *watch)
{
    watch->armed = false;
    watch->link = NULL;
}

void arming_free(struct arming *arming)
{
    list_remove(&arming->node);
    free(arming);
}

/* Tell the owner, who may arm the watch again or close the session from within. */
static void fire(struct arming *arming)
{
    struct zk_watch *watch = arming->watch;

    if (watch == NULL)
        return;
    arming->watch = NULL;
    disarm(watch);
    watch->fired(watch, arming->path + arming->prefix_size);
}

static void deliver_arming(struct mail *mail)
{
    struct arming *arming = LIST_OWNER(mail, struct arming, mail);
    struct link *link = arming->link;
    struct zk_session *session = link->session;

    if (session != NULL) {
        session_enter(session);
        fire(arming);
        session_leave(session);
    }
    arming_free(arming);
    link_unref(link);
}

/* Runs on libzookeeper's completion thread. Events of the session come here too, as often as
 * there are any; they are the business of the session's own watcher. */
void arming_watcher(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)state;
    (void)path;
    if (type == ZOO_SESSION_EVENT)
        return;

    struct arming *arming = context;
    if (atomic_flag_test_and_set(&arming->posted))
        return;
    struct link *link = link_ref(arming->link);
    if (!gate_post(link->gate, &arming->mail))
        link_unref(link);
}

int arming_new(struct link *link, struct zk_watch *watch, enum read_kind kind, const char *prefix,
               const char *path, struct arming **out)
{
    struct arming *old = arming_of(watch);
    size_t prefix_size = strlen(prefix), path_size = strlen(path) + 1;

    if (old != NULL && old->registered && old->kind == kind &&
        strcmp(old->path + old->prefix_size, path) == 0) {
        *out = NULL;
        return 0;
    }
    struct arming *arming = calloc(1, sizeof *arming + prefix_size + path_size);
    if (arming == NULL)
        return K_NOMEM;
    arming->mail.deliver = deliver_arming;
    arming->link = link;
    arming->watch = watch;
    arming->kind = kind;
    atomic_flag_clear(&arming->posted);
    arming->prefix_size = prefix_size;
    memcpy(arming->path, prefix, prefix_size);
    memcpy(arming->path + prefix_size, path, path_size);
    list_append(&link->armings, &arming->node);

    if (old != NULL)
        old->watch = NULL;
    watch->link = arming;
    watch->armed = true;
    *out = arming;
    return 0;
}

void arming_settle(struct arming *arming, bool set)
{
    if (arming == NULL)
        return;
    if (set) {
        arming->registered = true;
        return;
    }
    if (arming->watch != NULL)
        disarm(arming->watch);
    arming_free(arming);
}

/* What a fired() arms anew belongs to the next link, so the list does not change underneath. */
void armings_fire(struct link *link)
{
    LIST_EACH(&link->armings, node)
    if (!session_closed(link->session))
        fire(LIST_OWNER(node, struct arming, node));
}

void armings_cancel(struct link *link)
{
    LIST_EACH(&link->armings, node)
    {
        struct arming *arming = LIST_OWNER(node, struct arming, node);

        if (arming->watch != NULL)
            disarm(arming->watch);
        arming->watch = NULL;
    }
}

void zk_watch_cancel(struct zk_session *session, struct zk_watch *watch)
{
    (void)session;
    if (arming_of(watch) != NULL)
        arming_of(watch)->watch = NULL;
    disarm(watch);
}
