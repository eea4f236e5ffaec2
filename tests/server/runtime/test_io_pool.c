#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/list.h"
#include "server/runtime/io_pool.h"
#include "tests/lib/wait.h"
#include "tests/server/runtime/suites.h"

enum { JOBS = 64, PATIENCE_S = 10, NORMAL_THREAD = 0, PROMPT_THREADS = 5 };

static struct io_pool *pool;
static atomic_int clock_hand;           /* counts what was begun */

/* A job that says when it ran, and may be made to wait. */
struct job {
    struct mail mail;
    sem_t begun, go;
    bool waits;
    int order;                          /* from 1; 0: not yet */
    int nice;
    bool saw_stopping;
    struct job *posts;                  /* to the normal lane, at its end */
};

static void wait_for(sem_t *semaphore)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    ck_assert_int_eq(sem_timedwait(semaphore, &until), 0);
}

static void run(struct mail *mail)
{
    struct job *job = LIST_OWNER(mail, struct job, mail);

    job->order = atomic_fetch_add(&clock_hand, 1) + 1;
    job->nice = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
    sem_post(&job->begun);
    if (job->waits)
        wait_for(&job->go);
    job->saw_stopping = io_pool_stopping(pool);
    if (job->posts != NULL)
        mail_post(io_pool_target(pool), &job->posts->mail);
}

static void job_init(struct job *job, bool waits)
{
    *job = (struct job){ .mail.deliver = run, .waits = waits };
    sem_init(&job->begun, 0, 0);
    sem_init(&job->go, 0, 0);
}

static void post(struct mail_target *target, struct job *job)
{
    mail_post(target, &job->mail);
}

static void setup(void)
{
    atomic_store(&clock_hand, 0);
    ck_assert_int_eq(io_pool_new(1, &pool), 0);
}

/* Every thread that takes what is urgent or normal is in a job of its own now. */
static void occupy_prompt(struct job jobs[PROMPT_THREADS])
{
    for (int i = 0; i < PROMPT_THREADS; i++) {
        job_init(&jobs[i], true);
        post(i == NORMAL_THREAD ? io_pool_target(pool) : io_pool_urgent(pool), &jobs[i]);
        wait_for(&jobs[i].begun);
    }
}

START_TEST(urgent_work_does_not_wait_for_normal_work)
{
    struct job slow, queued, urgent;
    job_init(&slow, true);
    job_init(&queued, false);
    job_init(&urgent, false);
    post(io_pool_target(pool), &slow);
    wait_for(&slow.begun);
    post(io_pool_target(pool), &queued);

    post(io_pool_urgent(pool), &urgent);

    wait_for(&urgent.begun);
    ck_assert_int_eq(queued.order, 0);
    sem_post(&slow.go);
    wait_for(&queued.begun);
    io_pool_free(pool);
}
END_TEST

START_TEST(a_free_thread_takes_what_is_urgent_first)
{
    struct job busy[PROMPT_THREADS], normal, urgent;
    job_init(&normal, false);
    job_init(&urgent, false);
    occupy_prompt(busy);
    post(io_pool_target(pool), &normal);
    post(io_pool_urgent(pool), &urgent);

    sem_post(&busy[NORMAL_THREAD].go);

    wait_for(&urgent.begun);
    wait_for(&normal.begun);
    ck_assert_int_lt(urgent.order, normal.order);
    for (int i = NORMAL_THREAD + 1; i < PROMPT_THREADS; i++)
        sem_post(&busy[i].go);
    io_pool_free(pool);
}
END_TEST

START_TEST(many_urgent_jobs_use_the_normal_threads_too)
{
    struct job jobs[PROMPT_THREADS];
    for (int i = 0; i < PROMPT_THREADS; i++)
        job_init(&jobs[i], true);

    for (int i = 0; i < PROMPT_THREADS; i++)
        post(io_pool_urgent(pool), &jobs[i]);

    for (int i = 0; i < PROMPT_THREADS; i++)
        wait_for(&jobs[i].begun);
    for (int i = 0; i < PROMPT_THREADS; i++)
        sem_post(&jobs[i].go);
    io_pool_free(pool);
}
END_TEST

START_TEST(background_work_runs_beside_the_rest_at_a_lower_priority)
{
    struct job busy[PROMPT_THREADS], background, prompt;
    occupy_prompt(busy);
    job_init(&background, false);
    job_init(&prompt, false);

    post(io_pool_background(pool), &background);

    wait_for(&background.begun);
    for (int i = 0; i < PROMPT_THREADS; i++)
        sem_post(&busy[i].go);
    post(io_pool_target(pool), &prompt);
    wait_for(&prompt.begun);
    io_pool_free(pool);
    ck_assert_int_ge(background.nice, prompt.nice < 10 ? prompt.nice + 10 : 19);
}
END_TEST

START_TEST(work_of_a_lane_is_begun_in_the_order_of_posting)
{
    static struct job jobs[JOBS];
    struct job gate;
    job_init(&gate, true);
    post(io_pool_target(pool), &gate);
    wait_for(&gate.begun);
    for (int i = 0; i < JOBS; i++) {
        job_init(&jobs[i], false);
        post(io_pool_target(pool), &jobs[i]);
    }

    sem_post(&gate.go);
    io_pool_free(pool);

    for (int i = 1; i < JOBS; i++)
        ck_assert_int_eq(jobs[i].order, jobs[i - 1].order + 1);
}
END_TEST

static void *free_pool(void *context)
{
    io_pool_free(context);
    return NULL;
}

START_TEST(a_long_background_job_sees_that_the_pool_stops)
{
    struct job long_one, later, posted;
    pthread_t stopper;
    job_init(&long_one, true);
    job_init(&later, false);
    job_init(&posted, false);
    long_one.posts = &posted;
    post(io_pool_background(pool), &long_one);
    wait_for(&long_one.begun);
    ck_assert(!io_pool_stopping(pool));

    ck_assert_int_eq(pthread_create(&stopper, NULL, free_pool, pool), 0);
    WAIT_UNTIL(io_pool_stopping(pool));
    post(io_pool_background(pool), &later);
    sem_post(&long_one.go);
    pthread_join(stopper, NULL);

    ck_assert(long_one.saw_stopping);
    ck_assert(later.saw_stopping);
    ck_assert_int_gt(posted.order, 0);      /* nothing that was posted is lost */
}
END_TEST

Suite *io_pool_suite(void)
{
    Suite *suite = suite_create("server/runtime/io_pool");
    TCase *tests = tcase_create("io_pool");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, urgent_work_does_not_wait_for_normal_work);
    tcase_add_test(tests, a_free_thread_takes_what_is_urgent_first);
    tcase_add_test(tests, many_urgent_jobs_use_the_normal_threads_too);
    tcase_add_test(tests, background_work_runs_beside_the_rest_at_a_lower_priority);
    tcase_add_test(tests, work_of_a_lane_is_begun_in_the_order_of_posting);
    tcase_add_test(tests, a_long_background_job_sees_that_the_pool_stops);
    suite_add_tcase(suite, tests);
    return suite;
}
