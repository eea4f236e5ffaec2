/* A broker that may lead the partition of the groups: what is said to core/groups, and what comes
 * of it. Once somebody else may lead, clients hear nothing but that it is no coordinator. */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/sim/groups/club.h"

enum { LOADED_AT_ONCE = 16, AWAKE_MAX = 8, TICK_LATE_MOST_US = 20 * 1000,
       NEWS_LATE_MOST_US = 50 * 1000,
       LOAD_AGAIN_MOST_MS = 100, CLOCK_START_MS = 1000, WALL_START_MS = 1000000 };

int64_t desk_now_ms(const struct desk *desk)
{
    return CLOCK_START_MS + desk->club->sched.now_us / 1000 + desk->clock_ms;
}

int64_t desk_wall_ms(const struct desk *desk)
{
    return WALL_START_MS + desk->club->sched.now_us / 1000 + desk->wall_ms;
}

/* Call it later, unless the process dies or does not lead in `epoch` any more. */
struct desk_later {
    int desk;
    uint64_t life, number;
    int32_t epoch;
    void (*call)(struct desk *desk, uint64_t number);
};

static void call_later(void *context, void *payload)
{
    struct club *club = context;
    struct desk_later later = *(struct desk_later *)payload;
    struct desk *desk = &club->desks[later.desk];
    bool lives = desk->up && desk->life == later.life;

    if (lives && desk->paused_until_us > club->sched.now_us) {
        sched_in_order(&club->sched, desk->paused_until_us, call_later, club, payload);
        return;
    }
    free(payload);
    if (lives && desk->epoch == later.epoch)
        later.call(desk, later.number);
}

