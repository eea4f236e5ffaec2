#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/error.h"
#include "client/queue.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

static klient_queue_t *queue;

static void setup(void)
{
    queue = klient_queue_new(NULL);
    ck_assert_ptr_nonnull(queue);
}

static void teardown(void)
{
    klient_queue_free(queue);
}

static void post(void *opaque)
{
    struct klient_event *event = queue_event_new(KLIENT_EVENT_TROUBLE, opaque);

    ck_assert_ptr_nonnull(event);
    queue_post(queue, event);
}

static void *next_opaque(int64_t timeout_ms)
{
    klient_event_t *event = NULL;

    ck_assert_int_eq(klient_queue_poll(queue, timeout_ms, &event, NULL), KLIENT_OK);
    if (event == NULL)
        return NULL;
    void *opaque = klient_event_opaque(event);
    klient_event_free(event);
    return opaque;
}

static bool is_readable(int fd)
{
    struct pollfd poller = { .fd = fd, .events = POLLIN };

    return poll(&poller, 1, 0) == 1;
}

START_TEST(events_come_in_the_order_in_which_they_were_posted)
{
    int a, b;
    post(&a);
    post(&b);

    ck_assert_ptr_eq(next_opaque(0), &a);
    ck_assert_ptr_eq(next_opaque(0), &b);
    ck_assert_ptr_null(next_opaque(0));
    ck_assert_ptr_null(next_opaque(5));
}
END_TEST

START_TEST(an_event_says_what_it_is_and_nothing_that_it_has_not)
{
    struct klient_event *event = queue_event_new(KLIENT_EVENT_TROUBLE, &queue);
    event->code = fail_partition(&event->error, K_CONNECTION_FAILED, "t", 3, -1, "no way to it");

    ck_assert_int_eq(klient_event_kind(event), KLIENT_EVENT_TROUBLE);
    ck_assert_int_eq(klient_event_code(event), KLIENT_CONNECTION_FAILED);
    ck_assert_str_eq(klient_error_text(klient_event_error(event)), "t-3: no way to it");
    ck_assert_ptr_eq(klient_event_opaque(event), &queue);
    ck_assert_ptr_null(klient_event_take_results(event));
    ck_assert_ptr_null(klient_event_take_metadata(event));
    klient_event_free(event);
    klient_event_free(NULL);
}
END_TEST

START_TEST(the_descriptor_is_readable_exactly_while_there_are_events)
{
    int fd = klient_queue_descriptor(queue);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(klient_queue_descriptor(queue), fd);
    ck_assert(!is_readable(fd));
    post(&fd);
    post(&fd);
    ck_assert(is_readable(fd));
    next_opaque(0);
    ck_assert(is_readable(fd));
    next_opaque(0);
    ck_assert(!is_readable(fd));
}
END_TEST

START_TEST(a_descriptor_that_is_asked_for_late_knows_of_earlier_events)
{
    post(&queue);

    int fd = klient_queue_descriptor(queue);

    ck_assert(is_readable(fd));
    next_opaque(0);
    ck_assert(!is_readable(fd));
}
END_TEST

START_TEST(a_descriptor_that_is_there_is_told_when_there_are_no_more)
{
    struct rlimit before, none;
    int fd = klient_queue_descriptor(queue);
    klient_queue_t *late = klient_queue_new(NULL);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);

    int again = klient_queue_descriptor(queue), of_late = klient_queue_descriptor(late);

    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_int_eq(again, fd);
    ck_assert_int_eq(of_late, -1);
    klient_queue_free(late);
}
END_TEST

START_TEST(events_that_nobody_took_are_freed_with_the_queue)
{
    post(&queue);
    klient_queue_t *held = queue_ref(queue);

    klient_queue_free(queue);
    post(&queue);
    queue_unref(held);

    queue = NULL;
}
END_TEST

static void *post_many(void *context)
{
    for (int i = 0; i < 1000; i++)
        post(context);
    return NULL;
}

static void *take_many(void *context)
{
    for (int i = 0; i < 1000; i++)
        if (next_opaque(PATIENCE_MS) != NULL)
            atomic_fetch_add((atomic_int *)context, 1);
    return NULL;
}

START_TEST(every_event_of_any_thread_goes_to_exactly_one_of_those_that_poll)
{
    enum { EACH = 3 };
    pthread_t posting[EACH], taking[EACH];
    int fd = klient_queue_descriptor(queue);
    atomic_int taken = 0;

    for (int i = 0; i < EACH; i++) {
        ck_assert_int_eq(pthread_create(&taking[i], NULL, take_many, &taken), 0);
        ck_assert_int_eq(pthread_create(&posting[i], NULL, post_many, &taken), 0);
    }
    for (int i = 0; i < EACH; i++) {
        pthread_join(posting[i], NULL);
        pthread_join(taking[i], NULL);
    }

    ck_assert_int_eq(atomic_load(&taken), EACH * 1000);
    ck_assert_ptr_null(next_opaque(0));
    ck_assert(!is_readable(fd));
}
END_TEST

struct served {
    atomic_int count;
    atomic_bool signals_come;
    atomic_int poll_code;
};

