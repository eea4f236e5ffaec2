/* group - how fast a group of consumers is whole again, and what members and commits cost.
 *
 *   group rebalance BOOTSTRAP TOPIC PARTITIONS MEMBERS HANDLES
 *       the story of phases.h with MEMBERS consumers on HANDLES handles of this process (0: each
 *       has its own).
 *   group idle BOOTSTRAP TOPIC GROUPS MEMBERS SECONDS PID
 *       GROUPS groups of MEMBERS consumers each that have paused what they own: what processor time
 *       the process PID, the broker, needs for them, in permille of one processor, and how much
 *       memory more than before there was any.
 *   group commit BOOTSTRAP TOPIC PARTITIONS SECONDS
 *       a member that commits one offset a call, without waiting: calls confirmed in a second.
 *   group fill BOOTSTRAP TOPIC PARTITIONS GROUPS
 *       commit an offset of every partition for each of GROUPS groups.
 *   group wait BOOTSTRAP TOPIC PARTITIONS GROUPS
 *       how long, from now, until the coordinator tells what the last of these groups committed;
 *       fails if it is not what `fill` did.
 *
 * Groups have new names each time, but those of fill and wait. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/loopback.h"
#include "bench/ownership.h"
#include "bench/phases.h"
#include "bench/proc_memory.h"
#include "client/klient.h"

enum {
    SESSION_MS = 6000,
    LIMIT_US = 60 * 1000 * 1000,
    TURN_MS = 5,
    CALM_MS = 1500,             /* between phases: what is on its way arrives */
    WAIT_MS = 60000,
    IDLE_HANDLES = 10,
    FLYING_MAX = 10000,
    PARTITIONS_MAX = 100000
};

struct member {
    klient_consumer_t *consumer;
    struct ownership *ownership;        /* NULL: nobody keeps count */
    int number;
    bool pauses;                        /* it reads nothing of what it owns */
};

static const char *bootstrap, *topic;
static char group_name[64];

static void quit(const char *what, klient_error_t *error)
{
    fprintf(stderr, "group: %s: %s\n", what, error != NULL ? klient_error_text(error) : "");
    exit(1);
}

static klient_config_t *configure(const char *group)
{
    static const char *const pairs[] = { "enable.auto.commit=false", "auto.offset.reset=earliest",
                                         "partition.assignment.strategy=cooperative-sticky" };
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;
    char session[24];

    snprintf(session, sizeof session, "%d", SESSION_MS);
    if (klient_config_set(config, "bootstrap.servers", bootstrap, &error) != KLIENT_OK ||
        klient_config_set(config, "group.id", group, &error) != KLIENT_OK ||
        klient_config_set(config, "session.timeout.ms", session, &error) != KLIENT_OK)
        quit("configuration", error);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (klient_config_set_pair(config, pairs[i], &error) != KLIENT_OK)
            quit(pairs[i], error);
    return config;
}

/* --- members ---------------------------------------------------------------------------------- */

static void assigned(void *context, klient_consumer_t *consumer,
                     const klient_topic_partition_t *partitions, size_t count)
{
    struct member *member = context;

    for (size_t i = 0; i < count; i++) {
        if (member->ownership != NULL)
            ownership_take(member->ownership, member->number, partitions[i].partition);
        if (member->pauses)
            klient_consumer_pause(consumer, partitions[i].topic, partitions[i].partition, NULL);
    }
}

static void revoked(void *context, klient_consumer_t *consumer,
                    const klient_topic_partition_t *partitions, size_t count)
{
    struct member *member = context;

    (void)consumer;
    for (size_t i = 0; member->ownership != NULL && i < count; i++)
        ownership_give_up(member->ownership, member->number, partitions[i].partition);
}

static klient_t *open_handle(void)
{
    klient_error_t *error = NULL;
    klient_config_t *config = configure(group_name);
    klient_t *handle = klient_new(config, &error);

    klient_config_free(config);
    if (handle == NULL)
        quit("handle", error);
    return handle;
}

