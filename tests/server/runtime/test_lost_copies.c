/* What the controller is told of this broker's copies: which are lost, and where others end. */
#include <check.h>
#include <pthread.h>

#include "common/arena.h"
#include "common/error.h"
#include "proto/head.h"
#include "server/call.h"
#include "server/runtime/control.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/plane.h"
#include "tests/server/runtime/suites.h"

enum { PARTITIONS = 3, EPOCH = 5, HEARD_MAX = 256 };

static struct plane plane;
static struct plane_topic topic;
static uint8_t batch[4096];
static size_t batch_bytes;

/* --- the controller --------------------------------------------------------------------------- */

struct heard {
    int32_t partition, code;
    uint64_t round;
    bool well;                          /* it was answered so, at least */
    bool tells_end;
    int32_t leader_epoch, last_epoch;
    uint64_t end;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct heard heard[HEARD_MAX];
static size_t heard_count;
static int answer_code;

static void hear(const Kairn__ReportReplicasRequest *body)
{
    ck_assert_int_eq(body->broker, PLANE_BROKER);
    for (size_t i = 0; i < body->n_reports && heard_count < HEARD_MAX; i++) {
        const Kairn__ReplicaReport *report = body->reports[i];
        heard[heard_count] = (struct heard){ .partition = (int32_t)report->partition,
                                             .code = report->code, .round = report->round,
                                             .well = answer_code == 0 };
        if (report->end != NULL) {
            heard[heard_count].tells_end = true;
            heard[heard_count].leader_epoch = report->end->leader_epoch;
            heard[heard_count].last_epoch = report->end->last_epoch;
            heard[heard_count].end = report->end->end;
        }
        heard_count++;
    }
}

static void fill_in(struct control_request *request, size_t count)
{
    Kairn__ReportReplicasResponse *body = arena_alloc(request->arena, sizeof *body);
    Kairn__ReplicaVerdict *verdict = arena_alloc(request->arena, sizeof *verdict);

    kairn__report_replicas_response__init(body);
    kairn__replica_verdict__init(verdict);
    body->verdicts = arena_calloc(request->arena, count, sizeof *body->verdicts);
    for (body->n_verdicts = 0; body->n_verdicts < count; body->n_verdicts++)
        body->verdicts[body->n_verdicts] = verdict;
    request->response->body_case = KAIRN__RESPONSE_HEAD__BODY_REPORT_REPLICAS;
    request->response->report_replicas = body;
}

static void control(struct control_request *request)
{
    if (request->head->body_case != KAIRN__REQUEST_HEAD__BODY_REPORT_REPLICAS)
        return;
    pthread_mutex_lock(&mutex);
    hear(request->head->report_replicas);
    request->code = answer_code;
    if (answer_code == 0)
        fill_in(request, request->head->report_replicas->n_reports);
    pthread_mutex_unlock(&mutex);
}

static void answer_with(int code)
{
    pthread_mutex_lock(&mutex);
    answer_code = code;
    pthread_mutex_unlock(&mutex);
}

/* How often it was said of the partition; `well`: how often with success. *last: what was last. */
static int times(int32_t partition, bool well, struct heard *last)
{
    int count = 0;

    if (last != NULL)
        *last = (struct heard){ 0 };
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < heard_count; i++) {
        if (heard[i].partition != partition || (well && !heard[i].well))
            continue;
        count++;
        if (last != NULL) {
            ck_assert_uint_gt(heard[i].round, last->round);
            *last = heard[i];
        }
    }
    pthread_mutex_unlock(&mutex);
    return count;
}

/* --- the copies ------------------------------------------------------------------------------- */

static void setup(void)
{
    plane_init(&plane, 2);
    plane.controller = control;
    heard_count = 0;
    answer_code = 0;
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = PARTITIONS,
                                  .leader = PLANE_BROKER, .leader_epoch = EPOCH };
    batch_bytes = plane_batch(batch, sizeof batch, 2, "value", false);
}

static void teardown(void)
{
    plane_fini(&plane);
}

static int produce(int32_t partition, int acks)
{
    struct asked *asked = plane_produce(&plane, 0, &topic.id, partition, acks, batch, batch_bytes);
    int code = head_error_code(asked->head->produce->results[0]->error);
    asked_free(asked);
    return code;
}

