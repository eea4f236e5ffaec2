/* /brokers/ids/N and /kairn/brokers/N. */
#include <string.h>

#include "zk/znode_json.h"

/* --- Kafka's registration, version 5 --------------------------------------------------------- */

/* NULL: no memory. */
static json_t *encode_ranges(const struct feature_ranges *ranges)
{
    json_t *object = json_object();
    bool failed = object == NULL;

    for (int i = 0; i < FEATURE_COUNT; i++) {
        const struct feature_range *range = &ranges->of[i];
        if (range->highest > 0)
            failed |= json_object_set_new(object, feature_row((enum feature)i)->name,
                                          json_pack("{s:i, s:i}", "min_version",
                                                    (int)range->lowest, "max_version",
                                                    (int)range->highest)) != 0;
    }
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}

/* Fields stand in the order in which Kafka 3.9 was seen to write them. "host" and "port" are for
 * clients of the oldest kind: the first PLAINTEXT endpoint, else null and -1. */
char *znode_encode_broker(struct arena *arena, const struct znode_broker *broker)
{
    json_t *map = json_object(), *endpoints = json_array();
    const struct znode_endpoint *plain = NULL;
    bool failed = map == NULL || endpoints == NULL;

    for (size_t i = 0; i < broker->endpoint_count; i++) {
        const struct znode_endpoint *endpoint = &broker->endpoints[i];
        const char *format = strchr(endpoint->host, ':') == NULL ? "%s://%s:%d" : "%s://[%s]:%d";

        if (plain == NULL && strcmp(endpoint->protocol, "PLAINTEXT") == 0)
            plain = endpoint;
        failed |=
            json_object_set_new(map, endpoint->listener, json_string(endpoint->protocol)) != 0;
        failed |= json_array_append_new(endpoints,
                                        json_sprintf(format, endpoint->listener, endpoint->host,
                                                     (int)endpoint->port)) != 0;
    }
    if (failed) {
        json_decref(map);
        json_decref(endpoints);
        return NULL;
    }
    return znode_json_print(arena,
                            json_pack("{s:o, s:o, s:o, s:s*, s:i, s:i, s:s?, s:i, s:o}",
                                      "features", encode_ranges(&broker->features),
                                      "listener_security_protocol_map", map,
                                      "endpoints", endpoints, "rack", broker->rack, "jmx_port", -1,
                                      "port", plain == NULL ? -1 : (int)plain->port, "host",
                                      plain == NULL ? NULL : plain->host, "version", 5, "timestamp",
                                      json_sprintf("%lld", (long long)broker->timestamp_ms)));
}

/* A name or an address: nothing that would make the endpoint ambiguous. */
static bool is_host(const char *host, size_t size)
{
    return size > 0 && strcspn(host, "[]/ \t\r\n") >= size;
}

/* "NAME://host:port", with an IPv6 address in brackets. */
static int parse_endpoint(struct arena *arena, const char *text, struct znode_endpoint *out,
                          struct k_reason *reason)
{
    const char *separator = strstr(text, "://");
    const char *colon = strrchr(text, ':');
    int64_t port;

    if (separator == NULL || separator == text || colon == separator)
        goto malformed;
    const char *host = separator + 3;
    if (!znode_decimal(colon + 1, strlen(colon + 1), UINT16_MAX, &port))
        goto malformed;

    size_t host_size = (size_t)(colon - host);
    bool colons = memchr(host, ':', host_size) != NULL;
    if (colons && (host[0] != '[' || colon[-1] != ']'))
        goto malformed;
    if (colons) {
        host++;
        host_size -= 2;
    }
    if (!is_host(host, host_size))
        goto malformed;

    out->listener = arena_printf(arena, "%.*s", (int)(separator - text), text);
    out->host = arena_printf(arena, "%.*s", (int)host_size, host);
    if (out->listener == NULL || out->host == NULL)
        return K_NOMEM;
    out->port = (uint16_t)port;
    return 0;

malformed:
    return k_reason_set(reason, K_CORRUPT, "endpoints: \"%.100s\" is not NAME://host:port", text);
}

