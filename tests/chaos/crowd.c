/* crowd - groups of consumers that come and go while everything else goes wrong, too.
 *
 *   crowd run BOOTSTRAP TOPIC PARTITIONS DIRECTORY SEED
 *       Every group has a few places, and a process in each. They are killed, stopped for less and
 *       for longer than a session, told to leave, kept from polling for too long, and static ones
 *       get a double that takes their place while they are stopped. SIGUSR1: from now on everybody
 *       is there, and nothing happens to them; SIGTERM: everybody leaves, and it ends. Each process
 *       writes DIRECTORY/member-N.
 *   crowd caught-up BOOTSTRAP TOPIC PARTITIONS FILE
 *       Wait until every group has committed every partition to its end, and write down what is
 *       committed.
 *   crowd groups
 *       Their names.
 *
 * The parent never uses the library: its children are forked without a trace of it. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/klient.h"
#include "tests/chaos/history.h"
#include "tests/chaos/member.h"

enum {
    PLACES = 4,
    TURN_MS = 50,
    CAUGHT_UP_WAIT_MS = 90000,
    ASK_WAIT_MS = 3000,
    LEAVE_WAIT_US = 40 * 1000 * 1000
};

static const struct kind { const char *name, *assignors; bool is_static; } kinds[] = {
    { "chaos-cooperative", "cooperative-sticky", false },
    { "chaos-eager", "range,roundrobin", false },
    { "chaos-static", "sticky", true },
};
enum { GROUPS = sizeof kinds / sizeof kinds[0] };

enum fate { KILL, LEAVE, PAUSE, SLEEP, SULK, DOUBLE, FATES };

/* How often each is drawn, and for how long it lasts, in milliseconds. */
static const struct { const char *name; int weight, least_ms, most_ms; } fates[FATES] = {
    [KILL] = { "killed", 4, 0, 4000 },
    [LEAVE] = { "left", 3, 0, 4000 },
    [PAUSE] = { "paused", 3, 100, MEMBER_SESSION_MS - 500 },
    [SLEEP] = { "paused-too-long", 3, MEMBER_SESSION_MS + 500, 2 * MEMBER_POLL_INTERVAL_MS },
    [SULK] = { "thought-too-long", 2, MEMBER_POLL_INTERVAL_MS, 2 * MEMBER_POLL_INTERVAL_MS },
    [DOUBLE] = { "doubled", 3, 500, 2 * MEMBER_SESSION_MS },
};
enum { RUN_LEAST_MS = 2000, RUN_MOST_MS = 20000 };

struct place {
    int group, slot;
    pid_t pid;                  /* 0: nobody is there */
    bool leaving, stopped;
    int64_t due_us;             /* what it is about ends then */
    pid_t former;               /* another one has its name meanwhile; 0: none */
    int64_t former_due_us;      /* it is stopped until then; 0: it is not */
};

struct crowd {
    const char *bootstrap, *topic, *directory;
    int partitions;
    uint64_t chance;
    int processes;
    bool calm, failed;
    struct place places[GROUPS * PLACES];
    uint64_t counts[FATES];
};

static volatile sig_atomic_t calming, ending;

static void on_signal(int signal)
{
    if (signal == SIGTERM)
        ending = 1;
    else
        calming = 1;
}

/* From least to most. */
static int roll(struct crowd *crowd, int least, int most)
{
    crowd->chance ^= crowd->chance << 13;
    crowd->chance ^= crowd->chance >> 7;
    crowd->chance ^= crowd->chance << 17;
    return least + (int)(crowd->chance % (uint64_t)(most - least + 1));
}

static int64_t soon_us(struct crowd *crowd, int least_ms, int most_ms)
{
    return history_now_us() + (int64_t)roll(crowd, least_ms, most_ms) * 1000;
}

/* --- processes -------------------------------------------------------------------------------- */

static void be_member(const struct crowd *crowd, const struct place *place)
{
    const struct kind *kind = &kinds[place->group];
    char path[4096];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(path, sizeof path, "%s/member-%d", crowd->directory, crowd->processes);
    struct member_options options = {
        .bootstrap = crowd->bootstrap, .topic = crowd->topic, .group = kind->name,
        .assignors = kind->assignors, .partitions = crowd->partitions, .number = place->group,
        .slot = place->slot, .is_static = kind->is_static, .process = crowd->processes,
        .commits = (enum member_commits)(crowd->processes % MEMBER_COMMITS),
        .history = history_create(path) };
    if (options.history == NULL) {
        perror(path);
        exit(MEMBER_FAILED);
    }
    exit(member_live(&options));
}

static void start(struct crowd *crowd, struct place *place)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        be_member(crowd, place);
    if (pid < 0) {
        perror("fork");
        exit(1);
    }
    crowd->processes++;
    place->pid = pid;
    place->leaving = place->stopped = false;
    place->due_us = soon_us(crowd, RUN_LEAST_MS, RUN_MOST_MS);
}

