/* admin_requests.c - what somebody wants and said so in ZooKeeper, as old tools of Kafka and zkCli
 * do: /admin/reassign_partitions and /admin/preferred_replica_election.
 *
 * Each node is served like a request of a client, by ourselves, and removed once that is answered:
 * a reassignment that has begun stands in the topics' records. What is refused, or makes no sense,
 * is logged and goes with the node, or it would be tried for ever. */
#include <stdlib.h>

#include "common/log.h"
#include "proto/head.h"
#include "server/runtime/control_tickets.h"
#include "zk/fence.h"

enum { PATIENCE_MS = 60000, RETRY_MS = 1000 };

struct asked {
    struct control_request request;
    struct control *control;
    struct admin_node *node;
    uint64_t life;
    int32_t version;                    /* of the node */
    struct arena arena;
    Kairn__RequestHead head;
    Kairn__ResponseHead response;
};

static const char *path_of(const struct admin_node *node)
{
    bool reassigns = node == &node->control->chair.admin_nodes[ADMIN_REASSIGN];

    return znode_row(reassigns ? ZNODE_REASSIGN : ZNODE_PREFERRED)->pattern;
}

static bool reassigns(const struct asked *asked)
{
    return asked->node == &asked->control->chair.admin_nodes[ADMIN_REASSIGN];
}

static void read_again_later(struct admin_node *node)
{
    node->wanted = true;
    timer_after(node->control->chair.retry, RETRY_MS);
}

static void finish(struct asked *asked)
{
    if (asked->life == asked->control->life)
        asked->node->busy = false;
    arena_fini(&asked->arena);
    free(asked);
}

static void removed(void *context, const struct zk_reply *reply)
{
    struct asked *asked = context;
    struct admin_node *node = asked->node;
    bool ours = asked->life == asked->control->life;

    finish(asked);
    if (ours && reply->code != 0 && reply->code != K_NOT_FOUND)
        read_again_later(node);         /* written anew, or out of reach */
}

static void remove_node(struct asked *asked)
{
    struct control *control = asked->control;
    struct admin_node *node = asked->node;
    const struct zk_op drop = { .kind = ZK_OP_DELETE,
                                .path = path_of(asked->node),
                                .version = asked->version };

    if (asked->life == control->life && control->chair.loaded &&
        zk_fenced(control->session, control->chair.epoch_version, &drop, 1, removed, asked) == 0)
        return;
    bool ours = asked->life == control->life && control->chair.loaded;
    finish(asked);
    if (ours)
        read_again_later(node);
}

static void tell(const struct asked *asked, const Kairn__TopicPartition *name,
                 const Kairn__Error *error)
{
    const char *what = reassigns(asked) ? "reassignment" : "preferred-leader";

    if (head_error_code(error) == 0)
        LOG_INFO("admin-request-served", "request=%s topic=%s partition=%u", what, name->topic,
                 name->partition);
    else
        LOG_WARN("admin-request-refused",
                 "request=%s topic=%s partition=%u code=%s reason=\"%s\"", what, name->topic,
                 name->partition, k_error_name(error->code), error->message);
}

static void answered(struct control_request *request)
{
    struct asked *asked = LIST_OWNER(request, struct asked, request);
    const Kairn__ResponseHead *response = &asked->response;

    if (request->code == 0 && reassigns(asked))
        for (size_t i = 0; i < response->alter_reassignments->n_results; i++)
            tell(asked, response->alter_reassignments->results[i]->partition,
                 response->alter_reassignments->results[i]->error);
    else if (request->code == 0)
        for (size_t i = 0; i < response->elect_leaders->n_results; i++)
            tell(asked, response->elect_leaders->results[i]->partition,
                 response->elect_leaders->results[i]->error);
    remove_node(asked);
}

static Kairn__TopicPartition *name_of(struct arena *arena, const struct znode_wish *wish)
{
    Kairn__TopicPartition *name = arena_alloc(arena, sizeof *name);

    if (name == NULL)
        return NULL;
    kairn__topic_partition__init(name);
    name->topic = (char *)wish->topic;
    name->partition = (uint32_t)wish->partition;
    return name;
}

static bool build_reassign(struct asked *asked, const struct znode_reassign *node)
{
    struct arena *arena = &asked->arena;
    Kairn__AlterReassignmentsRequest *body = arena_alloc(arena, sizeof *body);
    Kairn__Reassignment **rows = arena_calloc(arena, node->count + 1, sizeof *rows);

    if (body == NULL || rows == NULL)
        return false;
    kairn__alter_reassignments_request__init(body);
    body->partitions = rows;
    for (; body->n_partitions < node->count; body->n_partitions++) {
        const struct znode_wish *from = &node->wishes[body->n_partitions];
        Kairn__Reassignment *row = arena_alloc(arena, sizeof *row);
        Kairn__TopicPartition *name = name_of(arena, from);
        if (row == NULL || name == NULL)
            return false;
        kairn__reassignment__init(row);
        row->partition = name;
        row->replicas = (int32_t *)from->replicas.ids;
        row->n_replicas = (size_t)from->replicas.count;
        rows[body->n_partitions] = row;
    }
    asked->head.body_case = KAIRN__REQUEST_HEAD__BODY_ALTER_REASSIGNMENTS;
    asked->head.alter_reassignments = body;
    return true;
}

