#include "server/admission.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/error.h"

enum {
    THOUSANDTHS = 1000,
    FULL_WAIT_MS = 50,              /* one that leaves wakes nobody: it is looked for again */
    RATE_MAX = 1000 * 1000          /* above it none is measured */
};

void admission_no_limits(struct admission_limits *limits)
{
    memset(limits, 0, sizeof *limits);
    limits->connections = limits->per_address = limits->per_second = INT64_MAX;
}

/* --- addresses -------------------------------------------------------------------------------- */

static struct address_key key_of_ipv6(const uint8_t bytes[16])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    struct address_key key = { .size = 16 };

    if (memcmp(bytes, mapped, sizeof mapped) == 0) {
        key.size = 4;
        memcpy(key.bytes, bytes + sizeof mapped, 4);
    } else {
        memcpy(key.bytes, bytes, 16);
    }
    return key;
}

struct address_key address_of_peer(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    struct address_key key = { 0 };

    if (getpeername(fd, (struct sockaddr *)&address, &size) != 0)
        return key;
    if (address.ss_family == AF_INET6)
        return key_of_ipv6(((const struct sockaddr_in6 *)&address)->sin6_addr.s6_addr);
    if (address.ss_family == AF_INET) {
        key.size = 4;
        memcpy(key.bytes, &((const struct sockaddr_in *)&address)->sin_addr, 4);
    }
    return key;
}

/* "10.0.0.7" or "[::1]", of `size` bytes; size 0 when it is no address. */
static struct address_key parse_address(const char *text, size_t size)
{
    struct address_key key = { 0 };
    char host[INET6_ADDRSTRLEN];
    uint8_t bytes[16];

    if (size >= 2 && text[0] == '[' && text[size - 1] == ']')
        text++, size -= 2;
    if (size >= sizeof host)
        return key;
    memcpy(host, text, size);
    host[size] = '\0';
    if (inet_pton(AF_INET, host, key.bytes) == 1)
        key.size = 4;
    else if (inet_pton(AF_INET6, host, bytes) == 1)
        key = key_of_ipv6(bytes);
    return key;
}

static int parse_override(struct admission_limits *limits, const char *text, size_t size,
                          struct k_reason *reason)
{
    const char *colon = memrchr(text, ':', size);
    char *end = NULL;
    struct address_key key = { 0 };
    int64_t limit = -1;

    if (colon != NULL && colon + 1 < text + size && colon[1] >= '0' && colon[1] <= '9') {
        key = parse_address(text, (size_t)(colon - text));
        errno = 0;
        limit = strtoll(colon + 1, &end, 10);
        if (errno != 0 || end != text + size)
            limit = -1;
    }
    if (key.size == 0 || limit < 0)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "max.connections.per.ip.overrides: \"%.*s\" is not ADDRESS:NUMBER, "
                            "as in 10.0.0.7:200 or [::1]:10 (names are not looked up)",
                            (int)(size < 100 ? size : 100), text);
    if (limits->override_count == ADMISSION_OVERRIDES_MAX)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "max.connections.per.ip.overrides: more than %d addresses",
                            ADMISSION_OVERRIDES_MAX);
    limits->overrides[limits->override_count].address = key;
    limits->overrides[limits->override_count++].limit = limit;
    return 0;
}

int admission_parse_overrides(struct admission_limits *limits, const char *text,
                              struct k_reason *reason)
{
    int code = 0;

    limits->override_count = 0;
    for (const char *at = text != NULL ? text : ""; code == 0 && *at != '\0';) {
        at += strspn(at, " ,");
        size_t size = strcspn(at, " ,");
        if (size > 0)
            code = parse_override(limits, at, size, reason);
        at += size;
    }
    return code;
}

/* --- counting --------------------------------------------------------------------------------- */

void admission_init(struct admission *admission, const struct admission_limits *limits)
{
    memset(admission, 0, sizeof *admission);
    pthread_mutex_init(&admission->mutex, NULL);
    map_init(&admission->addresses);
    admission->limits = *limits;
    admission->credit_ms = INT64_MIN;
}

void admission_fini(struct admission *admission)
{
    map_fini(&admission->addresses);
    pthread_mutex_destroy(&admission->mutex);
}

void admission_set(struct admission *admission, const struct admission_limits *limits)
{
    pthread_mutex_lock(&admission->mutex);
    admission->limits = *limits;
    pthread_mutex_unlock(&admission->mutex);
}

static bool is_measured(const struct admission *admission)
{
    return admission->limits.per_second <= RATE_MAX;
}

/* What time has brought since it was looked last. */
static void earn(struct admission *admission, int64_t now_ms)
{
    int64_t full = admission->limits.per_second * THOUSANDTHS;

    if (admission->credit_ms == INT64_MIN || now_ms - admission->credit_ms >= 1000)
        admission->credit = full;
    else
        admission->credit += (now_ms - admission->credit_ms) * admission->limits.per_second;
    if (admission->credit > full)
        admission->credit = full;
    admission->credit_ms = now_ms;
}

int64_t admission_wait_ms(struct admission *admission, bool privileged, int64_t now_ms)
{
    int64_t wait_ms = 0;

    if (privileged)
        return 0;
    pthread_mutex_lock(&admission->mutex);
    if (admission->open >= admission->limits.connections) {
        wait_ms = FULL_WAIT_MS;
    } else if (is_measured(admission)) {
        earn(admission, now_ms);
        int64_t lacks = THOUSANDTHS - admission->credit, rate = admission->limits.per_second;
        if (lacks > 0)
            wait_ms = rate == 0 ? 1000 : (lacks + rate - 1) / rate;
    }
    pthread_mutex_unlock(&admission->mutex);
    return wait_ms;
}

static int64_t limit_of(const struct admission_limits *limits, const struct address_key *from)
{
    for (size_t i = 0; i < limits->override_count; i++) {
        const struct address_key *address = &limits->overrides[i].address;
        if (address->size == from->size && memcmp(address->bytes, from->bytes, from->size) == 0)
            return limits->overrides[i].limit;
    }
    return limits->per_address;
}

bool admission_enter(struct admission *admission, const struct address_key *from, int64_t now_ms)
{
    bool enters = true;

    pthread_mutex_lock(&admission->mutex);
    if (from->size > 0) {
        intptr_t count = (intptr_t)map_get(&admission->addresses, from->bytes, from->size);
        enters = count < limit_of(&admission->limits, from) &&
                 map_put(&admission->addresses, from->bytes, from->size, (void *)(count + 1),
                         NULL) == 0;
    }
    if (enters)
        admission->open++;
    /* Who is refused has come, too. */
    if (is_measured(admission)) {
        earn(admission, now_ms);
        admission->credit -= THOUSANDTHS;
    }
    pthread_mutex_unlock(&admission->mutex);
    return enters;
}

void admission_leave(struct admission *admission, const struct address_key *from)
{
    pthread_mutex_lock(&admission->mutex);
    admission->open--;
    if (from->size > 0) {
        intptr_t count = (intptr_t)map_get(&admission->addresses, from->bytes, from->size);
        if (count <= 1)
            map_remove(&admission->addresses, from->bytes, from->size);
        else
            /* It is there: putting it needs no memory. */
            map_put(&admission->addresses, from->bytes, from->size, (void *)(count - 1), NULL);
    }
    pthread_mutex_unlock(&admission->mutex);
}
