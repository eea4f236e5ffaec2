#include "server/runtime/metadata.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "tests/server/runtime/answer.h"
#include "tests/server/runtime/suites.h"

static struct metadata_cell *cell;

static void setup(void)
{
    ck_assert_int_eq(metadata_cell_new("cluster", &cell), 0);
}

static void teardown(void)
{
    metadata_cell_free(cell);
}

static void apply(const struct answer *answer, int expected)
{
    ck_assert_int_eq(metadata_apply(cell, &answer->changes), expected);
}

/* Topics b (2 partitions, a config) and a (1), brokers 2 and 1: epoch 3, sequence 5. */
static void apply_first_picture(void)
{
    struct answer answer;

    answer_init(&answer, 3, 5, true);
    say_broker(&answer, 2, "two", 9002);
    say_broker(&answer, 1, "one", 9001);
    say_topic(&answer, "b", 2, 2);
    say_partition(&answer, 0, 1, 4, 6);
    say_partition(&answer, 1, 2, 0, 0);
    say_config(&answer, "retention.ms", "5");
    say_topic(&answer, "a", 1, 1);
    say_partition(&answer, 0, 2, 1, 1);
    apply(&answer, 0);
}

/* --- tests --------------------------------------------------------------------------------------
 */

START_TEST(the_first_picture_is_empty)
{
    const struct metadata *picture = metadata_get(cell);
    struct uuid id = id_of(1);

    ck_assert_str_eq(picture->cluster_id, "cluster");
    ck_assert_int_eq(picture->controller, -1);
    ck_assert_uint_eq(picture->topic_count, 0);
    ck_assert_ptr_null(metadata_topic_by_name(picture, "a"));
    ck_assert_ptr_null(metadata_topic_by_id(picture, &id));
    ck_assert_ptr_null(metadata_broker(picture, 1));
    metadata_put(picture);
}
END_TEST

START_TEST(a_full_picture_is_sorted_and_found)
{
    struct uuid id = id_of(2);
    apply_first_picture();

    const struct metadata *picture = metadata_get(cell);

    ck_assert_int_eq(picture->controller, 1);
    ck_assert_int_eq(picture->controller_epoch, 3);
    ck_assert_uint_eq(picture->sequence, 5);
    ck_assert_uint_eq(picture->topic_count, 2);
    ck_assert_str_eq(picture->topics[0]->name, "a");
    ck_assert_str_eq(picture->topics[1]->name, "b");
    const struct metadata_topic *b = metadata_topic_by_name(picture, "b");
    ck_assert_ptr_eq(b, metadata_topic_by_id(picture, &id));
    ck_assert_int_eq(b->partition_count, 2);
    ck_assert_int_eq(b->partitions[0].leader_epoch, 4);
    ck_assert_int_eq(b->partitions[1].leader, 2);
    ck_assert_int_eq(b->partitions[1].replica_count, 1);
    ck_assert_int_eq(b->partitions[1].replicas[0], 2);
    ck_assert_int_eq(b->config_count, 1);
    ck_assert_str_eq(b->configs[0].value, "5");
    ck_assert_uint_eq(picture->broker_count, 2);
    ck_assert_int_eq(picture->brokers[0].id, 1);
    ck_assert_str_eq(metadata_broker(picture, 2)->endpoints[0].host, "two");
    ck_assert_uint_eq(metadata_broker(picture, 1)->endpoints[0].port, 9001);
    ck_assert_ptr_null(metadata_topic_by_name(picture, "c"));
    metadata_put(picture);
}
END_TEST

