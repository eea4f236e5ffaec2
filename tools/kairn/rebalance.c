/* rebalance.c - kairn broker drain, kairn cluster rebalance. */
#include "tools/kairn/connect.h"
#include "tools/kairn/plans.h"

static int plan(const struct args *args, struct planner_task wishes)
{
    int64_t timeout_ms;
    int status;
    struct layout layout;
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);

    if (admin == NULL)
        return status;
    status = EXIT_FAILED;
    if (layout_read(args, admin, timeout_ms, true, &layout)) {
        status = plans_run(args, admin, timeout_ms, &layout, &wishes);
        layout_free(&layout);
    }
    klient_admin_close(admin);
    return status;
}

int broker_drain(const struct args *args)
{
    struct planner_replicas leaving;

    if (!layout_ids(args_operand(args, 0), &leaving))
        return command_misuse(args, "'%s' is no broker id", args_operand(args, 0));
    return plan(args, (struct planner_task){ .leaving = leaving.ids,
                                             .leaving_count = (size_t)leaving.count });
}

int cluster_rebalance(const struct args *args)
{
    return plan(args, (struct planner_task){ .spread = true });
}
