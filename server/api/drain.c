/* Drain: a broker is about to stop; answered by the control plane of this broker. */
#include "server/api/controller.h"
#include "server/api/handlers.h"

void api_drain(struct request *request)
{
    controller_forward(request, authorise_cluster(request->principal, OPERATION_CLUSTER_ACTION));
}
