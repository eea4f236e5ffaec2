/* control_tickets.h - who waits for an answer of the core; for control_request.c and
 * control_alter.c only. */
#ifndef RUNTIME_CONTROL_TICKETS_H
#define RUNTIME_CONTROL_TICKETS_H

#include "server/runtime/control_internal.h"

/* Who waits for a ticket of the core: a request, or a delete request found in ZooKeeper. */
struct waiter {
    struct control_request *request;
    size_t index;                       /* of the topic or resource within the request */
    struct delete_request *found;
};

uint64_t ticket_new(struct control *control, const struct waiter *who);    /* 0: no memory */

/* The item of the request has its outcome; the last one answers the request. `message` NULL: the
 * code's own. */
void item_answered(const struct waiter *waiter, int error, const char *message);

/* Answer the request as a whole. */
void request_answer(struct control_request *request, int code, const char *message);

/* `count` initialised results in the arena; NULL when out of memory. */
Kairn__TopicResult **results_new(struct arena *arena, size_t count);

/* Replica lists of a request as sets in its arena. 0, NOMEM or INVALID_REPLICA_ASSIGNMENT. */
int read_assignment(struct arena *arena, Kairn__ReplicaList *const *lists, size_t count,
                    struct replica_set **out);

/* control_alter.c: one item each of create_partitions and alter_configs; and the body of the
 * answer, NULL-safe: false when out of memory. */
void alter_item(struct control *control, struct control_request *request, size_t index);
size_t alter_count(const struct control_request *request);
bool alter_prepare(struct control_request *request);

#endif
