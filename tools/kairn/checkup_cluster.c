/* checkup_cluster.c - checks of brokers, their configuration, and replication. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/checkup.h"

#define OFFSETS_TOPIC "__consumer_offsets"

enum { REPLICAS_WANTED = 3 };

static const struct facts_topic *find_topic(const struct facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->topic_count; i++) {
        if (strcmp(facts->topics[i].name, name) == 0)
            return &facts->topics[i];
    }
    return NULL;
}

/* -1: not told. */
static int64_t number_of(const struct facts_broker *broker, enum facts_setting setting)
{
    return broker->settings[setting] != NULL ? strtoll(broker->settings[setting], NULL, 10) : -1;
}

static bool is(const struct facts_broker *broker, enum facts_setting setting, const char *value)
{
    return broker->settings[setting] != NULL && strcmp(broker->settings[setting], value) == 0;
}

void checkup_controller(const struct facts *facts, struct checkup *checkup)
{
    if (facts->controller < 0)
        checkup_add(checkup, "", "%zu brokers live", facts->broker_count);
}

void checkup_brokers(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->broker_count; i++) {
        if (!facts->brokers[i].answers)
            checkup_add_broker(checkup, &facts->brokers[i], "broker %" PRId32 ", %s",
                               facts->brokers[i].id, facts->brokers[i].host);
    }
}

/* --- partitions ------------------------------------------------------------------------------- */

static void add_partitions(struct checkup *checkup, const struct facts_topic *topic, size_t count)
{
    if (count > 0)
        checkup_add(checkup, topic->name, "%s: %zu of %zu partitions", topic->name, count,
                    topic->partitions);
}

void checkup_offline(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->topic_count; i++)
        add_partitions(checkup, &facts->topics[i], facts->topics[i].offline);
}

void checkup_under_min_isr(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->topic_count; i++)
        add_partitions(checkup, &facts->topics[i], facts->topics[i].under_min_isr);
}

void checkup_under_replicated(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->topic_count; i++)
        add_partitions(checkup, &facts->topics[i], facts->topics[i].under_replicated);
}

void checkup_copies(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->broker_count; i++) {
        if (facts->brokers[i].copies_lost > 0)
            checkup_add_broker(checkup, &facts->brokers[i], "broker %" PRId32 ": %zu logs",
                               facts->brokers[i].id, facts->brokers[i].copies_lost);
    }
}

/* --- replication ------------------------------------------------------------------------------ */

void checkup_min_isr_all(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->topic_count; i++) {
        const struct facts_topic *topic = &facts->topics[i];
        if (topic->replicas_min > 1 && (size_t)topic->min_insync >= topic->replicas_min)
            checkup_add(checkup, topic->name,
                        "%s: min.insync.replicas is %" PRId32 ", and there are %zu replicas",
                        topic->name, topic->min_insync, topic->replicas_min);
    }
}

void checkup_min_isr_one(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->topic_count; i++) {
        const struct facts_topic *topic = &facts->topics[i];
        if (topic->replicas_min >= REPLICAS_WANTED && topic->min_insync == 1)
            checkup_add(checkup, topic->name,
                        "%s: min.insync.replicas is 1, and there are %zu replicas", topic->name,
                        topic->replicas_min);
    }
}

void checkup_replicas_one(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->topic_count && facts->broker_count > 1; i++) {
        const struct facts_topic *topic = &facts->topics[i];
        if (topic->replicas_min == 1 && !topic->internal)
            checkup_add(checkup, topic->name, "%s", topic->name);
    }
}

void checkup_offsets_few(const struct facts *facts, struct checkup *checkup)
{
    const struct facts_topic *topic = find_topic(facts, OFFSETS_TOPIC);
    const size_t wanted =
        facts->broker_count < REPLICAS_WANTED ? facts->broker_count : REPLICAS_WANTED;

    if (topic != NULL && topic->replicas_min > 0 && topic->replicas_min < wanted)
        checkup_add(checkup, topic->name, "%s: replicas %zu, with %zu brokers", topic->name,
                    topic->replicas_min, facts->broker_count);
}

void checkup_offsets_impossible(const struct facts *facts, struct checkup *checkup)
{
    if (find_topic(facts, OFFSETS_TOPIC) != NULL)
        return;
    for (size_t i = 0; i < facts->broker_count; i++) {
        int64_t wanted = number_of(&facts->brokers[i], FACTS_OFFSETS_REPLICAS);
        if (wanted > (int64_t)facts->broker_count) {
            checkup_add(checkup, OFFSETS_TOPIC,
                        "offsets.topic.replication.factor is %" PRId64 ", and %zu brokers live",
                        wanted, facts->broker_count);
            return;
        }
    }
}

