/* control_tickets.h - who waits for an answer of the core; for control_request.c, control_alter.c,
 * control_leaders.c, control_reassign.c, control_reports.c and control_known.c, and for
 * admin_requests.c. */
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

/* Answer the request as a whole, as soon as our picture has what the answer tells. */
void request_answer(struct control_request *request, int code, const char *message);
/* The same for an answer that is filled in: control_known.c decides when, and sends it. */
void known_send(struct control_request *request);
void request_send(struct control_request *request);

/* The body of an answer, and `count` pointers to messages in it (what repeated fields are made of):
 * initialised, in the arena. NULL when out of memory. */
void *message_new(struct arena *arena, const ProtobufCMessageDescriptor *kind);
void *messages_new(struct arena *arena, const ProtobufCMessageDescriptor *kind, size_t count);

/* Replica lists of a request as sets in its arena. 0, NOMEM or INVALID_REPLICA_ASSIGNMENT. */
int read_assignment(struct arena *arena, Kairn__ReplicaList *const *lists, size_t count,
                    struct replica_set **out);

/* control_alter.c: one item each of create_partitions and alter_configs; and the body of the
 * answer, NULL-safe: false when out of memory. */
void alter_item(struct control *control, struct control_request *request, size_t index);
size_t alter_count(const struct control_request *request);
bool alter_prepare(struct control_request *request);

/* control_leaders.c: update_isr, elect_leaders and drain. */
void leaders_serve(struct control *control, struct control_request *request);
/* Where the error of an item goes; NULL: the request is not one of them, or has no items. */
Kairn__Error **leaders_error(const struct waiter *waiter);
/* What the core said, beside the error, which item_answered() puts in its place. */
void leaders_answered(const struct waiter *waiter, const struct controller_effect *effect);

/* control_reassign.c: alter_reassignments and list_reassignments. */
void reassign_serve(struct control *control, struct control_request *request);
/* Where the error of an item goes; NULL: the request is not one of them. */
Kairn__Error **reassign_error(const struct waiter *waiter);

void leaders_drained(struct control_request *request, const struct controller_effect *effect);

/* control_reports.c: report_replicas. */
void report_serve(struct control *control, struct control_request *request);
/* Where the error of an item goes; NULL: the request is another. */
Kairn__Error **report_error(const struct waiter *waiter);

/* Each item by `serve_item`, which ends in item_answered() once; then the request is answered. */
void serve_items(struct control *control, struct control_request *request, size_t count,
                 void (*serve_item)(struct control *control, struct control_request *request,
                                    size_t index));

#endif
