/* The controller's lines in transcripts.
 *
 *   > stored NAME id N [configs k=v,...] [doomed]       a topic that ELECTED will bring
 *   > stored NAME/P leader L epoch E version V replicas 1,2 isr 1 [written C] [eligible 2] [min M]
 *     [unclean E] [flush] [adding 3] [removing 1]
 *   > elected EPOCH brokers 1,2:7,3!,4@rack             id[:incarnation][!][~][@rack]; !: lossy;
 *                                                       !!: and a disk is gone; ~: it never
 *                                                       tells where its logs end
 *     [min M] [unclean] [rebalance MS imbalance PERCENT]
 *     [policy-partitions MAX] [policy-factor MIN,MAX] [keep-topics]
 *     [deleted N,...]                                 ids of topics that were
 *   > brokers 1,2
 *   > create NAME id N ticket T partitions P factor F [assign 1,2;2,1] [configs k=v,...]
 *     [validate] [start S] [own] [unlike PATTERN]
 *   > delete NAME|#N ticket T                           #N: by id
 *   > add NAME ticket T partitions P [assign 1,2;2,1] [validate]
 *   > alter topic|broker NAME ticket T [set k=v,...] [unset k,...] [forget k] [validate]
 *                                                       forget: unset what is no option
 *   > config topic|broker NAME k=v,...|- version V      somebody else wrote it; k!w=v: w counts
 *   > isr #N/P ticket T broker B[:I] epoch E version V [round R] [reign C] members 1,2:7 [flush]
 *   > elect NAME/P ticket T [unclean]
 *   > drain B[:I] ticket T
 *   > report #N/P ticket T broker B[:I] round R lost|held|ends EPOCH/LAST/END
 *                                                       LAST: the epoch of its last record
 *   > reassign NAME/P ticket T to 1,2,3|cancel
 *   > moves                                           what is being reassigned
 *   > ask ticket T broker B[:I] epoch E after S until MS
 *   > drop T
 *   > result TOKEN ok|exists|absent|fenced|lost|stale:LEADER/EPOCH/VERSION/ISR[,...]
 *                                                       one, or one for each change
 *   > result TOKEN found version V [configs k=v,...]    a configuration that is stale; without
 *                                                       configs: it is broken
 *   > at MS                                             the clock of the next events
 *   > tick | deposed | deadline | copy
 *   > complete                                        does nobody who holds replicas lack? */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/server/core/suites.h"
#include "tests/server/core/script_private.h"

static void *stage_start(void)
{
    struct stage *stage = calloc(1, sizeof *stage);
    stage->controller = controller_new(9, 1);
    ck_assert_ptr_nonnull(stage->controller);
    return stage;
}

static void stage_clear_topics(struct stage *stage)
{
    for (size_t i = 0; i < stage->topic_count; i++) {
        free((void *)stage->topics[i].name);
        free((void *)stage->topics[i].partitions);
        free((void *)stage->topics[i].configs);
        free((void *)stage->topics[i].moves);
    }
    stage->topic_count = 0;
}

static void stage_stop(void *subject)
{
    struct stage *stage = subject;
    stage_clear_topics(stage);
    controller_free(stage->controller);
    free(stage);
}

/* --- reading --------------------------------------------------------------------------------- */

static struct uuid id_of(int64_t number)
{
    struct uuid id = {.bytes = {0}};
    id.bytes[14] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    return id;
}

static struct replica_set read_set(const char *text)
{
    struct replica_set set = {0};
    while (text != NULL && *text != '\0' && *text != ';' && *text != '-') {
        char *end;
        set.ids[set.count++] = (int32_t)strtol(text, &end, 10);
        text = *end == ',' ? end + 1 : end;
    }
    return set;
}

