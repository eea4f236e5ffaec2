#include "zk/link.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOOKS_FOR_LEAKS
#endif
#if __has_feature(thread_sanitizer)
#define LOOKS_FOR_RACES
#endif
#endif

enum {
    OPEN_RETRY_MS = 1000,   /* when a name of the connect string does not resolve */
    LIBRARY_SAY_MS = 5000
};

/* --- gate ------------------------------------------------------------------------------------ */

struct gate *gate_new(struct mail_target *target)
{
    struct gate *gate = calloc(1, sizeof *gate);

    if (gate != NULL) {
        gate->target = target;
        atomic_init(&gate->references, 1);
    }
    return gate;
}

struct gate *gate_ref(struct gate *gate)
{
    atomic_fetch_add(&gate->references, 1);
    return gate;
}

void gate_unref(struct gate *gate)
{
    if (atomic_fetch_sub(&gate->references, 1) == 1)
        free(gate);
}

bool gate_post(struct gate *gate, struct mail *mail)
{
    atomic_fetch_add(&gate->posting, 1);
    bool open = !atomic_load(&gate->shut);
    if (open)
        mail_post(gate->target, mail);
    atomic_fetch_sub(&gate->posting, 1);
    return open;
}

/* Posting never blocks, so the wait is that of a few instructions. */
void gate_shut(struct gate *gate)
{
    atomic_store(&gate->shut, true);
    while (atomic_load(&gate->posting) > 0)
        sched_yield();
}

/* --- lifetime -------------------------------------------------------------------------------- */

struct link *link_ref(struct link *link)
{
    atomic_fetch_add(&link->references, 1);
    return link;
}

void link_unref(struct link *link)
{
    if (atomic_fetch_sub(&link->references, 1) != 1)
        return;
    LIST_EACH_SAFE(&link->armings, node, after)
    arming_free(LIST_OWNER(node, struct arming, node));
    close(link->stop_fd);
    close(link->done_fd);
    gate_unref(link->gate);
    free(link->hosts);
    free(link->digest);
    free(link);
}

/* Post a mail that is part of the link. */
static void post_own(struct link *link, struct mail *mail)
{
    link_ref(link);
    if (!gate_post(link->gate, mail))
        link_unref(link);
}

/* Threads of ours and of libzookeeper take no signals: those are the program's. */
static int spawn(pthread_t *thread, void *(*run)(void *), void *argument)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 ? 0 : K_NOMEM;
}

