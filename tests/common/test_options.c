#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/options.h"
#include "tests/common/memory.h"
#include "tests/common/suites.h"

struct values {
    int32_t segment_bytes;
    int64_t retention_ms;
    bool auto_create;
    char *listeners;
    char *rack;
    int32_t codec;
    double ratio;
    char *password;
    double rate;
    int64_t lag_ms;
};

#define AT(field) offsetof(struct values, field)

static const struct option rows[] = {
    { "log.segment.bytes", OPTION_INT, AT(segment_bytes), "1073741824", 14, 2147483647, NULL,
      OPTION_PER_TOPIC, "Bytes in a segment.", "segment.bytes" },
    { "log.retention.ms", OPTION_LONG, AT(retention_ms), "-1", -1, OPTION_NO_MAX, NULL,
      OPTION_RUNTIME, "Milliseconds.", NULL },
    { "auto.create.topics.enable", OPTION_BOOL, AT(auto_create), "true", 0, 0, NULL, 0,
      "Whether.", NULL },
    { "listeners", OPTION_STRING, AT(listeners), "PLAINTEXT://:9092", 0, 0, NULL, 0, "Where.",
      NULL },
    { "broker.rack", OPTION_STRING, AT(rack), NULL, 0, 0, NULL, 0, "Rack.", NULL },
    { "compression.type", OPTION_ENUM, AT(codec), "gzip", 0, 0, "none|gzip|lz4", 0,
      "This | that.", NULL },
    { "ratio", OPTION_DOUBLE, AT(ratio), "0.5", 0, 1, NULL, 0, "A ratio.", NULL },
    { "password", OPTION_STRING, AT(password), NULL, 0, 0, NULL, OPTION_SECRET, "Hush.", NULL },
    { "rate.bytes.per.second", OPTION_DOUBLE, AT(rate), "1e308", 0.1, 1e308, NULL, 0, "Bytes.",
      NULL },
    { "lag.ms", OPTION_LONG, AT(lag_ms), "0", 0, OPTION_NO_MAX, NULL, 0, "Milliseconds.", NULL },
    { "num.io.threads", OPTION_INT, 0, "8", 1, 100, NULL, OPTION_NO_EFFECT, "Threads.", NULL },
    { "ssl.keystore.location", OPTION_STRING, 0, NULL, 0, 0, NULL, OPTION_NOT_YET, "Keys.", NULL },
};

enum { ROWS = sizeof rows / sizeof *rows };

static const struct option_table table = { rows, ROWS };

static struct values values;
static uint8_t sources[ROWS];
static struct k_reason reason;

static void set_up(void)
{
    reason.text[0] = '\0';
    ck_assert_int_eq(options_defaults(&table, &values, sources), 0);
}

static void tear_down(void)
{
    options_fini(&table, &values);
}

static int set(const char *name, const char *text)
{
    return options_set(&table, &values, sources, OPTION_FROM_FLAG, name, text, &reason);
}

START_TEST(defaults_fill_every_field)
{
    ck_assert_int_eq(values.segment_bytes, 1073741824);
    ck_assert_int_eq(values.retention_ms, -1);
    ck_assert(values.auto_create);
    ck_assert_str_eq(values.listeners, "PLAINTEXT://:9092");
    ck_assert_ptr_null(values.rack);
    ck_assert_int_eq(values.codec, 1);
    ck_assert(values.ratio == 0.5);
    for (int i = 0; i < ROWS; i++)
        ck_assert_uint_eq(sources[i], OPTION_FROM_DEFAULT);
}
END_TEST

START_TEST(values_of_every_type_are_set_and_their_source_is_kept)
{
    ck_assert_int_eq(set("segment.bytes", " 14 "), 0);
    ck_assert_int_eq(set("log.retention.ms", "9223372036854775807"), 0);
    ck_assert_int_eq(set("auto.create.topics.enable", "FALSE"), 0);
    ck_assert_int_eq(set("listeners", "A://h:1"), 0);
    ck_assert_int_eq(set("broker.rack", ""), 0);
    ck_assert_int_eq(set("compression.type", "lz4"), 0);
    ck_assert_int_eq(set("ratio", "1"), 0);

    ck_assert_int_eq(values.segment_bytes, 14);
    ck_assert_int_eq(values.retention_ms, INT64_MAX);
    ck_assert(!values.auto_create);
    ck_assert_str_eq(values.listeners, "A://h:1");
    ck_assert_str_eq(values.rack, "");
    ck_assert_int_eq(values.codec, 2);
    ck_assert(values.ratio == 1);
    ck_assert_uint_eq(sources[0], OPTION_FROM_FLAG);
    ck_assert_uint_eq(sources[7], OPTION_FROM_DEFAULT);
}
END_TEST

