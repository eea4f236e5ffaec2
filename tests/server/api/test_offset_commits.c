/* What groups have committed: when it counts, who may, what is known of it afterwards. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/metric.h"
#include "proto/head.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/group_member.h"

Suite *offset_commits_suite(void);

static struct plane plane;
static struct plane_topic offsets, orders;
static struct group_member alone;           /* a consumer that is in no group, from either loop */
static struct group_member other;

static void publish(int32_t replicas)
{
    offsets = (struct plane_topic){ .name = "__consumer_offsets", .id = uuid_random(),
                                    .partitions = 4, .leader = PLANE_BROKER, .leader_epoch = 5,
                                    .replicas = replicas,
                                    .config_name = "cleanup.policy", .config_value = "compact" };
    orders = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 3,
                                   .leader = PLANE_BROKER, .leader_epoch = 5 };
    plane_publish(&plane, &offsets);
    plane_publish(&plane, &orders);
    member_init(&alone, &plane, 0, "readers");
    member_init(&other, &plane, 1, "readers");
}

static void setup(void)
{
    plane_init(&plane, 2);
    publish(1);
}

/* Two other replicas are in sync, as far as anybody knows, and never fetch. */
static void setup_replicated(void)
{
    plane_init(&plane, 2);
    publish(3);
}

static void setup_impatient(void)
{
    plane_init(&plane, 2);
    plane_configure(&plane, "offsets.commit.timeout.ms=50");
    plane_restart(&plane);
    publish(3);
}

static void teardown(void)
{
    plane_fini(&plane);
}

/* Once the coordinator has loaded. */
static int commit(struct group_member *member, uint32_t partition, int64_t offset)
{
    int code;

    WAIT_UNTIL((code = member_commit(member, "orders", partition, offset)) !=
               K_COORDINATOR_LOAD_IN_PROGRESS);
    return code;
}

