/* doctor.c - kairn cluster doctor: asks brokers, ZooKeeper and this machine, and tells what the
 * checks of checkup.h find. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/checkup.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/health.h"
#include "tools/kairn/json.h"
#include "tools/kairn/machine.h"
#include "tools/kairn/table.h"
#include "tools/kairn/zookeeper.h"

/* Who does not answer soon is silent. */
enum { BROKER_MS = 5000, ZOOKEEPER_MS = 2000 };

enum { SHOWN_MAX = 5 };                 /* findings of one check, for people */

struct asked {
    klient_admin_t *admin;
    klient_metadata_t *metadata;        /* owned; names live in it */
    klient_settings_t **settings;       /* of brokers; owned, and values live in them */
    struct facts facts;
};

/* Ends the process when out of memory, as tables do. */
static void *items(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);

    if (memory == NULL) {
        fputs("kairn: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return memory;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* The picture with the topics' settings, which is told only of topics that are named. */
static klient_code_t ask_picture(klient_admin_t *admin, int64_t timeout_ms,
                                 klient_metadata_t **out, klient_error_t **error)
{
    klient_metadata_t *all = NULL;
    klient_code_t code = klient_admin_list_topics(admin, timeout_ms, &all, error);
    size_t count = code == KLIENT_OK ? klient_metadata_topic_count(all) : 0;

    if (count == 0) {
        *out = all;
        return code;
    }
    const char **names = items(count, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = topic_at(all, i).name;
    code = klient_admin_describe_topics(admin, names, count, timeout_ms, out, error);
    free(names);
    klient_metadata_free(all);
    return code;
}

static void note_settings(struct facts_broker *broker, const klient_settings_t *settings)
{
    for (size_t i = 0; i < klient_settings_count(settings); i++) {
        klient_setting_t setting = { .size = sizeof setting };
        klient_settings_get(settings, i, &setting);
        for (enum facts_setting s = 0; s < FACTS_SETTING_COUNT; s++) {
            if (strcmp(setting.name, facts_setting_name(s)) == 0)
                broker->settings[s] = setting.value;
        }
    }
}

static void ask_brokers(struct asked *asked)
{
    struct facts *facts = &asked->facts;

    facts->broker_count = klient_metadata_broker_count(asked->metadata);
    facts->brokers = items(facts->broker_count, sizeof *facts->brokers);
    asked->settings = items(facts->broker_count, sizeof(klient_settings_t *));
    for (size_t i = 0; i < facts->broker_count; i++) {
        klient_broker_info_t info = { .size = sizeof info };
        char name[16];
        klient_metadata_broker(asked->metadata, i, &info);
        struct facts_broker *broker = &facts->brokers[i];
        *broker = (struct facts_broker){ .id = info.id, .host = info.host, .rack = info.rack,
                                         .descriptors = -1 };
        snprintf(name, sizeof name, "%" PRId32, info.id);
        broker->answers =
            klient_admin_describe_configs(asked->admin, KLIENT_RESOURCE_BROKER, name, BROKER_MS,
                                          &asked->settings[i], NULL) == KLIENT_OK;
        if (broker->answers)
            note_settings(broker, asked->settings[i]);
    }
}

static struct facts_broker *find_broker(struct facts *facts, int32_t id)
{
    for (size_t i = 0; i < facts->broker_count; i++) {
        if (facts->brokers[i].id == id)
            return &facts->brokers[i];
    }
    return NULL;
}

/* A replica whose broker lives and that is offline nevertheless has lost its log. */
static void note_partition(struct facts *facts, struct facts_topic *topic,
                           const klient_partition_info_t *partition)
{
    enum health health = health_of(partition);

    topic->offline += health == HEALTH_OFFLINE;
    topic->under_min_isr += health == HEALTH_UNDER_MIN_ISR;
    topic->under_replicated += health == HEALTH_UNDER_REPLICATED;
    topic->min_insync = partition->min_insync;
    if (topic->partitions++ == 0 || partition->replica_count < topic->replicas_min)
        topic->replicas_min = partition->replica_count;
    for (size_t i = 0; i < partition->offline_count; i++) {
        struct facts_broker *broker = find_broker(facts, partition->offline[i]);
        if (broker != NULL)
            broker->copies_lost++;
    }
}

static bool is_unclean(const klient_metadata_t *metadata, size_t topic, size_t configs)
{
    for (size_t i = 0; i < configs; i++) {
        klient_setting_t setting = { .size = sizeof setting };
        klient_metadata_topic_config(metadata, topic, i, &setting);
        if (strcmp(setting.name, "unclean.leader.election.enable") == 0)
            return strcmp(setting.value, "true") == 0 && strcmp(setting.source, "topic") == 0;
    }
    return false;
}

static void note_topics(struct asked *asked)
{
    struct facts *facts = &asked->facts;

    facts->topic_count = klient_metadata_topic_count(asked->metadata);
    facts->topics = items(facts->topic_count, sizeof *facts->topics);
    for (size_t t = 0; t < facts->topic_count; t++) {
        klient_topic_info_t info = topic_at(asked->metadata, t);
        struct facts_topic *topic = &facts->topics[t];
        topic->name = info.name;
        topic->internal = info.internal != 0;
        topic->unclean = is_unclean(asked->metadata, t, info.config_count);
        for (int32_t p = 0; p < info.partition_count; p++) {
            klient_partition_info_t partition = partition_at(asked->metadata, t, (size_t)p);
            note_partition(facts, topic, &partition);
        }
    }
}

/* The servers of the first broker that tells some. */
static void ask_zookeepers(struct facts *facts)
{
    const char *list = NULL;
    struct facts_zookeeper server;

    for (size_t i = 0; i < facts->broker_count && list == NULL; i++)
        list = facts->brokers[i].settings[FACTS_ZOOKEEPER_CONNECT];
    facts->zookeepers = items(list != NULL ? strlen(list) : 0, sizeof *facts->zookeepers);
    while (list != NULL && zookeeper_next(&list, &server)) {
        zookeeper_ask(&server, ZOOKEEPER_MS);
        facts->zookeepers[facts->zookeeper_count++] = server;
    }
}

static void look_at_directories(struct facts *facts, struct facts_broker *broker,
                                const char *cluster)
{
    const char *list = broker->settings[FACTS_LOG_DIRS];

    while (list != NULL && *(list += strspn(list, ", ")) != '\0') {
        struct facts_directory *directory = &facts->directories[facts->directory_count++];
        size_t size = strcspn(list, ",");
        directory->broker = broker->id;
        snprintf(directory->path, sizeof directory->path, "%.*s", (int)size, list);
        list += size;
        long process = machine_directory(directory, cluster);
        if (process > 0)
            broker->descriptors = machine_descriptors(process);
        facts->machine.has_broker |= directory->local;
    }
}

static void look_at_machine(struct facts *facts, const char *cluster)
{
    size_t room = 0;

    machine_read(&facts->machine);
    for (size_t i = 0; i < facts->broker_count; i++) {
        const char *list = facts->brokers[i].settings[FACTS_LOG_DIRS];
        for (room++; list != NULL && (list = strchr(list, ',')) != NULL; list++)
            room++;
    }
    facts->directories = items(room, sizeof *facts->directories);
    for (size_t i = 0; i < facts->broker_count; i++)
        look_at_directories(facts, &facts->brokers[i], cluster);
}

static void asked_fini(struct asked *asked)
{
    for (size_t i = 0; i < asked->facts.broker_count; i++)
        klient_settings_free(asked->settings[i]);
    free(asked->settings);
    free(asked->facts.brokers);
    free(asked->facts.topics);
    free(asked->facts.zookeepers);
    free(asked->facts.directories);
    klient_metadata_free(asked->metadata);
}

/* --- telling ---------------------------------------------------------------------------------- */

static void print_heading(const struct check *check)
{
    enum colour colour = check->severity == SEVERITY_ERROR     ? COLOUR_BAD
                         : check->severity == SEVERITY_WARNING ? COLOUR_WARNING
                                                               : COLOUR_NONE;

    printf("%s%s%s %s: %s\n", colour_begin(colour), severity_name(check->severity),
           colour_end(colour), check->name, check->what);
}

/* The `count` findings of one check, no more than a person reads. What to type is said of each
 * where it names the subject, else once. */
static void print_group(const struct finding *findings, size_t count)
{
    const struct check *check = findings[0].check;
    const bool each = strchr(check->todo, '@') != NULL;
    size_t shown = count < SHOWN_MAX ? count : SHOWN_MAX;
    char todo[1024];

    print_heading(check);
    for (size_t i = 0; i < shown; i++) {
        printf("  %s\n", findings[i].detail);
        if (each || i + 1 == shown)
            printf("    do: %s\n", checkup_todo(&findings[i], todo, sizeof todo));
    }
    if (count > shown)
        printf("  and %zu more: --json tells all\n", count - shown);
}

/* The worst first. */
static void print_findings(const struct checkup *checkup)
{
    for (enum severity worst = SEVERITY_COUNT; worst-- > SEVERITY_NOTE;) {
        for (size_t i = 0, end; i < checkup->count; i = end) {
            const struct check *check = checkup->findings[i].check;
            for (end = i + 1; end < checkup->count && checkup->findings[end].check == check;)
                end++;
            if (check->severity == worst)
                print_group(&checkup->findings[i], end - i);
        }
    }
    printf("%zu checks: %zu errors, %zu warnings, %zu notes\n", checkup_table_count,
           checkup_count(checkup, SEVERITY_ERROR), checkup_count(checkup, SEVERITY_WARNING),
           checkup_count(checkup, SEVERITY_NOTE));
}

static void print_json(const struct checkup *checkup)
{
    json_t *list = json_array();
    char todo[1024];

    for (size_t i = 0; i < checkup->count; i++) {
        const struct finding *finding = &checkup->findings[i];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "check", finding->check->name,
                            "severity", severity_name(finding->check->severity), "subject",
                            finding->subject, "detail", finding->detail, "what",
                            finding->check->what, "do",
                            checkup_todo(finding, todo, sizeof todo)));
    }
    json_line(json_pack("{s:b, s:o}", "sound", checkup_sound(checkup), "findings", list));
}

static int list_checks(const struct args *args)
{
    struct table *table = args_json(args) ? NULL : table_new("CHECK SEVERITY WHAT");
    json_t *list = json_array();

    for (size_t i = 0; i < checkup_table_count; i++) {
        const struct check *check = &checkup_table[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "check", check->name,
                                              "severity", severity_name(check->severity), "what",
                                              check->what, "do", check->todo));
        if (table == NULL)
            continue;
        table_add(table, "%s", check->name);
        table_add(table, "%s", severity_name(check->severity));
        table_add(table, "%s", check->what);
    }
    if (table != NULL) {
        table_print(table);
        json_decref(list);
    } else {
        json_line(list);
    }
    return EXIT_DONE;
}

