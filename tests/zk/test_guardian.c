#include "tests/zk/test_guardian.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/wait.h"
#include "tests/zk/peer.h"
#include "tests/zk/server.h"
#include "tests/zk/suites.h"
#include "zk/guardian.h"

/* So long that nothing but the guardian can explain a node that goes soon. */
enum { LONG_TIMEOUT_MS = 18000, GONE_MS = 100 };

static struct inbox inbox;
static struct peer peer;

static void set_up(void)
{
    inbox_init(&inbox);
    peer_open(&peer, &inbox, "/guardian", LONG_TIMEOUT_MS);
}

static void tear_down(void)
{
    peer_close(&peer);
    inbox_fini(&inbox);
}

/* --- a broker in a process of its own -------------------------------------------------------- */

/* Close our end of the guardian's pipe behind its back. */
static void cut_pipe(void)
{
    for (int fd = 3; fd < 256; fd++) {
        int type = 0;
        socklen_t size = sizeof type;

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET)
            close(fd);
    }
}

static void note_state(void *context, enum zk_state state)
{
    *(enum zk_state *)context = state;
}

/* Hold an ephemeral node, tell the guardian's pid on standard output, wait to be killed. */
void guarded_broker_main_if_asked(int argc, char **argv)
{
    struct inbox own;
    struct zk_session *session;
    enum zk_state state = ZK_SUSPENDED;
    struct guardian *guardian;
    struct zk_session_key key;
    struct answer made = { 0 };

    if (argc != 5 || strcmp(argv[1], "--guarded-broker") != 0)
        return;
    const char *connect = argv[2], *path = argv[3], *mode = argv[4];
    const struct zk_op hold = { .kind = ZK_OP_CREATE_EPHEMERAL, .path = path };

    const struct zk_session_options options = { .connect = connect,
                                                .timeout_ms = LONG_TIMEOUT_MS,
                                                .target = &own.target,
                                                .changed = note_state,
                                                .context = &state };

    inbox_init(&own);
    if (guardian_start(connect, &guardian) != 0 || zk_session_open(&options, &session, NULL) != 0)
        _exit(1);
    while (state != ZK_CONNECTED)
        inbox_turn(&own, clock_mono_ms(&clock_system) + 1000);
    if (!zk_session_key(session, &key) || guardian_watch(guardian, &key, LONG_TIMEOUT_MS) != 0)
        _exit(2);
    if (zk_multi(session, &hold, 1, answer_take, &made) != 0)
        _exit(3);
    while (!made.given)
        inbox_turn(&own, clock_mono_ms(&clock_system) + 1000);

    long pid = (long)guardian_pid(guardian);
    if (strcmp(mode, "dismiss") == 0)
        guardian_stop(guardian);
    if (strcmp(mode, "cut") == 0)
        cut_pipe();
    printf("%ld\n", pid);
    fflush(stdout);
    for (;;)
        pause();
}

static pid_t spawn_broker(const char *path, const char *mode, pid_t *guardian)
{
    char connect[128], line[32];
    char *const arguments[] = { (char *)"broker", (char *)"--guarded-broker",
                                connect,          (char *)path,
                                (char *)mode,     NULL };
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t broker;

    snprintf(connect, sizeof connect, "%s/guardian", server_address());
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ck_assert_int_eq(posix_spawn(&broker, "/proc/self/exe", &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, output));
    fclose(output);
    *guardian = atoi(line);
    ck_assert_int_eq(peer_sync(&peer, path).code, 0);
    ck_assert_int_eq(peer_exists(&peer, path, NULL).code, 0);
    return broker;
}

static void note(struct zk_watch *watch, const char *path)
{
    (void)path;
    *(bool *)watch->context = true;
}

/* Kill the broker; milliseconds until its node is gone. */
static double kill_and_time(pid_t broker, const char *path)
{
    bool gone = false;
    struct zk_watch watch = { .fired = note, .context = &gone };

    ck_assert_int_eq(peer_exists(&peer, path, &watch).code, 0);
    int64_t start_us = clock_mono_us(&clock_system);
    ck_assert_int_eq(kill(broker, SIGKILL), 0);
    UNTIL(&inbox, gone);
    int64_t took_us = clock_mono_us(&clock_system) - start_us;
    ck_assert_int_eq(waitpid(broker, NULL, 0), broker);
    return (double)took_us / 1000;
}

/* --- tests ----------------------------------------------------------------------------------- */