static size_t read_brokers(const char *text, struct controller_broker *brokers)
{
    size_t count = 0;
    while (text != NULL && *text != '\0' && *text != '-') {
        struct controller_broker *broker = &brokers[count++];
        char *end;
        *broker = (struct controller_broker){.id = (int32_t)strtol(text, &end, 10),
                                             .incarnation = id_of(1)};
        if (*end == ':')
            broker->incarnation = id_of(strtol(end + 1, &end, 10));
        broker->lossy = *end == '!';
        end += broker->lossy;
        broker->incomplete = broker->lossy && *end == '!';
        end += broker->incomplete;
        broker->mute = *end == '~';
        end += broker->mute;
        if (*end == '@') {
            size_t size = strcspn(++end, ",");
            memcpy(broker->rack, end, size);
            end += size;
        }
        text = *end == ',' ? end + 1 : end;
    }
    return count;
}

/* Cuts `text` in place. */
static int32_t read_configs(char *text, struct controller_config *configs)
{
    int32_t count = 0;
    char *rest = NULL;
    if (text == NULL || strcmp(text, "-") == 0)
        return 0;
    for (char *pair = strtok_r(text, ",", &rest); pair != NULL; pair = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(pair, '='), *instead = strchr(pair, '!');
        *value++ = '\0';
        if (instead != NULL)
            *instead++ = '\0';
        configs[count++] = (struct controller_config){
            .name = pair,
            .value = value,
            .ignored = instead != NULL,
            .instead = instead != NULL && *instead != '\0' ? instead : NULL};
    }
    return count;
}

static struct partition_state read_state(const struct words *words)
{
    return (struct partition_state){
        .leader = (int32_t)number_after(words, "leader", -1),
        .leader_epoch = (int32_t)number_after(words, "epoch", 0),
        .version = (int32_t)number_after(words, "version", -1),
        .controller_epoch = (int32_t)number_after(words, "written", 1),
        .unclean_epoch = (int32_t)number_after(words, "unclean", -1),
        .min_insync = (int32_t)number_after(words, "min", 1),
        .flush_on_ack = has_word(words, "flush"),
        .eligible = read_set(word_after(words, "eligible")),
        .replicas = read_set(word_after(words, "replicas")),
        .isr = read_set(word_after(words, "isr")),
    };
}

/* --- events ---------------------------------------------------------------------------------- */

static void step(struct stage *stage, struct controller_event *event, FILE *out)
{
    event->now_ms = stage->now_ms;
    struct controller_effects effects = controller_step(stage->controller, event);
    for (size_t i = 0; i < effects.count; i++)
        script_print(stage, &effects.items[i], out);
    controller_check(stage->controller);
}

static void apply_stored(struct stage *stage, const struct words *words)
{
    char *slash = strchr(words->items[1], '/');

    if (slash == NULL) {
        ck_assert_uint_lt(stage->topic_count, LIST_MAX);
        struct controller_config *configs = calloc(LIST_MAX, sizeof *configs);
        stage->topics[stage->topic_count++] = (struct controller_topic){
            .configs = configs,
            .config_count = read_configs((char *)word_after(words, "configs"), configs),
            .name = strdup(words->items[1]),
            .id = id_of(number_after(words, "id", 0)),
            .partitions = calloc(STATES_MAX, sizeof(struct partition_state)),
            .moves = calloc(STATES_MAX, sizeof(struct replica_moves)),
            .doomed = has_word(words, "doomed")};
        return;
    }
    struct controller_topic *topic = &stage->topics[stage->topic_count - 1];
    struct partition_state state = read_state(words);
    struct replica_set adding = read_set(word_after(words, "adding"));
    struct replica_set removing = read_set(word_after(words, "removing"));
    struct replica_moves *moves = (struct replica_moves *)&topic->moves[topic->partition_count];

    for (int32_t i = 0; i < state.replicas.count; i++) {
        moves->adding |= (uint16_t)(replica_set_has(&adding, state.replicas.ids[i]) << i);
        moves->removing |= (uint16_t)(replica_set_has(&removing, state.replicas.ids[i]) << i);
    }
    ((struct partition_state *)topic->partitions)[topic->partition_count++] = state;
}

