#include "client/retry_policy.h"

#include <stdlib.h>
#include <string.h>

#include "client/config.h"
#include "client/error.h"
#include "common/error.h"
#include "common/options.h"

#define MS_MOST 9e15
#define COUNT_MOST 2147483647.0

/* clang-format off */
#define RETRY_POLICY_TABLE(X) \
    X("mode", ENUM, mode, "in-place", 0, 0, "in-place|in-order|topic", NULL, \
      "Where a failed record waits: in memory while the rest of its partition goes on; in memory while the rest waits, too; in a retry topic.") \
    X("retries", INT, retries, "3", 0, COUNT_MOST, NULL, NULL, \
      "How often a failed record is tried again before it becomes a dead letter.") \
    X("backoff.ms", LONG, backoff_ms, "1000", 1, MS_MOST, NULL, NULL, \
      "Milliseconds before it is tried again; doubled with each further failure.") \
    X("backoff.max.ms", LONG, backoff_max_ms, "60000", 1, MS_MOST, NULL, "errors.retry.delay.max.ms", \
      "The longest such delay, in milliseconds.") \
    X("backoff.jitter.percent", INT, jitter_percent, "20", 0, 100, NULL, NULL, \
      "By how much at most a delay is made shorter by chance, so that records that failed together come back one by one.") \
    X("held.records.max", INT, held_max, "1000", 1, 1000000, NULL, NULL, \
      "Records of one partition that may wait or be on their way to another topic; with more, nothing of it is returned until some are dealt with.") \
    X("retry.topic", STRING, retry_topic, "%t.retry.%g", 0, 0, NULL, NULL, \
      "Name of retry topics: %t stands for the topic, %g for the group, which must not share it with another one.") \
    X("dead.letter.topic", STRING, dead_letter_topic, "%t.dlq", 0, 0, NULL, "errors.deadletterqueue.topic.name", \
      "Name of dead-letter topics, likewise; groups may share them.") \
    X("dead.letter.form", ENUM, form, "headers", 0, 0, "headers|envelope", NULL, \
      "Whether a dead letter is the record with klient.dlq.* headers added, or a JSON object that holds the record and the same facts.") \
    X("alert.failures", INT, alert_failures, "0", 0, 1000000, NULL, NULL, \
      "So many failures within the window are an event and a line in the log; 0: never.") \
    X("alert.dead.letters", INT, alert_letters, "10", 0, 1000000, NULL, NULL, \
      "The same of dead letters.") \
    X("alert.window.ms", LONG, alert_window_ms, "60000", 1, MS_MOST, NULL, NULL, \
      "That window, in milliseconds.")
/* clang-format on */

static const struct option rows[] = {
#define X(name, type, field, fallback, min, max, choices, alias, text)                             \
    { name, OPTION_##type, offsetof(struct retry_policy_values, field), fallback, min, max,        \
      choices, 0, text, alias },
    RETRY_POLICY_TABLE(X)
#undef X
};

static const struct option_table table = { rows, sizeof rows / sizeof rows[0] };

/* --- life ------------------------------------------------------------------------------------- */

klient_retry_policy_t *klient_retry_policy_new(void)
{
    struct klient_retry_policy *policy = calloc(1, sizeof *policy);

    if (policy == NULL)
        return NULL;
    atomic_init(&policy->references, 1);
    if (options_defaults(&table, &policy->values, NULL) != 0) {
        retry_policy_unref(policy);
        return NULL;
    }
    return policy;
}

void klient_retry_policy_free(klient_retry_policy_t *policy)
{
    retry_policy_unref(policy);
}

struct klient_retry_policy *retry_policy_ref(struct klient_retry_policy *policy)
{
    if (policy != NULL)
        atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
    return policy;
}

void retry_policy_unref(struct klient_retry_policy *policy)
{
    if (policy == NULL || atomic_fetch_sub(&policy->references, 1) != 1)
        return;
    options_fini(&table, &policy->values);
    free(policy);
}

struct klient_retry_policy *retry_policy_copy(const struct klient_retry_policy *policy)
{
    struct klient_retry_policy *copy = calloc(1, sizeof *copy);