static void desk_later(struct desk *desk, int64_t delay_us,
                       void (*call)(struct desk *desk, uint64_t number), uint64_t number)
{
    struct desk_later *later = sched_payload(sizeof *later);

    *later = (struct desk_later){desk->id, desk->life, number, desk->epoch, call};
    sched_after(&desk->club->sched, delay_us, call_later, desk->club, later);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void begin_answer(const struct desk *desk, const struct message *question, int error,
                         struct message *answer)
{
    memcpy(answer, question, offsetof(struct message, told));
    answer->answer = true;
    answer->from = question->to;
    answer->to = question->from;
    answer->error = error;
    answer->epoch = desk->epoch;
    answer->forgotten = desk->club->known[question->group].forgotten;
    answer->told_count = 0;
}

static void copy_name(char to[NAME_SIZE], const char *name)
{
    snprintf(to, NAME_SIZE, "%s", name != NULL ? name : "");
}

static void fill_told(struct told *told, const char *name, const char *instance,
                      struct groups_span bytes)
{
    copy_name(told->name, name);
    copy_name(told->instance, instance);
    told->size = (uint32_t)(bytes.size < TOLD_MAX ? bytes.size : TOLD_MAX);
    if (told->size > 0)
        memcpy(told->bytes, bytes.data, told->size);
}

static void fill_answer(struct message *answer, const struct groups_effect *effect)
{
    answer->generation = effect->answer.generation;
    answer->skip = effect->answer.skip_assignment;
    if (effect->answer.member != NULL)
        copy_name(answer->member, effect->answer.member);
    copy_name(answer->leader, effect->answer.leader);
    copy_name(answer->protocol, effect->answer.protocol);
    if (answer->ask == ASK_SYNC) {
        answer->told_count = 1;
        fill_told(&answer->told[0], answer->member, NULL, effect->answer.assignment);
        return;
    }
    for (size_t i = 0; i < effect->answer.member_count && i < MEMBERS_MAX; i++) {
        const struct groups_member *member = &effect->answer.members[i];
        fill_told(&answer->told[answer->told_count++], member->id, member->instance,
                  member->metadata);
    }
}

static struct desk_ticket *find_ticket(struct desk *desk, uint64_t ticket)
{
    for (int i = 0; i < TICKETS_MAX; i++)
        if (desk->tickets[i].used && desk->tickets[i].ticket == ticket)
            return &desk->tickets[i];
    return NULL;
}

static void say_answer(struct desk *desk, const struct groups_effect *effect)
{
    struct desk_ticket *ticket = find_ticket(desk, effect->answer.ticket);

    if (ticket == NULL) {
        club_violated(desk->club, "broker %d answers ticket %llu, which nobody waits for", desk->id,
                      (unsigned long long)effect->answer.ticket);
        return;
    }
    struct desk_ticket asked = *ticket;
    ticket->used = false;
    watch_answer(desk, &asked, effect);
    int error = desk->lease ? effect->answer.error : K_NOT_COORDINATOR;
    struct message answer;
    begin_answer(desk, asked.question, error, &answer);
    free(asked.question);
    desk->club->counters.unleased += !desk->lease && effect->answer.error == 0;
    bool told = error == 0 || error == K_MEMBER_ID_REQUIRED;
    if (told && (answer.ask == ASK_JOIN || answer.ask == ASK_SYNC))
        fill_answer(&answer, effect);
    club_say(desk->club, "  broker %d answers %s of %s: %s, generation %d", desk->id,
             ask_name(answer.ask), answer.member, k_error_name(error), (int)answer.generation);
    message_post(desk->club, &answer);
}

/* --- steps ------------------------------------------------------------------------------------ */

static void step(struct desk *desk, struct groups_event *event, const struct message *question);

static void tick(struct desk *desk, uint64_t number)
{
    struct groups_event event = {.type = GROUPS_TICK};
    int64_t deadline_ms = groups_deadline_ms(desk->core);

    if (number != desk->timer)
        return;
    if (deadline_ms > desk_now_ms(desk)) { /* it has moved */
        desk->awake = 0;
        desk->timer++;
        desk_later(desk, (deadline_ms - desk_now_ms(desk)) * 1000, tick, desk->timer);
        return;
    }
    step(desk, &event, NULL);
    desk->awake = groups_deadline_ms(desk->core) <= desk_now_ms(desk) ? desk->awake + 1 : 0;
    if (desk->awake > AWAKE_MAX)
        club_violated(desk->club, "broker %d: the core wants one TICK after the other", desk->id);
}

static void set_timer(struct desk *desk)
{
    int64_t deadline_ms = groups_deadline_ms(desk->core), now_ms = desk_now_ms(desk);

    desk->timer++;
    if (deadline_ms == INT64_MAX)
        return;
    int64_t wait_us = deadline_ms > now_ms ? (deadline_ms - now_ms) * 1000 : 0;
    desk_later(desk, wait_us + club_draw(desk->club, 0, TICK_LATE_MOST_US), tick, desk->timer);
}

/* Stores first: a step that ordered one and answered for it would lie. */
static void step(struct desk *desk, struct groups_event *event, const struct message *question)
{
    event->now_ms = desk_now_ms(desk);
    event->wall_ms = desk_wall_ms(desk);
    struct groups_effects effects = groups_step(desk->core, event);

    desk->club->counters.steps++;
    groups_check(desk->core);
    for (size_t i = 0; i < effects.count; i++)
        if (effects.items[i].type == GROUPS_DO_STORE) {
            facts_ordered(desk, &effects.items[i], question);
            topic_append(desk, &effects.items[i]);
        }
    watch_step(desk, event, question, &effects);
    for (size_t i = 0; i < effects.count; i++)
        if (effects.items[i].type == GROUPS_DO_ANSWER)
            say_answer(desk, &effects.items[i]);
    set_timer(desk);
}

static void configure(struct desk *desk)
{
    const struct club_options *options = &desk->club->plan.club;
    const struct groups_options configured = {
        .initial_delay_ms = options->initial_delay_ms,
        .size_max = options->size_max > 0 ? (int32_t)options->size_max : MEMBERS_MAX,
        .store_timeout_ms = options->store_timeout_ms,
        .retention_ms = options->retention_ms,
        .retention_check_ms = options->retention_check_ms};
    struct groups_event event = {.type = GROUPS_CONFIGURED, .configured = &configured};

    step(desk, &event, NULL);
}

/* --- leading ---------------------------------------------------------------------------------- */

/* Those that had the name until now are no more. */
static void told_of_topic(struct desk *desk, uint64_t topic)
{
    struct groups_event event = {.type = GROUPS_TOPIC_GONE};

    event.topic_gone.topic = club_topics[topic];
    while (groups_ready(desk->core) == 0 && desk->gone[topic] < desk->club->former[topic]) {
        event.topic_gone.id = club_topic_id(desk->gone[topic]++);
        step(desk, &event, NULL);
    }
}

void desk_hear_of_topic(struct desk *desk, int topic)
{
    if (desk->up)
        desk_later(desk, club_draw(desk->club, 0, NEWS_LATE_MOST_US), told_of_topic,
                   (uint64_t)topic);
}

static void hear_offset(struct desk *desk, int group, int topic, int partition,
                        const struct known_offset *offset)
{
    desk->heard[group][topic][partition] = offset->offset;
    desk->heard_of[group][topic][partition] = offset->of;
}

static void load_some(struct desk *desk, uint64_t unused)
{
    const struct groups_log *log = &desk->club->topic.log;
    struct groups_event event = {.type = GROUPS_LOADED, .loaded = {desk->epoch}};
    size_t to = desk->loaded + LOADED_AT_ONCE;

    if (!desk->loading)
        return;
    if (!desk->lease) { /* another one leads: its log may be cut where this one reads */
        desk->loading = false;
        return;
    }
    (void)unused;
    if (to > log->count)
        to = log->count;
    groups_log_replay(log, desk->loaded, to, desk->core);
    desk->loaded = to;
    if (to < log->count) {
        desk_later(desk, desk->club->plan.club.load_takes_ms * 1000, load_some, 0);
        return;
    }
    desk->loading = false;
    desk->club->topic.heard = log->count;
    for (int g = 0; g < GROUPS_MAX; g++)
        for (int t = 0; t < TOPICS; t++)
            for (int p = 0; p < WIDTH_MAX; p++)
                hear_offset(desk, g, t, p, &desk->club->known[g].offsets[t][p]);
    memset(desk->gone, 0, sizeof desk->gone);
    step(desk, &event, NULL);
    watch_loaded(desk);
    for (int t = 0; t < TOPICS; t++)
        told_of_topic(desk, (uint64_t)t);
}

static void gain(struct desk *desk, uint64_t epoch)
{
    struct groups_event event = {.type = GROUPS_GAINED, .gained = {(int32_t)epoch}};

    desk->loading = true;
    desk->loaded = 0;
    step(desk, &event, NULL);
    desk_later(desk, desk->club->plan.club.load_takes_ms * 1000, load_some, 0);
    if (!club_fault(desk->club, 10))
        return;
    /* It could not be loaded: it is lost, and later gained in the same epoch. */
    desk->club->counters.load_failures++;
    desk->loading = false;
    event = (struct groups_event){.type = GROUPS_LOST, .lost = {(int32_t)epoch}};
    step(desk, &event, NULL);
    desk_later(desk, club_draw(desk->club, 0, LOAD_AGAIN_MOST_MS) * 1000, gain, epoch);
}

void desk_told_leads(struct desk *desk, int32_t epoch, bool leads)
{
    struct groups_event event = {.type = GROUPS_LOST, .lost = {epoch}};

    if (leads && epoch > desk->epoch) {
        desk->epoch = epoch;
        desk->lease = desk->club->topic.leader == desk->id && desk->club->topic.epoch == epoch;
        gain(desk, (uint64_t)epoch);
        return;
    }
    if (leads)
        return;
    desk->club->counters.stale_losses += epoch < desk->epoch;
    if (epoch >= desk->epoch)
        desk->loading = desk->lease = false;
    step(desk, &event, NULL);
}

/* From now on it may show what the order says. */
static void hear_order(struct desk *desk, uint64_t token)
{
    struct topic *topic = &desk->club->topic;
    bool committed;
    const struct groups_log_order *order = topic_find(topic, token, &committed);

    if (order == NULL || topic->leader != desk->id || topic->epoch != desk->epoch)
        return;
    topic->heard++;
    for (size_t i = 0; i < order->count; i++) {
        const struct groups_record *record = &order->records[i];
        if (record->type == GROUPS_RECORD_OFFSET)
            hear_offset(desk, club_group_number(record->group),
                        club_topic_number(record->offset.topic), record->offset.partition,
                        &(struct known_offset){
                            .offset = record->tombstone ? -1 : record->offset.offset,
                            .of = club_topic_former(&record->offset.topic_id)});
    }
}

void desk_told_stored(struct desk *desk, uint64_t token, int code)
{
    struct groups_event event = {.type = GROUPS_STORED, .stored = {token, code}};

    if (code == 0)
        hear_order(desk, token);
    step(desk, &event, NULL);
}

/* --- requests --------------------------------------------------------------------------------- */

static void answer_fetch(struct desk *desk, const struct message *question)
{
    int error = desk->lease ? groups_ready(desk->core) : K_NOT_COORDINATOR;
    struct message answer;
    struct groups_offset offset;

    begin_answer(desk, question, error, &answer);
    for (int t = 0; t < TOPICS && error == 0; t++)
        for (int p = 0; p < WIDTH_MAX; p++) {
            if (!share_has(question->share, t, p))
                continue;
            if (groups_committed(desk->core, club_group(question->group), club_topics[t], p,
                                 &offset) != 0)
                club_violated(desk->club, "broker %d is ready and does not answer", desk->id);
            answer.offsets[t][p] = offset.offset;
        }
    message_post(desk->club, &answer);
}

static struct desk_ticket *take_ticket(struct desk *desk, const struct message *question)
{
    for (int i = 0; i < TICKETS_MAX; i++) {
        struct desk_ticket *ticket = &desk->tickets[i];
        if (ticket->used)
            continue;
        ticket->used = true;
        ticket->ticket = ++desk->next_ticket;
        ticket->token = 0;
        ticket->since_ms = desk_now_ms(desk);
        ticket->question = sched_payload(offsetof(struct message, told));
        memcpy(ticket->question, question, offsetof(struct message, told));
        ticket->question->told_count = 0;
        return ticket;
    }
    club_violated(desk->club, "broker %d: too many requests wait", desk->id);
    return NULL;
}

/* What the event of a request points to. */
struct borrowed {
    char new_id[NAME_SIZE];
    struct groups_protocol protocols[MEMBERS_MAX];
    struct groups_member assignments[MEMBERS_MAX];
    struct groups_offset offsets[TOPICS * WIDTH_MAX];
};

static void fill_join(struct desk *desk, struct groups_event *event, struct borrowed *borrowed,
                      const struct message *question)
{
    const struct club_options *options = &desk->club->plan.club;

    for (int i = 0; i < question->told_count; i++)
        borrowed->protocols[i] = (struct groups_protocol){
            question->told[i].name, {question->told[i].bytes, question->told[i].size}};
    snprintf(borrowed->new_id, NAME_SIZE, "m%u", (unsigned)++desk->club->ids);
    event->join.new_id = borrowed->new_id;
    event->join.known_only = options->known_only != 0;
    event->join.client_id = "client";
    event->join.client_host = "host";
    event->join.protocol_type = "consumer";
    event->join.session_timeout_ms = (int32_t)options->session_timeout_ms;
    event->join.rebalance_timeout_ms = (int32_t)options->rebalance_timeout_ms;
    event->join.protocols = borrowed->protocols;
    event->join.protocol_count = (size_t)question->told_count;
}

static void fill_commit(const struct club *club, struct groups_event *event,
                        struct borrowed *borrowed, const struct message *question)
{
    event->commit.offsets = borrowed->offsets;
    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < WIDTH_MAX; p++)
            if (share_has(question->share, t, p))
                borrowed->offsets[event->commit.count++] =
                    (struct groups_offset){.topic = club_topics[t],
                                           .topic_id = club_topic_id(club->former[t]),
                                           .partition = p,
                                           .offset = question->offsets[t][p],
                                           .leader_epoch = -1,
                                           .metadata = p % 2 == 0 ? "" : "note"};
}

