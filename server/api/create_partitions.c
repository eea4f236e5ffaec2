/* CreatePartitions: handed to the controller as it came. */
#include <string.h>

#include "common/error.h"
#include "server/api/controller.h"
#include "server/api/handlers.h"
#include "server/runtime/group_place.h"

void api_create_partitions(struct request *request)
{
    const Kairn__CreatePartitionsRequest *body = request->head->create_partitions;
    int code = 0;

    for (size_t i = 0; i < body->n_topics && code == 0; i++) {
        code = authorise_topic(request->principal, OPERATION_ALTER, body->topics[i]->topic);
        if (code == 0 && strcmp(body->topics[i]->topic, OFFSETS_TOPIC) == 0) {
            request_fail(request, K_INVALID_PARTITIONS,
                         "groups would be looked for in other partitions than they are in: those "
                         "of " OFFSETS_TOPIC " stay as many as they are");
            return;
        }
    }
    controller_forward(request, code);
}
