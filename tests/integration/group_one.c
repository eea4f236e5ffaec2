/* group_one - one member of a group, in a process of its own, by hand: to be killed.
 *
 *   group_one HOST:PORT,... GROUP SESSION_MS
 *
 * It joins, and says of each generation how many members the leader was told of (0: another leads)
 * and what it is assigned; then it sends heartbeats, and joins again when it is told to. The leader
 * gives each member its place among all. Ends when anything else than a rebalance happens. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/integration/group_wire.h"

enum { MEMBERS_MAX = 16 };

static char id[128], told[MEMBERS_MAX][128];
static size_t told_count;
static int32_t generation;
static uint32_t session_ms;

static int join(void)
{
    Kairn__GroupProtocol protocol = KAIRN__GROUP_PROTOCOL__INIT, *protocols[] = {&protocol};
    Kairn__JoinGroupRequest body = KAIRN__JOIN_GROUP_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    const Kairn__ResponseHead *answer;

    protocol.name = (char *)"one";
    body.group = (char *)group;
    body.member = id;
    body.protocol_type = (char *)"probe";
    body.session_timeout_ms = session_ms;
    body.rebalance_timeout_ms = PATIENCE_MS;
    body.n_protocols = 1;
    body.protocols = protocols;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP;
    head.join_group = &body;
    int code = ask(&head, &answer);
    if (code != 0 && code != K_MEMBER_ID_REQUIRED)
        return code;
    const Kairn__JoinGroupResponse *joined = answer->join_group;
    snprintf(id, sizeof id, "%s", joined->member);
    generation = joined->generation;
    told_count = joined->n_members < MEMBERS_MAX ? joined->n_members : MEMBERS_MAX;
    for (size_t i = 0; i < told_count; i++)
        snprintf(told[i], sizeof told[i], "%s", joined->members[i]->member);
    return code;
}

static int sync_up(void)
{
    Kairn__MemberAssignment rows[MEMBERS_MAX], *pointers[MEMBERS_MAX];
    Kairn__SyncGroupRequest body = KAIRN__SYNC_GROUP_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    const Kairn__ResponseHead *answer;
    char places[MEMBERS_MAX][16];

    for (size_t i = 0; i < told_count; i++) {
        kairn__member_assignment__init(&rows[i]);
        pointers[i] = &rows[i];
        snprintf(places[i], sizeof places[i], "%zu/%zu", i + 1, told_count);
        rows[i].member = told[i];
        rows[i].assignment.data = (uint8_t *)places[i];
        rows[i].assignment.len = strlen(places[i]);
    }
    body.group = (char *)group;
    body.member = id;
    body.generation = generation;
    body.n_assignments = told_count;
    body.assignments = pointers;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP;
    head.sync_group = &body;
    int code = ask(&head, &answer);
    if (code != 0)
        return code;
    printf("generation %d told %zu assigned %.*s\n", (int)generation, told_count,
           (int)answer->sync_group->assignment.len,
           (const char *)answer->sync_group->assignment.data);
    fflush(stdout);
    return 0;
}

static int beat(void)
{
    Kairn__HeartbeatRequest body = KAIRN__HEARTBEAT_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    const Kairn__ResponseHead *answer;

    body.group = (char *)group;
    body.member = id;
    body.generation = generation;
    body.wait_ms = session_ms / 3;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_HEARTBEAT;
    head.heartbeat = &body;
    return ask(&head, &answer);
}

int main(int argc, char **argv)
{
    int code;

    if (argc != 4)
        fail("usage: group_one HOST:PORT,... GROUP SESSION_MS");
    bootstrap = argv[1];
    group = argv[2];
    session_ms = (uint32_t)atoi(argv[3]);
    find_coordinator();
    while (is_forgiven(code = join()))
        poll(NULL, 0, AGAIN_MS);            /* it loads */
    while (code == 0 || code == K_MEMBER_ID_REQUIRED || code == K_REBALANCE_IN_PROGRESS) {
        if (code != 0)
            code = join();
        if (code == 0)
            code = sync_up();
        while (code == 0)
            code = beat();
    }
    fail("%s", k_error_name(code));
}
