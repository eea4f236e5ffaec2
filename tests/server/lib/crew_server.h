/* crew_server.h - what one broker of a crew serves to the others: requests for its controller.
 *
 * The least that the native protocol asks for. Belongs to the broker's loop. */
#ifndef TESTS_SERVER_LIB_CREW_SERVER_H
#define TESTS_SERVER_LIB_CREW_SERVER_H

#include <stdint.h>

struct control;
struct crew_server;
struct loop;

/* Listen on a free port of 127.0.0.1. `control` may be set later, before brokers know the port. */
struct crew_server *crew_server_new(struct loop *loop, int32_t broker);
void crew_server_use(struct crew_server *server, struct control *control, const char *cluster_id);
uint16_t crew_server_port(const struct crew_server *server);
/* On the loop: close the port and all connections. */
void crew_server_close(struct crew_server *server);
/* After the loop has ended. */
void crew_server_free(struct crew_server *server);

#endif
