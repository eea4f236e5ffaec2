#include "client/commits.h"

#include <stdlib.h>
#include <string.h>

#include "client/fetcher_private.h"
#include "client/group_private.h"
#include "common/error.h"
#include "common/log.h"
#include "common/map.h"

enum { ROWS_MAX = 8192 };           /* in one request: a head has its limit */

/* --- making one ------------------------------------------------------------------------------- */

static void run(struct task *task)
{
    struct commit *commit = LIST_OWNER(task, struct commit, task);

    group_commit(commit->group, commit);
}

static void dispose(struct task *task)
{
    struct commit *commit = LIST_OWNER(task, struct commit, task);

    arena_fini(&commit->arena);
    free(commit);
}

struct commit *commit_new(struct group *group, uint64_t losses, size_t count)
{
    struct commit *commit = calloc(1, sizeof *commit);

    if (commit == NULL)
        return NULL;
    task_init(&commit->task, run, dispose);
    list_init(&commit->node);
    arena_init(&commit->arena, NULL, 0, SIZE_MAX);
    commit->group = group;
    commit->losses = losses;
    commit->count = count;
#ifndef MUTANT_COMMIT_UNTOLD
    commit->tells = group->consumer->interceptors.commits;
#endif
    commit->rows = arena_calloc(&commit->arena, count + 1, sizeof *commit->rows);
    if (commit->rows != NULL)
        return commit;
    task_unref(&commit->task);
    return NULL;
}

int commit_set(struct commit *commit, size_t row, const klient_offset_t *asked)
{
    klient_offset_t *to = &commit->rows[row].asked;

    *to = *asked;
    to->size = sizeof *to;
    to->code = KLIENT_OK;
    to->topic = arena_strdup(&commit->arena, asked->topic);
    to->metadata = arena_strdup(&commit->arena, asked->metadata == NULL ? "" : asked->metadata);
    return to->topic == NULL || to->metadata == NULL ? K_NOMEM : 0;
}

struct commit *commit_of_progress(struct group *group, struct klient_consumer *consumer,
                                  struct assigned *const *partitions, size_t count,
                                  uint64_t losses)
{
    struct commit *commit = commit_new(group, losses, count);
    int code = 0;

    if (commit == NULL)
        return NULL;
    commit->count = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        klient_offset_t row = { .topic = partitions[i]->topic,
                                .partition = partitions[i]->partition };
        spin_lock(&consumer->spin);
        row.offset = progress_take(&partitions[i]->progress, &row.leader_epoch);
        spin_unlock(&consumer->spin);
        if (row.offset >= 0)
            code = commit_set(commit, commit->count++, &row);
    }
    commit->insists = commit->automatic = true;
    commit->deadline_ms = deadline_after(consumer->config->values.request_timeout_ms);
    if (code == 0 && commit->count > 0)
        return commit;
    task_unref(&commit->task);
    return NULL;
}

void commit_send(struct commit *commit)
{
    task_start(&commit->task, group_klient(commit->group));
}

/* --- outcomes --------------------------------------------------------------------------------- */

/* What was not committed may be asked for again. */
static void withdraw(struct group *group, const struct commit *commit)
{
    struct klient_consumer *consumer = group->consumer;

    LIST_EACH(&consumer->fetcher->partitions, node) {
        struct assigned *assigned = LIST_OWNER(node, struct assigned, node);
        for (size_t i = 0; i < commit->count; i++) {
            const klient_offset_t *row = &commit->rows[i].asked;
            if (row->partition != assigned->partition || strcmp(row->topic, assigned->topic) != 0)
                continue;
            spin_lock(&consumer->spin);
            if (assigned->progress.asked == row->offset)
                progress_asked(&assigned->progress, -1);
            spin_unlock(&consumer->spin);
        }
    }
}

