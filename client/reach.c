#include "client/reach.h"

#include <stdio.h>

#include "client/handle.h"
#include "common/error.h"

enum { ADDRESS_MAX = 256 + 8 };

static struct reach *reach_of(const struct broker *broker)
{
    return &broker->klient->reach;
}

static void set_failing(struct broker *broker, bool failing)
{
    reach_of(broker)->failing += failing;
    reach_of(broker)->failing -= broker->failing;
    broker->failing = failing;
}

void reach_add(struct broker *broker)
{
    reach_of(broker)->brokers++;
}

void reach_remove(struct broker *broker)
{
    set_failing(broker, false);
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

void reach_failed(struct broker *broker, int code, bool awaited)
{
    struct troubles *troubles = &broker->klient->troubles;
    char address[ADDRESS_MAX];
    struct trouble_subject subject = subject_of(broker, address);

    set_failing(broker, true);
    if (code == K_WRONG_CLUSTER)
        troubles_begin(troubles, TROUBLE_WRONG_CLUSTER, subject, code, false);
    /* Of the bootstrap list one that works is enough, and then nobody needs it any more. */
    else if (awaited || broker->id >= 0)
        troubles_begin(troubles, TROUBLE_BROKER_UNREACHABLE, subject, code, !awaited);
    if (awaited && reach_of(broker)->failing == reach_of(broker)->brokers)
        troubles_begin(troubles, TROUBLE_NO_BROKER, TROUBLE_OF_NOTHING, code, false);
}

bool reach_is_broken(int code)
{
    return code == K_NETWORK_EXCEPTION || code == K_CONNECTION_FAILED || code == K_RESOLVE_FAILED;
}

void reach_restored(struct broker *broker)
{
    struct troubles *troubles = &broker->klient->troubles;
    char address[ADDRESS_MAX];
    struct trouble_subject subject = subject_of(broker, address);

    set_failing(broker, false);
    troubles_end(troubles, TROUBLE_NO_BROKER, TROUBLE_OF_NOTHING);
    troubles_end(troubles, TROUBLE_BROKER_UNREACHABLE, subject);
    troubles_end(troubles, TROUBLE_WRONG_CLUSTER, subject);
}