static bool is_skipped(void *context, const struct check *check)
{
    const struct args *args = context;

    for (size_t i = 0; i < args_count(args, "--skip"); i++) {
        if (strcmp(args_nth(args, "--skip", i), check->name) == 0)
            return true;
    }
    return false;
}

static int examine(const struct args *args, klient_admin_t *admin, int64_t timeout_ms)
{
    struct asked asked = { .admin = admin };
    struct checkup checkup;
    klient_error_t *error = NULL;

    if (ask_picture(admin, timeout_ms, &asked.metadata, &error) != KLIENT_OK)
        return connect_failed(args, error);
    asked.facts.controller = klient_metadata_controller(asked.metadata);
    ask_brokers(&asked);
    note_topics(&asked);
    ask_zookeepers(&asked.facts);
    look_at_machine(&asked.facts, klient_metadata_cluster_id(asked.metadata));
    checkup_run(&asked.facts, is_skipped, (void *)args, &checkup);
    if (args_json(args))
        print_json(&checkup);
    else
        print_findings(&checkup);
    int status = checkup_sound(&checkup) ? EXIT_DONE : EXIT_FAILED;
    checkup_fini(&checkup);
    asked_fini(&asked);
    return status;
}

int cluster_doctor(const struct args *args)
{
    int64_t timeout_ms;
    int status;

    for (size_t i = 0; i < args_count(args, "--skip"); i++) {
        if (checkup_find(args_nth(args, "--skip", i)) == NULL)
            return command_misuse(args, "no check '%s'; --list tells which there are",
                                  args_nth(args, "--skip", i));
    }
    if (args_has(args, "--list"))
        return list_checks(args);
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    if (admin == NULL)
        return status;
    status = examine(args, admin, timeout_ms);
    klient_admin_close(admin);
    return status;
}