static void let_former_go(struct place *place)
{
    if (place->former > 0 && place->former_due_us > 0)
        kill(place->former, SIGCONT);
    place->former_due_us = 0;
}

static void go_on(struct place *place)
{
    if (place->pid > 0 && place->stopped)
        kill(place->pid, SIGCONT);
    place->stopped = false;
}

/* --- fates ------------------------------------------------------------------------------------ */

static enum fate draw(struct crowd *crowd, const struct place *place)
{
    int sum = 0, fate = 0;

    for (int i = 0; i < FATES; i++)
        sum += fates[i].weight;
    for (int drawn = roll(crowd, 0, sum - 1); drawn >= fates[fate].weight; fate++)
        drawn -= fates[fate].weight;
    bool possible = fate != DOUBLE || (kinds[place->group].is_static && place->former == 0);
    return possible ? (enum fate)fate : PAUSE;
}

/* Something happens to who is there. */
static void befall(struct crowd *crowd, struct place *place)
{
    enum fate fate = draw(crowd, place);

    crowd->counts[fate]++;
    switch (fate) {
    case KILL: kill(place->pid, SIGKILL); place->leaving = true; break;
    case LEAVE: kill(place->pid, SIGTERM); place->leaving = true; break;
    case SULK: kill(place->pid, SIGUSR1); break;
    default: kill(place->pid, SIGSTOP); place->stopped = true; break;
    }
    place->due_us = soon_us(crowd, fates[fate].least_ms, fates[fate].most_ms);
    if (fate == DOUBLE) {
        place->former = place->pid;
        place->former_due_us = place->due_us;
        start(crowd, place);
    }
}

static void attend(struct crowd *crowd, struct place *place, int64_t now_us)
{
    if (crowd->calm || now_us >= place->former_due_us)
        let_former_go(place);
    if (place->pid > 0 && place->leaving)
        return;                     /* until it is gone */
    if (crowd->calm ? place->pid > 0 && !place->stopped : now_us < place->due_us)
        return;
    if (place->pid == 0) {
        start(crowd, place);
    } else if (place->stopped) {
        go_on(place);
        place->due_us = soon_us(crowd, RUN_LEAST_MS, RUN_MOST_MS);
    } else {
        befall(crowd, place);
    }
}