static void break_rule(void *context)
{
    const struct partition_key key = { .topic_id = topic.id, .index = *(int32_t *)context };
    struct shard *shard = shards_at(plane.shards, plane_owner(&plane, &topic.id, key.index));

    partition_find(shard, &key)->replica.high_watermark += 1000;
}

static void lose(int32_t partition)
{
    plane.broken = true;
    ck_assert_int_eq(produce(partition, -1), 0);
    call_on(plane.loops[plane_owner(&plane, &topic.id, partition)], break_rule, &partition);
    ck_assert_int_eq(produce(partition, -1), K_KAFKA_STORAGE_ERROR);
}

/* Another copy is lost, and told twice: so long that all else would have been told again, too. */
static void let_time_pass(int32_t partition)
{
    answer_with(K_NOT_CONTROLLER);
    lose(partition);
    WAIT_UNTIL(times(partition, false, NULL) >= 2);
    answer_with(0);
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(a_lost_copy_is_told_until_the_controller_has_heard_it)
{
    struct heard last;
    plane_publish(&plane, &topic);
    answer_with(K_NOT_CONTROLLER);

    lose(0);
    WAIT_UNTIL(times(0, false, NULL) >= 2);
    answer_with(0);
    WAIT_UNTIL(times(0, true, NULL) == 1);
    int told = times(0, false, &last);
    let_time_pass(1);

    ck_assert_int_eq(times(0, false, NULL), told);
    ck_assert_int_eq(last.code, K_KAFKA_STORAGE_ERROR);
    ck_assert(!last.tells_end);
    ck_assert_int_eq(times(2, false, NULL), 0);
}
END_TEST

START_TEST(each_new_controller_is_told_of_it)
{
    plane_publish(&plane, &topic);
    lose(0);
    WAIT_UNTIL(times(0, true, NULL) == 1);

    plane_publish(&plane, &topic);
    plane.reigns++;
    plane.sequence = 0;                 /* it begins with a full picture */
    plane_publish(&plane, &topic);

    WAIT_UNTIL(times(0, true, NULL) == 2);
    let_time_pass(1);
    ck_assert_int_eq(times(0, true, NULL), 2);
}
END_TEST

START_TEST(an_older_controller_that_does_not_understand_is_not_asked_again)
{
    plane_publish(&plane, &topic);
    answer_with(K_UNSUPPORTED_VERSION);

    lose(0);
    WAIT_UNTIL(times(0, false, NULL) == 1);
    let_time_pass(1);

    ck_assert_int_eq(times(0, false, NULL), 1);
}
END_TEST

START_TEST(where_a_log_ends_is_told_once_while_nobody_leads)
{
    struct heard last;
    topic.replicas = 3;
    topic.min_insync = 1;
    plane_publish(&plane, &topic);
    ck_assert_int_eq(produce(0, 1), 0);
    ck_assert_int_eq(times(0, false, NULL), 0);

    topic.leader = -1;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);
    WAIT_UNTIL(times(0, true, NULL) == 1);
    times(0, true, &last);
    ck_assert_int_eq(last.code, 0);
    ck_assert(last.tells_end);
    ck_assert_int_eq(last.leader_epoch, EPOCH + 1);
    ck_assert_int_eq(last.last_epoch, EPOCH);
    ck_assert_uint_eq(last.end, 2);

    topic.leader_epoch++;
    plane_publish(&plane, &topic);
    WAIT_UNTIL(times(0, true, NULL) == 2);
    times(0, true, &last);
    ck_assert_int_eq(last.leader_epoch, EPOCH + 2);
}
END_TEST

Suite *lost_copies_suite(void)
{
    Suite *suite = suite_create("server/runtime/lost_copies");
    TCase *tests = tcase_create("lost_copies");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_lost_copy_is_told_until_the_controller_has_heard_it);
    tcase_add_test(tests, each_new_controller_is_told_of_it);
    tcase_add_test(tests, an_older_controller_that_does_not_understand_is_not_asked_again);
    tcase_add_test(tests, where_a_log_ends_is_told_once_while_nobody_leads);
    suite_add_tcase(suite, tests);
    return suite;
}