static void on_event(void *context, klient_event_t *event)
{
    struct served *served = context;
    klient_event_t *other;
    sigset_t blocked;

    klient_event_free(event);
    klient_queue_free(queue);           /* does nothing */
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (!sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGTERM))
        atomic_store(&served->signals_come, true);
    atomic_store(&served->poll_code, (int)klient_queue_poll(queue, 0, &other, NULL));
    atomic_fetch_add(&served->count, 1);
}

START_TEST(a_queue_that_is_served_hands_each_event_to_the_function)
{
    struct served served = { 0 };
    klient_event_t *event;
    int fd = klient_queue_descriptor(queue);
    post(&queue);

    ck_assert_int_eq(klient_queue_serve(queue, on_event, &served, NULL), KLIENT_OK);
    for (int i = 0; i < 9; i++)
        post(&queue);

    WAIT_UNTIL(atomic_load(&served.count) == 10);
    ck_assert(!atomic_load(&served.signals_come));
    ck_assert_int_eq(atomic_load(&served.poll_code), KLIENT_WRONG_STATE);
    ck_assert(!is_readable(fd));
    ck_assert_int_eq(klient_queue_poll(queue, PATIENCE_MS, &event, NULL), KLIENT_WRONG_STATE);
    ck_assert_int_eq(klient_queue_serve(queue, on_event, &served, NULL), KLIENT_WRONG_STATE);
}
END_TEST

static void *wait_in_poll(void *context)
{
    klient_event_t *event = NULL;

    *(klient_code_t *)context = klient_queue_poll(queue, PATIENCE_MS, &event, NULL);
    return NULL;
}

START_TEST(who_waits_in_a_poll_is_told_when_a_function_gets_the_events)
{
    struct served served = { 0 };
    klient_code_t code = KLIENT_OK;
    pthread_t waiting;
    ck_assert_int_eq(pthread_create(&waiting, NULL, wait_in_poll, &code), 0);

    ck_assert_int_eq(klient_queue_serve(queue, on_event, &served, NULL), KLIENT_OK);

    pthread_join(waiting, NULL);
    ck_assert_int_eq(code, KLIENT_WRONG_STATE);
}
END_TEST

struct slow {
    atomic_bool begun, let_go, over;
};

static void hold_up(void *context, klient_event_t *event)
{
    struct slow *slow = context;

    klient_event_free(event);
    atomic_store(&slow->begun, true);
    WAIT_UNTIL(atomic_load(&slow->let_go));
    atomic_store(&slow->over, true);
}

static void *let_go(void *context)
{
    atomic_store(&((struct slow *)context)->let_go, true);
    return NULL;
}

START_TEST(freeing_a_queue_waits_for_the_function_and_no_event_follows)
{
    struct slow slow = { 0 };
    pthread_t thread;
    ck_assert_int_eq(klient_queue_serve(queue, hold_up, &slow, NULL), KLIENT_OK);
    post(&queue);
    WAIT_UNTIL(atomic_load(&slow.begun));
    post(&queue);
    ck_assert_int_eq(pthread_create(&thread, NULL, let_go, &slow), 0);

    klient_queue_free(queue);

    ck_assert(atomic_load(&slow.over));
    pthread_join(thread, NULL);
    queue = NULL;
}
END_TEST

START_TEST(in_a_forked_child_a_queue_says_so)
{
    klient_event_t *event;
    int status, fd = klient_queue_descriptor(queue);

    pid_t child = fork();
    if (child == 0) {
        bool failed = klient_queue_poll(queue, 0, &event, NULL) != KLIENT_FORKED;
        failed |= klient_queue_serve(queue, on_event, NULL, NULL) != KLIENT_FORKED;
        failed |= klient_queue_descriptor(queue) != -1;
        klient_queue_free(queue);
        failed |= close(fd) == 0;
        _exit(failed);
    }
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    post(&queue);
    ck_assert_ptr_eq(next_opaque(0), &queue);
}
END_TEST

START_TEST(questions_to_no_queue_are_refused)
{
    klient_event_t *event;

    ck_assert_int_eq(klient_queue_poll(NULL, 0, &event, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_queue_poll(queue, 0, NULL, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_queue_serve(queue, NULL, NULL, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_queue_descriptor(NULL), -1);
    klient_queue_free(NULL);
}
END_TEST

Suite *queue_suite(void)
{
    Suite *suite = suite_create("client/queue");
    TCase *tcase = tcase_create("queue");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, events_come_in_the_order_in_which_they_were_posted);
    tcase_add_test(tcase, an_event_says_what_it_is_and_nothing_that_it_has_not);
    tcase_add_test(tcase, the_descriptor_is_readable_exactly_while_there_are_events);
    tcase_add_test(tcase, a_descriptor_that_is_asked_for_late_knows_of_earlier_events);
    tcase_add_test(tcase, a_descriptor_that_is_there_is_told_when_there_are_no_more);
    tcase_add_test(tcase, events_that_nobody_took_are_freed_with_the_queue);
    tcase_add_test(tcase, every_event_of_any_thread_goes_to_exactly_one_of_those_that_poll);
    tcase_add_test(tcase, a_queue_that_is_served_hands_each_event_to_the_function);
    tcase_add_test(tcase, who_waits_in_a_poll_is_told_when_a_function_gets_the_events);
    tcase_add_test(tcase, freeing_a_queue_waits_for_the_function_and_no_event_follows);
    tcase_add_test(tcase, in_a_forked_child_a_queue_says_so);
    tcase_add_test(tcase, questions_to_no_queue_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
