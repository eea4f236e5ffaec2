/* ElectLeaders: handed to the controller as it came. */
#include "server/api/controller.h"
#include "server/api/handlers.h"

void api_elect_leaders(struct request *request)
{
    controller_forward(request, authorise_cluster(request->principal, OPERATION_ALTER));
}
