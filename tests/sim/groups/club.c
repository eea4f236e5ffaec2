/* A life. First anything may happen and nothing may be broken; then all faults end, and the groups
 * must become whole within a bounded time, and stay so. */
#include "tests/sim/groups/club.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/lives.h"

enum { LOOK_EVERY_US = 20 * 1000, SLACK_MS = 3000 };

const char *const club_topics[TOPICS] = {"a", "b"};

static const char *const group_names[GROUPS_MAX] = {"g", "h"};

const char *club_group(int group)
{
    return group_names[group];
}

int club_group_number(const char *name)
{
    return strcmp(name, group_names[0]) == 0 ? 0 : 1;
}

void club_note(struct club *club, uint64_t a, uint64_t b)
{
    const uint64_t prime = UINT64_C(0x100000001b3);

    club->trace = (club->trace ^ a) * prime;
    club->trace = (club->trace ^ b) * prime;
    club->trace = (club->trace ^ (uint64_t)club->sched.now_us) * prime;
}

void club_say(struct club *club, const char *format, ...)
{
    va_list arguments;

    if (!club->verbose)
        return;
    printf("%9.3f ", (double)club->sched.now_us / 1000);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

void club_violated(struct club *club, const char *format, ...)
{
    va_list arguments;

    if (club->violation[0] != '\0')
        return; /* what comes after the first one says little */
    va_start(arguments, format);
    vsnprintf(club->violation, sizeof club->violation, format, arguments);
    va_end(arguments);
    club_say(club, "VIOLATION %s", club->violation);
}

int64_t club_draw(struct club *club, int64_t low, int64_t high)
{
    return plan_between(&club->rand, low, high < low ? low : high);
}

bool club_fault(struct club *club, uint64_t n)
{
    return rand_below(&club->rand, n) == 0 && !club->healed;
}

static void make_consumers(struct club *club)
{
    for (int c = 0; c < club->plan.club.consumers; c++) {
        struct consumer *consumer = &club->consumers[c];
        consumer->club = club;
        consumer->id = c;
        consumer->node = net_client(&club->net, c);
        consumer->group = c % (int)club->plan.club.groups;
        consumer->own_topics = (uint32_t)club_draw(club, 1, 3);
        if (club->plan.club.partitions_b == 0)
            consumer->own_topics |= 1;
        if (c < club->plan.club.statics)
            snprintf(consumer->own_instance, NAME_SIZE, "i%d", c);
        consumer_start(consumer, consumer->own_instance, consumer->own_topics);
    }
}

struct club *club_new(const struct plan *plan, bool verbose)
{
    struct club *club = sched_payload(sizeof *club);
    const struct club_options *options = &plan->club;
    const struct net_options net = {.loss_permille = (uint32_t)options->loss_permille,
                                    .duplicate_permille = (uint32_t)options->duplicate_permille,
                                    .clog_permille = (uint32_t)options->clog_permille,
                                    .delay_min_us = options->delay_min_us,
                                    .delay_mean_us = options->delay_mean_us,
                                    .clog_us = 300 * 1000};

    club->plan = *plan;
    club->verbose = verbose;
    club->trace = UINT64_C(0xcbf29ce484222325);
    club->width[0] = (int)options->partitions_a;
    club->width[1] = (int)options->partitions_b;
    club->topic.leader = -1;
    rand_seed(&club->rand, plan->seed * 11 + 3);
    sched_init(&club->sched, plan->seed * 13 + 5);
    net_init(&club->net, &club->sched, plan->seed * 17 + 7, (int)options->brokers,
             (int)options->consumers + 1, &net);
    facts_begin(club);
    for (int d = 0; d < options->brokers; d++) {
        club->desks[d].club = club;
        club->desks[d].id = d;
        desk_start(&club->desks[d]);
    }
    topic_move(club, 0, 0);
    make_consumers(club);
    faults_begin(club);
    return club;
}

void club_free(struct club *club)
{
    for (int d = 0; d < club->plan.club.brokers; d++)
        desk_die(&club->desks[d]);
    groups_log_fini(&club->topic.log);
    net_fini(&club->net);
    sched_fini(&club->sched);
    free(club);
}

static bool events_until(struct club *club, int64_t until_us)
{
    while (club->violation[0] == '\0' && sched_next(&club->sched, until_us))
        ;
    return club->violation[0] == '\0';
}

/* Who was lost has to be found out twice, and a rebalance may wait twice for who is lost. */
static int64_t limit_ms(const struct club *club)
{
    const struct club_options *options = &club->plan.club;

    return 2 * (options->session_timeout_ms + options->rebalance_timeout_ms) +
           options->initial_delay_ms + SLACK_MS;
}

/* What comes late was under way before the healing. */
static bool stays_whole(struct club *club, int64_t for_ms)
{
    int32_t generations[GROUPS_MAX];
    char why[160] = "";

    for (int g = 0; g < GROUPS_MAX; g++)
        generations[g] = club->known[g].generation;
    if (!events_until(club, club->sched.now_us + for_ms * 1000))
        return false;
    for (int g = 0; g < club->plan.club.groups; g++)
        if (club->known[g].generation != generations[g])
            club_violated(club, "group %s goes from generation %d to %d, and nothing has happened",
                          club_group(g), (int)generations[g], (int)club->known[g].generation);
    if (!facts_is_whole(club, why, sizeof why))
        club_violated(club, "whole, and later not: %s", why);
    return club->violation[0] == '\0';
}

static bool become_whole(struct club *club)
{
    int64_t start_us = club->sched.now_us, end_us = start_us + limit_ms(club) * 1000;
    char why[160] = "";

    for (int64_t at_us = start_us; at_us < end_us; at_us += LOOK_EVERY_US) {
        if (!events_until(club, at_us))
            return false;
        if (facts_is_whole(club, why, sizeof why)) {
            club->counters.slowest_ms += (uint64_t)(at_us - start_us) / 1000;
            return true;
        }
    }
    club_violated(club, "not whole %d ms after healing: %s", (int)limit_ms(club), why);
    return false;
}

bool club_run(struct club *club)
{
    const struct club_options *options = &club->plan.club;
    int64_t late_us = 3 * options->session_timeout_ms * 1000;

    if (events_until(club, options->length_ms * 1000)) {
        int64_t calm_us = faults_end(club);
        /* What comes late may start one rebalance more. */
        bool whole = events_until(club, calm_us) && become_whole(club) &&
                     events_until(club, club->sched.now_us + late_us) && become_whole(club) &&
                     stays_whole(club, 2 * options->session_timeout_ms);
        if (whole)
            facts_final(club);
    }
    club_note(club, club->sched.fired, club->counters.commits);
    return club->violation[0] == '\0';
}

/* --- as one of many --------------------------------------------------------------------------- */

static const struct life_counter counters[] = {
#define CLUB_COUNTER(name, text) {text, true},
    CLUB_COUNTERS_REQUIRED(CLUB_COUNTER)
#undef CLUB_COUNTER
#define CLUB_COUNTER(name, text) {text, false},
    CLUB_COUNTERS_OTHER(CLUB_COUNTER)
#undef CLUB_COUNTER
};

static void live(const struct plan *plan, bool verbose, struct life *life)
{
    struct club *club = club_new(plan, verbose);

    club_run(club);
    memcpy(life->violation, club->violation, sizeof life->violation);
    life->events = club->sched.fired;
    life->trace = club->trace;
    life->simulated_ms = club->sched.now_us / 1000;
    memcpy(life->counters, &club->counters, sizeof club->counters);
    club_free(club);
}

const struct life_kind sim_club = {
    .program = "sim_groups",
    .form = &club_form,
    .counters = counters,
    .counter_count = (int)(sizeof counters / sizeof counters[0]),
    .live = live,
};
