/* The member's lines in transcripts.
 *
 *   > up SESSION timeout MS | suspended | expired
 *   > registered ROUND CODE          code: OK or the name of an error
 *   > heartbeat ROUND CODE
 *   > seen ROUND nobody|ours|other ID|CODE
 *   > changed
 *   > elected ROUND CODE [epoch E version V]
 *   > gone | deposed | stop | released | tick
 *   > at MS                          the clock of the next events
 *   > lease | deadline               print them */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/core/member.h"
#include "tests/server/core/suites.h"
#include "tests/server/core/transcript.h"

struct stage {
    struct member member;
    int64_t now_ms;
};

static void *stage_start(void)
{
    struct stage *stage = calloc(1, sizeof *stage);
    member_init(&stage->member, 1);
    return stage;
}

static void stage_stop(void *subject)
{
    free(subject);
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

static void print_effect(const struct member_effect *effect, FILE *out)
{
    static const char *const names[] = {[MEMBER_DO_REGISTER] = "register",
                                        [MEMBER_DO_HEARTBEAT] = "heartbeat",
                                        [MEMBER_DO_READ_CONTROLLER] = "read-controller",
                                        [MEMBER_DO_CAMPAIGN] = "campaign",
                                        [MEMBER_DO_LEAD] = "lead",
                                        [MEMBER_DO_STEP_DOWN] = "step-down",
                                        [MEMBER_DO_VACATE] = "vacate",
                                        [MEMBER_DO_FOLLOW] = "follow",
                                        [MEMBER_DO_SERVE] = "serve",
                                        [MEMBER_DO_RELEASE] = "release",
                                        [MEMBER_DO_CLOSE] = "close",
                                        [MEMBER_DO_REFUSE] = "refuse"};

    fputs(names[effect->type], out);
    if (effect->round != 0)
        fprintf(out, " round %" PRIu64, effect->round);
    if (effect->type == MEMBER_DO_FOLLOW)
        fprintf(out, " %d%s", (int)effect->broker, effect->anew ? " anew" : "");
    if (effect->type == MEMBER_DO_LEAD)
        fprintf(out, " epoch %d version %d", (int)effect->epoch, (int)effect->epoch_version);
    if (effect->type == MEMBER_DO_REFUSE)
        fprintf(out, " %s", k_error_name(effect->code));
    fputc('\n', out);
}

static void print_time(FILE *out, const char *what, int64_t ms)
{
    if (ms == INT64_MAX)
        fprintf(out, "%s never\n", what);
    else if (ms == INT64_MIN)
        fprintf(out, "%s not held\n", what);
    else
        fprintf(out, "%s %" PRId64 "\n", what, ms);
}

static void read_answer(const struct words *words, struct member_event *event)
{
    const char *verb = words->items[0], *result = words->items[2];
    uint64_t round = strtoull(words->items[1], NULL, 10);

    if (strcmp(verb, "registered") == 0) {
        event->type = MEMBER_REGISTERED;
        event->registered.round = round;
        event->registered.code = code_of(result);
    } else if (strcmp(verb, "heartbeat") == 0) {
        event->type = MEMBER_HEARTBEAT_STORED;
        event->heartbeat.round = round;
        event->heartbeat.code = code_of(result);
    } else if (strcmp(verb, "elected") == 0) {
        event->type = MEMBER_ELECTED;
        event->elected.round = round;
        event->elected.code = code_of(result);
        event->elected.epoch = (int32_t)number_after(words, "epoch", 0);
        event->elected.epoch_version = (int32_t)number_after(words, "version", 0);
    } else if (strcmp(verb, "told") == 0) {
        event->type = MEMBER_TOLD;
        event->told.round = round;
    } else {
        ck_assert_msg(strcmp(verb, "seen") == 0, "no such event: %s", verb);
        event->type = MEMBER_CONTROLLER_SEEN;
        event->controller.round = round;
        event->controller.broker = -1;
        event->controller.ours = strcmp(result, "ours") == 0;
        if (event->controller.ours)
            event->controller.broker = 1;
        else if (strcmp(result, "other") == 0)
            event->controller.broker = (int32_t)strtol(words->items[3], NULL, 10);
        else if (strcmp(result, "nobody") != 0)
            event->controller.code = code_of(result);
    }
}

static bool read_plain(const struct words *words, struct member_event *event)
{
    static const struct {
        const char *verb;
        enum member_event_type type;
    } rows[] = {{"suspended", MEMBER_SESSION_SUSPENDED},
                {"expired", MEMBER_SESSION_EXPIRED},
                {"changed", MEMBER_CONTROLLER_CHANGED},
                {"gone", MEMBER_REGISTRATION_GONE},
                {"deposed", MEMBER_DEPOSED},
                {"stop", MEMBER_STOP_ASKED},
                {"released", MEMBER_RELEASED},
                {"tick", MEMBER_TICK}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].verb, words->items[0]) == 0) {
            event->type = rows[i].type;
            return true;
        }
    return false;
}

static void stage_apply(void *subject, const struct words *words, FILE *out)
{
    struct stage *stage = subject;
    struct member_event event = {.type = MEMBER_TICK};
    const char *verb = words->items[0];

    if (strcmp(verb, "at") == 0) {
        stage->now_ms = strtoll(words->items[1], NULL, 10);
        return;
    }
    if (strcmp(verb, "lease") == 0 || strcmp(verb, "deadline") == 0) {
        print_time(out, verb,
                   verb[0] == 'l' ? member_lease_until_ms(&stage->member)
                                  : member_deadline_ms(&stage->member));
        return;
    }
    if (strcmp(verb, "up") == 0) {
        event.type = MEMBER_SESSION_UP;
        event.session_up.session = strtoll(words->items[1], NULL, 10);
        event.session_up.timeout_ms = (int32_t)number_after(words, "timeout", 18000);
    } else if (!read_plain(words, &event)) {
        read_answer(words, &event);
    }
    event.now_ms = stage->now_ms;
    struct member_effects effects = member_step(&stage->member, &event);
    for (size_t i = 0; i < effects.count; i++)
        print_effect(&effects.items[i], out);
}

const struct transcript_script member_script = {stage_start, stage_stop, stage_apply};
