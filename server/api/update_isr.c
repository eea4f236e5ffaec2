/* UpdateIsr: leaders propose in-sync sets; answered by the control plane of this broker. */
#include "server/api/controller.h"
#include "server/api/handlers.h"

void api_update_isr(struct request *request)
{
    controller_forward(request, authorise_cluster(request->principal, OPERATION_CLUSTER_ACTION));
}
