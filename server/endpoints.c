#include "server/endpoints.h"

#include <ctype.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "server/config.h"

enum { PORT_MAX = 65535 };

/* Copy [from, end) without blanks at the ends. False when it does not fit. */
static bool copy_trimmed(const char *from, const char *end, char *to, size_t size)
{
    while (from < end && isspace((unsigned char)*from))
        from++;
    while (from < end && isspace((unsigned char)end[-1]))
        end--;
    if ((size_t)(end - from) >= size)
        return false;
    memcpy(to, from, (size_t)(end - from));
    to[end - from] = '\0';
    return true;
}

static void to_upper(char *text)
{
    for (; *text != '\0'; text++)
        *text = (char)toupper((unsigned char)*text);
}

static bool parse_port(const char *text, const char *end, uint16_t *out)
{
    char digits[8], *stop;
    if (!copy_trimmed(text, end, digits, sizeof digits) || !isdigit((unsigned char)digits[0]))
        return false;
    unsigned long port = strtoul(digits, &stop, 10);
    if (*stop != '\0' || port > PORT_MAX)
        return false;
    *out = (uint16_t)port;
    return true;
}

/* The last colon before `end`: hosts may be [::1]. */
static const char *last_colon(const char *from, const char *end)
{
    const char *found = NULL;
    for (const char *at = from; at < end; at++) {
        if (*at == ':')
            found = at;
    }
    return found;
}

int endpoint_parse(const char *text, const char **rest, struct endpoint *out,
                   struct k_reason *reason)
{
    const char *end = text + strcspn(text, ",");
    const char *mark = strstr(text, "://");
    struct endpoint parsed = { .name = "" };
    const char *colon = mark == NULL || mark >= end ? NULL : last_colon(mark + 3, end);

    if (colon == NULL || !copy_trimmed(text, mark, parsed.name, sizeof parsed.name) ||
        parsed.name[0] == '\0' || !copy_trimmed(mark + 3, colon, parsed.host, sizeof parsed.host) ||
        !parse_port(colon + 1, end, &parsed.port))
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "\"%.*s\" is not a listener: write NAME://host:port, for instance "
                            "PLAINTEXT://0.0.0.0:9092", (int)(end - text), text);
    to_upper(parsed.name);
    *out = parsed;
    *rest = *end == ',' ? end + 1 : end;
    return 0;
}

static struct endpoint *find(struct endpoints *endpoints, const char *name)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        if (strcasecmp(endpoints->items[i].name, name) == 0)
            return &endpoints->items[i];
    }
    return NULL;
}

static int read_listeners(const char *text, struct endpoints *out, struct k_reason *reason)
{
    while (*text != '\0') {
        struct endpoint endpoint;
        int code = endpoint_parse(text, &text, &endpoint, reason);
        if (code != 0)
            return code;
        if (find(out, endpoint.name) != NULL)
            return k_reason_set(reason, K_INVALID_CONFIG, "listeners names %s twice",
                                endpoint.name);
        if (out->count == ENDPOINTS_MAX)
            return k_reason_set(reason, K_INVALID_CONFIG, "listeners has more than %d entries",
                                (int)ENDPOINTS_MAX);
        out->items[out->count++] = endpoint;
    }
    if (out->count == 0)
        return k_reason_set(reason, K_INVALID_CONFIG, "listeners is empty");
    return 0;
}

/* The name under which other machines know this one, if it can be looked up. */
static void own_host(char *host, size_t size)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;

    if (gethostname(host, size) == 0) {
        host[size - 1] = '\0';
        if (getaddrinfo(host, NULL, &hints, &found) == 0) {
            freeaddrinfo(found);
            return;
        }
    }
    memcpy(host, "127.0.0.1", sizeof "127.0.0.1");
}

static bool is_every_address(const char *host)
{
    return host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "[::]") == 0 ||
           strcmp(host, "::") == 0;
}

static void advertise_defaults(struct endpoints *out)
{
    for (size_t i = 0; i < out->count; i++) {
        struct endpoint *endpoint = &out->items[i];
        if (is_every_address(endpoint->host))
            own_host(endpoint->advertised_host, sizeof endpoint->advertised_host);
        else
            memcpy(endpoint->advertised_host, endpoint->host, sizeof endpoint->host);
        endpoint->advertised_port = endpoint->port;
    }
}

static int read_advertised(const char *text, struct endpoints *out, struct k_reason *reason)
{
    while (text != NULL && *text != '\0') {
        struct endpoint advertised;
        int code = endpoint_parse(text, &text, &advertised, reason);
        if (code != 0)
            return code;
        struct endpoint *endpoint = find(out, advertised.name);
        if (endpoint == NULL)
            return k_reason_set(reason, K_INVALID_CONFIG,
                                "advertised.listeners names %s, which is not among listeners",
                                advertised.name);
        if (is_every_address(advertised.host))
            return k_reason_set(
                reason, K_INVALID_CONFIG,
                "advertised.listeners needs a host that others can connect to for %s",
                advertised.name);
        memcpy(endpoint->advertised_host, advertised.host, sizeof advertised.host);
        endpoint->advertised_port = advertised.port;
    }
    return 0;
}

/* Is `name` mapped to PLAINTEXT? */
static int check_protocol(const char *map, const char *name, struct k_reason *reason)
{
    char key[ENDPOINT_NAME_SIZE], protocol[ENDPOINT_NAME_SIZE];

    for (const char *at = map; *at != '\0';) {
        const char *end = at + strcspn(at, ",");
        const char *colon = memchr(at, ':', (size_t)(end - at));
        if (colon == NULL || !copy_trimmed(at, colon, key, sizeof key) ||
            !copy_trimmed(colon + 1, end, protocol, sizeof protocol))
            return k_reason_set(reason, K_INVALID_CONFIG,
                                "\"%.*s\" in listener.security.protocol.map is not NAME:PROTOCOL",
                                (int)(end - at), at);
        at = *end == ',' ? end + 1 : end;
        if (strcasecmp(key, name) != 0)
            continue;
        if (strcasecmp(protocol, "PLAINTEXT") == 0)
            return 0;
        return k_reason_set(
            reason, K_INVALID_CONFIG,
            "listener %s: the security protocol %s is not supported yet, only PLAINTEXT is", name,
            protocol);
    }
    return k_reason_set(reason, K_INVALID_CONFIG,
                        "listener %s has no entry in listener.security.protocol.map", name);
}

int endpoints_read(const struct config *config, struct endpoints *out, struct k_reason *reason)
{
    *out = (struct endpoints){ .count = 0 };
    int code = read_listeners(config->listeners, out, reason);
    for (size_t i = 0; i < out->count && code == 0; i++)
        code = check_protocol(config->listener_protocols, out->items[i].name, reason);
    if (code != 0)
        return code;

    advertise_defaults(out);
    code = read_advertised(config->advertised_listeners, out, reason);
    if (code != 0)
        return code;

    const struct endpoint *inter_broker =
        config->inter_broker_listener == NULL ? &out->items[0]
                                              : find(out, config->inter_broker_listener);
    if (inter_broker == NULL)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "inter.broker.listener.name is %s, which is not among listeners",
                            config->inter_broker_listener);
    out->inter_broker = inter_broker->name;
    return 0;
}
