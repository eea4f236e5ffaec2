/* Room for effects. Every ticket that is taken reserves the slot of its answer, so no step can
 * fail to answer: the same rule that mailboxes follow. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/controller_private.h"

/* Beside the answers of waiting tickets: orders, one answer to the event itself, a mark to be taken
 * away, a resignation. */
enum { EFFECTS_SPARE = STORES_IN_FLIGHT_MAX + 3 };

int effects_reserve(struct controller *controller, size_t tickets)
{
    size_t wanted = tickets + EFFECTS_SPARE;
    if (wanted <= controller->effect_capacity)
        return 0;

    size_t capacity = wanted * 2;
    struct controller_effect *grown = realloc(controller->effects, capacity * sizeof *grown);
    if (grown == NULL)
        return K_NOMEM;
    controller->effects = grown;
    controller->effect_capacity = capacity;
    return 0;
}

int tickets_take(struct controller *controller)
{
    if (controller->ticket_count >= TICKETS_MAX)
        return K_BUSY;
    int error = effects_reserve(controller, controller->ticket_count + 1);
    if (error == 0)
        controller->ticket_count++;
    return error;
}

struct controller_effect *effects_add(struct controller *controller,
                                      enum controller_effect_type type)
{
    assert(controller->effect_count < controller->effect_capacity);
    struct controller_effect *effect = &controller->effects[controller->effect_count++];
    memset(effect, 0, sizeof *effect);
    effect->type = type;
    return effect;
}

static struct controller_effect *answer(struct controller *controller, uint64_t ticket, int error,
                                        const struct topic *topic, const char *format,
                                        va_list arguments)
{
    struct controller_effect *effect = effects_add(controller, CONTROLLER_DO_ANSWER);

    effect->answer.ticket = ticket;
    effect->answer.error = error;
    vsnprintf(effect->answer.message, sizeof effect->answer.message, format, arguments);
    if (topic != NULL) {
        effect->answer.id = topic->id;
        effect->answer.partitions = topic->partition_count;
        effect->answer.replication_factor =
            topic->partition_count > 0 ? topic->partitions[0].stored.replicas.count : 0;
    }
    return effect;
}

struct controller_effect *answer_now(struct controller *controller, uint64_t ticket, int error,
                                     const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct controller_effect *effect = answer(controller, ticket, error, NULL, format, arguments);
    va_end(arguments);
    return effect;
}

struct controller_effect *answer_taken(struct controller *controller, uint64_t ticket, int error,
                                       const struct topic *topic, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct controller_effect *effect = answer(controller, ticket, error, topic, format, arguments);
    va_end(arguments);
    assert(controller->ticket_count > 0);
    controller->ticket_count--;
    return effect;
}
