/* admin_replicas.c - who leads, and which brokers have replicas: elections and reassignments. */
#include <stdlib.h>

#include "client/admin_internal.h"
#include "client/ask.h"
#include "client/error.h"
#include "common/error.h"

struct klient_reassignments {
    Kairn__ResponseHead *head;          /* owned */
};

static Kairn__TopicPartition *name_partition(struct arena *arena, const char *topic,
                                             int32_t partition)
{
    Kairn__TopicPartition *name = arena_alloc(arena, sizeof *name);

    if (name == NULL)
        return NULL;
    kairn__topic_partition__init(name);
    name->topic = arena_strdup(arena, topic);
    name->partition = (uint32_t)partition;
    return name->topic != NULL ? name : NULL;
}

/* --- outcomes --------------------------------------------------------------------------------- */

/* Only when nothing at all was carried out does asking again make sense. */
static int judge_error(int code, bool *all)
{
    *all = *all && (code == K_NOT_CONTROLLER || code == K_BROKER_NOT_AVAILABLE);
    return code;
}

static int judge_elected(const Kairn__ResponseHead *head)
{
    const Kairn__ElectLeadersResponse *body = head->elect_leaders;
    bool all = true;
    int code = 0;

    for (size_t i = 0; i < body->n_results && all; i++)
        code = judge_error(head_error_code(body->results[i]->error), &all);
    return all ? code : 0;
}

static int judge_reassigned(const Kairn__ResponseHead *head)
{
    const Kairn__AlterReassignmentsResponse *body = head->alter_reassignments;
    bool all = true;
    int code = 0;

    for (size_t i = 0; i < body->n_results && all; i++)
        code = judge_error(head_error_code(body->results[i]->error), &all);
    return all ? code : 0;
}

/* Outcomes of partitions in the form of others: rows of names, numbers and errors that are the
 * head's. NULL when out of memory. */
struct outcomes {
    Kairn__TopicResult **rows;          /* the one block of all */
    Kairn__TopicResult *items;
    int32_t *numbers;
};

static bool outcomes_new(struct outcomes *outcomes, size_t count)
{
    outcomes->rows = calloc(1, (count + 1) * (sizeof(Kairn__TopicResult *) +
                                              sizeof(Kairn__TopicResult) + sizeof(int32_t)));
    if (outcomes->rows == NULL)
        return false;
    outcomes->items = (Kairn__TopicResult *)(outcomes->rows + count + 1);
    outcomes->numbers = (int32_t *)(outcomes->items + count + 1);
    return true;
}

static void outcomes_set(struct outcomes *outcomes, size_t index,
                         const Kairn__TopicPartition *partition, Kairn__Error *error)
{
    Kairn__TopicResult *item = &outcomes->items[index];

    kairn__topic_result__init(item);
    item->error = error;
    outcomes->numbers[index] = -1;
    if (partition != NULL) {
        item->name = partition->topic;
        outcomes->numbers[index] = (int32_t)partition->partition;
    }
    outcomes->rows[index] = item;
}

/* --- elections -------------------------------------------------------------------------------- */

static klient_code_t make_elected(struct task *task, struct product *out, klient_error_t **error)
{
    const Kairn__ElectLeadersRequest *asked = ask_body(task);
    Kairn__ResponseHead *head;
    struct outcomes outcomes;
    klient_code_t code = ask_unpack(task, &head, error);

    if (code != KLIENT_OK)
        return code;
    const Kairn__ElectLeadersResponse *body = head->elect_leaders;
    size_t count = body->n_results;
    if (!outcomes_new(&outcomes, count)) {
        kairn__response_head__free_unpacked(head, NULL);
        return fail(error, K_NOMEM, NULL);
    }
    for (size_t i = 0; i < count; i++)
        outcomes_set(&outcomes, i, body->results[i]->partition, body->results[i]->error);
    return admin_take_partitions(head, outcomes.rows, count,
                                 asked->all ? count : asked->n_partitions, outcomes.rows,
                                 outcomes.numbers, out, error);
}