    if (copy == NULL)
        return NULL;
    copy->values = policy->values;
    copy->event = policy->event;
    copy->context = policy->context;
    atomic_init(&copy->references, 1);
    copy->values.retry_topic = strdup(policy->values.retry_topic);
    copy->values.dead_letter_topic = strdup(policy->values.dead_letter_topic);
    if (copy->values.retry_topic == NULL || copy->values.dead_letter_topic == NULL) {
        retry_policy_unref(copy);
        return NULL;
    }
    return copy;
}

/* --- properties ------------------------------------------------------------------------------- */

klient_code_t klient_retry_policy_set(klient_retry_policy_t *policy, const char *name,
                                      const char *value, klient_error_t **error)
{
    struct k_reason reason;

    if (policy == NULL || name == NULL || value == NULL)
        return fail(error, K_INVALID_ARGUMENT, "policy, name and value are needed");
    int code = options_set(&table, &policy->values, NULL, OPTION_FROM_FLAG, name, value, &reason);
    return code == 0 ? KLIENT_OK : fail(error, code, "%s", reason.text);
}

klient_code_t klient_retry_policy_get(const klient_retry_policy_t *policy, const char *name,
                                      char *text, size_t size, klient_error_t **error)
{
    if (policy == NULL || name == NULL || text == NULL || size == 0)
        return fail(error, K_INVALID_ARGUMENT, "policy, name and room for the value are needed");
    const struct option *row = options_find(&table, name);
    if (row == NULL)
        return fail(error, K_UNKNOWN_NAME, "unknown property %s", name);
    options_format(row, &policy->values, text, size);
    return KLIENT_OK;
}

void klient_retry_policy_set_event(klient_retry_policy_t *policy, klient_failure_event_fn event,
                                   void *context)
{
    policy->event = event;
    policy->context = context;
}

void klient_retry_policy_print_docs(FILE *out)
{
    options_print_docs(&table, out);
}

