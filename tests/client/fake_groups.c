/* fake_groups.c - the coordinator of a fake broker: the broker's own rules (server/core/groups),
 * with storing that always succeeds at once. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/core/groups.h"
#include "tests/client/fake_private.h"

enum { STORING_MAX = 64, METADATA_MAX = 4096 };

struct fake_groups {
    struct fake *fake;
    struct groups *core;
    struct timer *timer;
    struct list tickets;
    uint64_t next_ticket;
    int coordinator;                /* index of a broker */
    int members;                    /* ids given out */
    uint64_t storing[STORING_MAX];
    size_t storing_count;
};

/* A request that the core has not answered yet. */
struct ticket {
    struct list node;
    uint64_t number, correlation;
    struct fake_conn *conn;
    Kairn__RequestHead__BodyCase body;
    size_t rows;                    /* of a commit; members that leave, */
    int *codes;                     /* and what became of the first so many of them */
    size_t told;
};

static void ticket_free(struct ticket *ticket)
{
    list_remove(&ticket->node);
    fake_conn_unref(ticket->conn);
    free(ticket->codes);
    free(ticket);
}

static struct ticket *ticket_find(struct fake_groups *groups, uint64_t number)
{
    LIST_EACH(&groups->tickets, node) {
        struct ticket *ticket = LIST_OWNER(node, struct ticket, node);
        if (ticket->number == number)
            return ticket;
    }
    return NULL;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void respond(struct fake_groups *groups, const struct groups_effect *effect)
{
    struct ticket *ticket = ticket_find(groups, effect->answer.ticket);
    struct arena *arena = &groups->fake->arena;
    Kairn__ResponseHead head = KAIRN__RESPONSE_HEAD__INIT;
    int error = effect->answer.error;

    if (ticket == NULL)
        return;                     /* it was sent away */
    if (ticket->codes != NULL) {
        ticket->codes[ticket->told++] = error;
        if (ticket->told < ticket->rows)
            return;
    }
    head.correlation = ticket->correlation;
    head.body_case = (int)ticket->body;
    if (error != 0)
        head.error = head_error(arena, error, effect->answer.reason);
    fake_group_answer(groups->fake, effect, ticket->rows, ticket->codes, &head);
    if (head.error == NULL)
        fake_group_spoil(groups->fake, &head);
    if (!ticket->conn->closed)
        fake_answer(ticket->conn, &head, NULL);
    ticket_free(ticket);
}

static void refuse(struct fake_conn *conn, Kairn__ResponseHead *head, int code)
{
    head->error = head_error(&conn->broker->fake->arena, code, NULL);
    fake_answer(conn, head, NULL);
}

/* --- the core --------------------------------------------------------------------------------- */

static void run_step(struct fake_groups *groups, struct groups_event *event)
{
    event->now_ms = event->wall_ms = loop_now_ms(groups->fake->loop);
    struct groups_effects effects = groups_step(groups->core, event);
    for (size_t i = 0; i < effects.count; i++) {
        const struct groups_effect *effect = &effects.items[i];
        if (effect->type == GROUPS_DO_ANSWER) {
            respond(groups, effect);
            continue;
        }
        assert(groups->storing_count < STORING_MAX);
        groups->storing[groups->storing_count++] = effect->store.token;
    }
}

static void step(struct fake_groups *groups, struct groups_event *event)
{
    run_step(groups, event);
    while (groups->storing_count > 0) {
        struct groups_event stored = { .type = GROUPS_STORED,
                                       .stored = { .token = groups->storing[0] } };
        memmove(groups->storing, groups->storing + 1,
                --groups->storing_count * sizeof groups->storing[0]);
        run_step(groups, &stored);
    }
    int64_t next_ms = groups_deadline_ms(groups->core);
    if (next_ms == INT64_MAX)
        timer_stop(groups->timer);
    else
        timer_at(groups->timer, next_ms);
}

static void fired(void *context)
{
    struct fake_groups *groups = context;

    arena_reset(&groups->fake->arena);
    step(groups, &(struct groups_event){ .type = GROUPS_TICK });
}

static void configure(struct fake_groups *groups)
{
    struct groups_options options = {
        .metadata_max = METADATA_MAX,
        .store_timeout_ms = 5000,
        .size_max = atomic_load(&groups->fake->faults.group_size_max),
    };

    step(groups, &(struct groups_event){ .type = GROUPS_CONFIGURED, .configured = &options });
}

/* --- requests --------------------------------------------------------------------------------- */

static const char *optional(const char *from)
{
    return from[0] == '\0' ? NULL : from;
}

static struct groups_asker asker(const struct ticket *ticket, const char *group, const char *member,
                                 const char *instance, int32_t generation)
{
    return (struct groups_asker){ ticket->number, group, member, optional(instance), generation };
}

static void join(struct fake_groups *groups, const struct ticket *ticket,
                 const Kairn__JoinGroupRequest *request)
{
    struct groups_protocol *protocols =
        arena_calloc(&groups->fake->arena, request->n_protocols + 1, sizeof *protocols);
    char id[32];

    configure(groups);
    snprintf(id, sizeof id, "member-%d", ++groups->members);
    for (size_t i = 0; i < request->n_protocols; i++)
        protocols[i] = (struct groups_protocol){
            request->protocols[i]->name,
            { request->protocols[i]->metadata.data, request->protocols[i]->metadata.len },
        };
    struct groups_event event = {
        .type = GROUPS_JOIN,
        .asker = asker(ticket, request->group, request->member, request->instance, -1),
        .join = { .new_id = id, .known_only = true, .client_id = "client", .client_host = "host",
                  .protocol_type = request->protocol_type,
                  .session_timeout_ms = (int32_t)request->session_timeout_ms,
                  .rebalance_timeout_ms = (int32_t)request->rebalance_timeout_ms,
                  .protocols = protocols, .protocol_count = request->n_protocols },
    };
    step(groups, &event);
}

static void sync(struct fake_groups *groups, const struct ticket *ticket,
                 const Kairn__SyncGroupRequest *request)
{
    struct groups_member *rows =
        arena_calloc(&groups->fake->arena, request->n_assignments + 1, sizeof *rows);

    for (size_t i = 0; i < request->n_assignments; i++) {
        rows[i].id = request->assignments[i]->member;
        rows[i].assignment = (struct groups_span){ request->assignments[i]->assignment.data,
                                                   request->assignments[i]->assignment.len };
    }
    struct groups_event event = {
        .type = GROUPS_SYNC,
        .asker = asker(ticket, request->group, request->member, request->instance,
                       request->generation),
        .sync = { .protocol_type = optional(request->protocol_type),
                  .protocol = optional(request->protocol),
                  .assignments = rows, .assignment_count = request->n_assignments },
    };
    step(groups, &event);
}

static void heartbeat(struct fake_groups *groups, const struct ticket *ticket,
                      const Kairn__HeartbeatRequest *request)
{
    struct groups_event event = {
        .type = GROUPS_HEARTBEAT,
        .asker = asker(ticket, request->group, request->member, request->instance,
                       request->generation),
        .heartbeat = { .wait_ms = request->wait_ms },
    };
    step(groups, &event);
}

static void leave(struct fake_groups *groups, struct ticket *ticket,
                  const Kairn__LeaveGroupRequest *request)
{
    size_t count = ticket->rows = request->n_members;

    ticket->codes = calloc(count, sizeof *ticket->codes);
    /* With the last answer the ticket goes. */
    for (size_t i = 0; i < count; i++) {
        struct groups_event event = {
            .type = GROUPS_LEAVE,
            .asker = asker(ticket, request->group, request->members[i]->member,
                           request->members[i]->instance, -1),
        };
        step(groups, &event);
    }
}

static void commit(struct fake_groups *groups, struct ticket *ticket,
                   const Kairn__OffsetCommitRequest *request)
{
    struct groups_offset *rows =
        arena_calloc(&groups->fake->arena, request->n_partitions + 1, sizeof *rows);

    ticket->rows = request->n_partitions;
    for (size_t i = 0; i < request->n_partitions; i++)
        rows[i] = (struct groups_offset){ .topic = request->partitions[i]->topic,
                                          .partition = (int32_t)request->partitions[i]->partition,
                                          .offset = request->partitions[i]->offset,
                                          .leader_epoch = request->partitions[i]->leader_epoch,
                                          .metadata = request->partitions[i]->metadata };
    struct groups_event event = {
        .type = GROUPS_COMMIT,
        .asker = asker(ticket, request->group, request->member, request->instance,
                       request->generation),
        .commit = { .offsets = rows, .count = request->n_partitions },
    };
    step(groups, &event);
}

static void delete_group(struct fake_groups *groups, const struct ticket *ticket,
                         const Kairn__DeleteGroupsRequest *request)
{
    struct groups_event event = {
        .type = GROUPS_DELETE,
        .asker = asker(ticket, request->groups[0], "", "", -1),
    };
    step(groups, &event);
}

static void forget_offsets(struct fake_groups *groups, struct ticket *ticket,
                           const Kairn__OffsetDeleteRequest *request)
{
    struct groups_offset *rows =
        arena_calloc(&groups->fake->arena, request->n_partitions + 1, sizeof *rows);

    ticket->rows = request->n_partitions;
    for (size_t i = 0; i < request->n_partitions; i++)
        rows[i] = (struct groups_offset){ .topic = request->partitions[i]->topic,
                                          .partition = (int32_t)request->partitions[i]->partition };
    struct groups_event event = {
        .type = GROUPS_FORGET,
        .asker = asker(ticket, request->group, "", "", -1),
        .forget = { .offsets = rows, .count = request->n_partitions },
    };
    step(groups, &event);
}

struct search { const char *topic; bool found; };

static void look_for_topic(void *context, const char *group, const struct groups_offset *offset)
{
    struct search *search = context;

    (void)group;
    search->found |= strcmp(offset->topic, search->topic) == 0;
}

static void fetch_offsets(struct fake_groups *groups, struct fake_conn *conn,
                          const Kairn__OffsetFetchRequest *request, Kairn__ResponseHead *head)
{
    struct arena *arena = &groups->fake->arena;
    Kairn__OffsetFetchResponse *body = NEW(arena, offset_fetch_response, OffsetFetchResponse);

    body->offsets = arena_calloc(arena, request->n_partitions + 1, sizeof(void *));
    for (size_t i = 0; i < request->n_partitions; i++) {
        Kairn__CommittedOffset *row = NEW(arena, committed_offset, CommittedOffset);
        struct search search = { .topic = request->partitions[i]->topic };
        struct groups_offset offset;
        groups_committed(groups->core, request->group, search.topic,
                         (int32_t)request->partitions[i]->partition, &offset);
        groups_offsets(groups->core, request->group, look_for_topic, &search);
        row->partition = request->partitions[i];
        row->offset = offset.offset;
        row->leader_epoch = offset.leader_epoch;
        row->metadata = fake_text(arena, offset.metadata);
        row->topic_known = search.found;
        body->offsets[body->n_offsets++] = row;
    }
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_OFFSET_FETCH;
    head->offset_fetch = body;
    fake_group_spoil(groups->fake, head);
    fake_answer(conn, head, NULL);
}

/* What a test wants this request to be refused with; 0: nothing. */
static int refusal(const struct fake_groups *groups, int body)
{
    struct fake_faults *faults = &groups->fake->faults;
    bool refused = body == atomic_load(&faults->group_refuse_body) &&
                   fake_use_up(&faults->group_refuse_count);

    return refused ? atomic_load(&faults->group_refuse_code) : 0;
}

static void find(struct fake_groups *groups, struct fake_conn *conn, Kairn__ResponseHead *head)
{
    int code = refusal(groups, KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR);
    struct fake *fake = groups->fake;
    struct arena *arena = &fake->arena;
    Kairn__FindCoordinatorResponse *body =
        NEW(arena, find_coordinator_response, FindCoordinatorResponse);
    Kairn__Coordinator *row = NEW(arena, coordinator, Coordinator);

    row->broker = groups->coordinator + 1;
    row->host = fake_text(arena, "127.0.0.1");
    row->port = listener_port(fake->brokers[groups->coordinator].listener);
    if (code != 0) {
        row->error = head_error(arena, code, NULL);
        row->broker = -1;
    }
    body->coordinators = arena_copy(arena, &row, sizeof row);
    body->n_coordinators = 1;
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_FIND_COORDINATOR;
    head->find_coordinator = body;
    fake_group_spoil(groups->fake, head);
    fake_answer(conn, head, NULL);
}

/* What no coordinator is needed for to refuse it. */
static int obstacle(const struct fake_groups *groups, const struct fake_conn *conn, int body)
{
    struct fake_faults *faults = &groups->fake->faults;
    int code = refusal(groups, body);

    if (code != 0)
        return code;
    if (conn->broker->id != groups->coordinator)
        return K_NOT_COORDINATOR;
    return atomic_load(&faults->group_loads) ? K_COORDINATOR_LOAD_IN_PROGRESS : 0;
}

static struct ticket *ticket_new(struct fake_groups *groups, struct fake_conn *conn,
                                 const Kairn__RequestHead *request)
{
    struct ticket *ticket = calloc(1, sizeof *ticket);

    assert(ticket != NULL);
    ticket->number = ++groups->next_ticket;
    ticket->correlation = request->correlation;
    ticket->conn = conn;
    ticket->body = request->body_case;
    conn->references++;
    list_append(&groups->tickets, &ticket->node);
    return ticket;
}

bool fake_group_serve(struct fake_conn *conn, const Kairn__RequestHead *request,
                      Kairn__ResponseHead *head)
{
    struct fake_groups *groups = conn->broker->fake->groups;
    int body = (int)request->body_case;

    if (body < KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR ||
        body > KAIRN__REQUEST_HEAD__BODY_OFFSET_DELETE)
        return false;
    if (body == KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR) {
        find(groups, conn, head);
        return true;
    }
    int code = obstacle(groups, conn, body);
    bool lists = body == KAIRN__REQUEST_HEAD__BODY_LIST_GROUPS;
    bool elsewhere = lists && code == K_NOT_COORDINATOR;
    if (code != 0 && !elsewhere) {
        refuse(conn, head, code);
        return true;
    }
    if (fake_group_look(&groups->fake->arena, elsewhere ? NULL : groups->core,
                        conn->broker->id + 1, request, head)) {
        fake_group_spoil(groups->fake, head);
        fake_answer(conn, head, NULL);
        return true;
    }
    if (body == KAIRN__REQUEST_HEAD__BODY_OFFSET_FETCH) {
        fetch_offsets(groups, conn, request->offset_fetch, head);
        return true;
    }
    struct ticket *ticket = ticket_new(groups, conn, request);
    switch (request->body_case) {
    case KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP: join(groups, ticket, request->join_group); break;
    case KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP: sync(groups, ticket, request->sync_group); break;
    case KAIRN__REQUEST_HEAD__BODY_HEARTBEAT: heartbeat(groups, ticket, request->heartbeat); break;
    case KAIRN__REQUEST_HEAD__BODY_LEAVE_GROUP: leave(groups, ticket, request->leave_group); break;
    case KAIRN__REQUEST_HEAD__BODY_DELETE_GROUPS:
        delete_group(groups, ticket, request->delete_groups);
        break;
    case KAIRN__REQUEST_HEAD__BODY_OFFSET_DELETE:
        forget_offsets(groups, ticket, request->offset_delete);
        break;
    default: commit(groups, ticket, request->offset_commit); break;
    }
    return true;
}

/* --- from the test ---------------------------------------------------------------------------- */

struct question {
    const char *group, *topic;
    int number, epoch;
    int64_t answer;
    int members, generation;
    enum group_state state;
    char *metadata;
};

static void do_coordinate(struct fake *fake, void *context)
{
    struct fake_groups *groups = fake->groups;

    groups->coordinator = *(int *)context;
    arena_reset(&fake->arena);
    for (struct list *node; (node = list_first(&groups->tickets)) != NULL;) {
        struct ticket *ticket = LIST_OWNER(node, struct ticket, node);
        Kairn__ResponseHead head = KAIRN__RESPONSE_HEAD__INIT;
        head.correlation = ticket->correlation;
        if (!ticket->conn->closed)
            refuse(ticket->conn, &head, K_NOT_COORDINATOR);
        ticket_free(ticket);
    }
}

void fake_set_coordinator(struct fake *fake, int broker)
{
    fake_on_loop(fake, do_coordinate, &broker);
}

static void describe(void *context, const struct groups_description *description)
{
    struct question *question = context;

    question->members = (int)description->member_count;
    question->generation = description->generation;
    question->state = description->state;
}

static void do_describe(struct fake *fake, void *context)
{
    struct question *question = context;
    groups_describe(fake->groups->core, question->group, describe, question);
}

static struct question description_of(struct fake *fake, const char *group)
{
    struct question question = { .group = group };

