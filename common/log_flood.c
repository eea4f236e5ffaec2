#include "common/log_flood.h"

enum { PROBES_MAX = 16 };

static uint64_t key_of(const char *event, const char *format)
{
    uint64_t key = (uint64_t)(uintptr_t)event * 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)format;

    key = (key ^ key >> 29) * 0xbf58476d1ce4e5b9u;
    key ^= key >> 32;
    return key != 0 ? key : 1;
}

/* NULL: there is no room for another one. */
static struct log_flood_site *find_site(struct log_flood *flood, int level, const char *event,
                                        const char *format)
{
    const uint64_t key = key_of(event, format);

    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct log_flood_site *site = &flood->sites[(key + i) % LOG_FLOOD_SITES];
        uint64_t found = atomic_load_explicit(&site->key, memory_order_acquire);
        if (found == 0 && atomic_compare_exchange_strong(&site->key, &found, key)) {
            atomic_store(&site->level, level);
            atomic_store(&site->event, event);
            return site;
        }
        if (found == key)
            return site;
    }
    return NULL;
}

static uint32_t interval_of(const struct log_flood *flood, int64_t now_ms)
{
    return (uint32_t)(now_ms / flood->interval_ms);
}

static uint32_t interval_in(uint64_t lines)
{
    return (uint32_t)(lines >> 32);
}

static uint32_t count_in(uint64_t lines)
{
    return (uint32_t)lines;
}

/* One more in this interval, or the first of it: unless what the last one left out is still to be
 * told, which would be lost; then none. Returns how many there are now. */
static uint32_t add_line(const struct log_flood *flood, struct log_flood_site *site,
                         uint32_t interval)
{
    uint64_t lines = atomic_load_explicit(&site->lines, memory_order_relaxed), next;

    do {
        bool fresh = interval_in(lines) != interval && count_in(lines) <= flood->lines_max;
        if (count_in(lines) == UINT32_MAX && !fresh)
            return UINT32_MAX;
        next = fresh ? (uint64_t)interval << 32 | 1 : lines + 1;
    } while (!atomic_compare_exchange_weak_explicit(&site->lines, &lines, next,
                                                    memory_order_relaxed, memory_order_relaxed));
    return count_in(next);
}

enum log_flood_verdict log_flood_line(struct log_flood *flood, int level, const char *event,
                                      const char *format, int64_t now_ms)
{
    struct log_flood_site *site =
        flood->lines_max > 0 ? find_site(flood, level, event, format) : NULL;

    if (site == NULL)
        return LOG_FLOOD_WRITE;
    uint32_t count = add_line(flood, site, interval_of(flood, now_ms));
    if (count <= flood->lines_max)
        return LOG_FLOOD_WRITE;
    if (count > flood->lines_max + 1)
        return LOG_FLOOD_LEFT_OUT;
    atomic_fetch_add(&flood->over, 1);
    return LOG_FLOOD_BEGINS;
}

/* Take what a site has left out, if its interval is over. */
static bool take_count(struct log_flood *flood, struct log_flood_site *site, int64_t now_ms,
                       struct log_flood_count *out)
{
    const char *event = atomic_load(&site->event);
    uint64_t lines = atomic_load(&site->lines);

    do {
        if (count_in(lines) <= flood->lines_max || event == NULL ||
            interval_in(lines) == interval_of(flood, now_ms))
            return false;
    } while (!atomic_compare_exchange_weak(&site->lines, &lines, 0));
    atomic_fetch_sub(&flood->over, 1);
    *out = (struct log_flood_count){ .event = event,
                                     .level = atomic_load(&site->level),
                                     .lines = count_in(lines) - flood->lines_max };
    return true;
}

bool log_flood_take(struct log_flood *flood, int64_t now_ms, size_t *from,
                    struct log_flood_count *out)
{
    if (flood->lines_max == 0 || atomic_load_explicit(&flood->over, memory_order_relaxed) == 0)
        return false;
    while (*from < LOG_FLOOD_SITES) {
        if (take_count(flood, &flood->sites[(*from)++], now_ms, out))
            return true;
    }
    return false;
}