klient_code_t klient_config_set_retry_policy(klient_config_t *config,
                                             const klient_retry_policy_t *policy,
                                             klient_error_t **error)
{
    struct klient_retry_policy *copy = NULL;

    if (config == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    if (policy != NULL) {
        int code = retry_policy_check(policy, NULL, error);
        if (code != 0)
            return (klient_code_t)code;
        copy = retry_policy_copy(policy);
        if (copy == NULL)
            return fail(error, K_NOMEM, NULL);
    }
    retry_policy_unref(config->retry_policy);
    config->retry_policy = copy;
    return KLIENT_OK;
}

struct retry_rules retry_policy_rules(const struct klient_retry_policy *policy, uint64_t seed)
{
    const struct retry_policy_values *values = &policy->values;

    return (struct retry_rules){ .mode = (enum retry_mode)values->mode,
                                 .retries = values->retries,
                                 .backoff_ms = values->backoff_ms,
                                 .backoff_max_ms = values->backoff_max_ms,
                                 .jitter_percent = values->jitter_percent,
                                 .held_max = values->held_max,
                                 .alert_failures = values->alert_failures,
                                 .alert_letters = values->alert_letters,
                                 .alert_window_ms = values->alert_window_ms,
                                 .seed = seed };
}

/* --- names ------------------------------------------------------------------------------------ */

static const char *pattern_of(const struct klient_retry_policy *policy, enum retry_way way)
{
    return way == RETRY_TO_RETRY_TOPIC ? policy->values.retry_topic
                                       : policy->values.dead_letter_topic;
}

/* What stands for the sign after a '%'; NULL: nothing does. */
static const char *meaning(char sign, const char *topic, const char *group)
{
    return sign == 't' ? topic : sign == 'g' ? group : NULL;
}

static int expand(const char *pattern, const char *topic, const char *group,
                  char out[RETRY_TOPIC_SIZE])
{
    size_t size = 0;

    for (const char *at = pattern; *at != '\0'; at++) {
        const char *text = *at == '%' ? meaning(at[1], topic, group) : NULL;
        size_t add = text == NULL ? 1 : strlen(text);
        if (size + add > TOPIC_NAME_MAX)
            return K_INVALID_TOPIC_EXCEPTION;
        memcpy(out + size, text == NULL ? at : text, add);
        size += add;
        at += text != NULL;
    }
    out[size] = '\0';
    return 0;
}

int retry_policy_name(const struct klient_retry_policy *policy, enum retry_way way,
                      const char *topic, const char *group, char out[RETRY_TOPIC_SIZE])
{
    return expand(pattern_of(policy, way), topic, group, out);
}

/* Is the name what the pattern makes of some topic? Of the name only the middle is free. */
static bool stands_for_some(const char *pattern, const char *group, const char *name)
{
    static const char mark[] = "%t";            /* a topic that can not be */
    char made[RETRY_TOPIC_SIZE];

    if (expand(pattern, mark, group, made) != 0)
        return false;
    const char *middle = strstr(made, mark);
    if (middle == NULL)
        return strcmp(made, name) == 0;
    size_t before = (size_t)(middle - made), after = strlen(middle) - strlen(mark);
    size_t size = strlen(name);
    return size > before + after && memcmp(name, made, before) == 0 &&
           memcmp(name + size - after, middle + strlen(mark), after) == 0;
}

bool retry_policy_is_retry_topic(const struct klient_retry_policy *policy, const char *group,
                                 const char *name)
{
    return policy != NULL && policy->values.mode == RETRY_BY_TOPIC &&
           stands_for_some(policy->values.retry_topic, group, name);
}

bool retry_policy_is_own(const struct klient_retry_policy *policy, const char *group,
                         const char *name)
{
    return policy != NULL && (stands_for_some(policy->values.dead_letter_topic, group, name) ||
                              retry_policy_is_retry_topic(policy, group, name));
}

static bool is_name(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return text[0] != '\0' && strspn(text, allowed) == strlen(text);
}

static int check_pattern(const char *property, const char *pattern, const char *group,
                         klient_error_t **error)
{
    static const char *const topics[] = { "a", "b" };
    char made[RETRY_TOPIC_SIZE];

    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        if (expand(pattern, topics[i], group, made) != 0)
            return fail(error, K_INVALID_CONFIG, "%s is too long for a topic's name: \"%s\"",
                        property, pattern);
        if (!is_name(made))
            return fail(error, K_INVALID_CONFIG, "%s=%s does not make names of topics (letters, "
                        "digits, dots, dashes, underscores): with group.id \"%s\" it makes \"%s\"",
                        property, pattern, group, made);
        if (strcmp(made, topics[i]) == 0)
            return fail(error, K_INVALID_CONFIG, "%s=%s would be the topic itself: add to it, for "
                        "instance %%t.dlq", property, pattern);
    }
    const char *first = strstr(pattern, "%t");
    if (first != NULL && strstr(first + 1, "%t") != NULL)
        return fail(error, K_INVALID_CONFIG, "%s=%s names %%t more than once", property, pattern);
    return 0;
}

int retry_policy_check(const struct klient_retry_policy *policy, const char *group,
                       klient_error_t **error)
{
    const struct retry_policy_values *values = &policy->values;
    /* Before the group is known any will do. */
    const char *of = group == NULL ? "group" : group;
    int code = check_pattern("dead.letter.topic", values->dead_letter_topic, of, error);

    if (code == 0 && values->mode == RETRY_BY_TOPIC)
        code = check_pattern("retry.topic", values->retry_topic, of, error);
    if (code != 0)
        return code;
    if (values->backoff_max_ms < values->backoff_ms)
        return fail(error, K_INVALID_CONFIG, "backoff.max.ms must be at least backoff.ms");
    if (values->mode == RETRY_BY_TOPIC &&
        strcmp(values->retry_topic, values->dead_letter_topic) == 0)
        return fail(error, K_INVALID_CONFIG, "retry.topic and dead.letter.topic must differ");
    if (values->mode == RETRY_BY_TOPIC && group != NULL && group[0] == '\0')
        return fail(error, K_INVALID_CONFIG, "mode=topic takes a group.id: its members read the "
                    "retry topics");
    return 0;
}
