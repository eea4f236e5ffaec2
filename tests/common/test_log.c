#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "tests/common/suites.h"

struct caught {
    int count;
    enum log_level level;
    char line[4096];
};

static void catch_line(void *context, enum log_level level, const char *line)
{
    struct caught *caught = context;

    caught->count++;
    caught->level = level;
    snprintf(caught->line, sizeof caught->line, "%s", line);
}

START_TEST(line_has_time_level_event_and_facts)
{
    struct caught caught = { 0 };
    log_set_sink(catch_line, &caught);

    LOG_WARN("segment-cut", "topic=%s partition=%d", "orders", 3);

    ck_assert_int_eq(caught.count, 1);
    ck_assert_int_eq(caught.level, LOG_LEVEL_WARN);
    ck_assert_uint_eq(strspn(caught.line, "0123456789-:.TZ"), strlen("2026-11-23T13:05:00.123Z"));
    ck_assert_str_eq(caught.line + strlen("2026-11-23T13:05:00.123Z"),
                     " warn event=segment-cut topic=orders partition=3");
}
END_TEST

START_TEST(lines_below_the_level_are_not_written)
{
    struct caught caught = { 0 };
    log_set_sink(catch_line, &caught);

    LOG_DEBUG("a", "n=%d", 1);
    ck_assert_int_eq(caught.count, 0);

    log_set_level(LOG_LEVEL_DEBUG);
    LOG_DEBUG("a", "n=%d", 1);
    ck_assert_int_eq(caught.count, 1);

    log_set_level(LOG_LEVEL_OFF);
    LOG_ERROR("a", "n=%d", 1);
    ck_assert_int_eq(caught.count, 1);
}
END_TEST

START_TEST(control_characters_of_a_quotation_do_not_break_the_line)
{
    struct caught caught = { 0 };
    log_set_sink(catch_line, &caught);

    LOG_INFO("a", "reason=\"%s\"", "one\ntwo\r\033[31mred");

    ck_assert_ptr_null(strpbrk(caught.line, "\n\r\033"));
    ck_assert_ptr_nonnull(strstr(caught.line, "one two"));
}
END_TEST

START_TEST(endless_text_is_cut)
{
    struct caught caught = { 0 };
    log_set_sink(catch_line, &caught);

    LOG_INFO("a", "%0*d", 100000, 7);
    ck_assert_uint_gt(strlen(caught.line), 1000);
    ck_assert_uint_lt(strlen(caught.line), 2048);

    char event[5000];
    memset(event, 'e', sizeof event - 1);
    event[sizeof event - 1] = '\0';
    LOG_INFO(event, "n=%d", 1);
    ck_assert_ptr_nonnull(strstr(caught.line, " n=1"));
}
END_TEST

START_TEST(levels_are_parsed_by_name)
{
    enum log_level level = LOG_LEVEL_OFF;

    ck_assert(log_level_parse("debug", &level));
    ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
    ck_assert(log_level_parse("WARN", &level));
    ck_assert_int_eq(level, LOG_LEVEL_WARN);
    ck_assert(!log_level_parse("loud", &level));
    ck_assert_int_eq(level, LOG_LEVEL_WARN);
    ck_assert_str_eq(log_level_name(LOG_LEVEL_OFF), "off");
}
END_TEST

/* --- floods ----------------------------------------------------------------------------------- */

enum { LINES_MAX = 3, INTERVAL_MS = 1000 };

struct flooded {
    struct clock_fake clock;
    char text[8192];                /* "level event=... ...;" of each line */
};

static void keep_line(void *context, enum log_level level, const char *line)
{
    struct flooded *flooded = context;
    size_t used = strlen(flooded->text);

    (void)level;
    snprintf(flooded->text + used, sizeof flooded->text - used, "%s;", strchr(line, ' ') + 1);
}

static void limit(struct flooded *flooded)
{
    flooded->text[0] = '\0';
    clock_fake_init(&flooded->clock, 5 * INTERVAL_MS * 1000, 0);
    log_set_sink(keep_line, flooded);
    log_limit(LINES_MAX, INTERVAL_MS, &flooded->clock.clock);
}

static void flood(int lines)
{
    for (int i = 0; i < lines; i++)
        LOG_WARN("flood", "n=%d", i);
}

static void other(int n)
{
    LOG_ERROR("other", "n=%d", n);
}

#define FLOOD_BEGINS                                                                               \
    "warn event=flood n=0;warn event=flood n=1;warn event=flood n=2;"                              \
    "warn event=log-flooded of=flood lines=3 ms=1000 reason=\"further ones are counted\";"

START_TEST(who_floods_has_its_first_lines_and_then_its_count)
{
    struct flooded flooded;
    limit(&flooded);

    flood(50);
    ck_assert_str_eq(flooded.text, FLOOD_BEGINS);

    flooded.text[0] = '\0';
    flooded.clock.us += INTERVAL_MS * 1000;
    flood(1);
    ck_assert_str_eq(flooded.text, "warn event=log-lines-left-out of=flood lines=47;"
                                   "warn event=flood n=0;");
}
END_TEST

