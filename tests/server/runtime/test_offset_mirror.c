/* Offsets in ZooKeeper: written where Kafka 0.8 had them, removed when nothing is committed any
 * more, and read back for an import. */
#include <check.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/error.h"
#include "net/loop.h"
#include "server/runtime/control_internal.h"
#include "server/runtime/offset_import.h"
#include "server/runtime/offset_mirror.h"
#include "tests/server/lib/crew.h"
#include "tests/server/runtime/suites.h"
#include "tests/zk/peer.h"
#include "tests/zk/server.h"

static struct crew crew;
static struct inbox inbox;
static struct peer observer;
static struct control *control;

static void open_crew(const char *chroot)
{
    crew_init(&crew, chroot);
    inbox_init(&inbox);
    control = crew_start(&crew, 1, NULL)->control;
    peer_open(&observer, &inbox, chroot, 30000);
    crew_controller(&crew, 1);
}

static void close_crew(void)
{
    crew_fini(&crew);
    peer_close(&observer);
    inbox_fini(&inbox);
}

static void add(struct mirror_parcel *parcel, const char *topic, int32_t partition, int64_t offset)
{
    struct mirror_note *note = mirror_note_new("readers", topic, partition, offset);

    ck_assert_ptr_nonnull(note);
    list_append(&parcel->notes, &note->node);
}

/* Hand it over, and wait until it is done. */
static void mirror(struct mirror_parcel *parcel)
{
    int64_t until_ms = clock_mono_ms(&clock_system) + PEER_WAIT_MS;

    control_mirror(control, parcel);
    while (atomic_load(&parcel->done_ms) == 0) {
        ck_assert_int_lt(clock_mono_ms(&clock_system), until_ms);
        peer_sync(&observer, "/");
    }
    mirror_parcel_unref(parcel);
}

static void mirror_one(const char *topic, int32_t partition, int64_t offset)
{
    struct mirror_parcel *parcel = mirror_parcel_new();

    add(parcel, topic, partition, offset);
    mirror(parcel);
}

static int exists(const char *path)
{
    return peer_exists(&observer, path, NULL).code;
}

START_TEST(an_offset_stands_where_kafka_0_8_had_it)
{
    open_crew("/mirror-writes");
    struct mirror_parcel *parcel = mirror_parcel_new();
    for (int32_t partition = 0; partition < 40; partition++)
        add(parcel, "orders", partition, 1000 + partition);

    mirror(parcel);
    mirror_one("orders", 3, 77);

    struct answer read = peer_children(&observer, "/consumers/readers/offsets/orders", NULL);
    ck_assert_uint_eq(read.child_count, 40);
    read = peer_get(&observer, "/consumers/readers/offsets/orders/3", NULL);
    ck_assert_str_eq(read.data, "77");
    ck_assert_int_eq(read.stat.version, 1);
    ck_assert_str_eq(peer_get(&observer, "/consumers/readers/offsets/orders/39", NULL).data,
                     "1039");
    close_crew();
}
END_TEST

START_TEST(what_is_committed_no_more_goes_with_parents_that_are_empty)
{
    open_crew("/mirror-removes");
    mirror_one("orders", 0, 1);
    mirror_one("orders", 1, 1);
    mirror_one("bills", 0, 1);

    mirror_one("bills", 0, -1);
    mirror_one("orders", 0, -1);
    mirror_one("never-there", 0, -1);

    ck_assert_int_eq(exists("/consumers/readers/offsets/bills"), K_NOT_FOUND);
    ck_assert_int_eq(exists("/consumers/readers/offsets/orders/0"), K_NOT_FOUND);
    ck_assert_int_eq(exists("/consumers/readers/offsets/orders/1"), 0);
    mirror_one("orders", 1, -1);
    ck_assert_int_eq(exists("/consumers/readers"), K_NOT_FOUND);
    ck_assert_int_eq(exists("/consumers"), 0);
    close_crew();
}
END_TEST

START_TEST(what_was_withdrawn_is_not_written)
{
    open_crew("/mirror-withdrawn");
    struct mirror_parcel *parcel = mirror_parcel_new();
    add(parcel, "orders", 0, 1);
    atomic_store(&parcel->withdrawn, true);

    mirror(parcel);

    ck_assert_int_eq(exists("/consumers/readers"), K_NOT_FOUND);
    close_crew();
}
END_TEST

START_TEST(a_group_that_no_node_can_be_named_after_is_not_mirrored)
{
    ck_assert_ptr_null(mirror_note_new("a/b", "orders", 0, 1));
    ck_assert_ptr_null(mirror_note_new("..", "orders", 0, 1));
    ck_assert_ptr_null(mirror_note_new("", "orders", 0, 1));
}
END_TEST