    fake_on_loop(fake, do_describe, &question);
    return question;
}

int fake_group_members(struct fake *fake, const char *group)
{
    return description_of(fake, group).members;
}

int fake_group_generation(struct fake *fake, const char *group)
{
    return description_of(fake, group).generation;
}

bool fake_group_stable(struct fake *fake, const char *group)
{
    return description_of(fake, group).state == GROUP_STABLE;
}

static void do_committed(struct fake *fake, void *context)
{
    struct question *question = context;
    struct groups_offset offset;

    groups_committed(fake->groups->core, question->group, question->topic, question->number,
                     &offset);
    question->answer = offset.offset;
    if (question->metadata != NULL)
        snprintf(question->metadata, 64, "%s", offset.metadata == NULL ? "" : offset.metadata);
}

int64_t fake_committed(struct fake *fake, const char *group, const char *topic, int partition,
                       char *metadata)
{
    struct question question = { .group = group, .topic = topic, .number = partition,
                                 .metadata = metadata };

    fake_on_loop(fake, do_committed, &question);
    return question.answer;
}

static void do_commit(struct fake *fake, void *context)
{
    struct question *question = context;
    struct groups_offset row = { .topic = question->topic, .partition = question->number,
                                 .offset = question->answer, .leader_epoch = question->epoch,
                                 .metadata = "" };
    struct groups_event event = {
        .type = GROUPS_COMMIT,
        .asker = { .ticket = ++fake->groups->next_ticket, .group = question->group, .member = "",
                   .generation = -1 },
        .commit = { .offsets = &row, .count = 1 },
    };

    arena_reset(&fake->arena);
    step(fake->groups, &event);
}

void fake_commit(struct fake *fake, const char *group, const char *topic, int partition,
                 int64_t offset)
{
    fake_commit_in_epoch(fake, group, topic, partition, offset, -1);
}

void fake_commit_in_epoch(struct fake *fake, const char *group, const char *topic, int partition,
                          int64_t offset, int epoch)
{
    fake_on_loop(fake, do_commit, &(struct question){ .group = group, .topic = topic,
                                                      .number = partition, .answer = offset,
                                                      .epoch = epoch });
}

/* --- life ------------------------------------------------------------------------------------- */

struct fake_groups *fake_groups_new(struct fake *fake)
{
    struct fake_groups *groups = calloc(1, sizeof *groups);

    assert(groups != NULL);
    groups->fake = fake;
    groups->core = groups_new(1);
    list_init(&groups->tickets);
    if (groups->core == NULL || timer_new(fake->loop, fired, groups, &groups->timer) != 0)
        abort();
    fake->groups = groups;
    configure(groups);
    step(groups, &(struct groups_event){ .type = GROUPS_GAINED, .gained = { .epoch = 1 } });
    step(groups, &(struct groups_event){ .type = GROUPS_LOADED, .loaded = { .epoch = 1 } });
    return groups;
}

void fake_groups_free(struct fake_groups *groups)
{
    for (struct list *node; (node = list_first(&groups->tickets)) != NULL;)
        ticket_free(LIST_OWNER(node, struct ticket, node));
    timer_free(groups->timer);
    groups_free(groups->core);
    free(groups);
}