static void apply_elected(struct stage *stage, const struct words *words, FILE *out)
{
    struct controller_broker brokers[LIST_MAX];
    struct controller_event event = {.type = CONTROLLER_ELECTED};

    event.elected.epoch = (int32_t)strtol(words->items[1], NULL, 10);
    event.elected.brokers = brokers;
    event.elected.broker_count = read_brokers(word_after(words, "brokers"), brokers);
    event.elected.topics = stage->topics;
    event.elected.topic_count = stage->topic_count;
    event.elected.options = (struct controller_options){
        .min_insync = (int32_t)number_after(words, "min", 0),
        .unclean = has_word(words, "unclean"),
        .rebalance_interval_ms = number_after(words, "rebalance", 0),
        .imbalance_percent = (int32_t)number_after(words, "imbalance", 0),
        .deletes_nothing = has_word(words, "keep-topics"),
        .policy = {.partitions_max = (int32_t)number_after(words, "policy-partitions", 0)}};
    struct replica_set deleted = read_set(word_after(words, "deleted"));
    struct uuid ids[REPLICAS_MAX];
    for (int32_t i = 0; i < deleted.count; i++)
        ids[i] = id_of(deleted.ids[i]);
    event.elected.deleted = ids;
    event.elected.deleted_count = (size_t)deleted.count;
    struct replica_set factors = read_set(word_after(words, "policy-factor"));
    if (factors.count == 2) {
        event.elected.options.policy.factor_min = factors.ids[0];
        event.elected.options.policy.factor_max = factors.ids[1];
    }
    step(stage, &event, out);
    stage_clear_topics(stage);
}

static int32_t read_sets(const char *text, struct replica_set *sets)
{
    int32_t count = 0;
    for (const char *set = text; set != NULL; set = strchr(set, ';')) {
        set += *set == ';';
        sets[count++] = read_set(set);
    }
    return count;
}

static void apply_create(struct stage *stage, const struct words *words, FILE *out)
{
    struct replica_set sets[LIST_MAX];
    struct controller_config configs[LIST_MAX];
    struct controller_event event = {.type = CONTROLLER_CREATE_TOPIC};

    event.create.name = strcmp(words->items[1], "(empty)") == 0 ? "" : words->items[1];
    event.create.id = id_of(number_after(words, "id", 0));
    event.create.ticket = (uint64_t)number_after(words, "ticket", 0);
    event.create.partitions = (int32_t)number_after(words, "partitions", -1);
    event.create.replication_factor = (int32_t)number_after(words, "factor", -1);
    event.create.seed = (uint64_t)number_after(words, "start", 0);
    event.create.validate_only = has_word(words, "validate");
    event.create.own = has_word(words, "own");
    event.create.pattern = word_after(words, "unlike");
    event.create.assignment_count = read_sets(word_after(words, "assign"), sets);
    event.create.assignment = sets;
    event.create.config_count = read_configs((char *)word_after(words, "configs"), configs);
    event.create.configs = configs;
    step(stage, &event, out);
}

static void apply_add(struct stage *stage, const struct words *words, FILE *out)
{
    struct replica_set sets[LIST_MAX];
    struct controller_event event = {.type = CONTROLLER_ADD_PARTITIONS};

    event.add.name = words->items[1];
    event.add.ticket = (uint64_t)number_after(words, "ticket", 0);
    event.add.partitions = (int32_t)number_after(words, "partitions", 0);
    event.add.assignment_count = read_sets(word_after(words, "assign"), sets);
    event.add.assignment = sets;
    event.add.validate_only = has_word(words, "validate");
    step(stage, &event, out);
}

static void apply_alter(struct stage *stage, const struct words *words, FILE *out)
{
    struct controller_config configs[LIST_MAX];
    struct controller_alteration items[LIST_MAX];
    struct controller_event event = {.type = CONTROLLER_ALTER_CONFIG};
    char *rest = NULL, *unset = (char *)word_after(words, "unset");

    event.alter.kind = strcmp(words->items[1], "topic") == 0 ? ENTITY_TOPIC : ENTITY_BROKER;
    event.alter.name = words->items[2];
    event.alter.ticket = (uint64_t)number_after(words, "ticket", 0);
    event.alter.validate_only = has_word(words, "validate");
    event.alter.items = items;
    event.alter.count = read_configs((char *)word_after(words, "set"), configs);
    for (int32_t i = 0; i < event.alter.count; i++)
        items[i] = (struct controller_alteration){configs[i].name, configs[i].value, false};
    for (char *name = unset != NULL ? strtok_r(unset, ",", &rest) : NULL; name != NULL;
         name = strtok_r(NULL, ",", &rest))
        items[event.alter.count++] = (struct controller_alteration){name, NULL, false};
    if (word_after(words, "forget") != NULL)
        items[event.alter.count++] =
            (struct controller_alteration){word_after(words, "forget"), NULL, true};
    step(stage, &event, out);
}