START_TEST(a_partition_tells_who_may_lead_and_how_many_must_be_in_sync)
{
    struct answer answer;
    int32_t eligible[] = {3, 2};

    answer_init(&answer, 3, 5, true);
    say_topic(&answer, "a", 1, 2);
    say_partition(&answer, 0, 1, 4, 6); /* as an older controller says it */
    Kairn__PartitionEntry *entry = say_partition(&answer, 1, 1, 4, 6);
    entry->eligible = entry->lost = eligible;
    entry->n_eligible = entry->n_lost = 2;
    entry->min_insync = entry->unclean_epoch = 4;
    apply(&answer, 0);

    const struct metadata *picture = metadata_get(cell);
    const struct metadata_partition *known = picture->topics[0]->partitions;
    ck_assert(known[0].min_insync == 1 && known[0].unclean_epoch == -1);
    ck_assert(known[1].min_insync == 4 && known[1].unclean_epoch == 3);
    ck_assert(known[0].eligible_count == 0 && known[1].eligible_count == 2);
    ck_assert(known[0].lost_count == 0 && known[1].lost_count == 2);
    ck_assert(known[1].eligible[1] == 2 && known[1].lost[1] == 2);
    metadata_put(picture);
}
END_TEST

START_TEST(changes_replace_what_they_name_and_share_the_rest)
{
    struct answer answer;
    apply_first_picture();
    const struct metadata *before = metadata_get(cell);

    answer_init(&answer, 3, 6, false);
    say_topic(&answer, "b", 2, 2);
    say_partition(&answer, 1, -1, 1, 1);
    apply(&answer, 0);

    const struct metadata *after = metadata_get(cell);
    ck_assert_ptr_eq(before->topics[0], after->topics[0]);
    ck_assert_ptr_eq(before->brokers, after->brokers);
    ck_assert_ptr_ne(before->topics[1], after->topics[1]);
    ck_assert_int_eq(after->topics[1]->partitions[0].leader, 1);
    ck_assert_int_eq(after->topics[1]->partitions[0].replicas[0], 1);
    ck_assert_int_eq(after->topics[1]->partitions[1].leader, -1);
    ck_assert_str_eq(after->topics[1]->configs[0].name, "retention.ms");
    /* the former picture still is what it was */
    ck_assert_int_eq(before->topics[1]->partitions[1].leader, 2);
    metadata_put(before);
    metadata_put(after);
}
END_TEST

START_TEST(an_answer_in_parts_is_published_when_it_is_whole)
{
    struct answer answer;
    apply_first_picture();

    answer_init(&answer, 3, 2, true); /* we fell back too far: it starts before what we know */
    say_broker(&answer, 1, "one", 9001);
    say_topic(&answer, "c", 3, 1);
    say_partition(&answer, 0, 1, 0, 0);
    answer.changes.more = true;
    apply(&answer, 0);
    const struct metadata *before = metadata_get(cell);
    struct metadata_progress amid = metadata_progress(cell);
    answer_init(&answer, 3, 9, false);
    say_topic(&answer, "d", 4, 1);
    say_partition(&answer, 0, 1, 0, 0);
    apply(&answer, 0);

    ck_assert_uint_eq(before->sequence, 5);
    ck_assert_ptr_nonnull(metadata_topic_by_name(before, "a"));
    ck_assert(amid.partial);
    ck_assert_uint_eq(amid.sequence, 2);
    ck_assert(!metadata_progress(cell).partial);
    const struct metadata *after = metadata_get(cell);
    ck_assert_uint_eq(after->sequence, 9);
    ck_assert_uint_eq(after->topic_count, 2);
    ck_assert_str_eq(after->topics[0]->name, "c");
    ck_assert_str_eq(after->topics[1]->name, "d");
    ck_assert_uint_eq(after->broker_count, 1);
    metadata_put(before);
    metadata_put(after);
}
END_TEST

START_TEST(parts_of_a_former_controller_are_dropped)
{
    struct answer answer;
    apply_first_picture();

    answer_init(&answer, 3, 7, false);
    say_topic(&answer, "c", 3, 1);
    say_partition(&answer, 0, 1, 0, 0);
    answer.changes.more = true;
    apply(&answer, 0);
    answer_init(&answer, 4, 1, true);
    say_broker(&answer, 1, "one", 9001);
    apply(&answer, 0);

    const struct metadata *after = metadata_get(cell);
    ck_assert_int_eq(after->controller_epoch, 4);
    ck_assert_uint_eq(after->topic_count, 0);
    ck_assert(!metadata_progress(cell).partial);
    metadata_put(after);
}
END_TEST