/* Nobody ends but who was told to, or lost its name to a double. */
static void complain(struct crowd *crowd, const struct place *place, int status)
{
    printf("a member of %s ended by itself: %s %d\n", kinds[place->group].name,
           WIFSIGNALED(status) ? "signal" : "status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    crowd->failed = true;
}

static void bury(struct crowd *crowd, pid_t pid, int status)
{
    bool fenced = WIFEXITED(status) && WEXITSTATUS(status) == MEMBER_FENCED;

    for (int i = 0; i < GROUPS * PLACES; i++) {
        struct place *place = &crowd->places[i];
        bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && place->leaving;
        bool left = WIFEXITED(status) && WEXITSTATUS(status) == MEMBER_LEFT &&
                    (place->leaving || ending);
        if (pid != place->pid && pid != place->former)
            continue;
        if (!killed && !left && !(fenced && kinds[place->group].is_static))
            complain(crowd, place, status);
        if (pid == place->former) {
            place->former = 0;
        } else {
            place->pid = 0;
            place->stopped = place->leaving = false;
            place->due_us = soon_us(crowd, fates[KILL].least_ms, fates[KILL].most_ms);
        }
    }
}

static void bury_all(struct crowd *crowd)
{
    int status;

    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        bury(crowd, pid, status);
}

/* --- the run ---------------------------------------------------------------------------------- */

static bool anybody(const struct crowd *crowd)
{
    for (int i = 0; i < GROUPS * PLACES; i++)
        if (crowd->places[i].pid > 0 || crowd->places[i].former > 0)
            return true;
    return false;
}

static void signal_all(struct crowd *crowd, int signal)
{
    for (int i = 0; i < GROUPS * PLACES; i++) {
        struct place *place = &crowd->places[i];
        if (place->pid > 0)
            kill(place->pid, signal);
        if (place->former > 0)
            kill(place->former, signal);
    }
}

static void end(struct crowd *crowd)
{
    int64_t until_us = history_now_us() + LEAVE_WAIT_US;

    for (int i = 0; i < GROUPS * PLACES; i++) {
        go_on(&crowd->places[i]);
        let_former_go(&crowd->places[i]);
    }
    signal_all(crowd, SIGTERM);
    while (anybody(crowd) && history_now_us() < until_us) {
        poll(NULL, 0, TURN_MS);
        bury_all(crowd);
    }
    if (anybody(crowd)) {
        puts("members do not leave");
        signal_all(crowd, SIGKILL);
        crowd->failed = true;
    }
}

static int run(struct crowd *crowd)
{
    signal(SIGTERM, on_signal);
    signal(SIGUSR1, on_signal);
    for (int i = 0; i < GROUPS * PLACES; i++) {
        crowd->places[i] = (struct place){ .group = i / PLACES, .slot = i % PLACES };
        start(crowd, &crowd->places[i]);
    }
    while (!ending && !crowd->failed) {
        poll(NULL, 0, TURN_MS);
        bury_all(crowd);
        crowd->calm = calming;
        int64_t now_us = history_now_us();
        for (int i = 0; i < GROUPS * PLACES; i++)
            attend(crowd, &crowd->places[i], now_us);
    }
    end(crowd);
    printf("processes %d", crowd->processes);
    for (int i = 0; i < FATES; i++)
        printf(" %s %" PRIu64, fates[i].name, crowd->counts[i]);
    putchar('\n');
    return crowd->failed;
}

/* --- what is committed ------------------------------------------------------------------------ */

static klient_consumer_t *open_for(const struct crowd *crowd, const struct kind *kind)
{
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();

    klient_config_set(config, "bootstrap.servers", crowd->bootstrap, NULL);
    klient_config_set(config, "group.id", kind->name, NULL);
    klient_config_set(config, "enable.auto.commit", "false", NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    if (consumer == NULL) {
        fprintf(stderr, "crowd: %s\n", klient_error_text(error));
        exit(1);
    }
    return consumer;
}

/* Ask once; true: there is nothing left to read. */
static bool look(const struct crowd *crowd, klient_consumer_t *consumer, int group, FILE *history,
                 bool complains)
{
    klient_topic_partition_t list[HISTORY_PARTITIONS_MAX];
    int64_t ends[HISTORY_PARTITIONS_MAX];
    klient_offsets_t *offsets = NULL;
    klient_error_t *error = NULL;
    size_t count = (size_t)crowd->partitions;
    bool done = true;

    for (int p = 0; p < crowd->partitions; p++)
        list[p] = (klient_topic_partition_t){ crowd->topic, p };
    uint64_t asked_us = (uint64_t)history_now_us();
    if (klient_consumer_end_offsets(consumer, list, count, ASK_WAIT_MS, ends, &error) !=
            KLIENT_OK ||
        klient_consumer_committed(consumer, list, count, ASK_WAIT_MS, &offsets, &error) !=
            KLIENT_OK) {
        if (complains)
            printf("%s: %s\n", kinds[group].name, klient_error_text(error));
        klient_error_free(error);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        klient_offset_t offset;
        klient_offset_init(&offset);
        klient_offsets_get(offsets, i, &offset);
        struct history_event event = { .time_us = history_now_us(), .number = asked_us,
                                       .offset = offset.offset, .partition = (uint16_t)i,
                                       .kind = HISTORY_LOOKED, .client = (uint8_t)group };
        history_write(history, &event);
        done = done && offset.offset >= ends[i];
        if (complains && offset.offset < ends[i])
            printf("%s: partition %zu is committed to %" PRId64 " of %" PRId64 "\n",
                   kinds[group].name, i, offset.offset, ends[i]);
    }
    klient_offsets_free(offsets);
    return done;
}

static int wait_until_caught_up(const struct crowd *crowd, const char *path)
{
    FILE *history = history_create(path);
    int64_t until_us = history_now_us() + (int64_t)CAUGHT_UP_WAIT_MS * 1000;
    int status = 0;

    if (history == NULL) {
        perror(path);
        return 1;
    }
    for (int i = 0; i < (int)GROUPS; i++) {
        klient_consumer_t *consumer = open_for(crowd, &kinds[i]);
        while (!look(crowd, consumer, i, history, false) && history_now_us() < until_us)
            poll(NULL, 0, TURN_MS);
        if (!look(crowd, consumer, i, history, true))
            status = 1;
        klient_consumer_close(consumer, ASK_WAIT_MS, NULL);
    }
    return fclose(history) != 0 ? 1 : status;
}

int main(int argc, char **argv)
{
    static struct crowd crowd;
    bool runs = argc == 7 && strcmp(argv[1], "run") == 0,
         waits = argc == 6 && strcmp(argv[1], "caught-up") == 0,
         lists = argc == 2 && strcmp(argv[1], "groups") == 0;

    if (!runs && !waits && !lists) {
        fputs("usage: crowd run BOOTSTRAP TOPIC PARTITIONS DIRECTORY SEED\n"
              "       crowd caught-up BOOTSTRAP TOPIC PARTITIONS FILE\n"
              "       crowd groups\n", stderr);
        return 2;
    }
    for (int i = 0; lists && i < (int)GROUPS; i++)
        puts(kinds[i].name);
    if (lists)
        return 0;
    crowd = (struct crowd){ .bootstrap = argv[2], .topic = argv[3], .partitions = atoi(argv[4]),
                            .directory = argv[5] };
    if (crowd.partitions < 1 || crowd.partitions > HISTORY_PARTITIONS_MAX)
        return 2;
    if (waits)
        return wait_until_caught_up(&crowd, argv[5]);
    crowd.chance = strtoull(argv[6], NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    return run(&crowd);
}
