/* AlterReassignments: handed to the controller as it came. */
#include "server/api/controller.h"
#include "server/api/handlers.h"

void api_alter_reassignments(struct request *request)
{
    controller_forward(request, authorise_cluster(request->principal, OPERATION_ALTER));
}