START_TEST(a_topic_made_again_under_its_name_is_another_topic)
{
    struct answer answer;
    struct uuid former = id_of(1), latter = id_of(9);
    apply_first_picture();

    answer_init(&answer, 3, 8, false);
    answer.deleted[answer.changes.n_deleted_topic_ids++] = id_bytes(&answer, 1);
    say_topic(&answer, "a", 9, 1);
    say_partition(&answer, 0, 1, 0, 0);
    apply(&answer, 0);

    const struct metadata *picture = metadata_get(cell);
    ck_assert_uint_eq(picture->topic_count, 2);
    ck_assert_ptr_null(metadata_topic_by_id(picture, &former));
    ck_assert_ptr_eq(metadata_topic_by_id(picture, &latter), picture->topics[0]);
    ck_assert_int_eq(picture->topics[0]->partitions[0].leader_epoch, 0);
    ck_assert_uint_eq(picture->deleted_count, 1);
    ck_assert(uuid_equal(&picture->deleted[0], &former));
    metadata_put(picture);
}
END_TEST

START_TEST(deletions_are_remembered_once_and_not_for_ever)
{
    struct answer answer;
    apply_first_picture();

    for (int i = 0; i < METADATA_DELETED_MAX + 10; i++) {
        answer_init(&answer, 3, 6 + (uint64_t)i, false);
        answer.deleted[0] = id_bytes(&answer, 100 + i);
        answer.deleted[1] = id_bytes(&answer, 100 + i);
        answer.changes.n_deleted_topic_ids = 2;
        apply(&answer, 0);
    }

    const struct metadata *picture = metadata_get(cell);
    struct uuid oldest = id_of(110), newest = id_of(100 + METADATA_DELETED_MAX + 9);
    ck_assert_uint_eq(picture->deleted_count, METADATA_DELETED_MAX);
    ck_assert(uuid_equal(&picture->deleted[0], &oldest));
    ck_assert(uuid_equal(&picture->deleted[METADATA_DELETED_MAX - 1], &newest));
    ck_assert_uint_eq(picture->topic_count, 2);
    metadata_put(picture);
}
END_TEST

START_TEST(older_answers_are_ignored)
{
    static const struct {
        int32_t epoch;
        uint64_t sequence;
    } rows[] = {{3, 5}, {3, 4}, {2, 99}, {0, 0}, {-1, 7}};
    apply_first_picture();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer answer;
        answer_init(&answer, rows[i].epoch, rows[i].sequence, true);
        apply(&answer, 0);
    }

    const struct metadata *picture = metadata_get(cell);
    ck_assert_uint_eq(picture->topic_count, 2);
    ck_assert_uint_eq(picture->sequence, 5);
    metadata_put(picture);
}
END_TEST

START_TEST(older_entries_are_ignored)
{
    struct answer answer;
    apply_first_picture();

    answer_init(&answer, 4, 1, true);
    say_topic(&answer, "b", 2, 2);
    say_partition(&answer, 0, 2, 3, 9); /* an older leader epoch */
    say_partition(&answer, 1, 1, 0, 1); /* a newer version of the same epoch */
    apply(&answer, 0);

    const struct metadata *picture = metadata_get(cell);
    ck_assert_int_eq(picture->topics[0]->partitions[0].leader, 1);
    ck_assert_int_eq(picture->topics[0]->partitions[1].leader, 1);
    metadata_put(picture);
}
END_TEST

/* A controller that could not read the state of a partition announces none. */
START_TEST(who_is_told_of_no_state_knows_no_leader_until_there_is_one)
{
    struct answer answer;
    apply_first_picture();

    answer_init(&answer, 4, 1, true);
    say_topic(&answer, "b", 2, 3);
    say_partition(&answer, 0, -1, -1, (uint32_t)-1);
    say_partition(&answer, 1, 2, 0, 0);
    say_partition(&answer, 2, -1, -1, (uint32_t)-1);    /* never heard of */
    apply(&answer, 0);
    const struct metadata *picture = metadata_get(cell);
    ck_assert_int_eq(picture->topics[0]->partitions[0].leader, -1);
    ck_assert_int_eq(picture->topics[0]->partitions[0].leader_epoch, 4);
    ck_assert_int_eq(picture->topics[0]->partitions[0].version, -1);
    ck_assert_int_eq(picture->topics[0]->partitions[0].isr_count, 1);
    ck_assert_int_eq(picture->topics[0]->partitions[0].isr[0], 1);
    ck_assert_int_eq(picture->topics[0]->partitions[1].leader, 2);
    ck_assert_int_eq(picture->topics[0]->partitions[2].leader, -1);
    metadata_put(picture);

    answer_init(&answer, 4, 2, false);
    say_topic(&answer, "b", 2, 3);
    say_partition(&answer, 0, 1, 5, 8);
    apply(&answer, 0);
    picture = metadata_get(cell);
    ck_assert_int_eq(picture->topics[0]->partitions[0].leader, 1);
    ck_assert_int_eq(picture->topics[0]->partitions[0].leader_epoch, 5);
    metadata_put(picture);
}
END_TEST