static int64_t committed(struct group_member *member, uint32_t partition)
{
    int64_t offset = -2;
    int code;

    WAIT_UNTIL((code = member_fetch_offset(member, "orders", partition, &offset)) !=
               K_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(code, 0);
    return offset;
}

START_TEST(what_was_committed_is_found_from_every_loop)
{
    ck_assert_int_eq(commit(&alone, 1, 77), 0);
    ck_assert_int_eq(commit(&other, 2, 78), 0);

    ck_assert_int_eq(committed(&other, 1), 77);
    ck_assert_int_eq(committed(&alone, 2), 78);
    ck_assert_int_eq(committed(&alone, 0), -1);
    ck_assert_int_eq(metric_value(plane.metrics, METRIC_OFFSET_COMMITS), 2);
}
END_TEST

START_TEST(what_was_committed_is_there_after_a_restart)
{
    for (int64_t offset = 1; offset <= 200; offset++)
        ck_assert_int_eq(commit(&alone, (uint32_t)offset % 3, offset), 0);

    plane_restart(&plane);
    plane_publish(&plane, &offsets);
    plane_publish(&plane, &orders);

    ck_assert_int_eq(committed(&alone, 0), 198);
    ck_assert_int_eq(committed(&alone, 1), 199);
    ck_assert_int_eq(committed(&alone, 2), 200);
}
END_TEST

START_TEST(a_group_with_members_lets_nobody_else_commit)
{
    struct group_member member;
    member_init(&member, &plane, 0, "readers");
    WAIT_UNTIL(member_join(&member) == 0);
    ck_assert_int_eq(member_sync(&member), 0);

    ck_assert_int_eq(commit(&alone, 0, 1), K_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(commit(&member, 0, 2), 0);
    member.generation++;
    ck_assert_int_eq(commit(&member, 0, 3), K_ILLEGAL_GENERATION);

    ck_assert_int_eq(committed(&alone, 0), 2);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused_alone)
{
    char *note = malloc(4098);
    memset(note, 'n', 4097);
    note[4097] = '\0';
    ck_assert_int_eq(commit(&alone, 0, 1), 0);

    ck_assert_int_eq(commit(&alone, 3, 1), K_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(member_commit(&alone, "nothing", 0, 1), K_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(commit(&alone, 0, -1), K_INVALID_REQUEST);
    struct asked *noted = member_commit_start(&alone, "orders", 0, 5, note);
    asked_wait(noted);
    ck_assert_int_eq(member_committed(noted), K_OFFSET_METADATA_TOO_LARGE);
    asked_free(noted);
    note[4096] = '\0';
    noted = member_commit_start(&alone, "orders", 0, 6, note);
    asked_wait(noted);
    ck_assert_int_eq(member_committed(noted), 0);
    asked_free(noted);

    ck_assert_int_eq(committed(&alone, 0), 6);
    free(note);
}
END_TEST

/* Is the partition loaded that the request is for? */
static bool is_loaded(Kairn__RequestHead *head)
{
    return member_ask(&other, head, NULL) != K_COORDINATOR_LOAD_IN_PROGRESS;
}

/* All that a group has. */
static size_t count_all(const char *group)
{
    Kairn__OffsetFetchRequest body = KAIRN__OFFSET_FETCH_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    struct asked *asked;

    body.group = (char *)group;
    body.all = true;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_FETCH;
    head.offset_fetch = &body;
    WAIT_UNTIL(is_loaded(&head));               /* nobody may have asked for a group of its kind */
    ck_assert_int_eq(member_ask(&other, &head, &asked), 0);
    size_t count = asked->head->offset_fetch->n_offsets;
    for (size_t i = 0; i < count; i++) {
        const Kairn__CommittedOffset *offset = asked->head->offset_fetch->offsets[i];
        ck_assert_str_eq(offset->partition->topic, "orders");
        ck_assert_int_eq(offset->offset, 10 + offset->partition->partition);
        ck_assert(offset->topic_known);
    }
    asked_free(asked);
    return count;
}

START_TEST(a_group_tells_all_that_it_has)
{
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_int_eq(commit(&alone, i, 10 + i), 0);

    ck_assert_uint_eq(count_all("readers"), 3);
    ck_assert_uint_eq(count_all("others"), 0);
}
END_TEST

static int delete_offset(const char *topic, uint32_t partition)
{
    Kairn__TopicPartition entry = KAIRN__TOPIC_PARTITION__INIT, *entries[] = { &entry };
    Kairn__OffsetDeleteRequest body = KAIRN__OFFSET_DELETE_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    struct asked *asked;

    entry.topic = (char *)topic;
    entry.partition = partition;
    body.group = (char *)"readers";
    body.n_partitions = 1;
    body.partitions = entries;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_DELETE;
    head.offset_delete = &body;
    int code = member_ask(&other, &head, &asked);
    if (code == 0)
        code = head_error_code(asked->head->offset_delete->results[0]->error);
    asked_free(asked);
    return code;
}

START_TEST(an_offset_can_be_forgotten_unless_somebody_needs_it)
{
    static const char subscription[] = "\0\1\0\0\0\1\0\6orders\xff\xff\xff\xff\0\0\0";
    (void)subscription;
    ck_assert_int_eq(commit(&alone, 0, 1), 0);
    ck_assert_int_eq(commit(&alone, 1, 2), 0);

    ck_assert_int_eq(delete_offset("orders", 0), 0);
    ck_assert_int_eq(delete_offset("orders", 2), 0);

    ck_assert_int_eq(committed(&alone, 0), -1);
    ck_assert_int_eq(committed(&alone, 1), 2);
    struct group_member member;
    member_init(&member, &plane, 0, "readers");
    ck_assert_int_eq(member_join(&member), 0);
    ck_assert_int_eq(member_sync(&member), 0);
    ck_assert_int_eq(delete_offset("orders", 1), K_NON_EMPTY_GROUP);
    ck_assert_int_eq(member_leave(&member), 0);
    ck_assert_int_eq(delete_offset("orders", 1), 0);
}
END_TEST

static void delete_groups(char **names, size_t count, int *codes)
{
    Kairn__DeleteGroupsRequest body = KAIRN__DELETE_GROUPS_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    struct asked *asked;

    body.n_groups = count;
    body.groups = names;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_DELETE_GROUPS;
    head.delete_groups = &body;
    ck_assert_int_eq(member_ask(&other, &head, &asked), 0);
    for (size_t i = 0; i < count; i++)
        codes[i] = head_error_code(asked->head->delete_groups->results[i]->error);
    asked_free(asked);
}

static int code_of_deleting(const char *name)
{
    char *names[] = { (char *)name };
    int code;

    delete_groups(names, 1, &code);
    return code;
}

START_TEST(a_deleted_group_is_forgotten_also_after_a_restart)
{
    char *names[] = { (char *)"readers", (char *)"nobody", (char *)"" };
    int codes[3];
    ck_assert_int_eq(commit(&alone, 0, 1), 0);
    WAIT_UNTIL(committed(&alone, 0) == 1);
    WAIT_UNTIL(code_of_deleting("nobody") == K_GROUP_ID_NOT_FOUND);    /* its partition is loaded */

    delete_groups(names, 3, codes);
    ck_assert_int_eq(codes[0], 0);
    ck_assert_int_eq(codes[1], K_GROUP_ID_NOT_FOUND);
    ck_assert_int_eq(codes[2], K_INVALID_GROUP_ID);
    ck_assert_int_eq(committed(&alone, 0), -1);
    plane_restart(&plane);
    plane_publish(&plane, &offsets);
    plane_publish(&plane, &orders);
    ck_assert_int_eq(committed(&alone, 0), -1);
}
END_TEST

/* --- with replicas ---------------------------------------------------------------------------- */

START_TEST(a_commit_counts_once_all_in_sync_replicas_have_it)
{
    ck_assert_int_eq(committed(&alone, 0), -1);

    struct asked *commit = member_commit_start(&alone, "orders", 0, 7, "");

    ck_assert(!asked_is_finished(commit));
    ck_assert_int_eq(committed(&other, 0), -1);
    offsets.insync = 1;                     /* the others are out of sync: it is committed now */
    offsets.leader_epoch = 6;
    plane_publish(&plane, &offsets);
    asked_wait(commit);
    ck_assert_int_eq(member_committed(commit), K_NOT_COORDINATOR);
    asked_free(commit);
    ck_assert_int_eq(committed(&other, 0), 7);
}
END_TEST

START_TEST(a_commit_of_which_nothing_is_known_is_answered_in_time)
{
    ck_assert_int_eq(committed(&alone, 0), -1);

    ck_assert_int_eq(member_commit(&alone, "orders", 0, 7), K_REQUEST_TIMED_OUT);

    ck_assert_int_eq(committed(&other, 0), -1);
}
END_TEST

START_TEST(what_can_not_be_written_is_refused)
{
    ck_assert_int_eq(committed(&alone, 0), -1);
    offsets.insync = 1;
    offsets.min_insync = 2;
    offsets.leader_epoch = 6;
    plane_publish(&plane, &offsets);

    int code;
    WAIT_UNTIL((code = member_commit(&alone, "orders", 0, 7)) != K_COORDINATOR_LOAD_IN_PROGRESS);

    ck_assert_int_eq(code, K_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(committed(&other, 0), -1);
}
END_TEST

/* The in-sync set shrinks below the minimum while the commit waits: it is in our log, and may come
 * to be committed. It is neither told as stored nor as refused. */
START_TEST(what_is_in_doubt_is_not_told_and_counts_once_it_is_committed)
{
    ck_assert_int_eq(committed(&alone, 0), -1);
    struct asked *commit = member_commit_start(&alone, "orders", 0, 7, "");
    ck_assert(!asked_is_finished(commit));

    offsets.insync = 1;
    offsets.min_insync = 2;
    offsets.version = 6;
    plane_publish(&plane, &offsets);

    ck_assert(!asked_is_finished(commit));
    ck_assert_int_eq(committed(&other, 0), -1);
    offsets.min_insync = 1;
    offsets.version = 7;
    plane_publish(&plane, &offsets);
    asked_wait(commit);
    ck_assert_int_eq(member_committed(commit), 0);
    asked_free(commit);
    ck_assert_int_eq(committed(&other, 0), 7);
}
END_TEST

START_TEST(until_all_of_the_log_is_committed_nothing_is_told_of_it)
{
    enum { ASKS = 3000 };               /* a load that began would be over by then */
    int64_t offset = -2;
    ck_assert_int_eq(committed(&alone, 0), -1);
    struct asked *commit = member_commit_start(&alone, "orders", 0, 7, "");
    ck_assert(!asked_is_finished(commit));

    offsets.leader_epoch = 6;
    plane_publish(&plane, &offsets);

    asked_wait(commit);
    asked_free(commit);
    for (int i = 0; i < ASKS; i++)
        ck_assert_int_eq(member_fetch_offset(&other, "orders", 0, &offset),
                         K_COORDINATOR_LOAD_IN_PROGRESS);
    offsets.insync = 1;
    offsets.version = 7;
    plane_publish(&plane, &offsets);
    ck_assert_int_eq(committed(&other, 0), 7);
}
END_TEST

/* --- topics that go --------------------------------------------------------------------------- */

/* Not from the start on: what is published after a restart is older than this. */
static void commit_late(int64_t offset)
{
    for (int i = 0; i < 5; i++)
        plane_publish(&plane, &orders);
    ck_assert_int_eq(commit(&alone, 0, offset), 0);
}

static void make_anew(void)
{
    orders.id = uuid_random();
    plane_publish(&plane, &orders);
}

static void restart(void)
{
    plane_restart(&plane);
    plane_publish(&plane, &offsets);
}

START_TEST(a_topic_that_is_made_anew_begins_without_the_offsets_of_the_former)
{
    commit_late(77);

    plane_publish_deletion(&plane, &orders.id);
    make_anew();

    WAIT_UNTIL(committed(&alone, 0) == -1);
    ck_assert_int_eq(commit(&alone, 0, 3), 0);
    ck_assert_int_eq(committed(&other, 0), 3);
    restart();
    plane_publish(&plane, &orders);
    ck_assert_int_eq(committed(&alone, 0), 3);
}
END_TEST

START_TEST(what_went_while_nobody_coordinated_is_forgotten_too)
{
    plane_publish(&plane, &orders);
    ck_assert_int_eq(commit(&alone, 0, 77), 0);

    restart();
    make_anew();
    for (int i = 0; i < 5; i++)
        plane_publish(&plane, &orders);

    WAIT_UNTIL(committed(&alone, 0) == -1);
}
END_TEST

START_TEST(a_picture_that_is_older_than_the_commit_says_nothing_of_its_topic)
{
    commit_late(77);

    restart();

    ck_assert_int_eq(committed(&alone, 0), 77);
    plane_publish(&plane, &orders);
    ck_assert_int_eq(committed(&alone, 0), 77);
}
END_TEST

START_TEST(a_topic_that_can_not_be_read_keeps_its_offsets)
{
    ck_assert_int_eq(commit(&alone, 0, 77), 0);

    plane_restart(&plane);
    plane_publish_unreadable(&plane);
    for (int i = 0; i < 5; i++)
        plane_publish(&plane, &offsets);

    ck_assert_int_eq(committed(&alone, 0), 77);
}
END_TEST

START_TEST(whoever_has_the_name_of_a_topic_is_told_from_it_also_while_others_can_not_be_read)
{
    ck_assert_int_eq(commit(&alone, 0, 77), 0);

    plane_restart(&plane);
    plane_publish_unreadable(&plane);
    for (int i = 0; i < 5; i++)
        plane_publish(&plane, &offsets);
    make_anew();

    WAIT_UNTIL(committed(&alone, 0) == -1);
}
END_TEST

START_TEST(clients_do_not_write_to_the_offsets_topic)
{
    uint8_t batch[1024];
    size_t size = plane_batch(batch, sizeof batch, 1, "forged", true);

    for (int32_t acks = -1; acks <= 1; acks += 2) {
        struct asked *asked = plane_produce(&plane, 0, &offsets.id, 0, acks, batch, size);
        ck_assert_int_eq(head_error_code(asked->head->produce->results[0]->error),
                         K_INVALID_TOPIC_EXCEPTION);
        asked_free(asked);
    }
}
END_TEST

Suite *offset_commits_suite(void)
{
    Suite *suite = suite_create("offset commits");
    TCase *commits = tcase_create("commits");
    TCase *going = tcase_create("topics-that-go");
    TCase *replicated = tcase_create("replicated");
    TCase *impatient = tcase_create("impatient");

    tcase_add_checked_fixture(commits, setup, teardown);
    tcase_add_test(commits, what_was_committed_is_found_from_every_loop);
    tcase_add_test(commits, what_was_committed_is_there_after_a_restart);
    tcase_add_test(commits, a_group_with_members_lets_nobody_else_commit);
    tcase_add_test(commits, what_makes_no_sense_is_refused_alone);
    tcase_add_test(commits, a_group_tells_all_that_it_has);
    tcase_add_test(commits, an_offset_can_be_forgotten_unless_somebody_needs_it);
    tcase_add_test(commits, a_deleted_group_is_forgotten_also_after_a_restart);
    tcase_add_test(commits, clients_do_not_write_to_the_offsets_topic);
    suite_add_tcase(suite, commits);
    tcase_add_checked_fixture(going, setup, teardown);
    tcase_add_test(going, a_topic_that_is_made_anew_begins_without_the_offsets_of_the_former);
    tcase_add_test(going, what_went_while_nobody_coordinated_is_forgotten_too);
    tcase_add_test(going, a_picture_that_is_older_than_the_commit_says_nothing_of_its_topic);
    tcase_add_test(going, a_topic_that_can_not_be_read_keeps_its_offsets);
    tcase_add_test(
        going, whoever_has_the_name_of_a_topic_is_told_from_it_also_while_others_can_not_be_read);
    suite_add_tcase(suite, going);
    tcase_add_checked_fixture(replicated, setup_replicated, teardown);
    tcase_add_test(replicated, a_commit_counts_once_all_in_sync_replicas_have_it);
    tcase_add_test(replicated, what_is_in_doubt_is_not_told_and_counts_once_it_is_committed);
    tcase_add_test(replicated, until_all_of_the_log_is_committed_nothing_is_told_of_it);
    tcase_add_test(replicated, what_can_not_be_written_is_refused);
    suite_add_tcase(suite, replicated);
    tcase_add_checked_fixture(impatient, setup_impatient, teardown);
    tcase_add_test(impatient, a_commit_of_which_nothing_is_known_is_answered_in_time);
    suite_add_tcase(suite, impatient);
    return suite;
}
