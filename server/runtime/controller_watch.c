/* controller_watch.c - which brokers are registered, as the controller sees it.
 *
 * One watch, however many brokers there are. /brokers/inc is watched rather than
 * /brokers/ids because its children's names carry the incarnation: a broker that is gone and back
 * between two reads is seen. Reading and arming are one call, so no change falls in between. */
#include "server/runtime/control_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

enum { RETRY_MS = 200 };

/* One reading of all registrations, until every child was read. */
struct live_read {
    struct control *control;
    uint64_t life;
    struct live_broker **brokers;
    size_t count, in_flight;
    bool failed;
    int32_t registrations;           /* version of /kairn/brokers, before who is there was read */
    char *feature;                   /* /feature; owned; NULL: it is not there */
    size_t feature_size;
    int32_t feature_version;         /* -1: it is not there */
};

struct broker_read {
    struct live_read *round;
    struct live_broker *broker;
    bool record;                     /* /kairn/brokers/N, else /brokers/ids/N */
};

static void live_broker_free(struct live_broker *broker)
{
    if (broker == NULL)
        return;
    arena_fini(&broker->arena);
    free(broker);
}

static void free_brokers(struct live_broker **brokers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        live_broker_free(brokers[i]);
    free(brokers);
}

void watch_free_live(struct control *control)
{
    free_brokers(control->chair.live, control->chair.live_count);
    control->chair.live = NULL;
    control->chair.live_count = 0;
}

static int by_id(const void *a, const void *b)
{
    const struct live_broker *const *left = a, *const *right = b;
    return ((*left)->core.id > (*right)->core.id) - ((*left)->core.id < (*right)->core.id);
}

static void read_live_later(struct chair *chair)
{
    chair->live_wanted = true;
    timer_after(chair->retry, RETRY_MS);
}

void watch_read_live_later(struct control *control)
{
    if (control->chair.taken)
        read_live_later(&control->chair);
}

static void live_read_free(struct live_read *round)
{
    free(round->feature);
    free(round);
}

static void live_read_finish(struct live_read *round)
{
    struct control *control = round->control;
    struct chair *chair = &control->chair;

    if (round->life != control->life || !chair->taken) {
        free_brokers(round->brokers, round->count);
        live_read_free(round);
        return;
    }
    chair->reading_live = false;
    if (round->failed) {
        free_brokers(round->brokers, round->count);
        read_live_later(chair);
    } else {
        size_t known = 0;
        for (size_t i = 0; i < round->count; i++) {    /* those that went while we read */
            if (round->brokers[i]->broker.endpoint_count > 0)
                round->brokers[known++] = round->brokers[i];
            else
                live_broker_free(round->brokers[i]);
        }
        watch_free_live(control);
        if (known > 1)
            qsort(round->brokers, known, sizeof *round->brokers, by_id);
        chair->live = round->brokers;
        chair->live_count = known;
        free(chair->feature);
        chair->feature = round->feature;
        round->feature = NULL;
        chair->feature_size = round->feature_size;
        chair->feature_version = round->feature_version;
        chair->registrations = round->registrations;
        chair_live_read(control);
    }
    live_read_free(round);
    if (chair->taken && chair->read_live_again)
        watch_read_live(control);
}

/* From this level on it says where logs without a leader end; see common/feature_table.h. */
static bool tells_ends(const struct feature_ranges *can)
{
    return can->of[FEATURE_REPLICATION].highest >= 3;
}

/* 0, or NOMEM: what could not be read may be sound. */
static int take_record(struct live_broker *broker, const struct zk_reply *reply)
{
    struct znode_kairn_broker record;
    struct k_reason reason = { "" };
    int code =
        znode_decode_kairn_broker(&broker->arena, reply->data, reply->size, &record, &reason);

    if (code == K_NOMEM)
        return code;
    if (code != 0) {
        LOG_WARN("znode-corrupt", "path=/kairn/brokers/%d reason=\"%s\" taken-as=lossy",
                 broker->core.id, reason.text);
        broker->core.lossy = true;
    } else if (uuid_equal(&record.incarnation, &broker->core.incarnation)) {
        broker->loops = record.loops;
        broker->core.lossy = record.lossy;
        broker->core.incomplete = record.missing_count > 0;
    }
    return 0;
}

/* Likewise. */
static int take_registration(struct live_broker *broker, const struct zk_reply *reply)
{
    struct k_reason reason = { "" };
    int code =
        znode_decode_broker(&broker->arena, reply->data, reply->size, &broker->broker, &reason);

    if (code == K_NOMEM)
        return code;
    if (code != 0)
        LOG_ERROR("broker-ignored", "broker=%d reason=\"%s\"", broker->core.id, reason.text);
    broker->core.mute = code != 0 || !tells_ends(&broker->broker.features);
    if (code == 0 && broker->broker.rack != NULL)
        snprintf(broker->core.rack, sizeof broker->core.rack, "%s", broker->broker.rack);
    return 0;
}

static void broker_answered(void *context, const struct zk_reply *reply)
{
    struct broker_read *read = context;
    struct live_read *round = read->round;
    int code = reply->code;

    if (code == 0)
        code = read->record ? take_record(read->broker, reply)
                            : take_registration(read->broker, reply);
    round->failed |= code != 0 && code != K_NOT_FOUND;
    free(read);
    if (--round->in_flight == 0)
        live_read_finish(round);
}

