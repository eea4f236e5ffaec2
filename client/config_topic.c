/* config_topic.c - what is set for one topic: a value of its own for a property, in place of the
 * handle's. */
#include <stdlib.h>
#include <string.h>

#include "client/config.h"
#include "client/error.h"
#include "client/partitions.h"

#define PREFIX "topic/"

bool config_names_topic(const char *name)
{
    return strncmp(name, PREFIX, strlen(PREFIX)) == 0;
}

static bool may_be_set(const struct option *row)
{
    return (row->flags & OPTION_TOPIC_AT_START) != 0;
}

static const struct topic_config *find(const struct klient_config *config, const char *topic)
{
    for (size_t i = 0; i < config->topic_count; i++)
        if (strcmp(config->topics[i].topic, topic) == 0)
            return &config->topics[i];
    return NULL;
}

static bool name_is_sound(const char *topic)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(topic);

    return size > 0 && size <= TOPIC_NAME_MAX && strspn(topic, allowed) == size;
}

/* --- setting ---------------------------------------------------------------------------------- */

static struct topic_config *find_or_add(struct klient_config *config, const char *topic)
{
    const struct topic_config *known = find(config, topic);

    if (known != NULL)
        return &config->topics[known - config->topics];
    struct topic_config *grown =
        realloc(config->topics, (config->topic_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    config->topics = grown;
    struct topic_config *added = &grown[config->topic_count];
    *added = (struct topic_config){ .topic = strdup(topic) };
    if (added->topic == NULL)
        return NULL;
    config->topic_count++;
    return added;
}

static int refuse(const struct option *row, struct k_reason *reason)
{
    char names[400] = "";
    size_t used = 0;

    if (strcmp(row->name, "acks") == 0)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "acks can not be set for a topic: it is said once for a request, which "
                            "carries batches of many topics, and numbered batches "
                            "(enable.idempotence) need all; open another producer on the handle "
                            "for topics with other acks");
    for (size_t i = 0; i < config_table.count; i++)
        if (may_be_set(&config_table.rows[i]) && used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                     used == 0 ? "" : ", ", config_table.rows[i].name);
    return k_reason_set(reason, K_INVALID_CONFIG, "%s can not be set for a topic, only %s",
                        row->name, names);
}

static int set(struct klient_config *config, enum option_source source, const char *topic,
               const char *name, const char *value, struct k_reason *reason)
{
    const struct option *row = options_find(&config_table, name);

    if (!name_is_sound(topic))
        return k_reason_set(reason, K_INVALID_TOPIC_EXCEPTION, "no topic can be named \"%.100s\"",
                            topic);
    /* Before the topic is noted: what is refused leaves no trace. */
    int code = options_check(&config_table, name, value, reason);
    if (row == NULL || (row->flags & OPTION_NOT_YET) != 0)
        return code;
    if (!may_be_set(row))
        return refuse(row, reason);
    if (code != 0)
        return code;
    struct topic_config *own = find_or_add(config, topic);
    if (own == NULL)
        return k_reason_set(reason, K_NOMEM, "%s", k_error_text(K_NOMEM));
    return options_set(&config_table, &own->values, own->sources, source, name, value, reason);
}

/* Take "topic/NAME/PROPERTY" apart: NAME into `topic`, which has room for any, and *property. */
static int split(const char *name, char topic[TOPIC_NAME_MAX + 1], const char **property,
                 struct k_reason *reason)
{
    const char *start = name + strlen(PREFIX);
    size_t size = strcspn(start, "/");