static void fill_event(struct desk *desk, struct groups_event *event, struct borrowed *borrowed,
                       const struct message *question)
{
    static const enum groups_event_type types[ASKS] = {
        [ASK_JOIN] = GROUPS_JOIN,           [ASK_SYNC] = GROUPS_SYNC,
        [ASK_HEARTBEAT] = GROUPS_HEARTBEAT, [ASK_LEAVE] = GROUPS_LEAVE,
        [ASK_COMMIT] = GROUPS_COMMIT,       [ASK_DELETE] = GROUPS_DELETE};

    event->type = types[question->ask];
    event->asker = (struct groups_asker){.group = club_group(question->group),
                                         .member = question->member,
                                         .generation = question->generation};
    if (question->instance[0] != '\0')
        event->asker.instance = question->instance;
    if (question->ask == ASK_JOIN)
        fill_join(desk, event, borrowed, question);
    if (question->ask == ASK_COMMIT)
        fill_commit(desk->club, event, borrowed, question);
    if (question->ask == ASK_HEARTBEAT)
        event->heartbeat.wait_ms = desk->club->plan.club.heartbeat_ms;
    if (question->ask != ASK_SYNC)
        return;
    for (int i = 0; i < question->told_count; i++) {
        const struct told *told = &question->told[i];
        borrowed->assignments[i] =
            (struct groups_member){.id = told->name, .assignment = {told->bytes, told->size}};
    }
    event->sync.protocol_type = "consumer";
    event->sync.protocol = question->protocol;
    event->sync.assignments = borrowed->assignments;
    event->sync.assignment_count = (size_t)question->told_count;
}