static void finish(struct group *group, struct commit *commit, int code)
{
    struct klient_consumer *consumer = group->consumer;

    list_remove(&commit->node);
    for (size_t i = 0; code != 0 && i < commit->count; i++)
        if (commit->rows[i].asked.code == KLIENT_OK)
            commit->rows[i].asked.code = (klient_code_t)code;
    if (code != 0)
        withdraw(group, commit);
    if (commit->automatic)
        group->auto_commit_code = code;
    if (code != 0 && commit->automatic)
        LOG_WARN("auto-commit-failed", "group=%s partitions=%zu error=%s", group->coordinator.group,
                 commit->count, k_error_name(code));
    if (commit->tells) {
        atomic_fetch_add(&commit->task.references, 1);
        spin_lock(&consumer->spin);
        list_append(&consumer->outcomes, &commit->node);
        spin_unlock(&consumer->spin);
        consumer_notify(consumer);
    }
    task_done(&commit->task, code);
}

/* What an automatic commit came to, for now. */
static void note_automatic(struct group *group, const struct commit *commit, int code)
{
    struct troubles *troubles = &group->consumer->troubles;

    if (commit->automatic && code != 0)
        troubles_of_group(troubles, TROUBLE_COMMIT_FAILING, group->coordinator.group, code);
    else if (commit->automatic)
        troubles_of_group_over(troubles, TROUBLE_COMMIT_FAILING, group->coordinator.group);
}

/* Was it refused only because of when it came? The member is in a newer generation by now, or will
 * be; what it holds stayed its own. */
static bool came_at_a_bad_time(const struct group *group, int code)
{
    return code == K_REBALANCE_IN_PROGRESS ||
           (code == K_ILLEGAL_GENERATION && group->commits.generation >= 0 &&
            group->membership.generation > group->commits.generation);
}

static bool again(struct group *group, const struct commit *commit, int code)
{
    if (commit->losses != group->losses || commit->deadline_ms <= group_now_ms(group))
        return false;
    return came_at_a_bad_time(group, code) || (commit->insists && k_error_retriable(code));
}

static int code_of(const struct commit *commit)
{
    for (size_t i = 0; i < commit->count; i++)
        if (commit->rows[i].asked.code != KLIENT_OK)
            return commit->rows[i].asked.code;
    return 0;
}

static void take_results(struct group *group, struct commit *commit, int code,
                         const Kairn__OffsetCommitResponse *answer)
{
    for (size_t i = 0; i < commit->count; i++) {
        struct commit_row *row = &commit->rows[i];
        int outcome = code != 0 ? code : head_error_code(answer->results[row->place]->error);
        coordinator_judge(&group->coordinator, outcome);
        row->asked.code = (klient_code_t)outcome;
        if (outcome == 0)
            group_note_committed(group, row->asked.topic, row->asked.partition,
                                 row->asked.offset);
    }
}

/* A member may hear first from this that it is none any more. */
static void tell_failure(struct group *group, int code)
{
    struct membership_event event = { .type = MEMBERSHIP_COMMIT_FAILED, .code = code,
                                      .commit_failed = { group->commits.generation } };

    if (code != 0 && group->commits.as_member)
        group_step(group, &event);
}

static void answered(struct coordinator_call *call, int code, const Kairn__ResponseHead *head)
{
    struct group *group = LIST_OWNER(call, struct group, commits.call);
    struct commits *commits = &group->commits;
    struct list repeated;
    int failure = 0;

    list_init(&repeated);
    commits->flies = false;
    if (code == 0 && head->offset_commit->n_results != commits->place_count)
        code = K_MALFORMED;
    for (struct list *node; (node = list_first(&commits->flying)) != NULL;) {
        struct commit *commit = LIST_OWNER(node, struct commit, node);
        take_results(group, commit, code, code == 0 ? head->offset_commit : NULL);
        int outcome = code_of(commit);
        failure = outcome != 0 ? outcome : failure;
        if (!came_at_a_bad_time(group, outcome))
            note_automatic(group, commit, outcome);
        if (outcome == 0 || !again(group, commit, outcome)) {
            finish(group, commit, outcome);
        } else {
            list_remove(node);
            list_append(&repeated, node);
        }
    }
    commits->backoff_ms = list_empty(&repeated)
                              ? 0
                              : cluster_backoff(group_klient(group)->cluster, commits->backoff_ms);
    if (!list_empty(&repeated))
        timer_after(commits->timer, commits->backoff_ms);
    list_move(&repeated, &commits->queued);
    list_move(&commits->queued, &repeated);
    tell_failure(group, failure);
    commits_pump(group, false);
    group_commits_done(group);
}

