/* The lines of the feature levels in transcripts, for the first feature of the table.
 *
 *   > seen version V level L registrations R [missing] brokers [LOWEST HIGHEST]...
 *   > stored ROUND CODE
 *   > deposed */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/core/features.h"
#include "tests/server/core/suites.h"
#include "tests/server/core/transcript.h"

enum { BROKERS_MAX = 8 };

static void *stage_start(void)
{
    struct features *features = calloc(1, sizeof *features);
    features_init(features);
    return features;
}

static void print_effect(const struct features_effect *effect, FILE *out)
{
    if (effect->type == FEATURES_DO_LOOK)
        fprintf(out, "look\n");
    else
        fprintf(out, "store round %" PRIu64 " at version %d registrations %d level %d\n",
                effect->round, (int)effect->version, (int)effect->registrations,
                (int)effect->levels.of[0]);
}

static void read_seen(const struct words *words, struct features_event *event,
                      struct feature_ranges *brokers)
{
    int at = 1;

    event->type = FEATURES_SEEN;
    event->seen.version = (int32_t)number_after(words, "version", -1);
    event->seen.registrations = (int32_t)number_after(words, "registrations", 0);
    event->seen.complete = !has_word(words, "missing");
    memset(&event->seen.levels, 0, sizeof event->seen.levels);
    event->seen.levels.of[0] = (int16_t)number_after(words, "level", 0);
    while (at < words->count && strcmp(words->items[at - 1], "brokers") != 0)
        at++;
    for (; at + 1 < words->count; at += 2) {
        ck_assert_uint_lt(event->seen.broker_count, BROKERS_MAX);
        brokers[event->seen.broker_count] = feature_ranges_untold();
        brokers[event->seen.broker_count++].of[0] =
            (struct feature_range){ (int16_t)strtol(words->items[at], NULL, 10),
                                    (int16_t)strtol(words->items[at + 1], NULL, 10) };
    }
    event->seen.brokers = brokers;
}

static int code_of(const char *name)
{
    size_t count;
    const struct k_error_row *rows = k_error_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].code;
    ck_abort_msg("no such error: %s", name);
}

static void stage_apply(void *subject, const struct words *words, FILE *out)
{
    struct features_event event = { .type = FEATURES_DEPOSED };
    struct feature_ranges brokers[BROKERS_MAX];
    const char *verb = words->items[0];

    if (strcmp(verb, "seen") == 0) {
        read_seen(words, &event, brokers);
    } else if (strcmp(verb, "stored") == 0) {
        event.type = FEATURES_STORED;
        event.stored.round = strtoull(words->items[1], NULL, 10);
        event.stored.code = code_of(words->items[2]);
    } else {
        ck_assert_msg(strcmp(verb, "deposed") == 0, "no such event: %s", verb);
    }
    struct features_effects effects = features_step(subject, &event);
    for (size_t i = 0; i < effects.count; i++)
        print_effect(&effects.items[i], out);
}

const struct transcript_script features_script = { stage_start, free, stage_apply };
