/* group_crowd - a large group whose members say much, over one connection and by hand.
 *
 *   group_crowd HOST:PORT,... GROUP MEMBERS BYTES
 *
 * One member forms the group, then all others come. The leader has to be told of everybody with
 * the BYTES that each says of itself, and assigns as many to each; everybody has to get its own.
 * Then it says so, reads a line, and asks whoever coordinates by then whether it knows them all.
 * Exit status 0: so it was. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/integration/group_wire.h"

struct member {
    char id[128];
    int32_t generation;
};

static struct member *members;              /* the first one leads */
static size_t count, bytes;
static char (*told)[128];                   /* ids, as the leader was told */
static uint8_t *blob;                       /* `bytes` long */

/* What a member is told or tells: its number, and much else. */
static ProtobufCBinaryData say(size_t index)
{
    memset(blob, 'x', bytes);
    snprintf((char *)blob, bytes, "%zu", index);
    return (ProtobufCBinaryData){.len = bytes, .data = blob};
}

static void send_join(size_t index)
{
    Kairn__GroupProtocol protocol = KAIRN__GROUP_PROTOCOL__INIT, *protocols[] = {&protocol};
    Kairn__JoinGroupRequest body = KAIRN__JOIN_GROUP_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;

    protocol.name = (char *)"crowd";
    protocol.metadata = say(index);
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

static void send_sync(size_t index, size_t assigned)
{
    Kairn__MemberAssignment *assignments = calloc(count, sizeof *assignments);
    Kairn__MemberAssignment **pointers = calloc(count, sizeof *pointers);
    Kairn__SyncGroupRequest body = KAIRN__SYNC_GROUP_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;

    for (size_t i = 0; i < assigned; i++) {
        pointers[i] = &assignments[i];
        kairn__member_assignment__init(&assignments[i]);
        assignments[i].member = told[i];
        assignments[i].assignment.len = bytes / 4;
        assignments[i].assignment.data = malloc(bytes);
        memcpy(assignments[i].assignment.data, say(i).data, bytes);
    }
    body.group = (char *)group;
    body.member = members[index].id;
    body.generation = members[index].generation;
    body.n_assignments = assigned;
    body.assignments = pointers;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP;
    head.sync_group = &body;
    send_request(&head, index + 1);
    for (size_t i = 0; i < assigned; i++)
        free(assignments[i].assignment.data);
    free(assignments);
    free(pointers);
}

static size_t next_answer(const Kairn__ResponseHead **answer, int expected)
{
    *answer = receive_answer();
    int code = *answer == NULL ? K_NETWORK_EXCEPTION : head_error_code((*answer)->error);

    if (code != expected)
        fail("%s%s%s", k_error_name(code), code != 0 ? ": " : "",
             *answer != NULL && (*answer)->error != NULL ? (*answer)->error->message : "");
    if ((*answer)->correlation < 1 || (*answer)->correlation > count)
        fail("an answer to nobody");
    return (*answer)->correlation - 1;
}

static void get_ids(size_t from, size_t to)
{
    const Kairn__ResponseHead *answer;

    for (size_t i = from; i < to; i++) {
        send_join(i);
        size_t index = next_answer(&answer, K_MEMBER_ID_REQUIRED);
        snprintf(members[index].id, sizeof members[index].id, "%s", answer->join_group->member);
    }
}

static void take_join(size_t expected)
{
    const Kairn__ResponseHead *answer;
    size_t index = next_answer(&answer, 0);
    const Kairn__JoinGroupResponse *body = answer->join_group;

    members[index].generation = body->generation;
    if (index != 0 && strcmp(body->leader, members[0].id) != 0)
        fail("%s leads", body->leader);
    if (body->n_members != (index == 0 ? expected : 0))
        fail("member %zu is told of %zu members", index, body->n_members);
    for (size_t i = 0; i < body->n_members; i++) {
        if (body->members[i]->metadata.len != bytes)
            fail("a member says %zu bytes", body->members[i]->metadata.len);
        snprintf(told[i], sizeof told[i], "%s", body->members[i]->member);
    }
}

static void take_assignment(void)
{
    const Kairn__ResponseHead *answer;
    size_t index = next_answer(&answer, 0);
    const ProtobufCBinaryData *own = &answer->sync_group->assignment;
    size_t row = own->len > 0 ? (size_t)atoi((const char *)own->data) : count;

    if (own->len != bytes / 4 || row >= count || strcmp(told[row], members[index].id) != 0)
        fail("member %zu is assigned %zu bytes of another", index, own->len);
}

static void form(void)
{
    get_ids(0, 1);
    send_join(0);
    take_join(1);
    send_sync(0, 1);
    take_assignment();
    get_ids(1, count);
    for (size_t i = 1; i < count; i++)
        send_join(i);
    send_join(0);
    for (size_t i = 0; i < count; i++)
        take_join(count);
    for (size_t i = 0; i < count; i++)
        send_sync(i, i == 0 ? count : 0);
    for (size_t i = 0; i < count; i++)
        take_assignment();
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

static int32_t find_again(void)
{
    int64_t until_ms = now_ms() + PATIENCE_MS;

    for (;;) {
        int32_t coordinator = find_coordinator();
        int code = beat(&members[0]);
        if (code == 0)
            return coordinator;
        if (!is_forgiven(code) || now_ms() > until_ms)
            fail("heartbeat: %s", k_error_name(code));
        poll(NULL, 0, AGAIN_MS);
    }
}

int main(int argc, char **argv)
{
    char line[16];
    int code;

    if (argc != 5)
        fail("usage: group_crowd HOST:PORT,... GROUP MEMBERS BYTES");
    bootstrap = argv[1];
    group = argv[2];
    count = (size_t)atoi(argv[3]);
    bytes = (size_t)atoi(argv[4]);
    members = calloc(count, sizeof *members);
    told = calloc(count, sizeof *told);
    blob = malloc(bytes);
    int32_t coordinator = find_coordinator();
    while (is_forgiven(code = beat(&members[0])))
        poll(NULL, 0, AGAIN_MS);            /* it loads */
    if (code != K_UNKNOWN_MEMBER_ID)
        fail("heartbeat: %s", k_error_name(code));
    form();
    printf("coordinator %d generation %d members %zu\n", (int)coordinator,
           (int)members[0].generation, count);
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        fail("nobody said to go on");
    coordinator = find_again();
    for (size_t i = 0; i < count; i++)
        if (beat(&members[i]) != 0)
            fail("coordinator %d does not know member %zu", (int)coordinator, i);
    printf("coordinator %d knows them\n", (int)coordinator);
    disconnect();
    free(members);
    free(told);
    free(blob);
    return 0;
}