/* On a handle, or on its own one (NULL). */
static void open_member(struct member *member, klient_t *handle, const char *group)
{
    klient_config_t *config = configure(group);
    klient_error_t *error = NULL;

    member->consumer = handle != NULL ? klient_consumer_open(handle, config, &error)
                                      : klient_consumer_new(config, &error);
    klient_config_free(config);
    if (member->consumer == NULL)
        quit("consumer", error);
}

static void join(struct member *member)
{
    klient_listener_t listener;
    klient_error_t *error = NULL;

    klient_listener_init(&listener);
    listener.assigned = assigned;
    listener.revoked = revoked;
    listener.context = member;
    if (klient_consumer_subscribe(member->consumer, &topic, 1, &listener, &error) != KLIENT_OK)
        quit("subscribe", error);
}

static void serve(struct member *member)
{
    klient_records_t *records = NULL;
    klient_error_t *error = NULL;

    if (klient_consumer_poll(member->consumer, 0, &records, &error) != KLIENT_OK &&
        !klient_error_retriable(error))
        fprintf(stderr, "group: %s\n", klient_error_text(error));
    klient_error_free(error);
    klient_records_free(records);
}

/* Wait up to TURN_MS for news of any of them. */
static void serve_all(struct member *members, struct pollfd *fds, int count)
{
    for (int i = 0; i < count; i++)
        fds[i] = (struct pollfd){ .fd = klient_consumer_descriptor(members[i].consumer),
                                  .events = POLLIN };
    if (poll(fds, (nfds_t)count, TURN_MS) <= 0)
        return;
    for (int i = 0; i < count; i++)
        if (fds[i].revents != 0)
            serve(&members[i]);
}

static void serve_for(struct member *members, struct pollfd *fds, int count, int64_t time_ms)
{
    int64_t until_us = ownership_now_us() + time_ms * 1000;
    while (ownership_now_us() < until_us)
        serve_all(members, fds, count);
}

static void *allocate(size_t count, size_t size)
{
    void *made = calloc(count, size);
    if (made == NULL)
        quit("out of memory", NULL);
    return made;
}

/* --- rebalance -------------------------------------------------------------------------------- */

/* What phases.h drives: it gives numbers only. */
static struct team {
    struct ownership *ownership;
    struct member *members;
    struct pollfd *fds;
    int handle_count;           /* 0: each member has its own */
    klient_t **handles;         /* made when first needed: not before the fork */
} team;

static void team_open(int number)
{
    klient_t **handle = &team.handles[team.handle_count > 0 ? number % team.handle_count : 0];

    team.members[number] = (struct member){ .ownership = team.ownership, .number = number };
    if (team.handle_count > 0 && *handle == NULL)
        *handle = open_handle();
    open_member(&team.members[number], *handle, group_name);
}

static void team_join(int number)
{
    join(&team.members[number]);
}

static void team_leave(int number)
{
    klient_consumer_unsubscribe(team.members[number].consumer, NULL);
}

static void team_serve(int first, int end)
{
    serve_all(team.members + first, team.fds, end - first);
}

static int rebalance(int partitions, int members, int handle_count)
{
    struct phases phases = { .program = "group", .members = members, .session_ms = SESSION_MS,
                             .ownership = ownership_new(partitions, members + 1),
                             .open = team_open, .join = team_join, .leave = team_leave,
                             .serve = team_serve };

    if (phases.ownership == NULL)
        quit("out of memory", NULL);
    team = (struct team){ .ownership = phases.ownership, .handle_count = handle_count,
                          .members = allocate((size_t)members + 1, sizeof *team.members),
                          .fds = allocate((size_t)members + 1, sizeof *team.fds),
                          .handles = allocate((size_t)handle_count + 1, sizeof *team.handles) };
    return phases_run(&phases);
}

/* --- idle ------------------------------------------------------------------------------------- */

static int64_t processor_us(int pid)
{
    char path[64], line[1024] = "";
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(line, sizeof line, file) == NULL)
        quit(path, NULL);
    fclose(file);
    const char *rest = strrchr(line, ')');
    if (rest == NULL ||
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        quit(path, NULL);
    return (int64_t)(user + system) * 1000000 / sysconf(_SC_CLK_TCK);
}