void desk_hear(struct desk *desk, const struct message *question)
{
    struct groups_event event = {.type = GROUPS_TICK};
    struct borrowed borrowed;
    bool serves = groups_ready(desk->core) == 0;

    desk->club->counters.asked_loading += desk->loading;
    if (question->ask == ASK_FETCH) {
        answer_fetch(desk, question);
        return;
    }
    if (serves && !desk->lease) {
        struct message answer;
        begin_answer(desk, question, K_NOT_COORDINATOR, &answer);
        desk->club->counters.unleased++;
        message_post(desk->club, &answer);
        return;
    }
    struct desk_ticket *ticket = take_ticket(desk, question);
    if (ticket == NULL)
        return;
    club_say(desk->club, "broker %d hears %s %d of %s%s%s, generation %d", desk->id,
             ask_name(question->ask), (int)question->number, question->member,
             question->instance[0] != '\0' ? " instance " : "", question->instance,
             (int)question->generation);
    memset(&borrowed, 0, sizeof borrowed);
    fill_event(desk, &event, &borrowed, question);
    event.asker.ticket = ticket->ticket;
    step(desk, &event, question);
}

/* --- life and death --------------------------------------------------------------------------- */

void desk_start(struct desk *desk)
{
    if (desk->up)
        return;
    desk->up = true;
    desk->life++;
    desk->epoch = -1;
    desk->lease = desk->loading = false;
    desk->paused_until_us = 0;
    desk->awake = 0;
    memset(desk->seen, 0, sizeof desk->seen);
    desk->core = groups_new(desk->club->plan.seed + (uint64_t)desk->id);
    if (desk->core == NULL)
        abort();
    configure(desk);
}

void desk_die(struct desk *desk)
{
    if (!desk->up)
        return;
    desk->up = false;
    desk->lease = desk->loading = false;
    for (int i = 0; i < TICKETS_MAX; i++)
        if (desk->tickets[i].used)
            free(desk->tickets[i].question);
    memset(desk->tickets, 0, sizeof desk->tickets);
    groups_free(desk->core);
    desk->core = NULL;
}

void desk_pause(struct desk *desk, int64_t until_us)
{
    if (desk->up && until_us > desk->paused_until_us)
        desk->paused_until_us = until_us;
}

void desk_jump(struct desk *desk, int64_t by_ms)
{
    desk->clock_ms += by_ms;
    /* Nobody has waited longer for that. */
    for (int i = 0; i < TICKETS_MAX; i++)
        desk->tickets[i].since_ms += by_ms;
    if (desk->up)
        set_timer(desk);
}