START_TEST(parcels_on_their_way_when_the_broker_stops_are_let_go)
{
    open_crew("/mirror-stops");
    struct mirror_parcel *parcel = mirror_parcel_new();
    for (int32_t partition = 0; partition < 500; partition++)
        add(parcel, "orders", partition, 1);

    control_mirror(control, parcel);
    crew_stop(&crew.brokers[1]);

    ck_assert_int_ne(atomic_load(&parcel->done_ms), 0);
    mirror_parcel_unref(parcel);
    close_crew();
}
END_TEST

/* --- import ----------------------------------------------------------------------------------- */

struct importing {
    struct offset_import_ask ask;
    struct arena arena;
    sem_t done;
};

static void answered(struct offset_import_ask *ask)
{
    sem_post(&LIST_OWNER(ask, struct importing, ask)->done);
}

static int import(struct importing *importing, const char *group)
{
    memset(importing, 0, sizeof *importing);
    arena_init(&importing->arena, NULL, 0, SIZE_MAX);
    sem_init(&importing->done, 0, 0);
    importing->ask.group = group;
    importing->ask.arena = &importing->arena;
    importing->ask.answer_to = loop_mail_target(crew.brokers[1].loop);
    importing->ask.answered = answered;
    importing->ask.deadline_ms = INT64_MAX;
    control_ask_import(control, &importing->ask);
    while (sem_wait(&importing->done) != 0)
        ;
    sem_destroy(&importing->done);
    return importing->ask.code;
}

static const struct import_row *row(const struct importing *importing, const char *topic,
                                    const char *name)
{
    for (size_t i = 0; i < importing->ask.count; i++) {
        const struct import_row *found = &importing->ask.rows[i];
        if (strcmp(found->topic, topic) == 0 && strcmp(found->name, name) == 0)
            return found;
    }
    ck_abort_msg("%s/%s was not read", topic, name);
}

START_TEST(what_stands_there_is_read_and_what_makes_no_sense_is_told)
{
    static const char *const garbage[][2] = { { "9", "" },
                                              { "10", "abc" },
                                              { "11", "-1" },
                                              { "12", "9223372036854775808" },
                                              { "13", " 5" },
                                              { "01", "5" },
                                              { "x", "5" },
                                              { "2147483648", "5" } };
    enum { GARBAGE = sizeof garbage / sizeof garbage[0] };
    struct importing importing;
    char path[200];
    open_crew("/import");
    mirror_one("orders", 0, 5);
    mirror_one("bills", 7, INT64_MAX);
    for (size_t i = 0; i < GARBAGE; i++) {
        snprintf(path, sizeof path, "/consumers/readers/offsets/orders/%s", garbage[i][0]);
        ck_assert_int_eq(peer_do(&observer, ZK_OP_CREATE, path, garbage[i][1]).code, 0);
    }

    ck_assert_int_eq(import(&importing, "readers"), 0);

    ck_assert_uint_eq(importing.ask.count, 2 + GARBAGE);
    ck_assert_int_eq(row(&importing, "orders", "0")->offset, 5);
    ck_assert_ptr_null(row(&importing, "orders", "0")->problem);
    ck_assert_int_eq(row(&importing, "bills", "7")->partition, 7);
    ck_assert(row(&importing, "bills", "7")->offset == INT64_MAX);
    for (size_t i = 0; i < GARBAGE; i++)
        ck_assert_ptr_nonnull(row(&importing, "orders", garbage[i][0])->problem);
    arena_fini(&importing.arena);
    close_crew();
}
END_TEST

START_TEST(of_a_group_that_is_not_there_nothing_is_read)
{
    struct importing importing;
    open_crew("/import-nobody");

    ck_assert_int_eq(import(&importing, "nobody"), K_GROUP_ID_NOT_FOUND);
    arena_fini(&importing.arena);
    ck_assert_int_eq(import(&importing, "a/b"), K_GROUP_ID_NOT_FOUND);
    arena_fini(&importing.arena);
    close_crew();
}
END_TEST

Suite *offset_mirror_suite(void)
{
    Suite *suite = suite_create("server/runtime/offset_mirror");
    TCase *tcase = tcase_create("offset_mirror");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, an_offset_stands_where_kafka_0_8_had_it);
    tcase_add_test(tcase, what_is_committed_no_more_goes_with_parents_that_are_empty);
    tcase_add_test(tcase, what_was_withdrawn_is_not_written);
    tcase_add_test(tcase, a_group_that_no_node_can_be_named_after_is_not_mirrored);
    tcase_add_test(tcase, parcels_on_their_way_when_the_broker_stops_are_let_go);
    tcase_add_test(tcase, what_stands_there_is_read_and_what_makes_no_sense_is_told);
    tcase_add_test(tcase, of_a_group_that_is_not_there_nothing_is_read);
    suite_add_tcase(suite, tcase);
    return suite;
}
