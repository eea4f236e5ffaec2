/* idlers - connections that do nothing, and what they cost.
 *
 *   idlers broker BROKER COUNT PID
 *       COUNT connections to host:port that have greeted; PID is the broker's process
 *   idlers bare COUNT
 *       as many of which this process holds both ends, and nobody waits for either
 *
 * A tenth of them is there before counting begins: the first ones grow what all share. Prints as
 * JSON, for each of the others, the broker's memory and the kernel's for both ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/loopback.h"
#include "bench/proc_memory.h"
#include "bench/wire.h"
#include "proto/greeting.h"

enum { CALM_MS = 1500 };

/* What was on its way has arrived, and what was freed is given back. */
static void calm(void)
{
    const struct timespec time = { CALM_MS / 1000, CALM_MS % 1000 * 1000000L };
    nanosleep(&time, NULL);
}

struct idlers {
    const char *broker;                 /* NULL: bare */
    int *fds;                           /* two each if bare */
    int open;
};

static void open_up_to(struct idlers *idlers, int count)
{
    for (; idlers->open < count; idlers->open++) {
        int *fds = &idlers->fds[2 * idlers->open];
        fds[1] = -1;
        if (idlers->broker != NULL)
            fds[0] = wire_connect(idlers->broker, GREETING_ANY_LOOP);
        else
            bench_connect_pair(fds);
    }
    calm();
}

/* Nothing of them is to be left for the next round, not even the memory of their addresses. */
static void close_all(struct idlers *idlers)
{
    const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

    for (int i = 0; i < 2 * idlers->open; i++) {
        if (idlers->fds[i] < 0)
            continue;
        setsockopt(idlers->fds[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(idlers->fds[i]);
    }
    free(idlers->fds);
}

/* Nobody was hung up on while we counted. */
static void expect_open(const struct idlers *idlers)
{
    char byte;

    for (int i = 0; i < 2 * idlers->open; i++) {
        if (idlers->fds[i] < 0 || recv(idlers->fds[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0)
            continue;
        fputs("idlers: the broker hung up\n", stderr);
        exit(1);
    }
}

static int measure(const char *broker, int count, int pid)
{
    struct idlers idlers = { .broker = broker };
    int64_t user = 0, kernel;
    int first = count / 10;

    idlers.fds = calloc((size_t)count * 2, sizeof *idlers.fds);
    if (idlers.fds == NULL || first < 1)
        bench_die("connections");
    bench_allow_files();
    open_up_to(&idlers, first);
    if (pid > 0)
        user = proc_memory_of(pid);
    kernel = proc_memory_of_kernel();
    open_up_to(&idlers, count);
    kernel = proc_memory_of_kernel() - kernel;
    if (pid > 0)
        user = proc_memory_of(pid) - user;
    expect_open(&idlers);
    close_all(&idlers);
    printf("{\"connections\": %d, \"user_bytes\": %.0f, \"kernel_bytes_both_ends\": %.0f}\n", count,
           (double)user / (count - first), (double)kernel / (count - first));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "broker") == 0 && atoi(argv[4]) > 0)
        return measure(argv[2], atoi(argv[3]), atoi(argv[4]));
    if (argc == 3 && strcmp(argv[1], "bare") == 0)
        return measure(NULL, atoi(argv[2]), 0);
    fputs("usage: idlers broker BROKER COUNT PID\n       idlers bare COUNT\n", stderr);
    return 2;
}