static void apply_delete(struct stage *stage, const struct words *words, FILE *out)
{
    struct controller_event event = {.type = CONTROLLER_DELETE_TOPIC};
    const char *name = words->items[1];

    event.remove.ticket = (uint64_t)number_after(words, "ticket", 0);
    if (name[0] == '#')
        event.remove.id = id_of(strtol(name + 1, NULL, 10));
    else
        event.remove.name = name;
    step(stage, &event, out);
}

static enum store_verdict read_verdict(const char *text, struct partition_state *state)
{
    int leader, epoch, version, isr;

    if (strncmp(text, "exists", 6) == 0)
        return STORE_EXISTS;
    if (strncmp(text, "absent", 6) == 0)
        return STORE_ABSENT;
    if (strncmp(text, "fenced", 6) == 0)
        return STORE_FENCED;
    if (strncmp(text, "lost", 4) == 0)
        return STORE_LOST;
    if (sscanf(text, "stale:%d/%d/%d/%d", &leader, &epoch, &version, &isr) == 4) {
        *state = (struct partition_state){.leader = leader,
                                          .leader_epoch = epoch,
                                          .version = version,
                                          .controller_epoch = 1,
                                          .unclean_epoch = -1,
                                          .min_insync = 1,
                                          .isr = {.count = 1, .ids = {isr}}};
        return STORE_STALE;
    }
    ck_assert_msg(strncmp(text, "ok", 2) == 0, "no such verdict: %s", text);
    return STORE_OK;
}

static void apply_result(struct stage *stage, const struct words *words, FILE *out)
{
    enum store_verdict verdicts[STATES_MAX];
    struct partition_state *states = calloc(STATES_MAX, sizeof *states);
    struct controller_event event = {.type = CONTROLLER_STORED};
    const char *text = words->items[2];

    event.stored.token = strtoull(words->items[1], NULL, 10);
    event.stored.count = stage->change_counts[event.stored.token];
    event.stored.verdicts = verdicts;
    event.stored.states = states;
    if (strcmp(text, "found") == 0) {
        struct controller_config configs[LIST_MAX];
        struct stored_config found = {.version = (int32_t)number_after(words, "version", 0),
                                      .broken = word_after(words, "configs") == NULL,
                                      .configs = configs};
        found.config_count = read_configs((char *)word_after(words, "configs"), configs);
        event.stored.config = &found;
        verdicts[0] = STORE_STALE;
        step(stage, &event, out);
        free(states);
        return;
    }
    for (size_t i = 0; i < event.stored.count; i++) {
        verdicts[i] = read_verdict(text, &states[i]);
        const char *comma = strchr(text, ',');
        text = comma == NULL ? text : comma + 1; /* the last one counts for the rest */
    }
    step(stage, &event, out);
    free(states);
}

static void apply_ask(struct stage *stage, const struct words *words, FILE *out)
{
    struct controller_event event = {.type = CONTROLLER_CHANGES_ASKED};

    event.changes.ticket = (uint64_t)number_after(words, "ticket", 0);
    struct controller_broker brokers[LIST_MAX];
    event.changes.broker = (int32_t)number_after(words, "broker", -1);
    if (event.changes.broker >= 0) {
        read_brokers(word_after(words, "broker"), brokers);
        event.changes.incarnation = brokers[0].incarnation;
    }
    event.changes.epoch = (int32_t)number_after(words, "epoch", 0);
    event.changes.sequence = (uint64_t)number_after(words, "after", 0);
    event.changes.deadline_ms = number_after(words, "until", 1000000);
    step(stage, &event, out);
}

static struct controller_member member_of(const struct controller_broker *broker)
{
    return (struct controller_member){broker->id, broker->incarnation};
}

