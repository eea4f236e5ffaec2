/* The two sides of the guardian: the broker's (start, watch, tend, stop) and the process itself.
 *
 * They are joined by a seqpacket socket that is the guardian's standard input: one message is one
 * order, and writing to a dead guardian is an error, not a signal. */
#include "zk/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include "common/clock.h"
#include "common/log.h"
#include "zk/connect.h"

#define GUARDIAN_NAME "kairn-guardian"

enum order_kind { ORDER_WATCH = 1, ORDER_DONE };
enum { STOP_WAIT_MS = 200 };

struct order {
    int32_t kind;
    int32_t timeout_ms;
    struct zk_session_key key;
};

/* --- the broker's side ----------------------------------------------------------------------- */

struct guardian {
    struct zk_connect connect;
    pid_t pid; /* 0: none runs */
    int fd;    /* our end; -1: none */
    bool keyed;
    struct order order; /* the last one, for a successor */
};

/* posix_spawn() runs nothing of ours between fork and exec, so threads and locks do not matter. */
static int spawn_with(const char *connect, int input, pid_t *out)
{
    char parent[24];
    char *const arguments[] = { (char *)GUARDIAN_NAME, parent, (char *)connect, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;

    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    if (posix_spawn_file_actions_init(&actions) != 0)
        return K_NOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return K_NOMEM;
    }
    int error = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (error == 0)
        error = posix_spawn(out, "/proc/self/exe", &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? 0 : k_error_from_errno(error);
}

static int begin(struct guardian *guardian)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return K_IO;
    int code = spawn_with(guardian->connect.hosts, ends[1], &guardian->pid);
    close(ends[1]);
    if (code != 0) {
        close(ends[0]);
        guardian->pid = 0;
        return code;
    }
    guardian->fd = ends[0];
    return 0;
}