START_TEST(the_flood_of_one_site_hides_nothing_of_another)
{
    struct flooded flooded;
    limit(&flooded);

    flood(50);
    other(1);

    ck_assert_str_eq(flooded.text, FLOOD_BEGINS "error event=other n=1;");
}
END_TEST

START_TEST(the_count_of_a_flood_that_is_over_comes_with_any_line)
{
    struct flooded flooded;
    limit(&flooded);
    flood(5);
    flooded.text[0] = '\0';

    flooded.clock.us += INTERVAL_MS * 1000;
    other(1);
    other(2);

    ck_assert_str_eq(flooded.text, "warn event=log-lines-left-out of=flood lines=2;"
                                   "error event=other n=1;error event=other n=2;");
}
END_TEST

START_TEST(lines_that_are_not_too_many_are_all_there)
{
    struct flooded flooded;
    limit(&flooded);

    for (int i = 0; i < 10; i++) {
        flooded.text[0] = '\0';
        flood(LINES_MAX);
        ck_assert_str_eq(flooded.text,
                         "warn event=flood n=0;warn event=flood n=1;warn event=flood n=2;");
        flooded.clock.us += INTERVAL_MS * 1000;
    }
}
END_TEST

START_TEST(who_is_diverted_gets_every_line)
{
    struct flooded flooded;
    limit(&flooded);

    log_divert(keep_line, &flooded);
    flood(10);
    log_divert(NULL, NULL);

    ck_assert_ptr_nonnull(strstr(flooded.text, "n=9;"));
    ck_assert_ptr_null(strstr(flooded.text, "log-flooded"));
}
END_TEST

static void *write_many(void *name)
{
    for (int i = 0; i < 500; i++)
        LOG_INFO("many", "from=%s text=abcdefghijklmnopqrstuvwxyz end", (const char *)name);
    return NULL;
}

START_TEST(what_is_said_rarely_has_its_turn_per_kind_and_thing)
{
    enum { LONG_MS = 3600 * 1000 };
    char about[16];

    ck_assert(log_rarely("full", "a", LONG_MS));
    ck_assert(!log_rarely("full", "a", LONG_MS));
    ck_assert(log_rarely("full", "b", LONG_MS));
    ck_assert(log_rarely("fulla", "", LONG_MS));
    ck_assert(log_rarely("full", "a", 0));
    for (int i = 0; i < 1000; i++) {            /* more than are remembered */
        snprintf(about, sizeof about, "%d", i);
        ck_assert(log_rarely("many", about, LONG_MS));
        ck_assert(!log_rarely("many", about, LONG_MS));
    }
}
END_TEST

/* Threads write to standard error at once; every line that arrives must be whole. */
START_TEST(lines_of_several_threads_do_not_mix)
{
    static const char *const names[] = { "a", "b", "c", "d" };
    char path[] = "/tmp/kairn-log-XXXXXX";
    int file = mkstemp(path), saved = dup(STDERR_FILENO);
    pthread_t threads[4];
    char line[256];
    int lines = 0;
    ck_assert_int_ge(dup2(file, STDERR_FILENO), 0);

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, write_many, (void *)names[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    dup2(saved, STDERR_FILENO);

    FILE *written = fopen(path, "r");
    while (fgets(line, sizeof line, written) != NULL) {
        ck_assert_uint_eq(strlen(strstr(line, " info ")),
                          strlen(" info event=many from=a text=abcdefghijklmnopqrstuvwxyz end\n"));
        lines++;
    }
    ck_assert_int_eq(lines, 2000);
    fclose(written);
    close(file);
    unlink(path);
}
END_TEST

Suite *log_suite(void)
{
    Suite *suite = suite_create("common/log");
    TCase *basics = tcase_create("basics"), *floods = tcase_create("floods");

    tcase_add_test(basics, line_has_time_level_event_and_facts);
    tcase_add_test(basics, lines_below_the_level_are_not_written);
    tcase_add_test(basics, control_characters_of_a_quotation_do_not_break_the_line);
    tcase_add_test(basics, endless_text_is_cut);
    tcase_add_test(basics, levels_are_parsed_by_name);
    tcase_add_test(basics, what_is_said_rarely_has_its_turn_per_kind_and_thing);
    tcase_add_test(basics, lines_of_several_threads_do_not_mix);
    suite_add_tcase(suite, basics);
    tcase_add_test(floods, who_floods_has_its_first_lines_and_then_its_count);
    tcase_add_test(floods, the_flood_of_one_site_hides_nothing_of_another);
    tcase_add_test(floods, the_count_of_a_flood_that_is_over_comes_with_any_line);
    tcase_add_test(floods, lines_that_are_not_too_many_are_all_there);
    tcase_add_test(floods, who_is_diverted_gets_every_line);
    suite_add_tcase(suite, floods);
    return suite;
}