    if (start[size] == '\0')
        return k_reason_set(reason, K_UNKNOWN_NAME,
                            "expected topic/NAME/PROPERTY, not \"%.100s\"", name);
    if (size > TOPIC_NAME_MAX)
        return k_reason_set(reason, K_INVALID_TOPIC_EXCEPTION, "no topic can be named \"%.100s\"",
                            start);
    memcpy(topic, start, size);
    topic[size] = '\0';
    *property = start + size + 1;
    return 0;
}

int config_set_topic(struct klient_config *config, enum option_source source, const char *name,
                     const char *value, struct k_reason *reason)
{
    char topic[TOPIC_NAME_MAX + 1];
    const char *property;
    int code = split(name, topic, &property, reason);

    return code != 0 ? code : set(config, source, topic, property, value, reason);
}

klient_code_t klient_config_set_topic(klient_config_t *config, const char *topic, const char *name,
                                      const char *value, klient_error_t **error)
{
    struct k_reason reason;

    if (config == NULL || topic == NULL || name == NULL || value == NULL)
        return fail(error, K_INVALID_ARGUMENT, "config, topic, name and value are needed");
    int code = set(config, OPTION_FROM_FLAG, topic, name, value, &reason);
    return code == 0 ? KLIENT_OK : fail(error, code, "%s", reason.text);
}

/* --- reading ---------------------------------------------------------------------------------- */

klient_code_t klient_config_get_topic(const klient_config_t *config, const char *topic,
                                      const char *name, char *text, size_t size,
                                      klient_error_t **error)
{
    if (config == NULL || topic == NULL || name == NULL || text == NULL || size == 0)
        return fail(error, K_INVALID_ARGUMENT,
                    "config, topic, name and room for the value are needed");
    const struct topic_config *own = find(config, topic);
    const struct option *row = options_find(&config_table, name);
    if (own == NULL || row == NULL || own->sources[row - config_table.rows] == OPTION_FROM_DEFAULT)
        return klient_config_get(config, name, text, size, error);
    options_format(row, &own->values, text, size);
    return KLIENT_OK;
}

klient_code_t config_get_topic(const struct klient_config *config, const char *name, char *text,
                               size_t size, klient_error_t **error)
{
    char topic[TOPIC_NAME_MAX + 1];
    const char *property;
    struct k_reason reason;
    int code = split(name, topic, &property, &reason);

    return code != 0 ? fail(error, code, "%s", reason.text)
                     : klient_config_get_topic(config, topic, property, text, size, error);
}

static size_t field_size(const struct option *row)
{
    return row->type == OPTION_BOOL   ? sizeof(bool)
           : row->type == OPTION_LONG ? sizeof(int64_t)
                                      : sizeof(int32_t);
}

void config_complete(const struct klient_config *config, const struct topic_config *own,
                     struct config_values *out)
{
    struct config_values values = config->values;

    for (size_t i = 0; i < config_table.count; i++) {
        const struct option *row = &config_table.rows[i];
        if (own->sources[i] != OPTION_FROM_DEFAULT)
            memcpy((char *)&values + row->offset, (const char *)&own->values + row->offset,
                   field_size(row));
    }
    *out = values;
}

const struct config_values *config_values_of(const struct klient_config *config, const char *topic)
{
    const struct topic_config *own = find(config, topic);

    return own == NULL ? &config->values : &own->values;
}

bool config_is_set_for(const struct klient_config *config, const char *topic, const char *name)
{
    const struct topic_config *own = find(config, topic);
    const struct option *row = options_find(&config_table, name);

    return own != NULL && own->sources[row - config_table.rows] != OPTION_FROM_DEFAULT;
}

/* --- copies ----------------------------------------------------------------------------------- */

int config_copy_topics(const struct klient_config *from, struct klient_config *to)
{
    to->topics = NULL;
    to->topic_count = 0;
    if (from->topic_count == 0)
        return 0;
    to->topics = calloc(from->topic_count, sizeof *to->topics);
    for (; to->topics != NULL && to->topic_count < from->topic_count; to->topic_count++) {
        struct topic_config *copy = &to->topics[to->topic_count];
        *copy = from->topics[to->topic_count];
        copy->topic = strdup(copy->topic);
        if (copy->topic == NULL)
            return K_NOMEM;
        config_complete(to, copy, &copy->values);
    }
    return to->topics == NULL ? K_NOMEM : 0;
}

void config_free_topics(struct klient_config *config)
{
    for (size_t i = 0; i < config->topic_count; i++)
        free(config->topics[i].topic);
    free(config->topics);
}
