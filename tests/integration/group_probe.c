/* group_probe - three members of a consumer group, over sockets and by hand: no library in between
 * that could make good what a broker does wrong.
 *
 *   group_probe HOST:PORT,... GROUP TOPIC TIMES
 *   group_probe HOST:PORT,... --offsets GROUP     what its coordinator says is committed
 *
 * They join, share partitions 0 to 2 of the topic, say who coordinates and in which generation, and
 * commit until they lose that coordinator. Whoever coordinates next must know every member, in the
 * same generation, and of every partition an offset that was sent, and not an older one than was
 * confirmed; only "not here", "not yet" and lost connections are forgiven, for a while. Then it
 * says how long that took, and what is committed, reads a line, and begins again, as many times as
 * it was told. Exit status 0: so it was. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/integration/group_wire.h"

enum { MEMBERS = 3 };

struct member {
    char id[256];
    int32_t generation;
    bool leads;
    char assignment[64];
    int64_t sent, confirmed;                /* offsets */
};

static struct member members[MEMBERS];
static char member_ids[MEMBERS][256];       /* as the leader was told */
static const char *topic;

/* --- the group -------------------------------------------------------------------------------- */

static void send_join(size_t index)
{
    Kairn__GroupProtocol protocol = KAIRN__GROUP_PROTOCOL__INIT, *protocols[] = {&protocol};
    Kairn__JoinGroupRequest body = KAIRN__JOIN_GROUP_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;

    protocol.name = (char *)"probe";
    body.group = (char *)group;
    body.member = members[index].id;
    body.protocol_type = (char *)"probe";
    body.session_timeout_ms = 2 * PATIENCE_MS;
    body.rebalance_timeout_ms = PATIENCE_MS;
    body.n_protocols = 1;
    body.protocols = protocols;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP;
    head.join_group = &body;
    send_request(&head, index + 1);
}

static void joined(const Kairn__ResponseHead *answer)
{
    struct member *member = &members[answer->correlation - 1];
    const Kairn__JoinGroupResponse *body = answer->join_group;
    int code = head_error_code(answer->error);

    if (code != 0 && code != K_MEMBER_ID_REQUIRED)
        fail("join: %s", k_error_name(code));
    snprintf(member->id, sizeof member->id, "%s", body->member);
    if (code != 0)
        return;
    member->generation = body->generation;
    member->leads = strcmp(body->leader, body->member) == 0;
    if (!member->leads)
        return;
    if (body->n_members != MEMBERS)
        fail("the leader was told of %zu members", body->n_members);
    for (size_t i = 0; i < MEMBERS; i++)
        snprintf(member_ids[i], sizeof member_ids[i], "%s", body->members[i]->member);
}

/* All ask before anybody is answered. */
static void in_turn(void (*send_one)(size_t index), void (*answered)(const Kairn__ResponseHead *))
{
    for (size_t i = 0; i < MEMBERS; i++)
        send_one(i);
    for (size_t i = 0; i < MEMBERS; i++) {
        const Kairn__ResponseHead *answer = receive_answer();
        if (answer == NULL || answer->correlation < 1 || answer->correlation > MEMBERS)
            fail("the coordinator hung up");
        answered(answer);
    }
}

static void send_sync(size_t index)
{
    Kairn__MemberAssignment assignments[MEMBERS], *pointers[MEMBERS];
    Kairn__SyncGroupRequest body = KAIRN__SYNC_GROUP_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    char numbers[MEMBERS][16];

    for (size_t i = 0; i < MEMBERS; i++) {
        kairn__member_assignment__init(&assignments[i]);
        pointers[i] = &assignments[i];
        snprintf(numbers[i], sizeof numbers[i], "%zu", i);
        assignments[i].member = member_ids[i];
        assignments[i].assignment.data = (uint8_t *)numbers[i];
        assignments[i].assignment.len = strlen(numbers[i]);
    }
    body.group = (char *)group;
    body.member = members[index].id;
    body.generation = members[index].generation;
    body.n_assignments = members[index].leads ? MEMBERS : 0;
    body.assignments = pointers;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP;
    head.sync_group = &body;
    send_request(&head, index + 1);
}

static void synced(const Kairn__ResponseHead *answer)
{
    struct member *member = &members[answer->correlation - 1];

    if (answer->error != NULL)
        fail("sync: %s", k_error_name(answer->error->code));
    snprintf(member->assignment, sizeof member->assignment, "%.*s",
             (int)answer->sync_group->assignment.len,
             (const char *)answer->sync_group->assignment.data);
}

static int beat(const struct member *member)
{
    Kairn__HeartbeatRequest body = KAIRN__HEARTBEAT_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    const Kairn__ResponseHead *answer;

    body.group = (char *)group;
    body.member = (char *)member->id;
    body.generation = member->generation;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_HEARTBEAT;
    head.heartbeat = &body;
    return ask(&head, &answer);
}

static int commit(const struct member *member, int64_t offset)
{
    Kairn__OffsetCommitPartition partition = KAIRN__OFFSET_COMMIT_PARTITION__INIT;
    Kairn__OffsetCommitPartition *partitions[] = {&partition};
    Kairn__OffsetCommitRequest body = KAIRN__OFFSET_COMMIT_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    const Kairn__ResponseHead *answer;

    partition.topic = (char *)topic;
    partition.partition = (uint32_t)atoi(member->assignment);
    partition.offset = offset;
    partition.leader_epoch = -1;
    body.group = (char *)group;
    body.member = (char *)member->id;
    body.generation = member->generation;
    body.n_partitions = 1;
    body.partitions = partitions;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT;
    head.offset_commit = &body;
    int code = ask(&head, &answer);
    return code != 0 ? code : head_error_code(answer->offset_commit->results[0]->error);
}

