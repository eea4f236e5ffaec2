#include "tests/fuzz/broker/life.h"

#include <check.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "server/config.h"
#include "server/runtime/control.h"
#include "server/runtime/numbers.h"
#include "server/runtime/offset_import.h"
#include "server/runtime/producer_ids.h"
#include "proto/head.h"
#include "tests/lib/wait.h"
#include "tests/server/broker/gate_rig.h"
#include "tests/server/lib/group_member.h"

static struct config config;
static struct plane_topic offsets;

/* --- who is not there ------------------------------------------------------------------------- */

static void refused(struct mail *mail)
{
    struct control_request *ask = LIST_OWNER(mail, struct control_request, mail);

    ask->code = K_NOT_CONTROLLER;
    ask->controller = -1;
    ask->answered(ask);
}

static void refuse(void *context, struct control_request *ask)
{
    (void)context;
    ask->mail.deliver = refused;
    mail_post(ask->answer_to, &ask->mail);
}

static void numbered(struct mail *mail)
{
    struct producer_id_ask *ask = LIST_OWNER(mail, struct producer_id_ask, mail);

    ask->code = 0;
    ask->id = 4711;
    ask->answered(ask);
}

static void number(void *context, struct producer_id_ask *ask)
{
    (void)context;
    ask->mail.deliver = numbered;
    mail_post(ask->answer_to, &ask->mail);
}

static void imported(struct mail *mail)
{
    struct offset_import_ask *ask = LIST_OWNER(mail, struct offset_import_ask, mail);

    ask->code = K_GROUP_ID_NOT_FOUND;
    ask->answered(ask);
}

static void import(void *context, struct offset_import_ask *ask)
{
    (void)context;
    ask->mail.deliver = imported;
    mail_post(ask->answer_to, &ask->mail);
}

/* --- a broker's life -------------------------------------------------------------------------- */

static void start(void)
{
    plane.api.option_table = &config_table;
    plane.api.option_values = &config;
    plane.api.option_sources = config.sources;
    plane.api.relay_to_controller = plane.api.ask_controller = refuse;
    plane.api.ask_producer_id = number;
    plane.api.ask_import = import;
    plane_publish(&plane, &topic);
    plane_publish(&plane, &offsets);
}

void life_begin(struct life *life, const struct io *io)
{
    if (config.sources == NULL) {
        log_set_level(LOG_LEVEL_OFF);
        ck_assert_int_eq(config_init(&config), 0);
    }
    gates_setup_on(io);
    topic = (struct plane_topic){ .name = "orders", .id = { "kairn fuzz topic" }, .partitions = 2,
                                  .leader = PLANE_BROKER, .leader_epoch = 1 };
    offsets = (struct plane_topic){ .name = "__consumer_offsets", .id = { "kairn fuzz group" },
                                    .partitions = 4, .leader = PLANE_BROKER, .leader_epoch = 1,
                                    .config_name = "cleanup.policy", .config_value = "compact" };
    start();
    *life = (struct life){ 0 };
    model_init(&life->model, &plane, &topic.id);
    for (uint16_t i = 0; i < 2; i++)
        client_init(&life->clients[i], i, &life->model);
}

static void settle(struct life *life)
{
    for (int i = 0; i < 2; i++)
        client_settle(&life->clients[i]);
}

/* Connections end, and with them the requests that wait. */
static void disconnect(struct life *life)
{
    settle(life);
    for (int i = 0; i < 2; i++)
        client_close(&life->clients[i]);
    expect_idle();
}

void life_hear(struct life *life, const struct life_news *news)
{
    settle(life);
    topic.leader = news->led ? PLANE_BROKER : -1;
    topic.leader_epoch++;
    topic.config_name = news->config_name;
    topic.config_value = news->config_value;
    life->model.rewritten |= news->config_name != NULL;
    plane_publish(&plane, &topic);
    offsets.leader = news->coordinated ? PLANE_BROKER : -1;
    offsets.leader_epoch++;
    plane_publish(&plane, &offsets);
}

void life_be_lenient(struct life *life)
{
    plane.broken = true;
    for (int i = 0; i < 2; i++)
        life->clients[i].lenient = true;
}

/* 0, or why not. */
static int try_records(struct life *life, int partition)
{
    uint8_t batch[256];
    size_t size = plane_batch(batch, sizeof batch, 2, "again", true);
    struct asked *asked = plane_produce(&plane, 0, &topic.id, partition, -1, batch, size);
    const Kairn__ProduceResponse *body = asked->head->produce;
    int code = head_error_code(asked->head->error);

    if (code == 0)
        code = head_error_code(body->results[0]->error);
    if (code == 0)
        model_acknowledged(&life->model, partition, body->results[0]->base_offset, batch, size);
    asked_free(asked);
    return code;
}

static bool takes_commits(void)
{
    struct group_member nobody;

    member_init(&nobody, &plane, 0, "readers");
    int code = member_commit(&nobody, topic.name, 0, 5);
    /* Members that still count keep others out: that is service, too. */
    return code == 0 || code == K_UNKNOWN_MEMBER_ID;
}

void life_expect_service(struct life *life)
{
    disconnect(life);
    for (int partition = 0; partition < MODEL_PARTITIONS; partition++) {
        int code, looks = 0;
        while ((code = try_records(life, partition)) != 0) {
            ck_assert_msg(looks++ < WAIT_LOOKS / 2, "partition %d takes no records: %s", partition,
                          k_error_name(code));
            poll(NULL, 0, 1);
        }
    }
    WAIT_UNTIL(takes_commits());
}

void life_restart(struct life *life)
{
    if (life->pause != NULL)
        life->pause(true);
    disconnect(life);
    gates_restart();
    start();
    if (life->pause != NULL)
        life->pause(false);
}

void life_end(struct life *life)
{
    disconnect(life);
    topic.leader = PLANE_BROKER;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);
    model_verify(&life->model);
    gates_teardown();
    model_fini(&life->model);
}
