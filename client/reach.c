#include "client/reach.h"

#include <stdio.h>

#include "client/handle.h"
#include "common/error.h"

enum { ADDRESS_MAX = 256 + 8 };

static struct reach *reach_of(const struct broker *broker)
{
    return &broker->klient->reach;
}

static void set_reach(struct broker *broker, enum broker_reach state)
{
    struct reach *reach = reach_of(broker);

    reach->answering -= broker->reach == REACH_ANSWERS;
    reach->failing -= broker->reach == REACH_FAILING;
    broker->reach = state;
    reach->answering += state == REACH_ANSWERS;
    reach->failing += state == REACH_FAILING;
}

void reach_add(struct broker *broker)
{
    reach_of(broker)->brokers++;
}

void reach_remove(struct broker *broker)
{
    set_reach(broker, REACH_NOT_TRIED);
    reach_of(broker)->brokers--;
}

static struct trouble_subject subject_of(const struct broker *broker, char *address)
{
    struct trouble_subject subject = TROUBLE_OF_NOTHING;

    snprintf(address, ADDRESS_MAX, "%s:%u", broker->host, (unsigned)broker->port);
    subject.broker = broker->id;
    subject.address = address;
    return subject;
}

/* Of the bootstrap list one that works is enough, and once another broker does nobody needs it. */
static bool is_needed(const struct broker *broker)
{
    return broker->id >= 0 || reach_of(broker)->answering == 0;
}

void reach_failed(struct broker *broker, int code, bool awaited)
{
    struct troubles *troubles = &broker->klient->troubles;
    char address[ADDRESS_MAX];
    struct trouble_subject subject = subject_of(broker, address);

    set_reach(broker, REACH_FAILING);
    if (code == K_WRONG_CLUSTER)
        troubles_begin(troubles, TROUBLE_WRONG_CLUSTER, subject, code, false);
    else if (is_needed(broker) && (awaited || broker->id >= 0))
        troubles_begin(troubles, TROUBLE_BROKER_UNREACHABLE, subject, code, !awaited);
    if (awaited && reach_of(broker)->failing == reach_of(broker)->brokers)
        troubles_begin(troubles, TROUBLE_NO_BROKER, TROUBLE_OF_NOTHING, code, false);
}

bool reach_is_elsewhere(int code)
{
    switch (code) {
    case K_NETWORK_EXCEPTION:
    case K_CONNECTION_FAILED:
    case K_RESOLVE_FAILED:
    case K_UNKNOWN_TOPIC_ID:
    case K_UNKNOWN_TOPIC_OR_PARTITION:
        return false;
    default:
        return k_error_stale(code);
    }
}

void reach_restored(struct broker *broker)
{
    struct troubles *troubles = &broker->klient->troubles;
    char address[ADDRESS_MAX];
    struct trouble_subject subject = subject_of(broker, address);

    set_reach(broker, REACH_ANSWERS);
    troubles_end(troubles, TROUBLE_NO_BROKER, TROUBLE_OF_NOTHING);
    troubles_end(troubles, TROUBLE_BROKER_UNREACHABLE, subject);
    troubles_end(troubles, TROUBLE_BROKER_UNREACHABLE, TROUBLE_OF_NOTHING);   /* bootstrap */
    troubles_end(troubles, TROUBLE_WRONG_CLUSTER, subject);
}