static int send_order(struct guardian *guardian, const struct order *order)
{
    if (guardian->fd < 0)
        return K_IO;
    ssize_t sent = send(guardian->fd, order, sizeof *order, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == (ssize_t)sizeof *order ? 0 : K_IO;
}

int guardian_start(const char *connect, struct guardian **out)
{
    struct guardian *guardian = calloc(1, sizeof *guardian);

    if (guardian == NULL)
        return K_NOMEM;
    guardian->fd = -1;
    int code = zk_connect_parse(connect, &guardian->connect, NULL);
    if (code == 0)
        code = begin(guardian);
    if (code != 0) {
        zk_connect_fini(&guardian->connect);
        free(guardian);
        return code;
    }
    *out = guardian;
    return 0;
}

int guardian_watch(struct guardian *guardian, const struct zk_session_key *key, int32_t timeout_ms)
{
    guardian->order = (struct order){ .kind = ORDER_WATCH, .timeout_ms = timeout_ms, .key = *key };
    guardian->keyed = true;
    return send_order(guardian, &guardian->order);
}

bool guardian_tend(struct guardian *guardian)
{
    if (guardian->pid != 0 && waitpid(guardian->pid, NULL, WNOHANG) == 0)
        return false;
    LOG_WARN("guardian-died", "pid=%ld", (long)guardian->pid);
    if (guardian->fd >= 0)
        close(guardian->fd);
    guardian->fd = -1;
    guardian->pid = 0;
    int code = begin(guardian);
    if (code == 0 && guardian->keyed)
        code = send_order(guardian, &guardian->order);
    if (code != 0)
        LOG_ERROR("guardian-not-spawned", "reason=\"%s\"", k_error_text(code));
    return true;
}

/* It exits by itself at once; one that is stopped or stuck is not waited for. */
static void reap(pid_t pid)
{
    int fd = pidfd_open(pid, 0);

    if (fd >= 0) {
        struct pollfd end = { .fd = fd, .events = POLLIN };

        if (poll(&end, 1, STOP_WAIT_MS) <= 0)
            kill(pid, SIGKILL);
        close(fd);
    } else {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void guardian_stop(struct guardian *guardian)
{
    const struct order done = { .kind = ORDER_DONE };

    if (guardian == NULL)
        return;
    if (guardian->pid != 0) {
        send_order(guardian, &done);
        reap(guardian->pid);
    }
    if (guardian->fd >= 0)
        close(guardian->fd);
    zk_connect_fini(&guardian->connect);
    free(guardian);
}

int64_t guardian_pid(const struct guardian *guardian)
{
    return guardian->pid;
}

/* --- the process ----------------------------------------------------------------------------- */

/* Runs on libzookeeper's thread. Tells the eventfd when the session is ours, or gone already. */
static void attached(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    uint64_t one = 1;

    (void)zh;
    (void)path;
    if (type != ZOO_SESSION_EVENT || state == ZOO_CONNECTING_STATE ||
        state == ZOO_ASSOCIATING_STATE || state == ZOO_NOTCONNECTED_STATE)
        return;
    if (write(*(const int *)context, &one, sizeof one) < 0)
        _exit(EXIT_FAILURE);
}

/* Attach to the session and close it. The alarm bounds name resolution and everything else: when
 * the timeout is over, ZooKeeper has ended the session without us. */
static void end_session(const char *connect, const struct order *order)
{
    clientid_t id = { .client_id = order->key.id };
    int event = eventfd(0, EFD_CLOEXEC);
    struct pollfd news = { .fd = event, .events = POLLIN };
    int64_t deadline_ms = clock_mono_ms(&clock_system) + order->timeout_ms;

    alarm((unsigned)order->timeout_ms / 1000 + 5);
    memcpy(id.passwd, order->key.password, sizeof id.passwd);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    while (clock_mono_ms(&clock_system) < deadline_ms) {
        zhandle_t *zh = zookeeper_init2(connect, attached, order->timeout_ms, &id, &event,
                                        ZOO_NO_LOG_CLIENTENV, NULL);
        int64_t left_ms = deadline_ms - clock_mono_ms(&clock_system);

        if (zh == NULL)
            poll(NULL, 0, 100); /* a name did not resolve */
        else if (poll(&news, 1, left_ms > 0 ? (int)left_ms : 0) > 0)
            zookeeper_close(
                zh); /* the order to close the session goes out before the socket does */
        if (zh != NULL)
            break;
    }
}

enum taken { TAKEN, NOTHING_YET, NOTHING_MORE };

static enum taken take_order(struct order *order)
{
    struct order next;
    ssize_t size = recv(STDIN_FILENO, &next, sizeof next, MSG_DONTWAIT);

    if (size < 0)
        return errno == EAGAIN || errno == EINTR ? NOTHING_YET : NOTHING_MORE;
    if (size != (ssize_t)sizeof next)
        return NOTHING_MORE;
    *order = next;
    return TAKEN;
}

static void guard(pid_t parent, const char *connect)
{
    struct order order = { 0 };
    struct pollfd events[] = { { .fd = pidfd_open(parent, 0), .events = POLLIN },
                               { .fd = STDIN_FILENO, .events = POLLIN } };

    /* A parent that has gone leaves us to another: then the descriptor may be a stranger's. */
    bool orphan = getppid() != parent;
    if (events[0].fd < 0 && !orphan)
        _exit(EXIT_FAILURE);
    while (!orphan && order.kind != ORDER_DONE) {
        if (poll(events, 2, -1) < 0 && errno != EINTR)
            _exit(EXIT_FAILURE);
        /* The end of the socket proves nothing: only stop listening to it. */
        if (events[1].revents != 0 && take_order(&order) == NOTHING_MORE)
            events[1].fd = -1;
        orphan = (events[0].revents & POLLIN) != 0;
    }
    /* What the broker said last may still be unread. */
    while (order.kind != ORDER_DONE && take_order(&order) == TAKEN)
        ;
    if (order.kind == ORDER_WATCH)
        end_session(connect, &order);
}

void guardian_main_if_asked(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[0], GUARDIAN_NAME) != 0)
        return;
    close_range(STDERR_FILENO + 1, ~0U, 0);
    prctl(PR_SET_NAME, GUARDIAN_NAME);
    if (chdir("/") != 0) /* hold no file system busy */
        _exit(EXIT_FAILURE);
    /* Whoever ends the broker politely ends its process group or session at times; we stay until
     * the broker itself is gone. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    guard((pid_t)strtol(argv[1], NULL, 10), argv[2]);
    _exit(EXIT_SUCCESS);
}
