/* retry_policy.h - what an application wants done with records that it can not process, and the
 * names of the topics that takes.
 *
 * One thread until a configuration has its copy; that is immutable and shared by all threads. */
#ifndef CLIENT_RETRY_POLICY_H
#define CLIENT_RETRY_POLICY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/klient.h"
#include "client/partitions.h"
#include "client/retry.h"

enum { RETRY_TOPIC_SIZE = TOPIC_NAME_MAX + 1 };

enum dead_letter_form { DEAD_LETTER_HEADERS, DEAD_LETTER_ENVELOPE };

struct retry_policy_values {
    int32_t mode, retries, jitter_percent, held_max, form;
    int64_t backoff_ms, backoff_max_ms;
    char *retry_topic, *dead_letter_topic;
    int32_t alert_failures, alert_letters;
    int64_t alert_window_ms;
};

struct klient_retry_policy {
    atomic_uint references;
    struct retry_policy_values values;
    klient_failure_event_fn event;
    void *context;
};

struct klient_retry_policy *retry_policy_ref(struct klient_retry_policy *policy);
void retry_policy_unref(struct klient_retry_policy *policy);            /* NULL is allowed */

/* A copy with one reference, NULL when out of memory. */
struct klient_retry_policy *retry_policy_copy(const struct klient_retry_policy *policy);

/* Do the values go together, for this group (NULL or "": none)? 0 or K_INVALID_CONFIG. */
int retry_policy_check(const struct klient_retry_policy *policy, const char *group,
                       klient_error_t **error);

struct retry_rules retry_policy_rules(const struct klient_retry_policy *policy, uint64_t seed);

/* The topic that records of `topic` go to. 0, or K_INVALID_TOPIC_EXCEPTION: it is too long. */
int retry_policy_name(const struct klient_retry_policy *policy, enum retry_way way,
                      const char *topic, const char *group, char out[RETRY_TOPIC_SIZE]);

/* Could it be the name of the group's retry topic for some topic; of a dead-letter topic? False
 * without a policy (NULL). */
bool retry_policy_is_retry_topic(const struct klient_retry_policy *policy, const char *group,
                                 const char *name);
bool retry_policy_is_own(const struct klient_retry_policy *policy, const char *group,
                         const char *name);

#endif