static int idle(int groups, int each, int seconds, int pid)
{
    int count = groups * each;
    struct member *members = allocate((size_t)count, sizeof *members);
    struct pollfd *fds = allocate((size_t)count, sizeof *fds);
    klient_t *handles[IDLE_HANDLES];
    int64_t without = proc_memory_of(pid);
    int joined = 0;

    bench_allow_files();
    for (int i = 0; i < IDLE_HANDLES; i++)
        handles[i] = open_handle();
    for (int i = 0; i < count; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s-%d", group_name, i / each);
        members[i].pauses = true;
        open_member(&members[i], handles[i / each % IDLE_HANDLES], name);
        join(&members[i]);
        if (i % each == each - 1)
            serve_all(members, fds, i + 1);
    }
    int64_t until_us = ownership_now_us() + LIMIT_US;
    while (joined < count && ownership_now_us() < until_us) {
        serve_for(members, fds, count, CALM_MS);
        joined = 0;
        for (int i = 0; i < count; i++) {
            klient_group_metadata_t group = { .size = sizeof group };
            joined += klient_consumer_group_metadata(members[i].consumer, &group, NULL) ==
                          KLIENT_OK && group.generation >= 0;
        }
    }
    serve_for(members, fds, count, INT64_C(2) * SESSION_MS);
    int64_t before_us = processor_us(pid), began_us = ownership_now_us();
    serve_for(members, fds, count, seconds * INT64_C(1000));
    printf("{\"members\": %d, \"broker_permille\": %.1f, \"client_permille_all\": %.1f, "
           "\"broker_bytes_per_member\": %.0f}\n",
           joined,
           (double)(processor_us(pid) - before_us) * 1e3 / (double)(ownership_now_us() - began_us),
           (double)processor_us(getpid()) * 1e3 / (double)ownership_now_us(),
           (double)(proc_memory_of(pid) - without) / count);
    fflush(stdout);
    _exit(joined == count ? 0 : 1);     /* ten thousand goodbyes are another story */
}

/* --- commits ---------------------------------------------------------------------------------- */

struct commits {
    int64_t flying, confirmed, failed;
};

static void committed(void *context, klient_consumer_t *consumer, klient_code_t code,
                      const klient_offset_t *const *offsets, size_t count)
{
    struct commits *commits = context;

    (void)consumer, (void)offsets, (void)count;
    commits->flying--;
    if (code == KLIENT_OK)
        commits->confirmed++;
    else
        commits->failed++;
}

static int commit(int partitions, int seconds)
{
    struct ownership *ownership = ownership_new(partitions, 1);
    struct member member = { .ownership = ownership, .pauses = true };
    struct commits commits = { 0 };
    klient_offset_t offset;
    const klient_offset_t *pointer = &offset;
    struct pollfd fd;

    if (ownership == NULL)
        quit("out of memory", NULL);
    ownership_set_alive(ownership, 0, true);
    open_member(&member, NULL, group_name);
    join(&member);
    while (!ownership_settled(ownership))
        serve_all(&member, &fd, 1);
    klient_offset_init(&offset);
    offset.topic = topic;
    int64_t began_us = ownership_now_us(), until_us = began_us + seconds * INT64_C(1000000);
    for (int64_t i = 0; ownership_now_us() < until_us;) {
        for (; commits.flying < FLYING_MAX; i++) {
            offset.partition = (int32_t)(i % partitions);
            offset.offset = i / partitions;
            commits.flying++;
            if (klient_consumer_commit_async(member.consumer, &pointer, 1, committed, &commits,
                                             NULL) != KLIENT_OK)
                quit("commit", NULL);
            if (i % 256 == 255)
                serve(&member);
        }
        serve_all(&member, &fd, 1);
    }
    int64_t took_us = ownership_now_us() - began_us;
    printf("{\"commits_per_second\": %.0f, \"failed\": %" PRId64 "}\n",
           (double)commits.confirmed * 1e6 / (double)took_us, commits.failed);
    fflush(stdout);
    _exit(commits.failed > 0);
}

/* --- many offsets ----------------------------------------------------------------------------- */

