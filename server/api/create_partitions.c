/* CreatePartitions: handed to the controller as it came. */
#include "server/api/controller.h"
#include "server/api/handlers.h"

void api_create_partitions(struct request *request)
{
    const Kairn__CreatePartitionsRequest *body = request->head->create_partitions;
    int code = 0;

    for (size_t i = 0; i < body->n_topics && code == 0; i++)
        code = authorise_topic(request->principal, OPERATION_ALTER, body->topics[i]->topic);
    controller_forward(request, code);
}
