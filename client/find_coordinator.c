#include "client/find_coordinator.h"

#include "client/cluster.h"
#include "client/handle.h"
#include "common/error.h"

int find_coordinator_build(const char *group, struct request *request)
{
    struct arena *arena = &request->arena;
    Kairn__FindCoordinatorRequest *body = arena_alloc(arena, sizeof *body);

    if (body == NULL)
        return K_NOMEM;
    kairn__find_coordinator_request__init(body);
    body->groups = arena_copy(arena, &group, sizeof group);
    body->n_groups = 1;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR;
    request->head.find_coordinator = body;
    return body->groups == NULL ? K_NOMEM : 0;
}

int find_coordinator_read(struct klient *klient, const Kairn__ResponseHead *head, int32_t *broker,
                          const Kairn__Error **error)
{
    if (head->find_coordinator->n_coordinators != 1)
        return K_MALFORMED;
    const Kairn__Coordinator *told = head->find_coordinator->coordinators[0];
    *error = told->error;
    if (head_error_code(told->error) != 0)
        return head_error_code(told->error);
    if (!cluster_learn_broker(klient->cluster, told->broker, told->host, told->port))
        return K_MALFORMED;
    *broker = told->broker;
    return 0;
}