struct refusal {
    const char *name, *text;
    int error;
    const char *reason;
};

static const struct refusal refusals[] = {
    { "log.segment.bytes", "13", K_INVALID_CONFIG,
      "log.segment.bytes: expected a number of bytes, or one with B, KiB, MiB, GiB, kB, MB or GB; "
      "14 to 2147483647, not \"13\"" },
    { "segment.bytes", "2147483648", K_INVALID_CONFIG,
      "log.segment.bytes: expected an integer of 32 bits, 14 to 2147483647, not \"2147483648\"" },
    { "log.retention.ms", "-2", K_INVALID_CONFIG,
      "log.retention.ms: expected a number of milliseconds, or one with ms, s, m, h or d, or "
      "forever; at least -1, not \"-2\"" },
    { "log.retention.ms", "14x", K_INVALID_CONFIG,
      "log.retention.ms: expected a number of milliseconds, or one with ms, s, m, h or d, or "
      "forever; at least -1, not \"14x\"" },
    { "log.retention.ms", "1.5h", K_INVALID_CONFIG, NULL },
    { "log.retention.ms", "-1d", K_INVALID_CONFIG, NULL },
    { "log.retention.ms", "1GiB", K_INVALID_CONFIG, NULL },
    { "log.segment.bytes", "13B", K_INVALID_CONFIG, NULL },
    { "log.segment.bytes", "2GiB", K_INVALID_CONFIG,
      "log.segment.bytes: expected an integer of 32 bits, 14 to 2147483647, not \"2GiB\"" },
    { "log.segment.bytes", "forever", K_INVALID_CONFIG, NULL },
    { "log.segment.bytes", "1h", K_INVALID_CONFIG, NULL },
    { "ratio", "1B", K_INVALID_CONFIG, NULL },
    { "log.retention.ms", "9223372036854775808", K_INVALID_CONFIG, NULL },
    { "log.retention.ms", "1e3", K_INVALID_CONFIG, NULL },
    { "log.retention.ms", "0x10", K_INVALID_CONFIG, NULL },
    { "log.retention.ms", "", K_INVALID_CONFIG, NULL },
    { "log.retention.ms", "1 2", K_INVALID_CONFIG, NULL },
    { "log.retention.ms", "10000000000000000000000000000000000000001", K_INVALID_CONFIG, NULL },
    { "auto.create.topics.enable", "yes", K_INVALID_CONFIG,
      "auto.create.topics.enable: expected true or false, not \"yes\"" },
    { "compression.type", "lz", K_INVALID_CONFIG,
      "compression.type: expected one of none, gzip, lz4, not \"lz\"" },
    { "compression.type", "", K_INVALID_CONFIG, NULL },
    { "compression.type", "none|gzip", K_INVALID_CONFIG, NULL },
    { "ratio", "nan", K_INVALID_CONFIG, "ratio: expected a number, 0 to 1, not \"nan\"" },
    { "ratio", "inf", K_INVALID_CONFIG, NULL },
    { "ratio", "1.01", K_INVALID_CONFIG, NULL },
    { "num.io.threads", "many", K_INVALID_CONFIG, NULL },
    { "ssl.keystore.location", "/k", K_NOT_SUPPORTED_YET,
      "ssl.keystore.location is not supported yet" },
    { "log.segment.byte", "1", K_UNKNOWN_NAME,
      "unknown name \"log.segment.byte\"; did you mean \"log.segment.bytes\"?" },
    { "log_retention_ms", "1", K_UNKNOWN_NAME,
      "unknown name \"log_retention_ms\"; did you mean \"log.retention.ms\"?" },
    { "zebra", "1", K_UNKNOWN_NAME, "unknown name \"zebra\"" },
    { "", "1", K_UNKNOWN_NAME, "unknown name \"\"" },
};

