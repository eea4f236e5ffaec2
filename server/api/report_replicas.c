/* ReportReplicas: copies that brokers can not use; answered by this broker's control plane. */
#include "server/api/controller.h"
#include "server/api/handlers.h"

void api_report_replicas(struct request *request)
{
    controller_forward(request, authorise_cluster(request->principal, OPERATION_CLUSTER_ACTION));
}