static void apply_isr(struct stage *stage, const struct words *words, FILE *out)
{
    struct controller_broker brokers[LIST_MAX];
    struct controller_member members[LIST_MAX];
    struct controller_event event = {.type = CONTROLLER_ISR_ASKED};
    size_t count = read_brokers(word_after(words, "broker"), brokers);
    char *rest;

    ck_assert_uint_eq(count, 1);
    event.isr.broker = brokers[0].id;
    event.isr.incarnation = brokers[0].incarnation;
    event.isr.topic = id_of(strtol(words->items[1] + 1, &rest, 10));
    event.isr.partition = (int32_t)strtol(rest + 1, NULL, 10);
    event.isr.ticket = (uint64_t)number_after(words, "ticket", 0);
    event.isr.leader_epoch = (int32_t)number_after(words, "epoch", 0);
    event.isr.version = (int32_t)number_after(words, "version", 0);
    event.isr.round = (uint64_t)number_after(words, "round", 0);
    event.isr.reign = (int32_t)number_after(words, "reign", 0);
    event.isr.flush_on_ack = has_word(words, "flush");
    count = read_brokers(word_after(words, "members"), brokers);
    for (size_t i = 0; i < count; i++)
        members[i] = member_of(&brokers[i]);
    event.isr.members = members;
    event.isr.member_count = (int32_t)count;
    step(stage, &event, out);
}

static void apply_report(struct stage *stage, const struct words *words, FILE *out)
{
    struct controller_broker brokers[LIST_MAX];
    struct controller_event event = {.type = CONTROLLER_REPORTED};
    char *rest;

    ck_assert_uint_eq(read_brokers(word_after(words, "broker"), brokers), 1);
    event.report.broker = brokers[0].id;
    event.report.incarnation = brokers[0].incarnation;
    event.report.topic = id_of(strtol(words->items[1] + 1, &rest, 10));
    event.report.partition = (int32_t)strtol(rest + 1, NULL, 10);
    event.report.ticket = (uint64_t)number_after(words, "ticket", 0);
    event.report.round = (uint64_t)number_after(words, "round", 0);
    event.report.lost = has_word(words, "lost");
    event.report.told = has_word(words, "ends");
    if (event.report.told)
        ck_assert_int_eq(sscanf(word_after(words, "ends"), "%" SCNd32 "/%" SCNd32 "/%" SCNd64,
                                &event.report.leader_epoch, &event.report.end.last_epoch,
                                &event.report.end.end), 3);
    step(stage, &event, out);
}

static void apply_elect(struct stage *stage, const struct words *words, FILE *out)
{
    struct controller_event event = {.type = CONTROLLER_ELECT_ASKED};
    char *slash = strchr(words->items[1], '/');

    *slash = '\0';
    event.elect.name = words->items[1];
    event.elect.partition = (int32_t)strtol(slash + 1, NULL, 10);
    event.elect.ticket = (uint64_t)number_after(words, "ticket", 0);
    event.elect.kind = has_word(words, "unclean") ? ELECT_UNCLEAN : ELECT_PREFERRED;
    step(stage, &event, out);
}

static void apply_reassign(struct stage *stage, const struct words *words, FILE *out)
{
    struct controller_event event = {.type = CONTROLLER_REASSIGN_ASKED};
    char *slash = strchr(words->items[1], '/');

    *slash = '\0';
    event.reassign.name = words->items[1];
    event.reassign.partition = (int32_t)strtol(slash + 1, NULL, 10);
    event.reassign.ticket = (uint64_t)number_after(words, "ticket", 0);
    event.reassign.cancel = has_word(words, "cancel");
    event.reassign.replicas = read_set(word_after(words, "to"));
    step(stage, &event, out);
}

static void apply_drain(struct stage *stage, const struct words *words, FILE *out)
{
    struct controller_broker brokers[LIST_MAX];
    struct controller_event event = {.type = CONTROLLER_DRAIN_ASKED};

    read_brokers(words->items[1], brokers);
    event.drain.broker = brokers[0].id;
    event.drain.incarnation = brokers[0].incarnation;
    event.drain.ticket = (uint64_t)number_after(words, "ticket", 0);
    step(stage, &event, out);
}

