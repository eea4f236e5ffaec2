/* rdkafka_group - librdkafka doing what bench/group does, against Kafka.
 *
 *   rdkafka_group rebalance BOOTSTRAP TOPIC PARTITIONS MEMBERS
 *   rdkafka_group commit BOOTSTRAP TOPIC PARTITIONS SECONDS
 *
 * Each member is a client of its own, as librdkafka has it. Prints the same JSON. */
#include <fcntl.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/ownership.h"
#include "bench/phases.h"

enum { SESSION_MS = 6000, TURN_MS = 5, FLYING_MAX = 10000, MEMBERS_MAX = 1024 };

struct member {
    rd_kafka_t *client;
    int number;
};

static const char *bootstrap, *topic;
static char group_name[64];
static struct ownership *ownership;
static struct member members[MEMBERS_MAX];
static int bell[2] = { -1, -1 };        /* rung when a member has something to do */

static void quit(const char *what, const char *why)
{
    fprintf(stderr, "rdkafka_group: %s: %s\n", what, why);
    exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        quit(name, why);
}

static void rebalanced(rd_kafka_t *client, rd_kafka_resp_err_t code,
                       rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    const struct member *member = opaque;
    bool comes = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;

    for (int i = 0; i < partitions->cnt; i++) {
        if (comes)
            ownership_take(ownership, member->number, partitions->elems[i].partition);
        else
            ownership_give_up(ownership, member->number, partitions->elems[i].partition);
    }
    rd_kafka_error_destroy(comes ? rd_kafka_incremental_assign(client, partitions)
                                 : rd_kafka_incremental_unassign(client, partitions));
}

static void member_open(int number)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256], session[24];

    snprintf(session, sizeof session, "%d", SESSION_MS);
    set(conf, "bootstrap.servers", bootstrap);
    set(conf, "group.id", group_name);
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "partition.assignment.strategy", "cooperative-sticky");
    set(conf, "session.timeout.ms", session);
    rd_kafka_conf_set_rebalance_cb(conf, rebalanced);
    members[number].number = number;
    rd_kafka_conf_set_opaque(conf, &members[number]);
    members[number].client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (members[number].client == NULL)
        quit("rd_kafka_new", why);
    rd_kafka_poll_set_consumer(members[number].client);
    if (bell[0] < 0 && (pipe(bell) != 0 || fcntl(bell[0], F_SETFL, O_NONBLOCK) != 0 ||
                        fcntl(bell[1], F_SETFL, O_NONBLOCK) != 0))
        quit("pipe", "");
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(members[number].client);
    rd_kafka_queue_io_event_enable(queue, bell[1], "!", 1);
    rd_kafka_queue_destroy(queue);
}

static void member_join(int number)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(members[number].client, list);
    if (code != 0)
        quit("subscribe", rd_kafka_err2str(code));
    rd_kafka_topic_partition_list_destroy(list);
}

static void member_leave(int number)
{
    rd_kafka_unsubscribe(members[number].client);
}

static void serve(int first, int end)
{
    struct pollfd fd = { .fd = bell[0], .events = POLLIN };
    char rings[1024];

    if (poll(&fd, 1, TURN_MS) > 0)
        (void)!read(bell[0], rings, sizeof rings);
    for (int i = first; i < end; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(members[i].client, 0);
        if (message != NULL)
            rd_kafka_message_destroy(message);
    }
}

static int rebalance(int partitions, int count)
{
    struct phases phases = { .program = "rdkafka_group", .ownership = ownership,
                             .members = count, .session_ms = SESSION_MS, .open = member_open,
                             .join = member_join, .leave = member_leave, .serve = serve };

    (void)partitions;
    phases_run(&phases);
    fflush(stdout);
    _exit(0);
}

/* --- commits ---------------------------------------------------------------------------------- */

static int64_t flying, confirmed, failed;

static void committed(rd_kafka_t *client, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    (void)client, (void)offsets, (void)opaque;
    flying--;
    if (code == 0)
        confirmed++;
    else
        failed++;
}

static int commit(int partitions, int seconds)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *one = rd_kafka_topic_partition_list_add(list, topic, 0);

    ownership_set_alive(ownership, 0, true);
    member_open(0);
    member_join(0);
    while (!ownership_settled(ownership))
        serve(0, 1);
    rd_kafka_queue_t *outcomes = rd_kafka_queue_new(members[0].client);
    int64_t began_us = ownership_now_us(), until_us = began_us + seconds * INT64_C(1000000);
    for (int64_t i = 0; ownership_now_us() < until_us;) {
        for (; flying < FLYING_MAX; i++) {
            one->partition = (int32_t)(i % partitions);
            one->offset = i / partitions;
            flying++;
            if (rd_kafka_commit_queue(members[0].client, list, outcomes, committed, NULL) != 0)
                quit("commit", "");
            if (i % 256 == 255)
                rd_kafka_queue_poll_callback(outcomes, 0);
        }
        rd_kafka_queue_poll_callback(outcomes, TURN_MS);
        serve(0, 1);
    }
    printf("{\"commits_per_second\": %.0f, \"failed\": %" PRId64 "}\n",
           (double)confirmed * 1e6 / (double)(ownership_now_us() - began_us), failed);
    fflush(stdout);
    _exit(failed > 0);
}

int main(int argc, char **argv)
{
    bool rebalances = argc == 6 && strcmp(argv[1], "rebalance") == 0,
         commits = argc == 6 && strcmp(argv[1], "commit") == 0;
    int partitions = argc == 6 ? atoi(argv[4]) : 0, number = argc == 6 ? atoi(argv[5]) : 0;

    if ((!rebalances && !commits) || partitions < 1 || number < 1 || number >= MEMBERS_MAX) {
        fputs("usage: rdkafka_group rebalance BOOTSTRAP TOPIC PARTITIONS MEMBERS\n"
              "       rdkafka_group commit BOOTSTRAP TOPIC PARTITIONS SECONDS\n", stderr);
        return 2;
    }
    bootstrap = argv[2];
    topic = argv[3];
    snprintf(group_name, sizeof group_name, "bench-%d", (int)getpid());
    ownership = ownership_new(partitions, rebalances ? number + 1 : 1);
    if (ownership == NULL)
        quit("memory", "none");
    return rebalances ? rebalance(partitions, number) : commit(partitions, number);
}
