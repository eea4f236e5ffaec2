#include "client/subscription.h"

#include <stdlib.h>
#include <string.h>

#include "client/consumer.h"
#include "common/error.h"
#include "common/pattern.h"

static struct subscription *subscription_new(void)
{
    struct subscription *subscription = calloc(1, sizeof *subscription);

    if (subscription == NULL)
        return NULL;
    atomic_init(&subscription->references, 1);
    arena_init(&subscription->arena, NULL, 0, SIZE_MAX);
    return subscription;
}

struct subscription *subscription_ref(struct subscription *subscription)
{
    atomic_fetch_add_explicit(&subscription->references, 1, memory_order_relaxed);
    return subscription;
}

void subscription_unref(struct subscription *subscription)
{
    if (subscription == NULL || atomic_fetch_sub(&subscription->references, 1) != 1)
        return;
    pattern_free(subscription->pattern);
    arena_fini(&subscription->arena);
    free(subscription);
}

static int compare(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int copy_topics(struct subscription *subscription, const char *const *topics, size_t count)
{
    subscription->topics = arena_calloc(&subscription->arena, count, sizeof *subscription->topics);
    if (subscription->topics == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if (check_topic(topics[i]) != 0)
            return K_INVALID_ARGUMENT;
        subscription->topics[i] = arena_strdup(&subscription->arena, topics[i]);
        if (subscription->topics[i] == NULL)
            return K_NOMEM;
    }
    qsort(subscription->topics, count, sizeof *subscription->topics, compare);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare(&subscription->topics[i - 1], &subscription->topics[i]) != 0)
            subscription->topics[subscription->count++] = subscription->topics[i];
    return 0;
}

int subscription_of_topics(const char *const *topics, size_t count, struct subscription **out)
{
    if (topics == NULL || count == 0)
        return K_INVALID_ARGUMENT;
    struct subscription *subscription = subscription_new();
    int code = subscription == NULL ? K_NOMEM : copy_topics(subscription, topics, count);
    if (code != 0)
        subscription_unref(subscription);
    else
        *out = subscription;
    return code;
}

int subscription_of_pattern(const char *text, struct subscription **out, struct k_reason *reason)
{
    struct subscription *subscription = subscription_new();
    int code = K_NOMEM;

    if (subscription != NULL) {
        subscription->text = arena_strdup(&subscription->arena, text);
        if (subscription->text != NULL)
            code = pattern_new(text, &subscription->pattern, reason);
    }
    if (code != 0)
        subscription_unref(subscription);
    else
        *out = subscription;
    return code;
}
