#include "tests/zk/server.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/scratch.h"

static char root[256], directory[300], address[64];
static pid_t owner;

/* Run deploy/zookeeper; its exit status. */
__attribute__((format(printf, 1, 2))) static int run(const char *format, ...)
{
    char arguments[512], command[1024];
    va_list list;

    va_start(list, format);
    vsnprintf(arguments, sizeof arguments, format, list);
    va_end(list);
    snprintf(command, sizeof command, "%s/deploy/zookeeper --dir %s %s > /dev/null", TOP_SRCDIR,
             directory, arguments);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* A port that is free now; the starter wants the next ones only for ensembles. */
static int free_port(void)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof any;
    int fd = socket(AF_INET, SOCK_STREAM, 0), port = 0;

    if (bind(fd, (struct sockaddr *)&any, size) == 0 &&
        getsockname(fd, (struct sockaddr *)&any, &size) == 0)
        port = ntohs(any.sin_port);
    close(fd);
    return port;
}

void server_stop(void)
{
    if (getpid() != owner)
        return;
    if (access(directory, F_OK) == 0)
        run("down");
    if (scratch_remove(root) != 0)
        fprintf(stderr, "%s is left behind\n", root);
}

/* Somebody ends the tests early: the server must not be left behind. The program ends here, so it
 * does not matter that this is no place for system(). */
static void end_early(int number)
{
    server_stop();
    _exit(128 + number);
}

int server_start(void)
{
    const char *parent = getenv("TMPDIR");
    int status = 1;

    snprintf(root, sizeof root, "%.200s/kairn-zk-XXXXXX", parent == NULL ? "/tmp" : parent);
    if (mkdtemp(root) == NULL) {
        perror(root);
        return 1;
    }
    owner = getpid();
    atexit(server_stop);
    signal(SIGTERM, end_early);
    signal(SIGINT, end_early);
    /* Somebody else may take the port between our look and the server's bind. */
    for (int try = 0; try < 3 && status == 1; try++) {
        int port = free_port();

        snprintf(directory, sizeof directory, "%s/%d", root, try);
        snprintf(address, sizeof address, "127.0.0.1:%d", port);
        status = run("--port-base %d --set tickTime=100 --set maxSessionTimeout=60000 "
                     "--set forceSync=no up",
                     port);
    }
    if (status == 77)
        fprintf(stderr, "skipped: no ZooKeeper server (see above)\n");
    return status;
}

const char *server_address(void)
{
    return address;
}

void server_kill(void)
{
    run("kill 1");
}

void server_restart(void)
{
    run("start 1");
}
