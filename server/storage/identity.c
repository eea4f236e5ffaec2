/* storage/identity.c - parse and write the small property files. */
#include "server/storage/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "server/storage/checkpoint.h"

enum { TOPIC_NAME_MAX = 249 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* If the line [at, end) sets `name`, its value. */
static bool line_value(const char *at, const char *end, const char *name, const char **value,
                       size_t *size)
{
    size_t name_size = strlen(name);
    while (at < end && is_blank(*at))
        at++;
    if ((size_t)(end - at) <= name_size || memcmp(at, name, name_size) != 0)
        return false;
    at += name_size;
    while (at < end && is_blank(*at))
        at++;
    if (at == end || (*at != '=' && *at != ':'))
        return false;
    at++;
    while (at < end && is_blank(*at))
        at++;
    while (end > at && is_blank(end[-1]))
        end--;
    *value = at;
    *size = (size_t)(end - at);
    return true;
}

bool properties_find(const char *text, const char *name, char *out, size_t size)
{
    for (const char *line = text; *line != '\0';) {
        const char *end = strchrnul(line, '\n'), *value;
        size_t value_size;
        if (line_value(line, end, name, &value, &value_size)) {
            if (value_size >= size)
                return false;
            memcpy(out, value, value_size);
            out[value_size] = '\0';
            return true;
        }
        line = *end == '\0' ? end : end + 1;
    }
    return false;
}

static bool is_version_0(const char *text)
{
    char value[8];
    return properties_find(text, "version", value, sizeof value) && strcmp(value, "0") == 0;
}

int identity_parse(const char *text, struct logdir_identity *identity)
{
    char value[64];
    struct logdir_identity found = *identity;
    int64_t broker_id;

    if (!is_version_0(text))
        return K_CORRUPT;
    if (!properties_find(text, "broker.id", value, sizeof value) ||
        !checkpoint_number((struct checkpoint_field){ value, strlen(value) }, 0, INT32_MAX,
                           &broker_id))
        return K_CORRUPT;
    found.broker_id = (int32_t)broker_id;
    if (!properties_find(text, "cluster.id", found.cluster_id, sizeof found.cluster_id) ||
        found.cluster_id[0] == '\0')
        return K_CORRUPT;
    if (properties_find(text, "directory.id", value, sizeof value) &&
        !uuid_parse(value, &found.directory_id))
        return K_CORRUPT;
    *identity = found;
    return 0;
}

size_t identity_format(const struct logdir_identity *identity, char text[IDENTITY_TEXT_MAX])
{
    char directory_id[UUID_TEXT_SIZE];
    uuid_format(&identity->directory_id, directory_id);
    return (size_t)snprintf(text, IDENTITY_TEXT_MAX,
                            "version=0\nbroker.id=%" PRId32 "\ncluster.id=%s\ndirectory.id=%s\n",
                            identity->broker_id, identity->cluster_id, directory_id);
}

int partition_metadata_parse(const char *text, struct uuid *topic_id)
{
    char value[UUID_TEXT_SIZE];
    if (!is_version_0(text) || !properties_find(text, "topic_id", value, sizeof value) ||
        !uuid_parse(value, topic_id))
        return K_CORRUPT;
    return 0;
}

size_t partition_metadata_format(const struct uuid *topic_id, char text[IDENTITY_TEXT_MAX])
{
    char id[UUID_TEXT_SIZE];
    uuid_format(topic_id, id);
    return (size_t)snprintf(text, IDENTITY_TEXT_MAX, "version: 0\ntopic_id: %s", id);
}

bool partition_name_parse(const char *name, size_t *topic_size, int32_t *partition)
{
    const char *dash = strrchr(name, '-');
    int64_t number;
    if (dash == NULL || dash == name || dash - name > TOPIC_NAME_MAX)
        return false;
    if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
        strlen(name))
        return false;
    struct checkpoint_field digits = { dash + 1, strlen(dash + 1) };
    if (!checkpoint_number(digits, 0, INT32_MAX, &number) ||
        (digits.size > 1 && digits.text[0] == '0'))
        return false;
    *topic_size = (size_t)(dash - name);
    *partition = (int32_t)number;
    return true;
}