static void ask_broker(struct live_read *round, struct live_broker *broker, bool record)
{
    char path[64];
    struct broker_read *read = malloc(sizeof *read);
    snprintf(path, sizeof path, record ? "/kairn/brokers/%d" : "/brokers/ids/%d", broker->core.id);
    if (read != NULL)
        *read = (struct broker_read){ round, broker, record };
    if (read == NULL || zk_get(round->control->session, path, NULL, broker_answered, read) != 0) {
        free(read);
        round->failed = true;
        return;
    }
    round->in_flight++;
}

/* "7-<uuid>" as /brokers/inc names its children. */
static bool parse_incarnation(const char *name, struct controller_broker *out)
{
    char *end;
    long id = strtol(name, &end, 10);
    if (end == name || *end != '-' || id < 0 || id > INT32_MAX)
        return false;
    out->id = (int32_t)id;
    return uuid_parse(end + 1, &out->incarnation);
}

static void incarnations_listed(void *context, const struct zk_reply *reply)
{
    struct live_read *round = context;
    bool current = round->life == round->control->life && round->control->session != NULL;

    round->failed |= reply->code != 0;
    if (current && reply->code == 0) {
        round->brokers = calloc(reply->child_count + 1, sizeof *round->brokers);
        round->failed |= round->brokers == NULL;
        for (size_t i = 0; !round->failed && i < reply->child_count; i++) {
            struct controller_broker core = { 0 };
            if (!parse_incarnation(reply->children[i], &core)) {
                LOG_WARN("znode-ignored",
                         "path=/brokers/inc/%s reason=\"not of the form id-incarnation\"",
                         reply->children[i]);
                continue;
            }
            struct live_broker *broker = calloc(1, sizeof *broker);
            if (broker == NULL) {
                round->failed = true;
                break;
            }
            broker->core = core;
            broker->loops = 1;
            arena_init(&broker->arena, NULL, 0, SIZE_MAX);
            round->brokers[round->count++] = broker;
        }
        for (size_t i = 0; !round->failed && i < round->count; i++) {
            ask_broker(round, round->brokers[i], false);
            ask_broker(round, round->brokers[i], true);
        }
    }
    if (--round->in_flight == 0)
        live_read_finish(round);
}

/* --- what feature levels hang on ---------------------------------------------------------------
 * Asked before the list, on the same session: so who registers later than it was counted may be in
 * the list, and who is not in the list will be counted. */

static void registrations_counted(void *context, const struct zk_reply *reply)
{
    struct live_read *round = context;

    round->failed |= reply->code != 0;
    round->registrations = reply->stat.version;
    if (--round->in_flight == 0)
        live_read_finish(round);
}

static void feature_got(void *context, const struct zk_reply *reply)
{
    struct live_read *round = context;

    round->failed |= reply->code != 0 && reply->code != K_NOT_FOUND;
    if (reply->code == 0) {
        round->feature_version = reply->stat.version;
        round->feature_size = reply->size;
        round->feature = malloc(reply->size + 1);
        round->failed |= round->feature == NULL;
        if (round->feature != NULL && reply->size > 0)
            memcpy(round->feature, reply->data, reply->size);
    }
    if (--round->in_flight == 0)
        live_read_finish(round);
}

/* False: nothing was asked of ZooKeeper. What was is answered, if only with an error. */
static bool ask_round(struct live_read *round, struct zk_watch *watch)
{
    struct zk_session *session = round->control->session;

    if (zk_exists(session, znode_row(ZNODE_KAIRN_BROKERS)->pattern, NULL, registrations_counted,
                  round) != 0)
        return false;
    round->in_flight++;
    round->failed =
        zk_get(session, znode_row(ZNODE_FEATURE)->pattern, NULL, feature_got, round) != 0;
    if (round->failed)
        return true;
    round->in_flight++;
    round->failed = zk_children(session, "/brokers/inc", watch, incarnations_listed, round) != 0;
    if (!round->failed)
        round->in_flight++;
    return true;
}


void watch_read_live(struct control *control)
{
    struct chair *chair = &control->chair;
    if (chair->reading_live) {
        chair->read_live_again = true;
        return;
    }
    chair->read_live_again = chair->live_wanted = false;
    struct live_read *round = calloc(1, sizeof *round);
    if (round != NULL)
        *round = (struct live_read){ .control = control, .life = control->life,
                                     .feature_version = -1 };
    zk_watch_cancel(control->session, &chair->incarnations);
    if (round == NULL || !ask_round(round, &chair->incarnations)) {
        free(round);
        read_live_later(chair);
        return;
    }
    chair->reading_live = true;
}

static void incarnations_changed(struct zk_watch *watch, const char *path)
{
    struct control *control = watch->context;
    (void)path;
    if (control->chair.taken)
        watch_read_live(control);
}

void watch_start(struct control *control)
{
    struct chair *chair = &control->chair;
    chair->incarnations = (struct zk_watch){ .fired = incarnations_changed, .context = control };
    chair->reading_live = false;
    chair->read_live_again = false;
    watch_read_live(control);
}

void watch_stop(struct control *control)
{
    control->life++;              /* readings under way are dropped when they come in */
    zk_watch_cancel(control->session, &control->chair.incarnations);
    watch_free_live(control);
}
