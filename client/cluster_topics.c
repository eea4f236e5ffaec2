#include <stdlib.h>
#include <string.h>

#include "client/cluster_private.h"
#include "client/config.h"
#include "common/error.h"

struct topic *cluster_hold(struct cluster *cluster, const char *name, bool wanted)
{
    struct topic *topic = map_get_text(&cluster->topics_by_name, name);

    if (topic != NULL) {
        topic->references++;
        topic->wanted |= wanted;
        if (topic->code != 0) {
            topic->unknown_since_ms = 0;       /* a new asker gets a new chance */
            cluster_refresh(cluster);
        }
        return topic;
    }
    topic = calloc(1, sizeof *topic);
    if (topic == NULL)
        return NULL;
    topic->name = strdup(name);
    topic->references = 1;
    topic->wanted = wanted;
    topic->code = K_LEADER_NOT_AVAILABLE;
    if (topic->name == NULL || map_put_text(&cluster->topics_by_name, name, topic, NULL) != 0) {
        free(topic->name);
        free(topic);
        return NULL;
    }
    list_append(&cluster->topics, &topic->node);
    cluster_refresh(cluster);
    return topic;
}

void cluster_release(struct cluster *cluster, struct topic *topic)
{
    if (topic == NULL || --topic->references > 0)
        return;
    map_remove_text(&cluster->topics_by_name, topic->name);
    list_remove(&topic->node);
    free(topic->partitions);
    free(topic->replicas);
    free(topic->replica_first);
    free(topic->name);
    free(topic);
}

/* Without memory for it, nothing is known of where they are. */
void topic_learn_replicas(struct topic *topic, const Kairn__TopicInfo *info)
{
    size_t count = 0;

    free(topic->replicas);
    free(topic->replica_first);
    for (size_t i = 0; i < info->n_partitions; i++)
        count += info->partitions[i]->n_replicas;
    topic->placed_count = 0;
    topic->replicas = calloc(count + 1, sizeof *topic->replicas);
    topic->replica_first = calloc(info->n_partitions + 2, sizeof *topic->replica_first);
    if (topic->replicas == NULL || topic->replica_first == NULL || count > UINT32_MAX)
        return;
    /* In whatever order they come: counts, then where each begins; it moves to its end. */
    uint32_t *first = topic->replica_first;
    for (size_t i = 0; i < info->n_partitions; i++)
        first[info->partitions[i]->partition + 2] += (uint32_t)info->partitions[i]->n_replicas;
    for (size_t i = 1; i < info->n_partitions; i++)
        first[i + 1] += first[i];
    for (size_t i = 0; i < info->n_partitions; i++)
        for (size_t r = 0; r < info->partitions[i]->n_replicas; r++)
            topic->replicas[first[info->partitions[i]->partition + 1]++] =
                info->partitions[i]->replicas[r];
    topic->placed_count = (int32_t)info->n_partitions;
}

int cluster_topic_code(struct cluster *cluster, const struct topic *topic)
{
    int64_t limit = cluster->klient->config->values.topic_propagation_max_ms;

    if (topic->code == K_UNKNOWN_TOPIC_OR_PARTITION)
        return topic->unknown_since_ms != 0 &&
                       cluster_now_ms(cluster) - topic->unknown_since_ms >= limit
                   ? K_UNKNOWN_TOPIC_OR_PARTITION
                   : K_LEADER_NOT_AVAILABLE;
    return k_error_retriable(topic->code) ? K_LEADER_NOT_AVAILABLE : topic->code;
}

struct broker *cluster_leader(struct cluster *cluster, const struct topic *topic, int32_t partition)
{
    if (topic->code != 0 || partition >= topic->count || topic->partitions[partition].leader < 0)
        return NULL;
    return cluster_broker(cluster, topic->partitions[partition].leader);
}
