/* FindCoordinator: the leader of the partition of __consumer_offsets that a group belongs to. The
 * topic is made when it is first asked for. */
#include "common/error.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/request.h"
#include "server/runtime/group_place.h"
#include "server/runtime/metadata.h"
#include "server/runtime/offsets_topic.h"

static const char too_early[] = "not all brokers can coordinate groups yet: upgrade those that "
                                "can not, and take coordination.version out of feature.level.max";

struct finding {
    struct request *request;
    struct offsets_topic_wait wait;
    struct shard_deadline deadline;
};

/* The error is set when nobody leads, or not where the asker could reach it. */
static int find(const struct request *request, const char *group, Kairn__Coordinator *out)
{
    const struct metadata *picture = shard_picture(request->shard);
    const struct metadata_topic *topic = metadata_topic_by_name(picture, OFFSETS_TOPIC);
    int code = group_check(request, group, OPERATION_DESCRIBE);

    if (code != 0)
        return code;
    if (topic == NULL || topic->partition_count < 1)
        return K_COORDINATOR_NOT_AVAILABLE;
    int32_t place = group_place(group, topic->partition_count);
    const struct metadata_broker *broker =
        metadata_broker(picture, topic->partitions[place].leader);
    const struct metadata_endpoint *endpoint =
        broker != NULL ? hint_endpoint(request, broker) : NULL;
    if (endpoint == NULL)
        return K_COORDINATOR_NOT_AVAILABLE;
    out->broker = broker->id;
    out->host = (char *)endpoint->host;
    out->port = endpoint->port;
    out->loop = (uint32_t)metadata_loop_of(&topic->id, place, broker->loops);
    return 0;
}

static void answer(struct request *request)
{
    const Kairn__FindCoordinatorRequest *asked = request->head->find_coordinator;
    Kairn__FindCoordinatorResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__Coordinator *coordinators =
        request_messages(request, asked->n_groups, sizeof *coordinators, &pointers);

    if (body == NULL || coordinators == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__find_coordinator_response__init(body);
    for (size_t i = 0; i < asked->n_groups; i++) {
        kairn__coordinator__init(&coordinators[i]);
        coordinators[i].broker = -1;
        int code = find(request, asked->groups[i], &coordinators[i]);
        bool early = code == K_COORDINATOR_NOT_AVAILABLE && !group_is_served(request);
        if (code != 0)
            coordinators[i].error = hint_code(request, code, early ? too_early : NULL);
    }
    body->n_coordinators = asked->n_groups;
    body->coordinators = (Kairn__Coordinator **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_FIND_COORDINATOR;
    request->response.find_coordinator = body;
    request_finish(request);
}

/* --- until the topic is there ----------------------------------------------------------------- */

static void stop_waiting(struct finding *finding)
{
    struct request *request = finding->request;

    request->hurry = NULL;
    offsets_topic_leave(&finding->wait);
    shard_deadline_clear(request->shard, &finding->deadline);
    answer(request);
}

static void ready(struct offsets_topic_wait *wait, int code)
{
    (void)code;                         /* the picture has it, or not */
    stop_waiting(LIST_OWNER(wait, struct finding, wait));
}

static void waited_enough(struct shard_deadline *deadline)
{
    stop_waiting(LIST_OWNER(deadline, struct finding, deadline));
}

static void hurry(struct request *request)
{
    stop_waiting(request->waiter);
}

void api_find_coordinator(struct request *request)
{
    struct finding *finding = arena_calloc(&request->arena, 1, sizeof *finding);

    if (finding == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    finding->request = request;
    if (!group_is_served(request)) {
        answer(request);                /* nobody, and no topic is made */
        return;
    }
    finding->wait.ready = ready;
    shard_deadline_init(&finding->deadline, waited_enough);
    if (shard_deadline_set(request->shard, &finding->deadline, request_deadline_ms(request)) != 0) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    request->waiter = finding;
    request->hurry = hurry;
    offsets_topic_want(request->shard, &finding->wait);
}
