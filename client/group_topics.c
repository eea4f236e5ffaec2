/* group_topics.c - which topics a subscription stands for. An expression is matched with the names
 * of all topics that a broker knows. */
#include <stdlib.h>
#include <string.h>

#include "client/group_private.h"
#include "client/handle.h"
#include "client/retry_policy.h"
#include "common/error.h"
#include "common/log.h"
#include "common/pattern.h"

static bool is_internal(const Kairn__TopicInfo *topic)
{
    return topic->internal || strncmp(topic->name, "__", 2) == 0;
}

static int compare(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool same_names(const struct topic_names *names, const char *const *others, size_t count)
{
    if (names->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(names->names[i], others[i]) != 0)
            return false;
    return true;
}

/* Keep copies. 0 or K_NOMEM: then there are none. */
static int replace(struct topic_names *names, const char *const *others, size_t count)
{
    arena_reset(&names->arena);
    names->count = 0;
    names->names = arena_calloc(&names->arena, count + 1, sizeof *names->names);
    for (size_t i = 0; names->names != NULL && i < count; i++) {
        names->names[i] = arena_strdup(&names->arena, others[i]);
        if (names->names[i] == NULL)
            return K_NOMEM;
        names->count++;
    }
    return names->names == NULL ? K_NOMEM : 0;
}

/* Topics, and with them the retry topics that the group reads; those that do not exist yet are
 * looked for. 0 or K_NOMEM. */
static int stand_for(struct group *group, const char *const *topics, size_t count, bool *changed)
{
    const struct klient_config *config = group->consumer->config;
    const struct klient_retry_policy *policy = config->retry_policy;
    bool retries = policy != NULL && policy->values.mode == RETRY_BY_TOPIC;
    const char **names = calloc(2 * count + 1, sizeof *names);
    char(*made)[RETRY_TOPIC_SIZE] = calloc(count + 1, sizeof *made);
    size_t total = 0, unique = 0;
    int code = names == NULL || made == NULL ? K_NOMEM : 0;

    for (size_t i = 0; code == 0 && i < count; i++) {
        names[total++] = topics[i];
        if (retries && !retry_policy_is_own(policy, config_group(config), topics[i]) &&
            retry_policy_name(policy, RETRY_TO_RETRY_TOPIC, topics[i], config_group(config),
                              made[i]) == 0)
            names[total++] = made[i];
    }
    if (code == 0 && total > 0)
        qsort(names, total, sizeof *names, compare);
    for (size_t i = 0; i < total; i++)
        if (i == 0 || strcmp(names[unique - 1], names[i]) != 0)
            names[unique++] = names[i];
    if (code == 0) {
        *changed = !same_names(&group->names, names, unique);
        if (*changed)
            code = replace(&group->names, names, unique);
    }
    free(names);
    free(made);
    return code;
}

/* --- all topics ------------------------------------------------------------------------------- */

static int build(struct inquiry *inquiry, struct request *request)
{
    Kairn__MetadataRequest *body = arena_alloc(&request->arena, sizeof *body);

    (void)inquiry;
    if (body == NULL)
        return K_NOMEM;
    kairn__metadata_request__init(body);
    body->all_topics = true;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_METADATA;
    request->head.metadata = body;
    return 0;
}

/* The names that match, ascending, in an array that the caller frees. Not those of topics that the
 * group itself makes for records that failed. */
static int match(const struct klient_config *config, struct pattern *pattern,
                 const Kairn__MetadataResponse *picture, const char ***out, size_t *count)
{
    const struct klient_retry_policy *policy = config->retry_policy;
    const char *group = config_group(config);
    const char **found = calloc(picture->n_topics + 1, sizeof *found);
    int code = found == NULL ? K_NOMEM : 0;

    *count = 0;
    for (size_t i = 0; code == 0 && i < picture->n_topics; i++) {
        const Kairn__TopicInfo *topic = picture->topics[i];
        bool matches = false;
        if (head_error_code(topic->error) == 0 && !is_internal(topic) &&
            !retry_policy_is_own(policy, group, topic->name))
            code = pattern_matches(pattern, topic->name, &matches);
        if (matches)
            found[(*count)++] = topic->name;
    }
    if (code != 0) {
        free(found);
        return code;
    }
    qsort(found, *count, sizeof *found, compare);
    *out = found;
    return 0;
}

static int read(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                const Kairn__Error **error)
{
    struct group *group = LIST_OWNER(inquiry, struct group, names.inquiry);
    const char **found;
    size_t count;

    (void)error;
    if (group->subscription == NULL || group->subscription->pattern == NULL)
        return 0;                   /* it stands for others by now */
    int code = match(group->consumer->config, group->subscription->pattern, head->metadata, &found,
                     &count);
    if (code != 0)
        return code;
    code = stand_for(group, found, count, &group->names.changed);
    free(found);
    return code;
}

static void done(struct inquiry *inquiry, int code, const char *text)
{
    struct group *group = LIST_OWNER(inquiry, struct group, names.inquiry);

    (void)text;
    group->names.asking = false;
    group->names.code = code;
    if (code == K_CLOSED)
        return;
    if (code != 0)
        LOG_WARN("topics-unknown", "group=%s error=%s", group->coordinator.group,
                 k_error_name(code));
    group_topics_learned(group, code == 0 && group->names.changed);
}

void group_topics_look(struct group *group)
{
    struct inquiry *inquiry = &group->names.inquiry;

    if (group->subscription->pattern == NULL) {
        group->names.code = 0;
        group_topics_learned(group, false);
        return;
    }
    if (group->names.asking)
        return;
    group->names.asking = true;
    group->names.changed = false;
    inquiry->build = build;
    inquiry->read = read;
    inquiry->done = done;
    inquiry->once = false;
    inquiry->broker = -1;
    inquiry_start(inquiry, group_klient(group), NULL, 0,
                  group_now_ms(group) + group_values(group)->request_timeout_ms);
}

/* --- life ------------------------------------------------------------------------------------- */

int group_topics_reset(struct group *group)
{
    const struct subscription *subscription = group->subscription;
    bool changed;

    return stand_for(group, subscription->topics, subscription->count, &changed);
}

void group_topics_init(struct group *group)
{
    arena_init(&group->names.arena, NULL, 0, SIZE_MAX);
}

void group_topics_stop(struct group *group)
{
    if (group->names.asking)
        inquiry_end(&group->names.inquiry, K_CLOSED, NULL);
}

void group_topics_fini(struct group *group)
{
    arena_fini(&group->names.arena);
}