void checkup_unclean(const struct facts *facts, struct checkup *checkup)
{
    char whose[300];

    for (size_t i = 0; i < facts->broker_count; i++) {
        if (is(&facts->brokers[i], FACTS_UNCLEAN_ELECTION, "true")) {
            snprintf(whose, sizeof whose, "--broker %" PRId32, facts->brokers[i].id);
            checkup_add(checkup, whose, "broker %" PRId32, facts->brokers[i].id);
        }
    }
    for (size_t i = 0; i < facts->topic_count; i++) {
        if (facts->topics[i].unclean) {
            snprintf(whose, sizeof whose, "--topic %s", facts->topics[i].name);
            checkup_add(checkup, whose, "%s", facts->topics[i].name);
        }
    }
}

/* --- configuration ---------------------------------------------------------------------------- */

void checkup_settings_differ(const struct facts *facts, struct checkup *checkup)
{
    for (enum facts_setting setting = 0; setting < FACTS_SETTING_COUNT; setting++) {
        const struct facts_broker *first = NULL;
        for (size_t i = 0; i < facts->broker_count && facts_setting_same(setting); i++) {
            const struct facts_broker *broker = &facts->brokers[i];
            if (broker->settings[setting] == NULL)
                continue;
            if (first == NULL)
                first = broker;
            if (is(broker, setting, first->settings[setting]))
                continue;
            checkup_add(checkup, facts_setting_name(setting),
                        "%s: %s on broker %" PRId32 ", %s on broker %" PRId32,
                        facts_setting_name(setting), first->settings[setting], first->id,
                        broker->settings[setting], broker->id);
            break;
        }
    }
}

void checkup_racks(const struct facts *facts, struct checkup *checkup)
{
    size_t with = 0;

    for (size_t i = 0; i < facts->broker_count; i++)
        with += facts->brokers[i].rack[0] != '\0';
    for (size_t i = 0; i < facts->broker_count && with > 0; i++) {
        if (facts->brokers[i].rack[0] == '\0')
            checkup_add_broker(checkup, &facts->brokers[i], "broker %" PRId32 " has none",
                               facts->brokers[i].id);
    }
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
           strcmp(host, "::1") == 0;
}

/* All on loopback is a cluster on one machine. */
void checkup_loopback(const struct facts *facts, struct checkup *checkup)
{
    size_t loopback = 0;

    for (size_t i = 0; i < facts->broker_count; i++)
        loopback += is_loopback(facts->brokers[i].host);
    for (size_t i = 0; i < facts->broker_count && loopback < facts->broker_count; i++) {
        if (is_loopback(facts->brokers[i].host))
            checkup_add_broker(checkup, &facts->brokers[i],
                               "broker %" PRId32 ": %s, and not all are on this machine",
                               facts->brokers[i].id, facts->brokers[i].host);
    }
}

void checkup_tmp(const struct facts *facts, struct checkup *checkup)
{
    static const char *const places[] = { "/tmp/", "/var/tmp/", "/dev/shm/", "/run/" };

    for (size_t i = 0; i < facts->broker_count; i++) {
        const char *directories = facts->brokers[i].settings[FACTS_LOG_DIRS];
        for (size_t p = 0; directories != NULL && p < sizeof places / sizeof *places; p++) {
            const char *found = strstr(directories, places[p]);
            if (found == NULL || (found != directories && strchr(", ", found[-1]) == NULL))
                continue;
            checkup_add_broker(checkup, &facts->brokers[i], "broker %" PRId32 ": %s",
                               facts->brokers[i].id, directories);
            break;
        }
    }
}

void checkup_log_level(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->broker_count; i++) {
        const struct facts_broker *broker = &facts->brokers[i];
        if (is(broker, FACTS_LOG_LEVEL, "debug") || is(broker, FACTS_LOG_LEVEL, "error") ||
            is(broker, FACTS_LOG_LEVEL, "off"))
            checkup_add_broker(checkup, broker, "broker %" PRId32 ": log.level is %s", broker->id,
                               broker->settings[FACTS_LOG_LEVEL]);
    }
}

void checkup_features_held(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->broker_count; i++) {
        const struct facts_broker *broker = &facts->brokers[i];
        if (broker->settings[FACTS_FEATURE_LEVEL_MAX] != NULL &&
            !is(broker, FACTS_FEATURE_LEVEL_MAX, ""))
            checkup_add_broker(checkup, broker, "broker %" PRId32 ": feature.level.max is %s",
                               broker->id, broker->settings[FACTS_FEATURE_LEVEL_MAX]);
    }
}
