/* What the controller answers, as lines of a transcript. */
#include <check.h>
#include <inttypes.h>

#include "common/error.h"
#include "tests/server/core/script_private.h"

static int number_of(const struct uuid *id)
{
    return id->bytes[14] << 8 | id->bytes[15];
}

/* --- printing -------------------------------------------------------------------------------- */

static void print_set(FILE *out, const struct replica_set *set)
{
    for (int32_t i = 0; i < set->count; i++)
        fprintf(out, "%s%d", i > 0 ? "," : "", (int)set->ids[i]);
    if (set->count == 0)
        fputc('-', out);
}

static void print_places(FILE *out, const char *title, const struct replica_set *replicas,
                         uint16_t mask)
{
    struct replica_set set = {.count = 0};

    for (int32_t i = 0; i < replicas->count; i++)
        if ((mask >> i & 1) != 0)
            replica_set_add(&set, replicas->ids[i]);
    if (set.count == 0)
        return;
    fprintf(out, " %s ", title);
    print_set(out, &set);
}

void script_print_moves(FILE *out, const struct replica_set *replicas, struct replica_moves moves)
{
    print_places(out, "adding", replicas, moves.adding);
    print_places(out, "removing", replicas, moves.removing);
}

void script_print_move(void *out, const char *topic, int32_t partition,
                       const struct partition_state *state, struct replica_moves moves)
{
    fprintf(out, "  %s/%d replicas ", topic, (int)partition);
    print_set(out, &state->replicas);
    script_print_moves(out, &state->replicas, moves);
    fputc('\n', out);
}

static void print_state(FILE *out, const struct partition_state *state)
{
    fprintf(out, "leader %d epoch %d version %d written %d replicas ", (int)state->leader,
            (int)state->leader_epoch, (int)state->version, (int)state->controller_epoch);
    print_set(out, &state->replicas);
    fputs(" isr ", out);
    print_set(out, &state->isr);
    if (state->eligible.count > 0) {
        fputs(" eligible ", out);
        print_set(out, &state->eligible);
    }
    if (state->min_insync != 1)
        fprintf(out, " min %d", (int)state->min_insync);
    if (state->unclean_epoch != -1)
        fprintf(out, " unclean %d", (int)state->unclean_epoch);
    if (state->flush_on_ack)
        fputs(" flush", out);
    fputc('\n', out);
}

static void print_configs(FILE *out, const struct controller_config *configs, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        fprintf(out, "%s%s%s%s=%s", i > 0 ? "," : " configs ", configs[i].name,
                configs[i].ignored ? "!" : "", configs[i].instead != NULL ? configs[i].instead : "",
                configs[i].value);
}

static void print_change(FILE *out, uint64_t token, const struct store_change *change)
{
    fprintf(out, "store %" PRIu64 " ", token);
    switch (change->kind) {
    case STORE_TOPIC:
        fprintf(out, "create %s id %d", change->topic, number_of(&change->id));
        print_configs(out, change->configs, change->config_count);
        fputc('\n', out);
        for (int32_t p = 0; p < change->partition_count; p++) {
            fprintf(out, "  %s/%d ", change->topic, (int)p);
            print_state(out, &change->states[p]);
        }
        break;
    case STORE_STATE:
        fprintf(out, "%s/%d ", change->topic, (int)change->partition);
        print_state(out, &change->state);
        for (int32_t i = 0; i < change->check_count; i++)
            fprintf(out, "  if %d:%d\n", (int)change->checks[i].id,
                    number_of(&change->checks[i].incarnation));
        break;
    case STORE_PARTITIONS:
        fprintf(out, "partitions of %s id %d: %d, new from %d\n", change->topic,
                number_of(&change->id), (int)change->partition_count, (int)change->partition);
        for (int32_t p = 0; p < change->partition_count; p++) {
            fprintf(out, "  %s/%d ", change->topic, (int)p);
            print_state(out, &change->states[p]);
        }
        break;
    case STORE_REASSIGN:
        fprintf(out, "reassign %s/%d ", change->topic, (int)change->partition);
        print_state(out, &change->state);
        for (int32_t p = 0; p < change->partition_count; p++) {
            fprintf(out, "  %d replicas ", (int)p);
            print_set(out, &change->states[p].replicas);
            script_print_moves(out, &change->states[p].replicas, change->moves[p]);
            fputc('\n', out);
        }
        for (int32_t i = 0; i < change->check_count; i++)
            fprintf(out, "  if %d:%d\n", (int)change->checks[i].id,
                    number_of(&change->checks[i].incarnation));
        break;
    case STORE_CONFIG:
        fprintf(out, "config of %s %s version %d",
                change->entity == ENTITY_TOPIC ? "topic" : "broker", change->topic,
                (int)change->version);
        print_configs(out, change->configs, change->config_count);
        fputc('\n', out);
        break;
    case STORE_REMOVE:
        fprintf(out, "remove %s id %d partitions %d\n", change->topic, number_of(&change->id),
                (int)change->partition_count);
        break;
    }
}

