/* control_reports.c - what brokers say to the controller of their copies. */
#include "common/log.h"
#include "proto/head.h"
#include "server/runtime/control_tickets.h"

Kairn__Error **report_error(const struct waiter *waiter)
{
    const Kairn__ResponseHead *response = waiter->request->response;

    return response->body_case == KAIRN__RESPONSE_HEAD__BODY_REPORT_REPLICAS
               ? &response->report_replicas->verdicts[waiter->index]->error
               : NULL;
}

static bool prepare_verdicts(struct control_request *request, size_t count)
{
    Kairn__ReportReplicasResponse *body =
        message_new(request->arena, &kairn__report_replicas_response__descriptor);
    Kairn__ReplicaVerdict **verdicts =
        messages_new(request->arena, &kairn__replica_verdict__descriptor, count);

    if (body == NULL || verdicts == NULL)
        return false;
    body->n_verdicts = count;
    body->verdicts = verdicts;
    request->response->body_case = KAIRN__RESPONSE_HEAD__BODY_REPORT_REPLICAS;
    request->response->report_replicas = body;
    return true;
}

static bool is_end_valid(const Kairn__ReplicaReport *report)
{
    const Kairn__ReplicaEnd *end = report->end;

    return end == NULL || (report->code == 0 && end->leader_epoch >= 0 && end->last_epoch >= -1 &&
                           end->end <= INT64_MAX);
}

static void take(struct control *control, struct control_request *request, size_t index)
{
    const Kairn__ReportReplicasRequest *body = request->head->report_replicas;
    const Kairn__ReplicaReport *report = body->reports[index];
    const struct waiter waiter = { .request = request, .index = index };
    struct controller_event event = { .type = CONTROLLER_REPORTED };
    int error = 0;

    if (head_uuid(report->topic_id, &event.report.topic) != 0 ||
        head_uuid(body->incarnation, &event.report.incarnation) != 0 ||
        report->partition > INT32_MAX || !is_end_valid(report))
        error = K_INVALID_REQUEST;
    if (error == 0)
        event.report.ticket = ticket_new(control, &waiter);
    if (error != 0 || event.report.ticket == 0) {
        item_answered(&waiter, error != 0 ? error : K_NOMEM, NULL);
        return;
    }
    event.report.broker = body->broker;
    event.report.partition = (int32_t)report->partition;
    event.report.round = report->round;
    event.report.lost = report->code != 0;
    if (report->end != NULL) {
        event.report.told = true;
        event.report.leader_epoch = report->end->leader_epoch;
        event.report.end = (struct log_end){ report->end->last_epoch, (int64_t)report->end->end };
    }
    event.report.more = true;
    drive_controller(control, &event);
}

/* A line for the request: it names one broker, and mostly one reason. */
static void tell_story(const Kairn__ReportReplicasRequest *body)
{
    size_t lost = 0, told = 0;
    int code = 0;

    for (size_t i = 0; i < body->n_reports; i++) {
        lost += body->reports[i]->code != 0;
        told += body->reports[i]->end != NULL;
        if (body->reports[i]->code != 0)
            code = body->reports[i]->code;
    }
    if (lost > 0)
        LOG_WARN("replicas-lost", "broker=%d partitions=%zu error=%s action=\"others lead them\"",
                 (int)body->broker, lost, k_error_name(code));
    if (told > 0)
        LOG_INFO("ends-told", "broker=%d partitions=%zu", (int)body->broker, told);
    if (lost + told < body->n_reports)
        LOG_INFO("replicas-found", "broker=%d partitions=%zu", (int)body->broker,
                 body->n_reports - lost - told);
}

void report_serve(struct control *control, struct control_request *request)
{
    size_t count = request->head->report_replicas->n_reports;

    if (!prepare_verdicts(request, count)) {
        request_answer(request, K_NOMEM, NULL);
        return;
    }
    tell_story(request->head->report_replicas);
    serve_items(control, request, count, take);
    /* What follows from all of them is ordered together. */
    drive_controller(control, &(struct controller_event){ .type = CONTROLLER_TICK });
}
