/* group.c - carries out what membership.c orders, and keeps what it knows nothing of: ids, names
 * and partitions. */
#include "client/group.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "client/group_private.h"
#include "common/error.h"
#include "common/log.h"

enum { WATCH_MS = 1000 };           /* how often a leader looks for new topics and partitions */

/* --- offers ----------------------------------------------------------------------------------- */

struct offer *offer_new(void)
{
    struct offer *offer = calloc(1, sizeof *offer);

    if (offer != NULL)
        partitions_init(&offer->partitions);
    return offer;
}

void offer_free(struct offer *offer)
{
    if (offer == NULL)
        return;
    partitions_fini(&offer->partitions);
    free(offer->member);
    free(offer);
}

int group_set_text(char **to, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL)
        return K_NOMEM;
    free(*to);
    *to = copy;
    return 0;
}

void group_hand_over(struct group *group, struct offer *offer)
{
    struct klient_consumer *consumer = group->consumer;

    spin_lock(&consumer->spin);
    struct offer *former = consumer->offered;
    consumer->offered = offer;
    spin_unlock(&consumer->spin);
    offer_free(former);
    if (offer != NULL)
        consumer_notify(consumer);
}

static void make_offer(struct group *group, uint64_t number, enum membership_offer what)
{
    struct offer *offer = offer_new();
    int code = offer == NULL ? K_NOMEM : group_set_text(&offer->member, group->member);

    if (what == OFFER_LOST) {
        group->losses++;
        partitions_clear(&group->held);
        partitions_clear(&group->assigned);
    }
    if (code == 0 && what == OFFER_ASSIGNMENT) {
        code = partitions_unite(&offer->partitions, &group->assigned);
        if (code == 0)
            code = partitions_unite(&group->held, &group->assigned);
    }
    if (code != 0) {
        /* The coordinator gives up a member that does not go on, and what follows is offered. */
        LOG_ERROR("offer-lost", "group=%s error=%s", group->coordinator.group, k_error_name(code));
        offer_free(offer);
        return;
    }
    offer->number = number;
    offer->what = what;
    offer->losses = group->losses;
    offer->generation = group->membership.generation;
    group->offered = what;
    group_hand_over(group, offer);
}

void group_trouble(struct group *group, int code)
{
    struct klient_consumer *consumer = group->consumer;

    spin_lock(&consumer->spin);
    consumer->trouble = code;
    if (code == K_ASSIGNOR_FAILED)
        consumer->refusal = group->refusal;
    spin_unlock(&consumer->spin);
    if (code != 0)
        consumer_notify(consumer);
}

/* --- orders of the core ----------------------------------------------------------------------- */

static void join(struct group *group, uint64_t round)
{
    group->join_round = round;
    group->join_due = true;
    group_topics_look(group);
}

static void try_leave(struct group *group)
{
    if (!group->leave_due || commits_pending(group, group->left_commit))
        return;
    group->leave_due = false;
    if (group->left != NULL && group->left[0] != '\0')
        group_ask_leave(group);
}

static void become_left(struct group *group)
{
    free(group->left);
    group->left = strdup(group->member);        /* without memory: its session ends */
    group->leave_due = true;
    group_go_on(group);
}