static void apply_small(struct stage *stage, const struct words *words, FILE *out)
{
    struct controller_event event = {.type = CONTROLLER_TICK};
    const char *verb = words->items[0];

    if (strcmp(verb, "deposed") == 0) {
        event.type = CONTROLLER_DEPOSED;
    } else if (strcmp(verb, "drop") == 0) {
        event.type = CONTROLLER_CHANGES_DROPPED;
        event.changes.ticket = strtoull(words->items[1], NULL, 10);
    } else {
        ck_assert_msg(strcmp(verb, "tick") == 0, "no such event: %s", verb);
    }
    step(stage, &event, out);
}

static void apply_news_of_cluster(struct stage *stage, const struct words *words, FILE *out)
{
    struct controller_broker brokers[LIST_MAX];
    struct controller_config configs[LIST_MAX];
    struct controller_event event = {.type = CONTROLLER_BROKERS};

    if (strcmp(words->items[0], "brokers") == 0) {
        event.brokers.brokers = brokers;
        event.brokers.broker_count = read_brokers(words->items[1], brokers);
    } else {
        event.type = CONTROLLER_CONFIG_CHANGED;
        event.config.kind = strcmp(words->items[1], "topic") == 0 ? ENTITY_TOPIC : ENTITY_BROKER;
        event.config.entity.name = words->items[2];
        event.config.entity.config_count = read_configs(words->items[3], configs);
        event.config.entity.configs = configs;
        event.config.entity.version = (int32_t)number_after(words, "version", 0);
    }
    step(stage, &event, out);
}

static void stage_apply(void *subject, const struct words *words, FILE *out)
{
    struct stage *stage = subject;
    const char *verb = words->items[0];

    if (strcmp(verb, "stored") == 0) {
        apply_stored(stage, words);
    } else if (strcmp(verb, "elected") == 0) {
        apply_elected(stage, words, out);
    } else if (strcmp(verb, "create") == 0) {
        apply_create(stage, words, out);
    } else if (strcmp(verb, "delete") == 0) {
        apply_delete(stage, words, out);
    } else if (strcmp(verb, "add") == 0) {
        apply_add(stage, words, out);
    } else if (strcmp(verb, "alter") == 0) {
        apply_alter(stage, words, out);
    } else if (strcmp(verb, "result") == 0) {
        apply_result(stage, words, out);
    } else if (strcmp(verb, "ask") == 0) {
        apply_ask(stage, words, out);
    } else if (strcmp(verb, "isr") == 0) {
        apply_isr(stage, words, out);
    } else if (strcmp(verb, "report") == 0) {
        apply_report(stage, words, out);
    } else if (strcmp(verb, "elect") == 0) {
        apply_elect(stage, words, out);
    } else if (strcmp(verb, "reassign") == 0) {
        apply_reassign(stage, words, out);
    } else if (strcmp(verb, "moves") == 0) {
        controller_reassignments(stage->controller, out, script_print_move);
    } else if (strcmp(verb, "drain") == 0) {
        apply_drain(stage, words, out);
    } else if (strcmp(verb, "brokers") == 0 || strcmp(verb, "config") == 0) {
        apply_news_of_cluster(stage, words, out);
    } else if (strcmp(verb, "at") == 0) {
        stage->now_ms = strtoll(words->items[1], NULL, 10);
    } else if (strcmp(verb, "deadline") == 0) {
        int64_t deadline_ms = controller_deadline_ms(stage->controller);
        if (deadline_ms == INT64_MAX)
            fputs("deadline never\n", out);
        else
            fprintf(out, "deadline %" PRId64 "\n", deadline_ms);
    } else if (strcmp(verb, "complete") == 0) {
        fprintf(out, "complete %s\n", controller_is_complete(stage->controller) ? "yes" : "no");
    } else if (strcmp(verb, "copy") == 0) {
        struct controller *copy = controller_copy(stage->controller);
        controller_free(stage->controller);
        stage->controller = copy;
    } else {
        apply_small(stage, words, out);
    }
}

const struct transcript_script controller_script = {stage_start, stage_stop, stage_apply};