static void print_brokers(void *context, const struct controller_broker *brokers, size_t count)
{
    fputs("  brokers", context);
    for (size_t i = 0; i < count; i++)
        fprintf(context, " %d:%d%s%s%s", (int)brokers[i].id, number_of(&brokers[i].incarnation),
                brokers[i].lossy ? "!" : "", brokers[i].rack[0] != '\0' ? "@" : "",
                brokers[i].rack);
    fputc('\n', context);
}

static void print_settings(void *context, const char *broker,
                           const struct controller_config *configs, int32_t config_count)
{
    fprintf(context, "  settings %s", broker);
    print_configs(context, configs, config_count);
    fputc('\n', context);
}

static void print_topic(void *context, const char *name, const struct uuid *id,
                        int32_t partition_count, const struct controller_config *configs,
                        int32_t config_count, bool changed)
{
    fprintf(context, "  topic %s id %d partitions %d", name, number_of(id), (int)partition_count);
    if (changed)
        print_configs(context, configs, config_count);
    fputc('\n', context);
}

static void print_partition(void *context, int32_t partition, const struct partition_state *state)
{
    fprintf(context, "    %d ", (int)partition);
    print_state(context, state);
}

static void print_lost(void *context, const struct replica_set *lost)
{
    FILE *out = context;

    fprintf(out, "    lost");
    for (int32_t i = 0; i < lost->count; i++)
        fprintf(out, "%c%d", i == 0 ? ' ' : ',', (int)lost->ids[i]);
    fputc('\n', out);
}

static void print_deleted(void *context, const struct uuid *id)
{
    fprintf(context, "  deleted id %d\n", number_of(id));
}

static void print_news(struct stage *stage, const struct controller_effect *effect, FILE *out)
{
    const struct controller_visitor visitor = {.context = out,
                                               .brokers = print_brokers,
                                               .settings = print_settings,
                                               .topic = print_topic,
                                               .partition = print_partition,
                                               .lost = print_lost,
                                               .deleted = print_deleted};
    struct controller_announcement now = controller_announced(stage->controller);

    if (effect->changes.error != 0) {
        fprintf(out, "news %" PRIu64 " %s\n", effect->changes.ticket,
                k_error_name(effect->changes.error));
        return;
    }
    fprintf(out, "news %" PRIu64 " %s up to %d/%" PRIu64 "\n", effect->changes.ticket,
            effect->changes.full ? "full" : "changes", (int)now.epoch, now.sequence);
    controller_changes(stage->controller, effect->changes.after_sequence, effect->changes.whole,
                       &visitor);
}

void script_print(struct stage *stage, const struct controller_effect *effect, FILE *out)
{
    switch (effect->type) {
    case CONTROLLER_DO_STORE:
        ck_assert_uint_lt(effect->store.token, 256);
        stage->change_counts[effect->store.token] = effect->store.count;
        for (size_t i = 0; i < effect->store.count; i++)
            print_change(out, effect->store.token, &effect->store.changes[i]);
        break;
    case CONTROLLER_DO_ANSWER:
        fprintf(out, "answer %" PRIu64 " %s", effect->answer.ticket,
                k_error_name(effect->answer.error));
        if (effect->answer.error != 0)
            fprintf(out, ": %s\n", effect->answer.message);
        else if (effect->answer.version > 0)
            fprintf(out, " version %d\n", (int)effect->answer.version);
        else if (effect->answer.remaining > 0 || effect->answer.unmovable > 0)
            fprintf(out, " remaining %d unmovable %d\n", (int)effect->answer.remaining,
                    (int)effect->answer.unmovable);
        else
            fprintf(out, " id %d partitions %d factor %d\n", number_of(&effect->answer.id),
                    (int)effect->answer.partitions, (int)effect->answer.replication_factor);
        break;
    case CONTROLLER_DO_ANSWER_CHANGES:
        print_news(stage, effect, out);
        break;
    case CONTROLLER_DO_CLEAR_LOSSY:
        fprintf(out, "clear lossy %d:%d\n", (int)effect->clear_lossy.id,
                number_of(&effect->clear_lossy.incarnation));
        break;
    case CONTROLLER_DO_RESIGN:
        fputs("resign\n", out);
        break;
    }
}