static void carry_out(struct group *group, const struct membership_effect *effect)
{
    switch (effect->type) {
    case MEMBERSHIP_DO_FIND:
        coordinator_find(&group->coordinator);
        break;
    case MEMBERSHIP_DO_JOIN:
        join(group, effect->round);
        break;
    case MEMBERSHIP_DO_DECIDE:
        group_lead_decide(group, effect->round);
        break;
    case MEMBERSHIP_DO_SYNC:
        group_ask_sync(group, effect->round, effect->sync.assigns);
        break;
    case MEMBERSHIP_DO_BEAT:
        group_ask_beat(group, effect->round, effect->beat.wait_ms);
        break;
    case MEMBERSHIP_DO_LEAVE:
        become_left(group);
        break;
    case MEMBERSHIP_DO_FORGET_ID:
        group->member[0] = '\0';
        group->commits.as_member = false;
        break;
    case MEMBERSHIP_DO_CANCEL:
        group->join_due = group->lead.decides = false;
        group_cancel(group);
        break;
    case MEMBERSHIP_DO_OFFER:
        make_offer(group, effect->offer.number, effect->offer.what);
        break;
    case MEMBERSHIP_DO_TELL:
        LOG_WARN("group-trouble", "group=%s member=%s error=%s", group->coordinator.group,
                 group->member, k_error_name(effect->tell.code));
        group_trouble(group, effect->tell.code);
        /* That the coordinator is away is a trouble of its own. */
        if (!coordinator_is_elsewhere(effect->tell.code))
            troubles_of_group(&group->consumer->troubles, TROUBLE_JOIN_FAILING,
                              group->coordinator.group, effect->tell.code);
        break;
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static int64_t away_since(const struct group *group)
{
    return atomic_load(&group->consumer->away_since_ms);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void plan(struct group *group)
{
    int64_t away_ms = away_since(group);
    int64_t next_ms = membership_deadline_ms(&group->membership, away_ms);

    /* It may leave poll at any moment, and tells nobody. */
    if (away_ms == MEMBERSHIP_INSIDE && group->subscription != NULL)
        next_ms = earlier(next_ms, group_now_ms(group) + group_values(group)->poll_interval_ms_max);
    next_ms = earlier(next_ms, group->auto_commit_ms);
    if (group->membership.phase == MEMBER_STABLE)
        next_ms = earlier(next_ms, group->watch_ms);
    if (group->lead.decides)
        next_ms = earlier(next_ms, group->lead.patience_ms);
    if (next_ms == INT64_MAX)
        timer_stop(group->timer);
    else
        timer_at(group->timer, next_ms);
}

static void entered(struct group *group, enum membership_phase before)
{
    enum membership_phase phase = group->membership.phase;

    if (phase == MEMBER_OUT)
        coordinator_not_needed(&group->coordinator);
    if (phase == MEMBER_STABLE || phase == MEMBER_OUT)
        troubles_of_group_over(&group->consumer->troubles, TROUBLE_JOIN_FAILING,
                               group->coordinator.group);
    if (phase == MEMBER_STABLE) {
        group_trouble(group, 0);
        group->watch_ms = group_now_ms(group) + WATCH_MS;
        commits_pump(group, true);
    }
    if (phase == MEMBER_AWAY)
        LOG_WARN("max-poll-interval-exceeded", "group=%s limit_ms=%d", group->coordinator.group,
                 (int)group_values(group)->poll_interval_ms_max);
    if (phase == MEMBER_AWAY || before == MEMBER_AWAY)
        atomic_store(&group->consumer->missed, phase == MEMBER_AWAY);
}

void group_step(struct group *group, struct membership_event *event)
{
    struct membership_effect effects[MEMBERSHIP_EFFECTS_MAX];
    enum membership_phase before = group->membership.phase;

    event->now_ms = group_now_ms(group);
    event->away_since_ms = away_since(group);
    struct membership_effects now = membership_step(&group->membership, event);
    memcpy(effects, now.items, now.count * sizeof *effects);
    for (size_t i = 0; i < now.count; i++)
        carry_out(group, &effects[i]);
    if (group->membership.phase != before)
        entered(group, before);
    group_go_on(group);
}

void group_step_simple(struct group *group, enum membership_event_type type)
{
    group_step(group, &(struct membership_event){ .type = type });
}

/* A leader sees to it that new partitions are read soon; others rely on it, but for topics that
 * only their own expression matches. */
static void watch(struct group *group)
{
    int64_t interval_ms = group->lead.leads ? WATCH_MS : group_values(group)->metadata_max_age_ms;

    group->watch_ms = group_now_ms(group) + interval_ms;
    if (group->subscription->pattern != NULL)
        group_topics_look(group);
    if (group->lead.leads)
        cluster_refresh(group_klient(group)->cluster);
}

static void fired(void *context)
{
    struct group *group = context;
    int64_t now_ms = group_now_ms(group);

    if (now_ms >= group->auto_commit_ms) {
        commits_automatic(group);
        group->auto_commit_ms = now_ms + group_values(group)->auto_commit_interval_ms;
    }
    if (group->membership.phase == MEMBER_STABLE && now_ms >= group->watch_ms)
        watch(group);
    group_step_simple(group, MEMBERSHIP_TICK);
}

/* --- what goes on at the end of a turn -------------------------------------------------------- */

void group_go_on(struct group *group)
{
    if (!group->stopping)
        loop_at_turn_end(group_klient(group)->loop, &group->hook);
}

void group_commits_done(struct group *group)
{
    if (group->stopping)
        return;
    if (group->reached != 0 && !commits_pending(group, group->reached_commit)) {
        struct membership_event event = { .type = MEMBERSHIP_REACHED,
                                          .reached = { .offer = group->reached } };
        if (group->reached == group->membership.offer) {
            /* What else it held is given up. Without memory it claims less than it holds. */
            partitions_clear(&group->held);
            if (group->offered == OFFER_ASSIGNMENT)
                (void)partitions_unite(&group->held, &group->assigned);
        }
        group->reached = 0;
        group_step(group, &event);
    }
    try_leave(group);
    group_settled(group);
}

/* The topics of the subscription are known, or not to be known. */
static void go_join(struct group *group)
{
    struct membership_event event = { .type = MEMBERSHIP_JOINED, .round = group->join_round,
                                      .code = group->names.code };

    group->join_due = false;
    if (event.code == 0)
        group_ask_join(group, group->join_round);
    else
        group_step(group, &event);
}

static void progress(struct turn_hook *hook)
{
    struct group *group = LIST_OWNER(hook, struct group, hook);

    if (group->join_due && !group->names.asking)
        go_join(group);
    if (group->lead.decides)
        group_lead_try(group);
    commits_pump(group, false);
    group_commits_done(group);
    plan(group);
}

void group_topics_learned(struct group *group, bool changed)
{
    if (changed && !group->join_due)
        group_step_simple(group, MEMBERSHIP_TOPICS_CHANGED);
    group_go_on(group);
}

static void metadata_changed(struct observer *observer)
{
    struct group *group = LIST_OWNER(observer, struct group, observer);

    group_lead_watch(group);
    if (group->lead.decides)
        group_go_on(group);
    else if (group->membership.phase == MEMBER_STABLE && group_lead_is_stale(group))
        group_step_simple(group, MEMBERSHIP_TOPICS_CHANGED);
}

static void found(void *context, int code)
{
    struct group *group = context;
    struct membership_event event = { .type = MEMBERSHIP_FOUND, .code = code };

    group_step(group, &event);
}

/* --- life ------------------------------------------------------------------------------------- */

int group_open(struct klient_consumer *consumer, struct group **out, klient_error_t **error)
{
    struct group *group = calloc(1, sizeof *group);
    struct k_reason reason;
    struct rand rand;

    if (group == NULL)
        return fail(error, K_NOMEM, NULL);
    map_init(&group->heard);
    group->consumer = consumer;
    const struct config_values *values = group_values(group);
    rand_seed_from_system(&rand);
    int code = strategy_read(&group->strategy, values->assignment_strategy,
                             &consumer->config->extensions, &reason);
    assert(code == 0);              /* the configuration has passed its check */
    struct membership_options options = {
        .session_ms = values->session_timeout_ms,
        .heartbeat_ms = values->heartbeat_interval_ms,
        .poll_interval_ms = values->poll_interval_ms_max,
        .backoff_ms = values->retry_backoff_ms,
        .backoff_max_ms = values->retry_backoff_max_ms,
        .cooperative = group->strategy.cooperative,
        .is_static = values->group_instance_id != NULL,
        .seed = rand_u64(&rand),
    };
    membership_init(&group->membership, &options);
    partitions_init(&group->assigned);
    partitions_init(&group->held);
    partitions_init(&group->claimed);
    list_init(&group->settling);
    turn_hook_init(&group->hook, progress);
    group_topics_init(group);
    group_lead_init(group);
    group_join_init(group);
    code = group_set_text(&group->member, "");
    if (code == 0)
        code = group_set_text(&group->protocol, "");
    code = code != 0 ? (int)fail(error, code, NULL)
                     : strategy_open(&group->strategy, consumer->config, &group->refusal, error);
    if (code != 0)
        group_close(group);
    else
        *out = group;
    return code;
}

void group_close(struct group *group)
{
    if (group == NULL)
        return;
    strategy_close(&group->strategy);
    partitions_fini(&group->assigned);
    partitions_fini(&group->held);
    partitions_fini(&group->claimed);
    map_fini(&group->heard);
    subscription_unref(group->subscription);
    group_topics_fini(group);
    free(group->member);
    free(group->left);
    free(group->protocol);
    free(group);
}

int group_start(struct group *group)
{
    const struct config_values *values = group_values(group);
    struct klient *klient = group_klient(group);

    int code = timer_new(klient->loop, fired, group, &group->timer);
    if (code != 0)
        return code;
    code = coordinator_init(&group->coordinator, klient, &group->consumer->troubles,
                            values->group_id, found, group);
    if (code != 0)
        goto free_timer;
    code = committed_init(&group->committed, &group->coordinator);
    if (code != 0)
        goto fini_coordinator;
    code = commits_init(group);
    if (code != 0)
        goto fini_committed;
    cluster_observe(klient->cluster, &group->observer, metadata_changed);
    group->auto_commit_ms = values->auto_commit
                                ? group_now_ms(group) + values->auto_commit_interval_ms
                                : INT64_MAX;
    group->started = true;
    plan(group);
    return 0;

fini_committed:
    committed_fini(&group->committed);
fini_coordinator:
    coordinator_fini(&group->coordinator);
free_timer:
    timer_free(group->timer);
    return code;
}

void group_stop(struct group *group)
{
    if (!group->started)
        return;
    group->stopping = true;
    cluster_unobserve(&group->observer);
    turn_hook_cancel(&group->hook);
    group_join_fini(group);
    group_lead_resign(group);
    group_topics_stop(group);
    commits_fini(group);
    committed_fini(&group->committed);
    coordinator_fini(&group->coordinator);
    timer_free(group->timer);
    group_settled(group);
}
