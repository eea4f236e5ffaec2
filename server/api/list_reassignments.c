/* ListReassignments: only the controller knows what is under way. */
#include "server/api/controller.h"
#include "server/api/handlers.h"

void api_list_reassignments(struct request *request)
{
    controller_forward(request, authorise_cluster(request->principal, OPERATION_DESCRIBE));
}