START_TEST(a_new_controllers_picture_shares_what_did_not_change)
{
    struct answer answer;
    apply_first_picture();
    const struct metadata *before = metadata_get(cell);

    answer_init(&answer, 4, 1, true);
    say_topic(&answer, "b", 2, 2);
    say_partition(&answer, 0, 1, 4, 6);
    say_partition(&answer, 1, 2, 0, 0);
    say_config(&answer, "retention.ms", "5");
    apply(&answer, 0);

    const struct metadata *after = metadata_get(cell);
    ck_assert_uint_eq(after->topic_count, 1); /* a is absent, but was not said to be deleted */
    ck_assert_uint_eq(after->deleted_count, 0);
    ck_assert_uint_eq(after->broker_count, 0);
    ck_assert_ptr_eq(after->topics[0], before->topics[1]);
    metadata_put(before);
    metadata_put(after);
}
END_TEST

START_TEST(nonsense_is_refused_and_changes_nothing)
{
    struct answer answer;
    apply_first_picture();

    for (int wrong = 0; wrong < 12; wrong++) {
        answer_init(&answer, wrong == 11 ? 4 : 3, 6, false);
        Kairn__BrokerEntry *broker = say_broker(&answer, 1, "one", 9001);
        Kairn__TopicEntry *topic = say_topic(&answer, "b", 2, 2);
        Kairn__PartitionEntry *partition = say_partition(&answer, 0, 1, 9, 9);
        switch (wrong) {
        case 0:
            topic->topic_id.len = 15;
            break;
        case 1:
            topic->name = (char *)(uintptr_t) "";
            break;
        case 2:
            topic->name = (char *)(uintptr_t) "renamed";
            break;
        case 3:
            topic->partition_count = 1;
            break;
        case 4:
            topic->partition_count = UINT32_MAX;
            break;
        case 5:
            partition->partition = 2;
            break;
        case 6:
            broker->incarnation.len = 3;
            break;
        case 7:
            broker->endpoints[0]->port = 65536;
            break;
        case 8:
            say_broker(&answer, 1, "again", 9001);
            break;
        case 9:
            say_topic(&answer, "b", 3, 0);
            break;
        case 10:
            say_topic(&answer, "c", 2, 2);
            break;
        case 11:
            break; /* not full, of another controller */
        }
        apply(&answer, K_MALFORMED);
    }
    answer_init(&answer, 3, 6, false);
    say_topic(&answer, "x", 40, 0);
    say_topic(&answer, "y", 40, 0); /* one id, two topics */
    apply(&answer, K_MALFORMED);
    answer_init(&answer, 3, 6, false);
    answer.deleted[answer.changes.n_deleted_topic_ids++] = (ProtobufCBinaryData){.len = 0};
    apply(&answer, K_MALFORMED);

    const struct metadata *picture = metadata_get(cell);
    ck_assert_uint_eq(picture->sequence, 5);
    ck_assert_int_eq(picture->topics[1]->partitions[0].leader_epoch, 4);
    metadata_put(picture);
}
END_TEST