static void name_filled(char *name, size_t size, int number)
{
    snprintf(name, size, "filled-%d", number);
}

static klient_consumer_t *open_filled(int number)
{
    char name[64];
    struct member member = { 0 };

    name_filled(name, sizeof name, number);
    open_member(&member, NULL, name);
    return member.consumer;
}

static int fill(int partitions, int groups)
{
    klient_offset_t *offsets = allocate((size_t)partitions, sizeof *offsets);
    const klient_offset_t **pointers = allocate((size_t)partitions, sizeof(klient_offset_t *));

    for (int p = 0; p < partitions; p++) {
        klient_offset_init(&offsets[p]);
        offsets[p].topic = topic;
        offsets[p].partition = p;
        pointers[p] = &offsets[p];
    }
    int64_t began_us = ownership_now_us();
    for (int g = 0; g < groups; g++) {
        klient_consumer_t *consumer = open_filled(g);
        klient_error_t *error = NULL;
        for (int p = 0; p < partitions; p++)
            offsets[p].offset = g + p;
        if (klient_consumer_commit_sync(consumer, pointers, (size_t)partitions, WAIT_MS, &error) !=
            KLIENT_OK)
            quit("commit", error);
        klient_consumer_close(consumer, 0, NULL);
    }
    printf("{\"fill_ms\": %.1f}\n", (double)(ownership_now_us() - began_us) / 1e3);
    return 0;
}

static int wait_for_filled(int partitions, int groups)
{
    klient_topic_partition_t last = { topic, partitions - 1 };
    klient_consumer_t *consumer = open_filled(groups - 1);
    klient_offsets_t *offsets = NULL;
    klient_error_t *error = NULL;
    klient_offset_t offset;
    int64_t began_us = ownership_now_us();

    if (klient_consumer_committed(consumer, &last, 1, WAIT_MS, &offsets, &error) != KLIENT_OK)
        quit("committed", error);
    klient_offset_init(&offset);
    if (klient_offsets_get(offsets, 0, &offset) != KLIENT_OK ||
        offset.offset != (int64_t)groups - 1 + partitions - 1)
        quit("another offset is committed", NULL);
    printf("{\"answered_ms\": %.1f}\n", (double)(ownership_now_us() - began_us) / 1e3);
    return 0;
}

/* One of the numbers on the command line. */
static int number(char **argv, int at, int least, int most)
{
    long value = strtol(argv[at], NULL, 10);
    if (value < least || value > most)
        quit(argv[at], NULL);
    return (int)value;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; int words; } modes[] = {
        { "rebalance", 3 }, { "idle", 4 }, { "commit", 2 }, { "fill", 2 }, { "wait", 2 } };
    int numbers[4] = { 0 };
    size_t mode = 0;

    while (mode < sizeof modes / sizeof modes[0] &&
           (argc != 4 + modes[mode].words || strcmp(argv[1], modes[mode].name) != 0))
        mode++;
    if (mode == sizeof modes / sizeof modes[0]) {
        fputs("usage: group rebalance BOOTSTRAP TOPIC PARTITIONS MEMBERS HANDLES\n"
              "       group idle BOOTSTRAP TOPIC GROUPS MEMBERS SECONDS PID\n"
              "       group commit BOOTSTRAP TOPIC PARTITIONS SECONDS\n"
              "       group fill|wait BOOTSTRAP TOPIC PARTITIONS GROUPS\n", stderr);
        return 2;
    }
    bootstrap = argv[2];
    topic = argv[3];
    snprintf(group_name, sizeof group_name, "bench-%d", (int)getpid());
    for (int i = 0; i < modes[mode].words; i++)
        numbers[i] = number(argv, 4 + i, i == 2 ? 0 : 1, i == 3 ? INT32_MAX : PARTITIONS_MAX);
    switch (mode) {
    case 0: return rebalance(numbers[0], numbers[1], numbers[2]);
    case 1: return idle(numbers[0], numbers[1], numbers[2], numbers[3]);
    case 2: return commit(numbers[0], numbers[1]);
    case 3: return fill(numbers[0], numbers[1]);
    default: return wait_for_filled(numbers[0], numbers[1]);
    }
}