/* --- the request ------------------------------------------------------------------------------ */

/* The place of a partition: that of an older commit, or the next one. 0 or K_NOMEM. */
static int find_place(struct commits *commits, struct map *places, struct commit_row *row)
{
    char key[TOPIC_NAME_MAX + sizeof row->asked.partition];
    size_t size = strlen(row->asked.topic);

    memcpy(key, row->asked.topic, size);
    memcpy(key + size, &row->asked.partition, sizeof row->asked.partition);
    size += sizeof row->asked.partition;
    uintptr_t place = (uintptr_t)map_get(places, key, size);
    if (place == 0) {
        place = ++commits->place_count;
        int code = map_put(places, key, size, (void *)place, NULL);
        if (code != 0)
            return code;
    }
    row->place = (uint32_t)place - 1;
    commits->places[row->place] = row;          /* the latest counts */
    return 0;
}

/* As many as fit go together. */
static int choose(struct commits *commits)
{
    struct map places;
    size_t rows = 0;
    int code = 0;

    LIST_EACH(&commits->flying, node)
        rows += LIST_OWNER(node, struct commit, node)->count;
    free(commits->places);
    commits->place_count = 0;
    commits->places = calloc(rows + 1, sizeof(struct commit_row *));
    if (commits->places == NULL)
        return K_NOMEM;
    map_init(&places);
    LIST_EACH(&commits->flying, node) {
        struct commit *commit = LIST_OWNER(node, struct commit, node);
        for (size_t i = 0; code == 0 && i < commit->count; i++)
            code = find_place(commits, &places, &commit->rows[i]);
    }
    map_fini(&places);
    return code;
}

static bool is_of_left(const struct group *group, const struct list *node)
{
    return LIST_OWNER(node, const struct commit, node)->number <= group->left_commit;
}

/* May somebody else have what it is about? */
static bool is_outdated(const struct group *group, const struct commit *commit)
{
#ifdef MUTANT_COMMIT_LOST
    return false;
#endif
    if (is_of_left(group, &commit->node))
        return false;               /* the coordinator knows */
    return commit->losses != group->losses ||
           (group->subscription != NULL && group->membership.generation < 0);
}

/* As whom: the member that we are or were, or nobody. */
static void sign(struct group *group, Kairn__OffsetCommitRequest *body)
{
    struct commits *commits = &group->commits;
    char *member = group->subscription != NULL ? group->member : NULL;

    commits->generation = group->membership.generation;
    if (is_of_left(group, commits->flying.next)) {
        member = group->left;
        commits->generation = group->left_generation;
    }
    commits->as_member = member != NULL && member == group->member;
    if (member == NULL)
        commits->generation = -1;
    else if (group_values(group)->group_instance_id != NULL)
        body->instance = group_values(group)->group_instance_id;
    body->member = member == NULL ? (char *)"" : member;
    body->generation = commits->generation;
}

static int build(struct coordinator_call *call, struct request *request)
{
    struct group *group = LIST_OWNER(call, struct group, commits.call);
    struct commits *commits = &group->commits;
    struct arena *arena = &request->arena;
    Kairn__OffsetCommitRequest *body = arena_alloc(arena, sizeof *body);

    /* It may have waited for a coordinator. What flies together is outdated together. */
    commits->as_member = false;
    if (is_outdated(group, LIST_OWNER(commits->flying.next, struct commit, node)))
        return K_ILLEGAL_GENERATION;
    int code = choose(commits);
    Kairn__OffsetCommitPartition *rows =
        arena_calloc(arena, commits->place_count + 1, sizeof *rows);
    Kairn__OffsetCommitPartition **pointers =
        arena_calloc(arena, commits->place_count + 1, sizeof(Kairn__OffsetCommitPartition *));
    if (code != 0 || body == NULL || rows == NULL || pointers == NULL)
        return K_NOMEM;
    kairn__offset_commit_request__init(body);
    body->group = (char *)group->coordinator.group;
    sign(group, body);
    body->partitions = pointers;
    body->n_partitions = commits->place_count;
    for (size_t i = 0; i < commits->place_count; i++) {
        const klient_offset_t *from = &commits->places[i]->asked;
        pointers[i] = &rows[i];
        kairn__offset_commit_partition__init(&rows[i]);
        rows[i].topic = (char *)from->topic;
        rows[i].partition = (uint32_t)from->partition;
        rows[i].offset = from->offset;
        rows[i].leader_epoch = from->leader_epoch;
        rows[i].metadata = (char *)from->metadata;
    }
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT;
    request->head.offset_commit = body;
    return 0;
}