START_TEST(partitions_may_be_added)
{
    struct answer answer;
    apply_first_picture();

    answer_init(&answer, 3, 6, false);
    say_topic(&answer, "a", 1, 3);
    say_partition(&answer, 2, 1, 0, 0);
    apply(&answer, 0);

    const struct metadata *picture = metadata_get(cell);
    ck_assert_int_eq(picture->topics[0]->partition_count, 3);
    ck_assert_int_eq(picture->topics[0]->partitions[0].leader, 2);
    ck_assert_int_eq(picture->topics[0]->partitions[1].leader, -1);
    ck_assert_int_eq(picture->topics[0]->partitions[2].leader, 1);
    metadata_put(picture);
}
END_TEST

START_TEST(partitions_spread_over_loops_and_stay_there)
{
    struct uuid id = id_of(1);
    int used[4] = {0};

    for (int32_t p = 0; p < 400; p++) {
        int32_t loop = metadata_loop_of(&id, p, 4);
        ck_assert(loop >= 0 && loop < 4);
        ck_assert_int_eq(loop, metadata_loop_of(&id, p, 4));
        used[loop]++;
    }
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(used[i], 100);
    ck_assert_int_eq(metadata_loop_of(&id, 7, 1), 0);
    ck_assert_int_eq(metadata_loop_of(&id, 7, 0), 0);
}
END_TEST

/* Every picture that a reader sees is whole: all partitions of the topic carry one epoch. */
static atomic_bool stop;

static void *read_pictures(void *context)
{
    uint64_t last = 0;
    (void)context;
    while (!atomic_load(&stop)) {
        const struct metadata *picture = metadata_get(cell);
        const struct metadata_topic *topic = metadata_topic_by_name(picture, "t");
        if (picture->sequence < last)
            return (void *)(uintptr_t) "went back";
        last = picture->sequence;
        for (int32_t p = 0; topic != NULL && p < topic->partition_count; p++)
            if (topic->partitions[p].leader_epoch != (int32_t)picture->sequence)
                return (void *)(uintptr_t) "torn";
        metadata_put(picture);
    }
    return NULL;
}

START_TEST(readers_see_whole_pictures_while_new_ones_are_published)
{
    pthread_t readers[3];
    atomic_store(&stop, false);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_pictures, NULL), 0);

    for (uint64_t sequence = 1; sequence <= 2000; sequence++) {
        struct answer answer;
        answer_init(&answer, 1, sequence, sequence == 1);
        say_topic(&answer, "t", 1, 4);
        for (uint32_t p = 0; p < 4; p++)
            say_partition(&answer, p, 1, (int32_t)sequence, (uint32_t)sequence);
        apply(&answer, 0);
    }

    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) {
        void *failure;
        pthread_join(readers[i], &failure);
        ck_assert_msg(failure == NULL, "%s", (const char *)failure);
    }
}
END_TEST

Suite *metadata_suite(void)
{
    Suite *suite = suite_create("server/runtime/metadata");
    TCase *tcase = tcase_create("metadata");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_first_picture_is_empty);
    tcase_add_test(tcase, a_full_picture_is_sorted_and_found);
    tcase_add_test(tcase, a_partition_tells_who_may_lead_and_how_many_must_be_in_sync);
    tcase_add_test(tcase, changes_replace_what_they_name_and_share_the_rest);
    tcase_add_test(tcase, an_answer_in_parts_is_published_when_it_is_whole);
    tcase_add_test(tcase, parts_of_a_former_controller_are_dropped);
    tcase_add_test(tcase, a_topic_made_again_under_its_name_is_another_topic);
    tcase_add_test(tcase, deletions_are_remembered_once_and_not_for_ever);
    tcase_add_test(tcase, older_answers_are_ignored);
    tcase_add_test(tcase, older_entries_are_ignored);
    tcase_add_test(tcase, who_is_told_of_no_state_knows_no_leader_until_there_is_one);
    tcase_add_test(tcase, a_new_controllers_picture_shares_what_did_not_change);
    tcase_add_test(tcase, nonsense_is_refused_and_changes_nothing);
    tcase_add_test(tcase, partitions_may_be_added);
    tcase_add_test(tcase, partitions_spread_over_loops_and_stay_there);
    tcase_add_test(tcase, readers_see_whole_pictures_while_new_ones_are_published);
    suite_add_tcase(suite, tcase);
    return suite;
}
