#include "server/runtime/census.h"

#include "common/arena.h"
#include "common/error.h"
#include "common/metric.h"
#include "server/runtime/drive_groups.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"

/* What one shard has. */
struct census_entry {
    struct list node;
    int64_t replicas, leads, under_replicated, under_min_insync, offline, lag_max, groups;
};

/* --- of one partition ------------------------------------------------------------------------- */

/* Records that the other replica furthest behind lacks; of whom we have not heard, all. */
static int64_t lag_max(const struct replica *replica)
{
    int64_t most = 0;

    for (int32_t i = 0; i < replica->progress_count; i++) {
        int64_t lag = replica_lag(replica, &replica->progress[i]);
        most = lag > most ? lag : most;
    }
    return most;
}

static void count_partition(const struct partition *partition, struct census_entry *entry)
{
    const struct replica *replica = &partition->replica;
    const struct partition_state *state = &replica->state;

    entry->replicas++;
    entry->offline +=
        partition->state == PARTITION_OFFLINE || replica->role == REPLICA_FAILED;
    if (!drive_leads(partition))
        return;                         /* its leader counts it */
    entry->leads++;
    entry->groups += (int64_t)drive_groups_count(partition);
    entry->under_replicated += state->isr.count < state->replicas.count;
    entry->under_min_insync += state->isr.count < state->min_insync;
    int64_t lag = lag_max(replica);
    entry->lag_max = lag > entry->lag_max ? lag : entry->lag_max;
}

/* --- of a shard, and of all ------------------------------------------------------------------- */

static void run(struct scatter_part *part)
{
    struct census_entry *entry =
        LIST_OWNER(list_first(&part->entries), struct census_entry, node);
    size_t position = 0;
    void *value;

    while (map_next(&part->shard->partitions, &position, NULL, NULL, &value))
        count_partition(value, entry);
    scatter_part_done(part);
}

/* Only one broker is to tell it: the controller. */
static int64_t count_leaderless(const struct shard *shard)
{
    const struct metadata *picture = shard->picture;
    int64_t count = 0;

    if (picture->controller != shard_options(shard)->broker_id)
        return 0;
    for (size_t t = 0; t < picture->topic_count; t++)
        for (int32_t p = 0; p < picture->topics[t]->partition_count; p++)
            count += picture->topics[t]->partitions[p].leader == -1;
    return count;
}

static void gathered(struct scatter *scatter)
{
    struct census *census = LIST_OWNER(scatter, struct census, scatter);
    struct metrics *metrics = shard_options(scatter->home)->metrics;
    struct census_entry all = { .lag_max = 0 };

    for (int i = 0; i < scatter->part_count; i++) {
        const struct census_entry *entry = &census->entries[i];
        all.replicas += entry->replicas;
        all.leads += entry->leads;
        all.under_replicated += entry->under_replicated;
        all.under_min_insync += entry->under_min_insync;
        all.offline += entry->offline;
        all.groups += entry->groups;
        all.lag_max = entry->lag_max > all.lag_max ? entry->lag_max : all.lag_max;
    }
    metric_set(metrics, METRIC_REPLICAS, all.replicas);
    metric_set(metrics, METRIC_PARTITIONS, all.leads);
    metric_set(metrics, METRIC_UNDER_REPLICATED, all.under_replicated);
    metric_set(metrics, METRIC_UNDER_MIN_ISR, all.under_min_insync);
    metric_set(metrics, METRIC_OFFLINE_REPLICAS, all.offline);
    metric_set(metrics, METRIC_GROUPS, all.groups);
    metric_set(metrics, METRIC_REPLICA_LAG_MAX, all.lag_max);
    metric_set(metrics, METRIC_OFFLINE_PARTITIONS, count_leaderless(scatter->home));
    census->done(census);
}

int census_take(struct census *census, struct shard *home, struct arena *arena)
{
    int code = scatter_init(&census->scatter, home, arena);

    if (code != 0)
        return code;
    census->entries =
        arena_calloc(arena, (size_t)census->scatter.part_count, sizeof *census->entries);
    if (census->entries == NULL)
        return K_NOMEM;
    for (int i = 0; i < census->scatter.part_count; i++)
        list_append(&census->scatter.parts[i].entries, &census->entries[i].node);
    census->scatter.run = run;
    census->scatter.done = gathered;
    scatter_ask(&census->scatter);
    return 0;
}