/* Between join and sync a generation has begun in which the coordinator takes no commits yet. */
static bool must_wait(const struct group *group)
{
    return group->membership.phase == MEMBER_DECIDING || group->membership.phase == MEMBER_SYNCING;
}

void commits_pump(struct group *group, bool anew)
{
    struct commits *commits = &group->commits;
    size_t rows = 0;

    if (anew)
        timer_stop(commits->timer);
    if (commits->flies || timer_pending(commits->timer) || must_wait(group))
        return;
    for (struct list *node; (node = list_first(&commits->queued)) != NULL && rows < ROWS_MAX;) {
        struct commit *commit = LIST_OWNER(node, struct commit, node);
        if (rows > 0 && is_of_left(group, commits->flying.next) && !is_of_left(group, node))
            break;                  /* under another name */
        if (is_outdated(group, commit)) {
            finish(group, commit, K_ILLEGAL_GENERATION);
            continue;
        }
        rows += commit->count;
        list_remove(node);
        list_append(&commits->flying, node);
    }
    if (rows == 0)
        return;
    commits->flies = true;
    coordinator_ask(&group->coordinator, &commits->call, group_values(group)->request_timeout_ms);
}

static void fired(void *context)
{
    struct group *group = context;

    commits_pump(group, true);
    group_commits_done(group);
}

void commits_add(struct group *group, struct commit *commit)
{
    commit->number = ++group->commits.added;
    list_append(&group->commits.queued, &commit->node);
    group_go_on(group);             /* at the end of the turn: others may come with it */
}

bool commits_pending(struct group *group, uint64_t number)
{
    struct list *oldest = list_first(&group->commits.flying);

    if (oldest == NULL)
        oldest = list_first(&group->commits.queued);
    return oldest != NULL && LIST_OWNER(oldest, struct commit, node)->number <= number;
}

void commits_automatic(struct group *group)
{
    struct klient_consumer *consumer = group->consumer;
    size_t count = 0;

    LIST_EACH(&consumer->fetcher->partitions, node)
        count += LIST_OWNER(node, struct assigned, node)->losses == group->losses;
    struct assigned **partitions = calloc(count + 1, sizeof(struct assigned *));
    if (partitions == NULL)
        return;                     /* next time */
    count = 0;
    LIST_EACH(&consumer->fetcher->partitions, node) {
        struct assigned *assigned = LIST_OWNER(node, struct assigned, node);
        if (assigned->losses == group->losses)
            partitions[count++] = assigned;
    }
    struct commit *commit = count == 0 ? NULL
                                       : commit_of_progress(group, consumer, partitions, count,
                                                            group->losses);
    free(partitions);
    if (commit != NULL)
        commits_add(group, commit);
    else if (!commits_pending(group, UINT64_MAX))       /* what failed is nobody's any more */
        troubles_of_group_over(&consumer->troubles, TROUBLE_COMMIT_FAILING,
                               group->coordinator.group);
}

/* --- life ------------------------------------------------------------------------------------- */

int commits_init(struct group *group)
{
    struct commits *commits = &group->commits;

    list_init(&commits->queued);
    list_init(&commits->flying);
    coordinator_call_init(&commits->call, build, answered);
    return timer_new(group_klient(group)->loop, fired, group, &commits->timer);
}

static void close_all(struct group *group, struct list *commits)
{
    for (struct list *node; (node = list_first(commits)) != NULL;)
        finish(group, LIST_OWNER(node, struct commit, node), K_CLOSED);
}

void commits_fini(struct group *group)
{
    struct commits *commits = &group->commits;

    coordinator_cancel(&commits->call);
    timer_free(commits->timer);
    close_all(group, &commits->flying);
    close_all(group, &commits->queued);
    free(commits->places);
}