START_TEST(bad_values_are_refused_with_a_reason_and_change_nothing)
{
    const struct refusal *refusal = &refusals[_i];
    struct values before = values;

    ck_assert_int_eq(set(refusal->name, refusal->text), refusal->error);

    ck_assert_mem_eq(&values, &before, sizeof values);
    if (refusal->reason != NULL)
        ck_assert_str_eq(reason.text, refusal->reason);
    ck_assert_uint_gt(strlen(reason.text), 0);
    ck_assert_int_eq(options_check(&table, refusal->name, refusal->text, NULL), refusal->error);
}
END_TEST

START_TEST(endless_names_and_values_are_cut_in_the_reason)
{
    char endless[5000];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';

    ck_assert_int_eq(set(endless, "1"), K_UNKNOWN_NAME);
    ck_assert_uint_lt(strlen(reason.text), 300);
    ck_assert_int_eq(set("ratio", endless), K_INVALID_CONFIG);
    ck_assert_uint_lt(strlen(reason.text), 300);
    ck_assert_int_eq(
        options_set_pair(&table, &values, sources, OPTION_FROM_FLAG, endless, &reason),
        K_INVALID_CONFIG);
    ck_assert_uint_lt(strlen(reason.text), 300);
}
END_TEST

START_TEST(pair_is_split_at_its_first_equals_sign)
{
    ck_assert_int_eq(options_set_pair(&table, &values, sources, OPTION_FROM_FLAG,
                                      " listeners = A=B ", &reason), 0);
    ck_assert_str_eq(values.listeners, "A=B");
    ck_assert_int_eq(options_set_pair(&table, &values, sources, OPTION_FROM_FLAG, "listeners",
                                      &reason), K_INVALID_CONFIG);
    ck_assert_str_eq(reason.text, "\"listeners\" is not of the form name=value");
}
END_TEST

START_TEST(secret_is_kept_as_it_is_and_never_shown)
{
    char text[64];

    ck_assert_int_eq(set("password", " hunter2 "), 0);

    ck_assert_str_eq(values.password, " hunter2 ");
    options_format(options_find(&table, "password"), &values, text, sizeof text);
    ck_assert_ptr_null(strstr(text, "hunter2"));
}
END_TEST

static void catch_line(void *context, enum log_level level, const char *line)
{
    (void)level;
    snprintf(context, 256, "%s", line);
}

START_TEST(option_without_effect_is_taken_and_logged)
{
    char line[256] = "";
    log_set_sink(catch_line, line);

    ck_assert_int_eq(options_check(&table, "num.io.threads", "16", &reason), 0);
    ck_assert_str_eq(line, "");
    ck_assert_int_eq(set("num.io.threads", "16"), 0);

    ck_assert_ptr_nonnull(strstr(line, "event=option-without-effect name=num.io.threads"));
    ck_assert_uint_eq(sources[10], OPTION_FROM_FLAG);
}
END_TEST

START_TEST(times_and_sizes_may_be_written_with_units)
{
    ck_assert_int_eq(set("log.retention.ms", " 14d "), 0);
    ck_assert_int_eq(values.retention_ms, 1209600000);
    ck_assert_int_eq(set("log.retention.ms", "forever"), 0);
    ck_assert_int_eq(values.retention_ms, -1);
    ck_assert_int_eq(set("segment.bytes", "512KiB"), 0);
    ck_assert_int_eq(values.segment_bytes, 524288);
    ck_assert_int_eq(set("rate.bytes.per.second", "10MB"), 0);
    ck_assert(values.rate == 1e7);
    ck_assert_int_eq(set("rate.bytes.per.second", "0.5"), 0);
    ck_assert(values.rate == 0.5);
    ck_assert_int_eq(set("lag.ms", "forever"), 0);
    ck_assert_int_eq(values.lag_ms, INT64_MAX);
}
END_TEST

START_TEST(who_knows_no_units_is_given_the_plain_number)
{
    char plain[32] = "";

    ck_assert(options_plain(&rows[1], " 14d", plain, sizeof plain));
    ck_assert_str_eq(plain, "1209600000");
    ck_assert(options_plain(&rows[1], "forever", plain, sizeof plain));
    ck_assert_str_eq(plain, "-1");
    ck_assert(options_plain(options_find(&table, "rate.bytes.per.second"), "1KiB", plain,
                            sizeof plain));
    ck_assert_str_eq(plain, "1024");
    ck_assert(options_plain(options_find(&table, "rate.bytes.per.second"), "9223372036854775807B",
                            plain, sizeof plain));
    ck_assert_str_eq(plain, "9223372036854775807");

    ck_assert(!options_plain(&rows[1], "1209600000", plain, sizeof plain));
    ck_assert(!options_plain(&rows[1], "14x", plain, sizeof plain));
    ck_assert(!options_plain(&rows[3], "14d", plain, sizeof plain));
    ck_assert(!options_plain(options_find(&table, "ratio"), "1e0", plain, sizeof plain));
    ck_assert_str_eq(plain, "9223372036854775807");
}
END_TEST