static klient_code_t begin_elect(struct call *call, klient_admin_t *admin, klient_election_t kind,
                                 const klient_topic_partition_t *partitions, size_t count,
                                 int64_t timeout_ms, klient_error_t **error)
{
    bool all = partitions == NULL;
    int code = all ? admin_check(admin) : admin_check_partitions(admin, partitions, count);
    if (code != 0 || kind > KLIENT_ELECTION_UNCLEAN)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);

    struct ask *ask = ask_new(admin->klient, KAIRN__REQUEST_HEAD__BODY_ELECT_LEADERS,
                              &kairn__elect_leaders_request__descriptor);
    if (ask == NULL)
        return fail(error, K_NOMEM, NULL);
    Kairn__ElectLeadersRequest *body = ask->body;
    Kairn__TopicPartition **rows =
        arena_calloc(&ask->arena, all ? 1 : count, sizeof *rows);
    code = rows == NULL ? K_NOMEM : 0;
    for (size_t i = 0; code == 0 && !all && i < count; i++) {
        rows[i] = name_partition(&ask->arena, partitions[i].topic, partitions[i].partition);
        code = rows[i] == NULL ? K_NOMEM : 0;
    }
    if (code != 0) {
        ask_free(ask);
        return fail(error, code, NULL);
    }
    body->kind = (Kairn__ElectLeadersRequest__Kind)kind;
    body->all = all;
    body->partitions = rows;
    body->n_partitions = all ? 0 : count;
    ask->once = true;
    ask->judge = judge_elected;
    ask_call(ask, timeout_ms, make_elected, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_elect_leaders(klient_admin_t *admin, klient_election_t kind,
                                         const klient_topic_partition_t *partitions, size_t count,
                                         int64_t timeout_ms, klient_results_t **results,
                                         klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_elect(&call, admin, kind, partitions, count, timeout_ms, error);

    return code != KLIENT_OK ? code : admin_wait_results(&call, results, error);
}

klient_code_t klient_admin_elect_leaders_async(klient_admin_t *admin, klient_election_t kind,
                                               const klient_topic_partition_t *partitions,
                                               size_t count, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_elect(&call, admin, kind, partitions, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

/* --- reassignments ---------------------------------------------------------------------------- */

static int build_reassignment(struct arena *arena, const klient_reassignment_t *from,
                              Kairn__Reassignment **out)
{
    Kairn__Reassignment *to = arena_alloc(arena, sizeof *to);

    if (from == NULL || from->size < sizeof *from || from->topic == NULL || from->partition < 0 ||
        (from->replicas != NULL && from->replica_count == 0))
        return K_INVALID_ARGUMENT;
    if (to == NULL)
        return K_NOMEM;
    kairn__reassignment__init(to);
    to->partition = name_partition(arena, from->topic, from->partition);
    to->cancel = from->replicas == NULL;
    if (!to->cancel) {
        to->replicas =
            arena_copy(arena, from->replicas, from->replica_count * sizeof *from->replicas);
        to->n_replicas = from->replica_count;
    }
    *out = to;
    return to->partition == NULL || (!to->cancel && to->replicas == NULL) ? K_NOMEM : 0;
}

static klient_code_t make_reassigned(struct task *task, struct product *out,
                                     klient_error_t **error)
{
    const Kairn__AlterReassignmentsRequest *asked = ask_body(task);
    Kairn__ResponseHead *head;
    struct outcomes outcomes;
    klient_code_t code = ask_unpack(task, &head, error);

    if (code != KLIENT_OK)
        return code;
    const Kairn__AlterReassignmentsResponse *body = head->alter_reassignments;
    size_t count = body->n_results;
    if (!outcomes_new(&outcomes, count)) {
        kairn__response_head__free_unpacked(head, NULL);
        return fail(error, K_NOMEM, NULL);
    }
    for (size_t i = 0; i < count; i++)
        outcomes_set(&outcomes, i, body->results[i]->partition, body->results[i]->error);
    return admin_take_partitions(head, outcomes.rows, count, asked->n_partitions, outcomes.rows,
                                 outcomes.numbers, out, error);
}

static klient_code_t begin_reassign(struct call *call, klient_admin_t *admin,
                                    const klient_reassignment_t *const *reassignments,
                                    size_t count, int64_t timeout_ms, klient_error_t **error)
{
    int code = admin_check(admin);
    if (code != 0 || reassignments == NULL || count == 0)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);

    struct ask *ask = ask_new(admin->klient, KAIRN__REQUEST_HEAD__BODY_ALTER_REASSIGNMENTS,
                              &kairn__alter_reassignments_request__descriptor);
    if (ask == NULL)
        return fail(error, K_NOMEM, NULL);
    Kairn__AlterReassignmentsRequest *body = ask->body;
    Kairn__Reassignment **rows = arena_calloc(&ask->arena, count, sizeof *rows);
    code = rows == NULL ? K_NOMEM : 0;
    for (size_t i = 0; code == 0 && i < count; i++)
        code = build_reassignment(&ask->arena, reassignments[i], &rows[i]);
    if (code != 0) {
        ask_free(ask);
        return fail(error, code, NULL);
    }
    body->partitions = rows;
    body->n_partitions = count;
    ask->once = true;
    ask->judge = judge_reassigned;
    ask_call(ask, timeout_ms, make_reassigned, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_alter_reassignments(klient_admin_t *admin,
                                               const klient_reassignment_t *const *reassignments,
                                               size_t count, int64_t timeout_ms,
                                               klient_results_t **results, klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_reassign(&call, admin, reassignments, count, timeout_ms, error);

    return code != KLIENT_OK ? code : admin_wait_results(&call, results, error);
}

klient_code_t
klient_admin_alter_reassignments_async(klient_admin_t *admin,
                                       const klient_reassignment_t *const *reassignments,
                                       size_t count, int64_t timeout_ms, klient_queue_t *queue,
                                       void *opaque, klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_reassign(&call, admin, reassignments, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

static klient_code_t make_list(struct task *task, struct product *out, klient_error_t **error)
{
    Kairn__ResponseHead *head;
    klient_code_t code = ask_unpack(task, &head, error);

    if (code != KLIENT_OK)
        return code;
    klient_reassignments_t *list = calloc(1, sizeof *list);
    if (list == NULL) {
        kairn__response_head__free_unpacked(head, NULL);
        return fail(error, K_NOMEM, NULL);
    }
    list->head = head;
    *out = (struct product){ PRODUCT_REASSIGNMENTS, list };
    return KLIENT_OK;
}

static klient_code_t begin_list(struct call *call, klient_admin_t *admin, int64_t timeout_ms,
                                klient_error_t **error)
{
    int code = admin_check(admin);
    struct ask *ask =
        code != 0 ? NULL
                  : ask_new(admin->klient, KAIRN__REQUEST_HEAD__BODY_LIST_REASSIGNMENTS,
                            &kairn__list_reassignments_request__descriptor);

    if (ask == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    ask_call(ask, timeout_ms, make_list, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_list_reassignments(klient_admin_t *admin, int64_t timeout_ms,
                                              klient_reassignments_t **out,
                                              klient_error_t **error)
{
    struct call call;
    void *made;

    if (out == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    klient_code_t code = begin_list(&call, admin, timeout_ms, error);
    if (code == KLIENT_OK)
        code = call_wait(&call, &made, error);
    if (code == KLIENT_OK)
        *out = made;
    return code;
}

klient_code_t klient_admin_list_reassignments_async(klient_admin_t *admin, int64_t timeout_ms,
                                                    klient_queue_t *queue, void *opaque,
                                                    klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_list(&call, admin, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

size_t klient_reassignments_count(const klient_reassignments_t *list)
{
    return list->head->list_reassignments->n_partitions;
}

klient_code_t klient_reassignments_get(const klient_reassignments_t *list, size_t index,
                                       klient_reassignment_t *out)
{
    if (index >= klient_reassignments_count(list) || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    const Kairn__OngoingReassignment *from = list->head->list_reassignments->partitions[index];
    *out = (klient_reassignment_t){
        .size = out->size,
        .topic = from->partition != NULL ? from->partition->topic : "",
        .partition = from->partition != NULL ? (int32_t)from->partition->partition : -1,
        .replicas = from->replicas, .replica_count = from->n_replicas,
        .adding = from->adding, .adding_count = from->n_adding,
        .removing = from->removing, .removing_count = from->n_removing,
    };
    return KLIENT_OK;
}

void klient_reassignments_free(klient_reassignments_t *list)
{
    if (list == NULL)
        return;
    kairn__response_head__free_unpacked(list->head, NULL);
    free(list);
}