static int decode_endpoint(struct arena *arena, const json_t *item, const json_t *map,
                           struct znode_endpoint *out, struct k_reason *reason)
{
    const char *text = json_string_value(item);

    if (text == NULL)
        return k_reason_set(reason, K_CORRUPT, "endpoints: holds something that is not a text");
    int code = parse_endpoint(arena, text, out, reason);
    if (code != 0)
        return code;

    /* Before version 4 a listener's name was its protocol. */
    const json_t *protocol = json_object_get(map, out->listener);
    if (protocol != NULL && !json_is_string(protocol))
        return k_reason_set(reason, K_CORRUPT,
                            "listener_security_protocol_map: %.100s is not a text", out->listener);
    out->protocol =
        protocol == NULL ? out->listener : arena_strdup(arena, json_string_value(protocol));
    return out->protocol == NULL ? K_NOMEM : 0;
}

/* Version 1 knew one address only. */
static int decode_old_address(struct arena *arena, const json_t *root, struct znode_endpoint *out,
                              struct k_reason *reason)
{
    int64_t port = 0;
    int code = znode_json_text(arena, root, "host", false, &out->host, reason);

    if (code == 0 && !is_host(out->host, strlen(out->host)))
        code = k_reason_set(reason, K_CORRUPT, "host: \"%.100s\" is not a host", out->host);
    if (code == 0)
        code = znode_json_int(root, "port", 0, UINT16_MAX, &port, reason);
    out->listener = out->protocol = "PLAINTEXT";
    out->port = (uint16_t)port;
    return code;
}

static int decode_endpoints(struct arena *arena, const json_t *root, struct znode_broker *out,
                            struct k_reason *reason)
{
    const json_t *list = json_object_get(root, "endpoints");
    const json_t *map = json_object_get(root, "listener_security_protocol_map");
    size_t count = list == NULL ? 1 : json_array_size(list);

    if (list != NULL && !json_is_array(list))
        return k_reason_set(reason, K_CORRUPT, "endpoints: is not a list");
    if (map != NULL && !json_is_object(map))
        return k_reason_set(reason, K_CORRUPT, "listener_security_protocol_map: is not an object");
    if (count == 0)
        return k_reason_set(reason, K_CORRUPT, "endpoints: is empty");

    struct znode_endpoint *endpoints = arena_calloc(arena, count, sizeof *endpoints);
    if (endpoints == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++) {
        int code = list == NULL ? decode_old_address(arena, root, &endpoints[i], reason)
                                : decode_endpoint(arena, json_array_get(list, i), map,
                                                  &endpoints[i], reason);
        if (code != 0)
            return code;
    }
    out->endpoints = endpoints;
    out->endpoint_count = count;
    return 0;
}

static int decode_ranges(const json_t *object, struct feature_ranges *out, struct k_reason *reason)
{
    struct feature_ranges ranges = feature_ranges_untold();
    const char *name;
    json_t *item;

    if (object != NULL && !json_is_object(object))
        return k_reason_set(reason, K_CORRUPT, "features: is not an object");
    json_object_foreach((json_t *)object, name, item) {
        int64_t lowest = 0, highest = 0;
        int feature = feature_find(name);
        if (feature < 0)
            continue;                   /* of a newer broker: what we do not know is not raised */
        int code = znode_json_int(item, "min_version", 1, FEATURE_LEVEL_MAX, &lowest, reason);
        if (code == 0)
            code = znode_json_int(item, "max_version", lowest, FEATURE_LEVEL_MAX, &highest, reason);
        if (code != 0)
            return code;
        ranges.of[feature] = (struct feature_range){ (int16_t)lowest, (int16_t)highest };
    }
    *out = ranges;
    return 0;
}

int znode_decode_broker(struct arena *arena, const char *data, size_t size,
                        struct znode_broker *out, struct k_reason *reason)
{
    struct znode_broker broker = { 0 };
    int64_t version;
    json_t *root;