START_TEST(rows_are_found_by_name_and_alias_exactly)
{
    ck_assert_ptr_eq(options_find(&table, "log.segment.bytes"), &rows[0]);
    ck_assert_ptr_eq(options_find(&table, "segment.bytes"), &rows[0]);
    ck_assert_ptr_null(options_find(&table, "segment.byte"));
    ck_assert_ptr_null(options_find(&table, "segment.bytess"));
    ck_assert_ptr_null(options_find(&table, ""));
}
END_TEST

START_TEST(formatted_values_can_be_set_again)
{
    char text[64];
    set("ratio", "0.1234567890123456");
    set("log.retention.ms", "86400000");

    for (int i = 0; i < 7; i++) {
        struct values before = values;
        options_format(&rows[i], &values, text, sizeof text);
        ck_assert_int_eq(set(rows[i].name, text), 0);
        if (rows[i].type != OPTION_STRING)
            ck_assert_mem_eq(&values, &before, sizeof values);
    }

    options_format(&rows[0], &values, text, sizeof text);
    ck_assert_str_eq(text, "1073741824");
    options_format(&rows[5], &values, text, sizeof text);
    ck_assert_str_eq(text, "gzip");
    options_format(&rows[10], &values, text, sizeof text);
    ck_assert_str_eq(text, "8");
}
END_TEST

START_TEST(documentation_has_a_row_for_every_option)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    options_print_docs(&table, out);
    fclose(out);

    for (int i = 0; i < ROWS; i++)
        ck_assert_ptr_nonnull(strstr(text, rows[i].name));
    ck_assert_ptr_nonnull(strstr(text, "| `log.segment.bytes` (or `segment.bytes`) | int | "
                                       "1073741824 | 14 to 2147483647 | while running, per topic | "
                                       "Bytes in a segment. |\n"));
    ck_assert_ptr_nonnull(strstr(text, "This \\| that."));
    ck_assert_ptr_nonnull(strstr(text, "at least -1"));
    ck_assert_ptr_nonnull(strstr(text, "Keys. *Not supported yet.*"));
    free(text);
}
END_TEST

START_TEST(without_memory_nothing_is_changed_and_nothing_leaks)
{
    struct values other;

    memory_fail_after(0);
    int set_error = set("listeners", "B");
    int defaults_error = options_defaults(&table, &other, NULL);
    memory_restore();

    ck_assert_int_eq(set_error, K_NOMEM);
    ck_assert_str_eq(values.listeners, "PLAINTEXT://:9092");
    ck_assert_int_eq(defaults_error, K_NOMEM);
    ck_assert_ptr_null(other.listeners);
}
END_TEST

Suite *options_suite(void)
{
    Suite *suite = suite_create("common/options");
    TCase *basics = tcase_create("basics");

    tcase_add_checked_fixture(basics, set_up, tear_down);
    tcase_add_test(basics, defaults_fill_every_field);
    tcase_add_test(basics, values_of_every_type_are_set_and_their_source_is_kept);
    tcase_add_loop_test(basics, bad_values_are_refused_with_a_reason_and_change_nothing, 0,
                        sizeof refusals / sizeof *refusals);
    tcase_add_test(basics, endless_names_and_values_are_cut_in_the_reason);
    tcase_add_test(basics, pair_is_split_at_its_first_equals_sign);
    tcase_add_test(basics, secret_is_kept_as_it_is_and_never_shown);
    tcase_add_test(basics, option_without_effect_is_taken_and_logged);
    tcase_add_test(basics, times_and_sizes_may_be_written_with_units);
    tcase_add_test(basics, who_knows_no_units_is_given_the_plain_number);
    tcase_add_test(basics, rows_are_found_by_name_and_alias_exactly);
    tcase_add_test(basics, formatted_values_can_be_set_again);
    tcase_add_test(basics, documentation_has_a_row_for_every_option);
    tcase_add_test(basics, without_memory_nothing_is_changed_and_nothing_leaks);
    suite_add_tcase(suite, basics);
    return suite;
}
