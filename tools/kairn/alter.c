/* alter.c - kairn topic alter: more partitions, other settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/json.h"
#include "tools/kairn/wishes.h"

struct alteration {
    const struct args *args;
    klient_admin_t *admin;
    int64_t timeout_ms;
    const char *topic;
    int64_t partitions;             /* wanted in all; -1: as they are */
    struct wishes wishes;
};

static klient_code_t add_partitions(const struct alteration *alteration, int validate_only,
                                    klient_error_t **error)
{
    klient_more_partitions_t more;
    const klient_more_partitions_t *list[] = { &more };

    if (alteration->partitions < 0)
        return KLIENT_OK;
    klient_more_partitions_init(&more);
    more.topic = alteration->topic;
    more.partitions = (int32_t)alteration->partitions;
    return klient_admin_create_partitions(alteration->admin, list, 1, validate_only,
                                          alteration->timeout_ms, NULL, error);
}

static klient_code_t alter_settings(const struct alteration *alteration, int validate_only,
                                    klient_error_t **error)
{
    klient_alteration_t settings =
        wishes_alteration(&alteration->wishes, KLIENT_RESOURCE_TOPIC, alteration->topic);
    const klient_alteration_t *list[] = { &settings };

    if (alteration->wishes.count == 0)
        return KLIENT_OK;
    return klient_admin_alter_configs(alteration->admin, list, 1, validate_only,
                                      alteration->timeout_ms, NULL, error);
}

/* How many the topic has; -1: not known, which is no reason to stop. */
static int count_partitions(const struct alteration *alteration)
{
    klient_topic_info_t topic = { .size = sizeof topic };
    klient_metadata_t *metadata = NULL;
    int count = -1;

    if (klient_admin_describe_topics(alteration->admin, &alteration->topic, 1,
                                     alteration->timeout_ms, &metadata, NULL) == KLIENT_OK &&
        klient_metadata_topic(metadata, 0, &topic) == KLIENT_OK && topic.code == KLIENT_OK)
        count = topic.partition_count;
    klient_metadata_free(metadata);
    return count;
}

static void warn_of_moved_keys(const struct alteration *alteration, int before)
{
    char change[64] = "";

    if (before > 0)
        snprintf(change, sizeof change, ", which was %d and is now %d", before,
                 (int)alteration->partitions);
    fprintf(stderr,
            "kairn topic alter: warning: keys move to other partitions: a record's partition is "
            "the hash of its key modulo the number of partitions%s. Records that are there "
            "already stay where they are, so the records of one key can lie in two partitions, "
            "and their order is not kept from one to the other.\n",
            change);
}

static void report(const struct alteration *alteration)
{
    if (args_json(alteration->args)) {
        json_t *object = json_pack("{s:s}", "topic", alteration->topic);
        if (alteration->partitions > 0)
            json_object_set_new(object, "partitions", json_integer(alteration->partitions));
        wishes_json(&alteration->wishes, object);
        json_line(object);
        return;
    }
    printf("%s topic %s\n",
           args_has(alteration->args, "--validate") ? "could alter" : "altered",
           alteration->topic);
    if (alteration->partitions > 0)
        printf("  partitions %d\n", (int)alteration->partitions);
    wishes_print(&alteration->wishes);
}

/* Both are checked before either is done, so that what is refused changes nothing. */
static int alter(const struct alteration *alteration)
{
    klient_error_t *error = NULL;
    int before = alteration->partitions > 0 ? count_partitions(alteration) : -1;
    bool validate = args_has(alteration->args, "--validate");
    klient_code_t code = add_partitions(alteration, 1, &error);

    if (code == KLIENT_OK)
        code = alter_settings(alteration, 1, &error);
    if (code == KLIENT_OK && !validate) {
        code = add_partitions(alteration, 0, &error);
        if (code == KLIENT_OK && alteration->partitions > 0)
            warn_of_moved_keys(alteration, before);
        if (code == KLIENT_OK)
            code = alter_settings(alteration, 0, &error);
    }
    if (code != KLIENT_OK)
        return connect_failed(alteration->args, error);
    report(alteration);
    return EXIT_DONE;
}

int topic_alter(const struct args *args)
{
    struct alteration alteration = { .args = args, .topic = args_operand(args, 0) };
    int status = EXIT_USAGE;

    if (!args_number(args, "--partitions", -1, 1, INT32_MAX, &alteration.partitions) ||
        !wishes_read(args, "--config", &alteration.wishes)) {
        wishes_free(&alteration.wishes);
        return EXIT_USAGE;
    }
    if (alteration.partitions < 0 && alteration.wishes.count == 0) {
        wishes_free(&alteration.wishes);
        return command_misuse(args, "nothing to do: give --partitions, --config or --unset");
    }
    alteration.admin = connect_admin(args, &alteration.timeout_ms, &status);
    if (alteration.admin != NULL)
        status = alter(&alteration);
    klient_admin_close(alteration.admin);
    wishes_free(&alteration.wishes);
    return status;
}
