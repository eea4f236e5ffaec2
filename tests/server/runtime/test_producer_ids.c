/* Producer ids: no two producers get the same one, whatever happens to brokers and ZooKeeper. */
#include <check.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "net/loop.h"
#include "server/runtime/control_internal.h"
#include "tests/server/lib/crew.h"
#include "tests/server/runtime/suites.h"
#include "tests/zk/peer.h"
#include "tests/zk/server.h"

enum { BLOCK = 1000, PATIENCE_MS = 20000 };

static struct crew crew;
static struct inbox inbox;
static struct peer observer;

static void open_crew(const char *chroot, int32_t brokers)
{
    crew_init(&crew, chroot);
    inbox_init(&inbox);
    for (int32_t id = 1; id <= brokers; id++)
        crew_start(&crew, id, NULL);
    peer_open(&observer, &inbox, chroot, 30000);
    crew_controller(&crew, (size_t)brokers);
}

static void close_crew(void)
{
    crew_fini(&crew);
    peer_close(&observer);
    inbox_fini(&inbox);
}

struct waiting {
    struct producer_id_ask ask;
    sem_t done;
};

static void answered(struct producer_id_ask *ask)
{
    sem_post(&LIST_OWNER(ask, struct waiting, ask)->done);
}

static void start(struct crew_broker *broker, struct waiting *waiting, int64_t patience_ms)
{
    *waiting = (struct waiting){ .ask.answered = answered,
                                 .ask.answer_to = loop_mail_target(broker->loop),
                                 .ask.deadline_ms = control_now_ms(broker->control) + patience_ms };
    sem_init(&waiting->done, 0, 0);
    control_ask_producer_id(broker->control, &waiting->ask);
}

static int finish(struct waiting *waiting, int64_t *id)
{
    while (sem_wait(&waiting->done) != 0)
        ;
    sem_destroy(&waiting->done);
    *id = waiting->ask.id;
    return waiting->ask.code;
}

static int64_t take(struct crew_broker *broker)
{
    struct waiting waiting;
    int64_t id;

    start(broker, &waiting, PATIENCE_MS);
    ck_assert_int_eq(finish(&waiting, &id), 0);
    return id;
}

START_TEST(a_block_is_taken_from_zookeeper_and_given_out_one_by_one)
{
    open_crew("/ids-block", 1);
    struct crew_broker *broker = &crew.brokers[1];

    for (int64_t id = 0; id < BLOCK + 2; id++)
        ck_assert_int_eq(take(broker), id);

    ck_assert_str_eq(peer_get(&observer, "/latest_producer_id_block", NULL).data,
                     "{\"version\":1,\"broker\":1,"
                     "\"block_start\":\"1000\",\"block_end\":\"1999\"}");
    close_crew();
}
END_TEST

START_TEST(brokers_never_share_a_block)
{
    static struct waiting waiting[2][40];
    int64_t ids[2][40];
    open_crew("/ids-shared", 2);

    for (int i = 0; i < 40; i++)
        for (int b = 0; b < 2; b++)
            start(&crew.brokers[b + 1], &waiting[b][i], PATIENCE_MS);
    for (int i = 0; i < 40; i++)
        for (int b = 0; b < 2; b++)
            ck_assert_int_eq(finish(&waiting[b][i], &ids[b][i]), 0);

    for (int b = 0; b < 2; b++)
        for (int i = 1; i < 40; i++)
            ck_assert_int_eq(ids[b][i], ids[b][0] + i);
    ck_assert_int_ne(ids[0][0] / BLOCK, ids[1][0] / BLOCK);
    close_crew();
}
END_TEST

START_TEST(a_broker_that_starts_again_goes_on_with_a_new_block)
{
    open_crew("/ids-restart", 1);
    ck_assert_int_eq(take(&crew.brokers[1]), 0);

    crew_stop(&crew.brokers[1]);
    crew_start(&crew, 1, NULL);
    crew_controller(&crew, 1);

    ck_assert_int_eq(take(&crew.brokers[1]), BLOCK);
    close_crew();
}
END_TEST

START_TEST(garbage_in_the_znode_gives_no_ids_until_it_is_mended)
{
    static const char mended[] =
        "{\"version\":1,\"broker\":9,\"block_start\":\"7000\",\"block_end\":\"7999\"}";
    struct waiting waiting;
    int64_t id;
    open_crew("/ids-garbage", 1);
    ck_assert_int_eq(peer_set(&observer, "/latest_producer_id_block", "{]", -1).code, 0);

    start(&crew.brokers[1], &waiting, 300);
    ck_assert_int_eq(finish(&waiting, &id), K_REQUEST_TIMED_OUT);

    ck_assert_int_eq(peer_set(&observer, "/latest_producer_id_block", mended, -1).code, 0);
    ck_assert_int_eq(take(&crew.brokers[1]), 8000);
    close_crew();
}
END_TEST

START_TEST(when_all_ids_are_given_out_it_is_said)
{
    static const char last[] = "{\"version\":1,\"broker\":9,\"block_start\":\"0\","
                               "\"block_end\":\"9223372036854775000\"}";
    struct waiting waiting;
    int64_t id;
    open_crew("/ids-exhausted", 1);
    ck_assert_int_eq(peer_set(&observer, "/latest_producer_id_block", last, -1).code, 0);

    start(&crew.brokers[1], &waiting, PATIENCE_MS);

    ck_assert_int_eq(finish(&waiting, &id), K_PRODUCER_IDS_EXHAUSTED);
    close_crew();
}
END_TEST

Suite *producer_ids_suite(void)
{
    Suite *suite = suite_create("server/runtime/producer_ids");
    TCase *tcase = tcase_create("producer_ids");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_block_is_taken_from_zookeeper_and_given_out_one_by_one);
    tcase_add_test(tcase, brokers_never_share_a_block);
    tcase_add_test(tcase, a_broker_that_starts_again_goes_on_with_a_new_block);
    tcase_add_test(tcase, garbage_in_the_znode_gives_no_ids_until_it_is_mended);
    tcase_add_test(tcase, when_all_ids_are_given_out_it_is_said);
    suite_add_tcase(suite, tcase);
    return suite;
}
