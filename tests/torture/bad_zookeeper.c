/* bad_zookeeper.c - a ZooKeeper that is lost over one of its answers.
 *
 * Stands between zk/ and libzookeeper (-Wl,--wrap): with KAIRN_BAD_ANSWER=N the N-th answer is
 * ZCONNECTIONLOSS, and the connections to KAIRN_BAD_PORT are gone. That leaves open whether it was
 * done: with N it was not, with -N a write was. */
#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <zookeeper/zookeeper.h>

/* Whose answer is bad: the function that is there is told. */
struct bad {
    data_completion_t data;
    stat_completion_t stat;
    strings_completion_t strings;
    string_completion_t string;
    void_completion_t nothing;
    const void *context;
};

static bool is_bad(const char *what, bool *done)
{
    static atomic_long answers;
    const char *wanted = getenv("KAIRN_BAD_ANSWER");
    long which = wanted != NULL ? atol(wanted) : 0, number = atomic_fetch_add(&answers, 1) + 1;

    *done = which < 0;
    if (labs(which) != number)
        return false;
    fprintf(stderr, "torture: answer %ld, of %s, is bad\n", number, what);
    return true;
}

enum { DESCRIPTORS = 1024 };

/* libzookeeper finds out by itself, and connects again. */
static void lose_connections(void)
{
    const char *port = getenv("KAIRN_BAD_PORT");

    for (int fd = 3; port != NULL && fd < DESCRIPTORS; fd++) {
        struct sockaddr_in peer = { .sin_port = 0 };
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sin_family == AF_INET &&
            ntohs(peer.sin_port) == atoi(port))
            shutdown(fd, SHUT_RDWR);
    }
}

static void answer(const struct bad *bad)
{
    lose_connections();
    if (bad->data != NULL)
        bad->data(ZCONNECTIONLOSS, NULL, 0, NULL, bad->context);
    else if (bad->stat != NULL)
        bad->stat(ZCONNECTIONLOSS, NULL, bad->context);
    else if (bad->strings != NULL)
        bad->strings(ZCONNECTIONLOSS, NULL, bad->context);
    else if (bad->string != NULL)
        bad->string(ZCONNECTIONLOSS, NULL, bad->context);
    else
        bad->nothing(ZCONNECTIONLOSS, bad->context);
}

static void sync_came(int rc, const char *path, const void *context)
{
    (void)rc;
    (void)path;
    answer(context);
    free((void *)context);
}

static void stat_came(int rc, const struct Stat *stat, const void *context)
{
    (void)rc;
    (void)stat;
    answer(context);
    free((void *)context);
}

static void nothing_came(int rc, const void *context)
{
    (void)rc;
    answer(context);
    free((void *)context);
}

static struct bad *keep(struct bad bad)
{
    struct bad *kept = malloc(sizeof *kept);

    if (kept == NULL)
        abort();
    *kept = bad;
    return kept;
}

int __real_zoo_async(zhandle_t *zh, const char *path, string_completion_t done,
                     const void *context);
int __wrap_zoo_async(zhandle_t *zh, const char *path, string_completion_t done,
                     const void *context);
int __real_zoo_awget(zhandle_t *zh, const char *path, watcher_fn watcher, void *watched,
                     data_completion_t done, const void *context);
int __wrap_zoo_awget(zhandle_t *zh, const char *path, watcher_fn watcher, void *watched,
                     data_completion_t done, const void *context);
int __real_zoo_awexists(zhandle_t *zh, const char *path, watcher_fn watcher, void *watched,
                        stat_completion_t done, const void *context);
int __wrap_zoo_awexists(zhandle_t *zh, const char *path, watcher_fn watcher, void *watched,
                        stat_completion_t done, const void *context);
int __real_zoo_awget_children(zhandle_t *zh, const char *path, watcher_fn watcher, void *watched,
                              strings_completion_t done, const void *context);
int __wrap_zoo_awget_children(zhandle_t *zh, const char *path, watcher_fn watcher, void *watched,
                              strings_completion_t done, const void *context);
int __real_zoo_aset(zhandle_t *zh, const char *path, const char *value, int size, int version,
                    stat_completion_t done, const void *context);
int __wrap_zoo_aset(zhandle_t *zh, const char *path, const char *value, int size, int version,
                    stat_completion_t done, const void *context);
int __real_zoo_amulti(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results,
                      void_completion_t done, const void *context);
int __wrap_zoo_amulti(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results,
                      void_completion_t done, const void *context);

/* A question that changes nothing goes in its place: the answer still comes later, by another
 * thread. */
static int instead(zhandle_t *zh, struct bad bad)
{
    return __real_zoo_async(zh, "/", sync_came, keep(bad));
}

int __wrap_zoo_async(zhandle_t *zh, const char *path, string_completion_t done, const void *context)
{
    bool stays;

    if (is_bad("sync", &stays))
        return instead(zh, (struct bad){ .string = done, .context = context });
    return __real_zoo_async(zh, path, done, context);
}

int __wrap_zoo_awget(zhandle_t *zh, const char *path, watcher_fn watcher, void *watched,
                     data_completion_t done, const void *context)
{
    bool stays;

    if (is_bad("get", &stays))
        return instead(zh, (struct bad){ .data = done, .context = context });
    return __real_zoo_awget(zh, path, watcher, watched, done, context);
}

int __wrap_zoo_awexists(zhandle_t *zh, const char *path, watcher_fn watcher, void *watched,
                        stat_completion_t done, const void *context)
{
    bool stays;

    if (is_bad("exists", &stays))
        return instead(zh, (struct bad){ .stat = done, .context = context });
    return __real_zoo_awexists(zh, path, watcher, watched, done, context);
}

int __wrap_zoo_awget_children(zhandle_t *zh, const char *path, watcher_fn watcher, void *watched,
                              strings_completion_t done, const void *context)
{
    bool stays;

    if (is_bad("children", &stays))
        return instead(zh, (struct bad){ .strings = done, .context = context });
    return __real_zoo_awget_children(zh, path, watcher, watched, done, context);
}

int __wrap_zoo_aset(zhandle_t *zh, const char *path, const char *value, int size, int version,
                    stat_completion_t done, const void *context)
{
    struct bad bad = { .stat = done, .context = context };
    bool stays;

    if (!is_bad("set", &stays))
        return __real_zoo_aset(zh, path, value, size, version, done, context);
    return stays ? __real_zoo_aset(zh, path, value, size, version, stat_came, keep(bad))
                 : instead(zh, bad);
}

int __wrap_zoo_amulti(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results,
                      void_completion_t done, const void *context)
{
    struct bad bad = { .nothing = done, .context = context };
    bool stays;

    if (!is_bad("multi", &stays))
        return __real_zoo_amulti(zh, count, ops, results, done, context);
    return stays ? __real_zoo_amulti(zh, count, ops, results, nothing_came, keep(bad))
                 : instead(zh, bad);
}