static bool build_preferred(struct asked *asked, const struct znode_reassign *node)
{
    struct arena *arena = &asked->arena;
    Kairn__ElectLeadersRequest *body = arena_alloc(arena, sizeof *body);
    Kairn__TopicPartition **rows = arena_calloc(arena, node->count + 1, sizeof *rows);

    if (body == NULL || rows == NULL)
        return false;
    kairn__elect_leaders_request__init(body);
    body->partitions = rows;
    for (; body->n_partitions < node->count; body->n_partitions++) {
        rows[body->n_partitions] = name_of(arena, &node->wishes[body->n_partitions]);
        if (rows[body->n_partitions] == NULL)
            return false;
    }
    asked->head.body_case = KAIRN__REQUEST_HEAD__BODY_ELECT_LEADERS;
    asked->head.elect_leaders = body;
    return true;
}

/* As if a client had sent it. Returns 0, CORRUPT or NOMEM. */
static int build(struct asked *asked, const struct zk_reply *reply, struct k_reason *reason)
{
    struct znode_reassign node = { 0 };
    int error = reassigns(asked) ? znode_decode_reassign(&asked->arena, reply->data, reply->size,
                                                         &node, reason)
                                 : znode_decode_preferred(&asked->arena, reply->data, reply->size,
                                                          &node, reason);

    kairn__request_head__init(&asked->head);
    kairn__response_head__init(&asked->response);
    if (error == 0 && !(reassigns(asked) ? build_reassign(asked, &node)
                                         : build_preferred(asked, &node)))
        error = K_NOMEM;
    return error;
}

static void got(void *context, const struct zk_reply *reply)
{
    struct admin_node *node = context;
    struct control *control = node->control;
    struct k_reason reason = { "" };

    if (!control->chair.loaded || node->busy || reply->code == K_NOT_FOUND)
        return;
    struct asked *asked = reply->code == 0 ? calloc(1, sizeof *asked) : NULL;
    if (asked == NULL) {
        read_again_later(node);
        return;
    }
    asked->control = control;
    asked->node = node;
    asked->life = control->life;
    asked->version = reply->stat.version;
    arena_init(&asked->arena, NULL, 0, SIZE_MAX);
    node->busy = true;
    int error = build(asked, reply, &reason);
    if (error == K_NOMEM) {
        finish(asked);
        read_again_later(node);
    } else if (error != 0) {
        LOG_ERROR("admin-request-unreadable", "path=%s reason=\"%s\"", path_of(node),
                  reason.text);
        remove_node(asked);
    } else {
        asked->request = (struct control_request){
            .answer_to = loop_mail_target(control->options.loop),
            .answered = answered,
            .head = &asked->head,
            .deadline_ms = control_now_ms(control) + PATIENCE_MS,
            .controller = -1,
            .arena = &asked->arena,
            .response = &asked->response,
        };
        request_serve(control, &asked->request);
    }
}

static void looked(void *context, const struct zk_reply *reply)
{
    struct admin_node *node = context;
    struct control *control = node->control;

    if (!control->chair.loaded || reply->code == K_NOT_FOUND)
        return;
    if (reply->code != 0 || zk_get(control->session, path_of(node), NULL, got, node) != 0)
        read_again_later(node);
}

static void read_node(struct admin_node *node)
{
    node->wanted = false;
    if (zk_exists(node->control->session, path_of(node), &node->watch, looked, node) != 0)
        read_again_later(node);
}

void admin_requests_read(struct control *control)
{
    for (int i = 0; i < ADMIN_NODES; i++)
        read_node(&control->chair.admin_nodes[i]);
}

void admin_requests_again(struct control *control)
{
    for (int i = 0; i < ADMIN_NODES; i++)
        if (control->chair.admin_nodes[i].wanted)
            read_node(&control->chair.admin_nodes[i]);
}

static void changed(struct zk_watch *watch, const char *path)
{
    struct admin_node *node = watch->context;

    (void)path;
    if (node->control->chair.loaded)
        read_node(node);
}

void admin_requests_init(struct control *control)
{
    for (int i = 0; i < ADMIN_NODES; i++) {
        struct admin_node *node = &control->chair.admin_nodes[i];
        *node = (struct admin_node){ .watch = { .fired = changed, .context = node },
                                     .control = control };
    }
}

/* One that is under way ends by itself. */
void admin_requests_forget(struct control *control)
{
    for (int i = 0; i < ADMIN_NODES; i++) {
        struct admin_node *node = &control->chair.admin_nodes[i];
        node->busy = node->wanted = false;
        zk_watch_cancel(control->session, &node->watch);
    }
}