    int code = znode_json_record(data, size, &root, &version, reason);
    if (code != 0)
        return code;
    code = decode_endpoints(arena, root, &broker, reason);
    if (code == 0)
        code = znode_json_text(arena, root, "rack", true, &broker.rack, reason);
    if (code == 0)
        code = znode_json_time(root, "timestamp", &broker.timestamp_ms, reason);
    if (code == 0)
        code = decode_ranges(json_object_get(root, "features"), &broker.features, reason);
    json_decref(root);
    if (code == 0)
        *out = broker;
    return code;
}

/* --- Kairn's own record ---------------------------------------------------------------------- */

/* NULL: no memory. */
static json_t *encode_uuids(const struct uuid *uuids, size_t count)
{
    json_t *list = json_array();
    char text[UUID_TEXT_SIZE];
    bool failed = list == NULL;

    for (size_t i = 0; i < count; i++) {
        uuid_format(&uuids[i], text);
        failed |= json_array_append_new(list, json_string(text)) != 0;
    }
    if (!failed)
        return list;
    json_decref(list);
    return NULL;
}

char *znode_encode_kairn_broker(struct arena *arena, const struct znode_kairn_broker *broker)
{
    char text[UUID_TEXT_SIZE];

    uuid_format(&broker->incarnation, text);
    json_t *root = json_pack("{s:i, s:s, s:b, s:o, s:i}", "version", 1, "incarnation", text,
                             "lossy", broker->lossy, "directories",
                             encode_uuids(broker->directories, broker->directory_count), "loops",
                             (int)broker->loops);
    if (root != NULL && broker->missing_count > 0 &&
        json_object_set_new(root, "missing",
                            encode_uuids(broker->missing, broker->missing_count)) != 0) {
        json_decref(root);
        return NULL;
    }
    return znode_json_print(arena, root);
}

static int decode_uuid(const json_t *value, const char *field, struct uuid *out,
                       struct k_reason *reason)
{
    const char *text = json_string_value(value);

    if (text == NULL || !uuid_parse(text, out))
        return k_reason_set(reason, K_CORRUPT, "%s: %s", field,
                            value == NULL ? "is missing" : "is not a uuid of 22 characters");
    return 0;
}

static int decode_uuids(struct arena *arena, const json_t *list, const char *field,
                        const struct uuid **out, size_t *out_count, struct k_reason *reason)
{
    size_t count = json_array_size(list);

    if (!json_is_array(list))
        return k_reason_set(reason, K_CORRUPT, "%s: is not a list", field);
    struct uuid *uuids = arena_calloc(arena, count + 1, sizeof *uuids);
    if (uuids == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++) {
        int code = decode_uuid(json_array_get(list, i), field, &uuids[i], reason);
        if (code != 0)
            return code;
    }
    *out = uuids;
    *out_count = count;
    return 0;
}

int znode_decode_kairn_broker(struct arena *arena, const char *data, size_t size,
                              struct znode_kairn_broker *out, struct k_reason *reason)
{
    struct znode_kairn_broker broker = { 0 };
    int64_t version, loops = 0;
    json_t *root;

    int code = znode_json_record(data, size, &root, &version, reason);
    if (code != 0)
        return code;
    code = decode_uuid(json_object_get(root, "incarnation"), "incarnation", &broker.incarnation,
                       reason);
    if (code == 0 && !json_is_boolean(json_object_get(root, "lossy")))
        code = k_reason_set(reason, K_CORRUPT, "lossy: is not true or false");
    if (code == 0)
        code = decode_uuids(arena, json_object_get(root, "directories"), "directories",
                            &broker.directories, &broker.directory_count, reason);
    const json_t *missing = json_object_get(root, "missing");
    if (code == 0 && missing != NULL)
        code = decode_uuids(arena, missing, "missing", &broker.missing, &broker.missing_count,
                            reason);
    if (code == 0)
        code = znode_json_int(root, "loops", 1, 1024, &loops, reason);
    broker.lossy = json_is_true(json_object_get(root, "lossy"));
    broker.loops = (int32_t)loops;
    json_decref(root);
    if (code == 0)
        *out = broker;
    return code;
}
