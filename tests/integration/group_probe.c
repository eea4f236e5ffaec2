/* group_probe - three members of a consumer group, over sockets and by hand: no library in between
 * that could make good what a broker does wrong.
 *
 *   group_probe HOST:PORT,... GROUP TOPIC TIMES
 *   group_probe HOST:PORT,... --offsets GROUP
 *   group_probe HOST:PORT,... --import GROUP
 *
 * The latter two ask a coordinator once: what it has, and to import what stands in ZooKeeper.
 *
 * They join, share partitions 0 to 2 of the topic, say who coordinates and in which generation, and
 * commit until they lose that coordinator. Whoever coordinates next must know every member, in the
 * same generation, and of every partition an offset that was sent, and not an older one than was
 * confirmed; only "not here", "not yet" and lost connections are forgiven, for a while. Then it
 * says how long that took, and what is committed, reads a line, and begins again, as many times as
 * it was told. Exit status 0: so it was. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/chain.h"
#include "common/endian.h"
#include "common/error.h"
#include "proto/frame.h"
#include "proto/greeting.h"
#include "proto/head.h"

enum { MEMBERS = 3, PATIENCE_MS = 30000, ANSWER_MAX = 1 << 20, AGAIN_MS = 20 };

struct member {
    char id[256];
    int32_t generation;
    bool leads;
    char assignment[64];
    int64_t sent, confirmed;                /* offsets */
};

static struct member members[MEMBERS];
static char member_ids[MEMBERS][256];       /* as the leader was told */
static const char *bootstrap, *group, *topic;
static int fd = -1;
static struct arena arena;                  /* of the last answer */

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "group_probe: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- frames ----------------------------------------------------------------------------------- */

static void disconnect(void)
{
    if (fd >= 0)
        close(fd);
    fd = -1;
}

/* False, and no connection any more. */
static bool transfer(void *bytes, size_t size, bool receives)
{
    for (size_t done = 0; done < size && fd >= 0;) {
        ssize_t more = receives ? recv(fd, (char *)bytes + done, size - done, 0)
                                : send(fd, (char *)bytes + done, size - done, MSG_NOSIGNAL);
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            disconnect();
        else
            done += (size_t)more;
    }
    return fd >= 0;
}

static bool greet(void)
{
    const struct greeting_client client = {.lowest = 1, .highest = 1, .loop = 0xffff};
    uint8_t ours[GREETING_CLIENT_SIZE], theirs[GREETING_BROKER_SIZE];

    greeting_client_write(&client, ours);
    return transfer(ours, sizeof ours, false) && transfer(theirs, sizeof theirs, true);
}

static bool connect_to(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    const struct timeval limit = {.tv_sec = PATIENCE_MS / 1000};
    struct addrinfo *found;

    disconnect();
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return false;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, found->ai_addr, found->ai_addrlen) != 0)
        disconnect();
    freeaddrinfo(found);
    return fd >= 0 && greet();
}

static void send_request(Kairn__RequestHead *head, uint64_t correlation)
{
    struct chain chain;

    head->correlation = correlation;
    head->client_id = (char *)"probe";
    head->timeout_ms = PATIENCE_MS;
    chain_init(&chain);
    if (head_pack_request(head, 0, &chain) != 0)
        fail("a request can not be packed");
    for (struct chain_piece *piece; (piece = chain_pop(&chain)) != NULL; chain_piece_free(piece))
        transfer((void *)piece->bytes, piece->size, false);
}

/* The next answer, valid until the one after; NULL: the connection is gone. */
static const Kairn__ResponseHead *receive_answer(void)
{
    static uint8_t bytes[ANSWER_MAX];
    Kairn__ResponseHead *head;
    struct frame frame;

    if (!transfer(bytes, 4, true))
        return NULL;
    size_t size = load_u32(bytes) + 4;
    if (size > sizeof bytes)
        fail("an answer of %zu bytes", size);
    if (!transfer(bytes + 4, size - 4, true))
        return NULL;
    arena_reset(&arena);
    if (frame_split(bytes, size, &frame) != 0 ||
        head_unpack_response(frame.head, frame.head_size, &arena, &head) != 0)
        fail("an answer that can not be read");
    return head;
}

