/* checkup_zookeeper.c - checks of the ZooKeeper ensemble. */
#include <inttypes.h>
#include <stdlib.h>

#include "tools/kairn/checkup.h"

enum { LATENCY_MS = 20, REQUESTS_MIN = 1000, SESSION_MIN_MS = 6000, SESSION_MAX_MS = 60000 };

static size_t count_answers(const struct facts *facts, enum facts_answer answer)
{
    size_t count = 0;

    for (size_t i = 0; i < facts->zookeeper_count; i++)
        count += facts->zookeepers[i].answer == answer;
    return count;
}

static void add_each(const struct facts *facts, enum facts_answer answer, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->zookeeper_count; i++) {
        if (facts->zookeepers[i].answer == answer)
            checkup_add(checkup, facts->zookeepers[i].address, "%s", facts->zookeepers[i].address);
    }
}

void checkup_zookeeper_silent(const struct facts *facts, struct checkup *checkup)
{
    add_each(facts, FACTS_SILENT, checkup);
}

void checkup_zookeeper_closed(const struct facts *facts, struct checkup *checkup)
{
    add_each(facts, FACTS_CLOSED, checkup);
}

/* Who is not allowed to say how he is may well serve. */
void checkup_zookeeper_quorum(const struct facts *facts, struct checkup *checkup)
{
    size_t may_serve = count_answers(facts, FACTS_SERVES) + count_answers(facts, FACTS_CLOSED);

    if (facts->zookeeper_count > 0 && may_serve <= facts->zookeeper_count / 2)
        checkup_add(checkup, "", "%zu of %zu serve", may_serve, facts->zookeeper_count);
}

void checkup_zookeeper_alone(const struct facts *facts, struct checkup *checkup)
{
    if (facts->zookeeper_count == 1 && facts->broker_count > 1)
        checkup_add(checkup, "", "%s, for %zu brokers", facts->zookeepers[0].address,
                    facts->broker_count);
}

void checkup_zookeeper_even(const struct facts *facts, struct checkup *checkup)
{
    if (facts->zookeeper_count > 0 && facts->zookeeper_count % 2 == 0)
        checkup_add(checkup, "", "%zu servers in zookeeper.connect", facts->zookeeper_count);
}

/* A server that has just been started was slow for other reasons. */
void checkup_zookeeper_slow(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->zookeeper_count; i++) {
        const struct facts_zookeeper *server = &facts->zookeepers[i];
        if (server->answer == FACTS_SERVES && server->requests >= REQUESTS_MIN &&
            server->latency_ms > LATENCY_MS)
            checkup_add(checkup, server->address, "%s: %.1f ms on average", server->address,
                        server->latency_ms);
    }
}

void checkup_session_timeout(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->broker_count; i++) {
        const struct facts_broker *broker = &facts->brokers[i];
        const char *text = broker->settings[FACTS_SESSION_TIMEOUT];
        int64_t timeout_ms = text != NULL ? strtoll(text, NULL, 10) : SESSION_MIN_MS;
        if (timeout_ms < SESSION_MIN_MS || timeout_ms > SESSION_MAX_MS)
            checkup_add_broker(checkup, broker, "broker %" PRId32 ": %" PRId64 " ms", broker->id,
                               timeout_ms);
    }
}
