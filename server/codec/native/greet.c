#include "server/codec/native/greet.h"

int greet_choose_loop(const struct greeting_client *client, const int64_t *loads, int count)
{
    if (client->loop != GREETING_ANY_LOOP && client->loop < count)
        return client->loop;

    int least = 0;
    for (int i = 1; i < count; i++) {
        if (loads[i] < loads[least])
            least = i;
    }
    return least;
}

uint16_t greet_version(const struct greeting_client *client)
{
    return client->highest < PROTOCOL_HIGHEST ? client->highest : PROTOCOL_HIGHEST;
}