/* Ask and wait; the code, NETWORK_EXCEPTION without a connection. */
static int ask(Kairn__RequestHead *head, const Kairn__ResponseHead **answer)
{
    send_request(head, 1);
    *answer = receive_answer();
    return *answer == NULL ? K_NETWORK_EXCEPTION : head_error_code((*answer)->error);
}

static bool is_forgiven(int code)
{
    return code == K_NETWORK_EXCEPTION || code == K_NOT_COORDINATOR ||
           code == K_COORDINATOR_NOT_AVAILABLE || code == K_COORDINATOR_LOAD_IN_PROGRESS;
}

/* --- the coordinator -------------------------------------------------------------------------- */

/* Ask who coordinates whoever the connection goes to; -1: not known. */
static int32_t find(char *host, size_t host_size, char *port, size_t port_size)
{
    char *groups[] = {(char *)group};
    Kairn__FindCoordinatorRequest body = KAIRN__FIND_COORDINATOR_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    const Kairn__ResponseHead *answer;

    body.n_groups = 1;
    body.groups = groups;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR;
    head.find_coordinator = &body;
    if (ask(&head, &answer) != 0)
        return -1;
    const Kairn__Coordinator *coordinator = answer->find_coordinator->coordinators[0];
    if (head_error_code(coordinator->error) != 0)
        return -1;
    snprintf(host, host_size, "%s", coordinator->host);
    snprintf(port, port_size, "%u", coordinator->port);
    return coordinator->broker;
}

/* Connect to the coordinator, by way of any broker that answers. */
static int32_t find_once(void)
{
    char list[512], host[256], port[16], *rest = list;

    snprintf(list, sizeof list, "%s", bootstrap);
    for (char *broker = strtok_r(list, ",", &rest); broker != NULL;
         broker = strtok_r(NULL, ",", &rest)) {
        char *colon = strrchr(broker, ':');
        if (colon == NULL)
            fail("not host:port: %s", broker);
        *colon = '\0';
        if (!connect_to(broker, colon + 1))
            continue;
        int32_t id = find(host, sizeof host, port, sizeof port);
        if (id >= 0 && connect_to(host, port))
            return id;
    }
    return -1;
}

static int32_t find_coordinator(void)
{
    int64_t until_ms = now_ms() + PATIENCE_MS;
    int32_t id;

    while ((id = find_once()) < 0) {
        if (now_ms() > until_ms)
            fail("nobody coordinates %s", group);
        poll(NULL, 0, AGAIN_MS);
    }
    return id;
}

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
        if (offset < member->confirmed || offset > member->sent)
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

static void import(void)
{
    Kairn__ImportOffsetsRequest body = KAIRN__IMPORT_OFFSETS_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    const Kairn__ResponseHead *answer;

    body.group = (char *)group;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_IMPORT_OFFSETS;
    head.import_offsets = &body;
    int code = ask(&head, &answer);
    if (code != 0)
        fail("import: %s", k_error_name(code));
    for (size_t i = 0; i < answer->import_offsets->n_offsets; i++) {
        const Kairn__ImportedOffset *offset = answer->import_offsets->offsets[i];
        code = head_error_code(offset->error);
        printf("%s %s %lld %s%s%s\n", offset->topic, offset->partition,
               (long long)offset->offset, code != 0 ? k_error_name(code) : "ok",
               code != 0 ? ": " : "", code != 0 ? offset->error->message : "");
    }
}

static int ask_once(const char *question)
{
    bool imports = strcmp(question, "--import") == 0;

    find_coordinator();
    if (imports)
        import();
    else
        say_offsets();
    disconnect();
    arena_fini(&arena);
    return 0;
}

int main(int argc, char **argv)
{
    char line[16];

    if (argc == 4) {
        bootstrap = argv[1];
        group = argv[3];
        arena_init(&arena, NULL, 0, SIZE_MAX);
        return ask_once(argv[2]);
    }
    if (argc != 5)
        fail("usage: group_probe HOST:PORT,... GROUP TOPIC TIMES");
    bootstrap = argv[1];
    group = argv[2];
    topic = argv[3];
    arena_init(&arena, NULL, 0, SIZE_MAX);
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
    arena_fini(&arena);
    return 0;
}
