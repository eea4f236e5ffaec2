#include "server/runtime/settings.h"

#include <stdlib.h>

#include "common/error.h"
#include "server/runtime/shard_state.h"

enum { PARTITIONS_A_TURN = 1000, RETRY_MS = 1000 };

/* A new snapshot on its way to a shard. */
struct delivery {
    struct mail mail;
    struct shard *shard;
    struct settings *settings;          /* reference */
};

struct settings *settings_new(const struct topic_config *defaults,
                              const struct cleaner_options *cleaner)
{
    struct settings *settings = calloc(1, sizeof *settings);
    if (settings == NULL)
        return NULL;
    atomic_init(&settings->references, 1);
    settings->defaults = *defaults;
    settings->cleaner = *cleaner;
    return settings;
}

struct settings *settings_ref(struct settings *settings)
{
    atomic_fetch_add_explicit(&settings->references, 1, memory_order_relaxed);
    return settings;
}

void settings_unref(struct settings *settings)
{
    if (settings != NULL &&
        atomic_fetch_sub_explicit(&settings->references, 1, memory_order_acq_rel) == 1)
        free(settings);
}

/* --- applying them ---------------------------------------------------------------------------- */

static void apply_more(struct shard *shard)
{
    const struct metadata *picture = shard->picture;
    int32_t looked_at = 0;

    while (shard->settings_topic < picture->topic_count && looked_at < PARTITIONS_A_TURN) {
        const struct metadata_topic *topic = picture->topics[shard->settings_topic++];
        shard_follow_topic(shard, topic);
        looked_at += topic->partition_count;
    }
    if (shard->settings_topic >= picture->topic_count || shard->settings_posted)
        return;
    shard->settings_posted = true;
    loop_post(shard->loop, &shard->settings_mail);
}

static void go_on(struct mail *mail)
{
    struct shard *shard = LIST_OWNER(mail, struct shard, settings_mail);

    shard->settings_posted = false;
    if (!shard->closed)
        apply_more(shard);
}

static void apply_again(struct shard_deadline *deadline)
{
    struct shard *shard = LIST_OWNER(deadline, struct shard, settings_again);

    shard->settings_topic = 0;
    if (!shard->closed)
        apply_more(shard);
}

void settings_retry(struct shard *shard)
{
    shard_deadline_hold(shard, &shard->settings_again, shard_now_ms(shard) + RETRY_MS);
}

void settings_restart(struct shard *shard)
{
    if (shard->settings_posted)
        shard->settings_topic = 0;
}

static void deliver(struct mail *mail)
{
    struct delivery *delivery = LIST_OWNER(mail, struct delivery, mail);
    struct shard *shard = delivery->shard;

    settings_unref(shard->settings);
    shard->settings = delivery->settings;
    free(delivery);
    shard->settings_topic = 0;
    if (shard->closed)
        return;
    cleaner_options_changed(shard);
    apply_more(shard);
}

int shards_configure(struct shards *shards, const struct topic_config *defaults,
                     const struct cleaner_options *cleaner)
{
    struct settings *settings = settings_new(defaults, cleaner);
    struct delivery **deliveries = calloc((size_t)shards->count, sizeof(struct delivery *));
    bool made = settings != NULL && deliveries != NULL;

    for (int i = 0; made && i < shards->count; i++) {
        deliveries[i] = malloc(sizeof **deliveries);
        made = deliveries[i] != NULL;
    }
    /* All of them or none: a broker has one configuration. */
    for (int i = 0; deliveries != NULL && i < shards->count; i++) {
        struct shard *shard = &shards->items[i];
        if (!made) {
            free(deliveries[i]);
            continue;
        }
        *deliveries[i] = (struct delivery){ .mail = { .deliver = deliver }, .shard = shard,
                                            .settings = settings_ref(settings) };
        loop_post(shard->loop, &deliveries[i]->mail);
    }
    free(deliveries);
    settings_unref(settings);
    return made ? 0 : K_NOMEM;
}

/* --- life ------------------------------------------------------------------------------------- */

void settings_init(struct shard *shard, struct settings *settings)
{
    shard->settings = settings;
    shard->settings_mail.deliver = go_on;
    shard_deadline_init(&shard->settings_again, apply_again);
}

void settings_fini(struct shard *shard)
{
    settings_unref(shard->settings);
}