/* What is committed of all three partitions. */
static int fetch(int64_t offsets[MEMBERS])
{
    Kairn__OffsetFetchRequest body = KAIRN__OFFSET_FETCH_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    const Kairn__ResponseHead *answer;

    body.group = (char *)group;
    body.all = true;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_FETCH;
    head.offset_fetch = &body;
    int code = ask(&head, &answer);
    if (code != 0)
        return code;
    for (size_t i = 0; i < MEMBERS; i++)
        offsets[i] = -1;
    for (size_t i = 0; i < answer->offset_fetch->n_offsets; i++) {
        const Kairn__CommittedOffset *offset = answer->offset_fetch->offsets[i];
        if (offset->partition->partition < MEMBERS)
            offsets[offset->partition->partition] = offset->offset;
    }
    return 0;
}

/* --- the story -------------------------------------------------------------------------------- */

static void form(void)
{
    in_turn(send_join, joined);
    in_turn(send_join, joined);
    for (size_t i = 1; i < MEMBERS; i++)
        if (members[i].generation != members[0].generation)
            fail("generations %d and %d", (int)members[0].generation, (int)members[i].generation);
    in_turn(send_sync, synced);
}

/* Commit ever higher offsets, until the coordinator is gone. */
static void commit_until_lost(void)
{
    int64_t until_ms = now_ms() + PATIENCE_MS;

    for (;;) {
        for (size_t i = 0; i < MEMBERS; i++) {
            struct member *member = &members[i];
            int code = commit(member, ++member->sent);
            if (is_forgiven(code))
                return;
            if (code != 0)
                fail("commit: %s", k_error_name(code));
            member->confirmed = member->sent;
        }
        if (now_ms() > until_ms)
            fail("the coordinator was never lost");
    }
}

/* Until a coordinator says of the first member what it should; anything else is a lie. */
static int32_t wait_until_said(int expected)
{
    int64_t until_ms = now_ms() + PATIENCE_MS;

    for (;;) {
        int32_t coordinator = find_coordinator();
        int code = beat(&members[0]);
        if (code == expected)
            return coordinator;
        if (!is_forgiven(code))
            fail("heartbeat: %s", k_error_name(code));
        if (now_ms() > until_ms)
            fail("heartbeat: still %s", k_error_name(code));
        poll(NULL, 0, AGAIN_MS);
    }
}

static void check_offsets(void)
{
    int64_t offsets[MEMBERS];
    int code = fetch(offsets);

    if (code != 0)
        fail("offsets: %s", k_error_name(code));
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct member *member = &members[i];
        int64_t offset = offsets[atoi(member->assignment)];
        bool none = offset == -1 && member->confirmed == 0;     /* it died before the first one */
        if (!none && (offset < member->confirmed || offset > member->sent))
            fail("partition %s: offset %lld, confirmed %lld, sent %lld", member->assignment,
                 (long long)offset, (long long)member->confirmed, (long long)member->sent);
    }
}

/* Everybody is known, and may go on. */
static void check_members(void)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        int code = beat(&members[i]);
        if (code == 0)
            code = commit(&members[i], ++members[i].sent);
        if (code != 0)
            fail("member %zu: %s", i, k_error_name(code));
        members[i].confirmed = members[i].sent;
    }
}

static void say(int32_t coordinator)
{
    printf("coordinator %d generation %d\n", (int)coordinator, (int)members[0].generation);
    fflush(stdout);
}

static void lose_a_coordinator(int32_t *coordinator)
{
    commit_until_lost();
    int64_t since_ms = now_ms();
    *coordinator = wait_until_said(0);
    int64_t took_ms = now_ms() - since_ms;
    check_offsets();
    check_members();
    check_offsets();
    printf("coordinator %d generation %d after %lld ms, offsets", (int)*coordinator,
           (int)members[0].generation, (long long)took_ms);
    for (size_t i = 0; i < MEMBERS; i++)
        printf(" %s=%lld", members[i].assignment, (long long)members[i].confirmed);
    printf("\n");
    fflush(stdout);
}

/* --- questions -------------------------------------------------------------------------------- */

static void say_offsets(void)
{
    Kairn__OffsetFetchRequest body = KAIRN__OFFSET_FETCH_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    const Kairn__ResponseHead *answer;

    body.group = (char *)group;
    body.all = true;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_FETCH;
    head.offset_fetch = &body;
    int code = ask(&head, &answer);
    if (code != 0)
        fail("offsets: %s", k_error_name(code));
    for (size_t i = 0; i < answer->offset_fetch->n_offsets; i++) {
        const Kairn__CommittedOffset *offset = answer->offset_fetch->offsets[i];
        printf("%s %u %lld\n", offset->partition->topic, offset->partition->partition,
               (long long)offset->offset);
    }
}

int main(int argc, char **argv)
{
    char line[16];

    if (argc == 4) {
        bootstrap = argv[1];
        group = argv[3];
        find_coordinator();
        say_offsets();
        disconnect();
        return 0;
    }
    if (argc != 5)
        fail("usage: group_probe HOST:PORT,... GROUP TOPIC TIMES");
    bootstrap = argv[1];
    group = argv[2];
    topic = argv[3];
    int32_t coordinator = wait_until_said(K_UNKNOWN_MEMBER_ID);
    form();
    for (int times = atoi(argv[4]); times > 0; times--) {
        say(coordinator);
        lose_a_coordinator(&coordinator);
        if (fgets(line, sizeof line, stdin) == NULL)
            fail("nobody said to go on");
        coordinator = wait_until_said(0);
    }
    disconnect();
    return 0;
}
