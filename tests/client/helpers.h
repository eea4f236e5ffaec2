/* helpers.h - what the suites of libklient share. */
#ifndef TESTS_CLIENT_HELPERS_H
#define TESTS_CLIENT_HELPERS_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>

#include "client/klient.h"
#include "tests/client/fake_broker.h"

enum { PATIENCE_MS = 20000 };

/* A config for the fake, with the given name, value pairs up to NULL. */
klient_config_t *config_for(const struct fake *fake, ...) __attribute__((sentinel));

/* Handles from such a config, which is freed; they exist or the test fails. */
klient_producer_t *producer_with(klient_config_t *config);
klient_consumer_t *consumer_with(klient_config_t *config);
klient_admin_t *admin_with(klient_config_t *config);

/* Send a text value; partition KLIENT_PARTITION_ANY, key NULL are allowed. */
klient_code_t send_text(klient_producer_t *producer, const char *topic, int partition,
                        const char *key, const char *value);

/* Produce `count` records "0", "1", ... to one partition. */
void fill(struct fake *fake, const char *topic, int partition, int count);

/* Poll until a record or an error comes; fails the test after PATIENCE_MS. */
klient_code_t poll_something(klient_consumer_t *consumer, klient_records_t **out,
                             klient_error_t **error);

/* Assign one partition. */
void assign_one(klient_consumer_t *consumer, const char *topic, int partition);

/* Read `count` records and check that their values are the numbers from `first` on. */
void expect_numbers(klient_consumer_t *consumer, long first, int count);

/* Check that what the fake stored in a partition is exactly `count` whole batches' records with
 * values that read as numbers; calls `each` for every one in order. */
void each_stored(struct fake *fake, const char *topic, int partition,
                 void (*each)(void *context, int64_t offset, const char *value), void *context);

/* How many records the fake stored in a partition. */
int records_stored(struct fake *fake, const char *topic, int partition);

/* The producer epoch of the last batch that the fake stored in a partition; -1: of none. */
int last_epoch(struct fake *fake, const char *topic, int partition);

/* The next event of a queue, which has to be the answer for `opaque` with this code. */
klient_event_t *expect_answer(klient_queue_t *queue, void *opaque, klient_code_t code);

/* Does the page of docs/ hold what `print` makes? `command` says how to renew it. */
void expect_in_page(const char *page, void (*print)(FILE *out), const char *command);

Suite *assign_racks_suite(void);
Suite *assign_sticky_suite(void);
Suite *assignor_suite(void);
Suite *async_suite(void);
Suite *background_suite(void);
Suite *codecs_suite(void);
Suite *config_suite(void);
Suite *interceptor_suite(void);
Suite *interceptor_commit_suite(void);
Suite *interceptor_consume_suite(void);
Suite *ordering_suite(void);
Suite *own_assignor_suite(void);
Suite *own_serde_suite(void);
Suite *auto_commit_suite(void);
Suite *fetch_session_suite(void);
Suite *fetcher_suite(void);
Suite *group_commits_suite(void);
Suite *group_starts_suite(void);
Suite *group_suite(void);
Suite *group_trouble_suite(void);
Suite *idle_topics_suite(void);
Suite *leaders_suite(void);
Suite *link_suite(void);
Suite *marks_suite(void);
Suite *membership_suite(void);
Suite *membership_losses_suite(void);
Suite *progress_suite(void);
Suite *partitioner_suite(void);
Suite *patience_suite(void);
Suite *producer_suite(void);
Suite *faults_suite(void);
Suite *consumer_suite(void);
Suite *purge_suite(void);
Suite *queue_suite(void);
Suite *records_suite(void);
Suite *retry_suite(void);
Suite *dlq_suite(void);
Suite *failures_suite(void);
Suite *admin_suite(void);
Suite *admin_groups_suite(void);
Suite *admin_replicas_suite(void);
Suite *describe_suite(void);
Suite *hostile_suite(void);
Suite *handle_suite(void);
Suite *sealing_suite(void);
Suite *serde_suite(void);
Suite *stale_suite(void);
Suite *statistics_suite(void);
Suite *topic_config_suite(void);
Suite *trouble_suite(void);
Suite *troubles_suite(void);
Suite *troubles_consumer_suite(void);
Suite *standing_suite(void);
Suite *typed_suite(void);
Suite *versions_suite(void);

#endif
