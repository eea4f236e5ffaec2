/* group_orders.c - what the application's thread asks of its group, and how the loop obeys. */
#include <stdlib.h>
#include <string.h>

#include "client/group_private.h"
#include "common/error.h"

struct settling {
    struct task task;
    struct list node;
    struct group *group;
};

enum group_order_kind { GROUP_SUBSCRIBE, GROUP_REACHED, GROUP_POLLED };

struct group_order {
    struct mail mail;
    enum group_order_kind kind;
    struct group *group;
    struct subscription *subscription;      /* referenced */
    uint64_t offer;
};

static void subscribe(struct group *group, struct subscription *subscription)
{
    subscription_unref(group->subscription);
    group->subscription = subscription;
    if (group_topics_reset(group) != 0)
        group_trouble(group, K_NOMEM);
    group_step_simple(group, MEMBERSHIP_SUBSCRIBED);
}

static void obey(struct mail *mail)
{
    struct group_order *order = LIST_OWNER(mail, struct group_order, mail);
    struct group *group = order->group;

    switch (order->kind) {
    case GROUP_SUBSCRIBE:
        subscribe(group, order->subscription);
        break;
    case GROUP_REACHED:
        group->reached = order->offer;
        group->reached_commit = group->commits.added;
        group_go_on(group);
        break;
    case GROUP_POLLED:
        group_step_simple(group, MEMBERSHIP_TICK);
        break;
    }
    free(order);
}

static struct group_order *order_new(struct group *group, enum group_order_kind kind)
{
    struct group_order *order = calloc(1, sizeof *order);

    if (order != NULL) {
        order->mail.deliver = obey;
        order->kind = kind;
        order->group = group;
    }
    return order;
}

int group_subscribe(struct group *group, struct subscription *subscription)
{
    struct group_order *order = order_new(group, GROUP_SUBSCRIBE);

    if (order == NULL)
        return K_NOMEM;
    order->subscription = subscription_ref(subscription);
    loop_post(group_klient(group)->loop, &order->mail);
    return 0;
}

int group_reached(struct group *group, uint64_t offer)
{
    struct group_order *order = order_new(group, GROUP_REACHED);

    if (order == NULL)
        return K_NOMEM;
    order->offer = offer;
    loop_post(group_klient(group)->loop, &order->mail);
    return 0;
}

void group_polled(struct group *group)
{
    struct group_order *order = order_new(group, GROUP_POLLED);

    if (order != NULL)              /* else: at the next poll */
        loop_post(group_klient(group)->loop, &order->mail);
}

struct unsubscribing { struct group *group; uint64_t losses; };

static bool leaves(const struct group *group)
{
    const struct config_values *values = group_values(group);

    return values->leave_on_close == LEAVE_ALWAYS ||
           (values->leave_on_close == LEAVE_DYNAMIC && values->group_instance_id == NULL);
}

/* As whom what was asked for up to now is committed. Without memory for the name it is not. */
static void set_left(struct group *group, const char *member, int32_t generation)
{
    free(group->left);
    group->left = member == NULL ? NULL : strdup(member);
    group->left_generation = generation;
    group->left_commit = group->commits.added;
}

static void unsubscribe(void *context)
{
    struct unsubscribing *request = context;
    struct group *group = request->group;

    if (group->subscription != NULL) {
        struct membership_event event = { .type = MEMBERSHIP_UNSUBSCRIBED,
                                          .unsubscribed = { .leave = leaves(group) } };
        set_left(group, group->member, group->membership.generation);
        group_step(group, &event);
        subscription_unref(group->subscription);
        group->subscription = NULL;
        group_lead_resign(group);
        partitions_clear(&group->held);
        partitions_clear(&group->assigned);
        group->reached = 0;
        group_trouble(group, 0);
        group_hand_over(group, NULL);
    } else if (!group->leave_due) {
        set_left(group, NULL, -1);        /* commits of partitions assigned by hand */
    }
    request->losses = group->losses;
}

uint64_t group_unsubscribe(struct group *group)
{
    struct unsubscribing request = { .group = group };

    task_call(group_klient(group), unsubscribe, &request);
    return request.losses;
}

void group_settled(struct group *group)
{
    bool busy = commits_pending(group, UINT64_MAX) || group->leave_due || group->leaving;

    if (busy && !group->stopping)
        return;
    for (struct list *node; (node = list_first(&group->settling)) != NULL;) {
        list_remove(node);
        task_done(&LIST_OWNER(node, struct settling, node)->task, group->auto_commit_code);
    }
}

static void start_settling(struct task *task)
{
    struct settling *settling = LIST_OWNER(task, struct settling, task);

    list_append(&settling->group->settling, &settling->node);
    group_go_on(settling->group);
}

static void settling_dispose(struct task *task)
{
    free(LIST_OWNER(task, struct settling, task));
}

int group_settle(struct group *group, int64_t deadline_ms)
{
    struct settling *settling = calloc(1, sizeof *settling);

    if (settling == NULL)
        return K_NOMEM;
    task_init(&settling->task, start_settling, settling_dispose);
    list_init(&settling->node);
    settling->group = group;
    task_start(&settling->task, group_klient(group));
    int code = task_wait(&settling->task, deadline_ms) ? settling->task.code
                                                       : K_REQUEST_TIMED_OUT;
    task_unref(&settling->task);
    return code;
}

void group_commit(struct group *group, struct commit *commit)
{
    commits_add(group, commit);
}

void group_ask_committed(struct group *group, struct committed_ask *ask)
{
    committed_start(&group->committed, ask);
}

void group_starts(struct group *group, struct assigned *assigned, int64_t offset)
{
    struct commit *commit = commit_new(group, assigned->losses, 1);
    klient_offset_t row = { .topic = assigned->topic, .partition = assigned->partition,
                            .offset = offset, .leader_epoch = -1 };

    if (commit == NULL)
        return;                     /* the next member looks it up again */
    commit->insists = true;
    commit->deadline_ms = group_now_ms(group) + group_values(group)->request_timeout_ms;
    if (commit_set(commit, 0, &row) == 0)
        commits_add(group, commit);
    else
        task_unref(&commit->task);
}