START_TEST(a_killed_broker_is_gone_in_milliseconds)
{
    double took_ms[5];
    pid_t guardian;

    for (int i = 0; i < 5; i++) {
        pid_t broker = spawn_broker("/killed", "hold", &guardian);

        took_ms[i] = kill_and_time(broker, "/killed");
        for (int j = i; j > 0 && took_ms[j] < took_ms[j - 1]; j--) {
            double swap = took_ms[j];

            took_ms[j] = took_ms[j - 1];
            took_ms[j - 1] = swap;
        }
    }

    printf("guardian: a killed broker's node was gone after %.1f ms (median of 5, longest %.1f)\n",
           took_ms[2], took_ms[4]);
    ck_assert_double_lt(took_ms[2], GONE_MS);
}
END_TEST

START_TEST(a_dismissed_guardian_touches_nothing)
{
    pid_t guardian;
    pid_t broker = spawn_broker("/dismissed", "dismiss", &guardian);

    ck_assert_int_eq(kill(guardian, 0), -1);
    ck_assert_int_eq(kill(broker, SIGKILL), 0);
    ck_assert_int_eq(waitpid(broker, NULL, 0), broker);

    ck_assert_int_eq(peer_exists(&peer, "/dismissed", NULL).code, 0);
}
END_TEST

START_TEST(the_end_of_the_pipe_is_no_proof_of_death)
{
    pid_t guardian;
    pid_t broker = spawn_broker("/cut", "cut", &guardian);

    ck_assert_int_eq(peer_exists(&peer, "/cut", NULL).code, 0);
    ck_assert_int_eq(kill(guardian, 0), 0);
    double took_ms = kill_and_time(broker, "/cut");

    ck_assert_double_lt(took_ms, LONG_TIMEOUT_MS / 2);
}
END_TEST

static int count_descriptors(pid_t pid)
{
    char path[64];
    int count = 0;

    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *directory = opendir(path);
    ck_assert_ptr_nonnull(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static bool is_named_guardian(pid_t pid)
{
    char path[64], name[32] = "";

    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    FILE *file = fopen(path, "r");
    bool named = file != NULL && fgets(name, sizeof name, file) != NULL &&
                 strcmp(name, "kairn-guardian\n") == 0;
    if (file != NULL)
        fclose(file);
    return named;
}

START_TEST(a_guardian_stands_apart_from_its_broker)
{
    pid_t guardian;
    pid_t broker = spawn_broker("/apart", "hold", &guardian);

    /* Standard input, output and error, and the pidfd; it may still be starting. */
    WAIT_UNTIL(is_named_guardian(guardian) && count_descriptors(guardian) == 4);
    ck_assert_int_eq(getsid(guardian), guardian);
    ck_assert_int_eq(kill(guardian, SIGTERM), 0);
    ck_assert_int_eq(kill(guardian, SIGINT), 0);
    ck_assert_int_eq(kill(guardian, SIGHUP), 0);
    double took_ms = kill_and_time(broker, "/apart");

    ck_assert_double_lt(took_ms, LONG_TIMEOUT_MS / 2);
}
END_TEST

START_TEST(a_guardian_that_died_is_spawned_again)
{
    struct guardian *guardian;
    siginfo_t info;
    ck_assert_int_eq(guardian_start(server_address(), &guardian), 0);
    pid_t first = (pid_t)guardian_pid(guardian);
    ck_assert(!guardian_tend(guardian));

    ck_assert_int_eq(kill(first, SIGKILL), 0);
    ck_assert_int_eq(waitid(P_PID, (id_t)first, &info, WEXITED | WNOWAIT), 0);

    ck_assert(guardian_tend(guardian));
    ck_assert_int_ne(guardian_pid(guardian), first);
    ck_assert(!guardian_tend(guardian));
    guardian_stop(guardian);
}
END_TEST

Suite *guardian_suite(void)
{
    Suite *suite = suite_create("guardian");
    TCase *tests = tcase_create("guardian");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_killed_broker_is_gone_in_milliseconds);
    tcase_add_test(tests, a_dismissed_guardian_touches_nothing);
    tcase_add_test(tests, the_end_of_the_pipe_is_no_proof_of_death);
    tcase_add_test(tests, a_guardian_stands_apart_from_its_broker);
    tcase_add_test(tests, a_guardian_that_died_is_spawned_again);
    suite_add_tcase(suite, tests);
    return suite;
}
