/* server.h - the real ZooKeeper server of a test program, run by deploy/zookeeper. */
#ifndef TESTS_ZK_SERVER_H
#define TESTS_ZK_SERVER_H

/* Start it in a temporary directory; server_stop() runs at exit. Returns 0; 77 after a word on
 * standard error when Java or the jars are missing; 1 when it did not start. */
int server_start(void);
void server_stop(void);

/* "127.0.0.1:port" */
const char *server_address(void);

/* Kill it with SIGKILL; start it again on the same data. */
void server_kill(void);
void server_restart(void);

#endif