static void signal_fd(int fd)
{
    uint64_t one = 1;

    while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* --- what libzookeeper tells ----------------------------------------------------------------- */

static void deliver_news(struct mail *mail)
{
    struct link *link = LIST_OWNER(mail, struct link, news);

    /* First cleared, then read: what is told in between is posted again, nothing is missed. */
    atomic_store(&link->told, false);
    int state = atomic_load(&link->state);
    if (link->session != NULL && link->opened)
        session_link_changed(link, state);
    link_unref(link);
}

/* Runs on libzookeeper's completion thread. States are told as the latest one, not as a queue:
 * so none can be lost for lack of memory, and the final ones are never followed by others. */
static void session_watcher(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    struct link *link = context;

    (void)zh;
    (void)path;
    if (type != ZOO_SESSION_EVENT)
        return;
    atomic_store(&link->state, state);
    if (!atomic_exchange(&link->told, true))
        post_own(link, &link->news);
}

/* While no server can be reached the library warns of every attempt: each of its places in the
 * code speaks every LIBRARY_SAY_MS.
 * "2026-11-23 13:05:00,123:4711(0x7f00):ZOO_WARN@function@2374: text" */
static void log_library(const char *message)
{
    const char *level = strstr(message, ":ZOO_");
    const char *text = level == NULL ? NULL : strstr(level, ": ");

    if (text == NULL) {
        LOG_DEBUG("zookeeper-client", "text=\"%s\"", message);
        return;
    }
    char place[100];
    snprintf(place, sizeof place, "%.*s", (int)(text - level), level);
    bool warns = strncmp(level, ":ZOO_ERROR", 10) == 0 || strncmp(level, ":ZOO_WARN", 9) == 0;
    if (warns && log_rarely("zookeeper-client", place, LIBRARY_SAY_MS))
        LOG_WARN("zookeeper-client", "text=\"%s\"", text + 2);
    else
        LOG_DEBUG("zookeeper-client", "text=\"%s\"", text + 2);
}

/* --- opening and closing, on the helper thread ----------------------------------------------- */

/* Close the handle and drop the reference of whoever finishes. Not on a libzookeeper thread. */
static void finish(struct link *link)
{
    signal_fd(link->stop_fd);
    pthread_join(link->helper, NULL);
    if (link->zh != NULL)
        zookeeper_close(link->zh);
    post_own(link, &link->closing);
    signal_fd(link->done_fd);
    link_unref(link);
}

static bool stopped_within(struct link *link, int wait_ms)
{
    struct pollfd stop = { .fd = link->stop_fd, .events = POLLIN };

    return poll(&stop, 1, wait_ms) > 0;
}

static void *open_main(void *argument)
{
    struct link *link = argument;
    zhandle_t *zh = NULL;

    if (link->predecessor != NULL)
        finish(link->predecessor);
    link->predecessor = NULL;

    zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
    while (!stopped_within(link, 0)) {
        zh = zookeeper_init2(link->hosts, session_watcher, link->timeout_ms, NULL, link,
                             ZOO_NO_LOG_CLIENTENV, log_library);
        if (zh != NULL)
            break;
        LOG_WARN("zookeeper-unreachable", "connect=%s reason=\"%s\" retry_ms=%d", link->hosts,
                 strerror(errno), OPEN_RETRY_MS);
        if (stopped_within(link, OPEN_RETRY_MS))
            break;
    }
    if (zh != NULL && link->digest != NULL)
        zoo_add_auth(zh, "digest", link->digest, (int)strlen(link->digest), NULL, NULL);
    link->zh = zh;
    if (zh != NULL)
        post_own(link, &link->opening);
    link_unref(link);
    return NULL;
}

static void deliver_opening(struct mail *mail)
{
    struct link *link = LIST_OWNER(mail, struct link, opening);

    link->opened = true;
    if (link->session != NULL)
        session_link_changed(link, atomic_load(&link->state));
    link_unref(link);
}

static void deliver_closing(struct mail *mail)
{
    struct link *link = LIST_OWNER(mail, struct link, closing);

    calls_sweep(link);
    link_unref(link);
}

int link_open(struct zk_session *session, struct gate *gate, const char *hosts, const char *digest,
              int32_t timeout_ms, struct link *predecessor, struct link **out)
{
    struct link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return K_NOMEM;
    link->session = session;
    link->gate = gate_ref(gate);
    link->hosts = strdup(hosts);
    link->digest = digest == NULL ? NULL : strdup(digest);
    link->timeout_ms = timeout_ms;
    link->stop_fd = eventfd(0, EFD_CLOEXEC);
    link->done_fd = eventfd(0, EFD_CLOEXEC);
    link->opening.deliver = deliver_opening;
    link->news.deliver = deliver_news;
    link->closing.deliver = deliver_closing;
    atomic_init(&link->references, 2); /* the owner's and the helper's */
    list_init(&link->calls);
    list_init(&link->orphans);
    list_init(&link->armings);
    link->predecessor = predecessor;
    if (link->hosts == NULL || (digest != NULL && link->digest == NULL) || link->stop_fd < 0 ||
        link->done_fd < 0 || spawn(&link->helper, open_main, link) != 0) {
        atomic_store(&link->references, 1);
        link_unref(link);
        return K_NOMEM;
    }
    *out = link;
    return 0;
}

static void *finish_main(void *argument)
{
    finish(argument);
    return NULL;
}

void link_close(struct link *link, int64_t limit_ms)
{
    struct pollfd done = { .fd = link->done_fd, .events = POLLIN };
    int64_t deadline_ms = clock_mono_ms(&clock_system) + limit_ms;
    pthread_t closer;
    int ready;

    link_ref(link);
    if (spawn(&closer, finish_main, link) != 0) {
        finish(link);
        link_unref(link);
        return;
    }
    do {
        int64_t left_ms = deadline_ms - clock_mono_ms(&clock_system);
        ready = poll(&done, 1, left_ms > 0 ? (int)left_ms : 0);
    } while (ready < 0 && errno == EINTR);
    if (ready > 0)
        pthread_join(closer, NULL);
    else
        pthread_detach(closer);
    link_unref(link);
}

/* --- sanitizers ------------------------------------------------------------------------------ */

#if defined(__SANITIZE_ADDRESS__) || defined(LOOKS_FOR_LEAKS)
/* Read by the leak sanitizer. libzookeeper 3.8 loses its own record of a call that is under way
 * when the session expires or the handle is closed; ours of the same call is freed by
 * calls_sweep(). */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libzookeeper_mt.so\n";
}
#endif

#if defined(__SANITIZE_THREAD__) || defined(LOOKS_FOR_RACES)
/* Read by the thread sanitizer. libzookeeper writes the addresses that it logs into one static
 * buffer, whichever handle they belong to. Nobody else calls vsprintf(). */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:vsprintf\n";
}
#endif
