/* connect.h - what every verb that talks to a cluster needs. */
#ifndef TOOLS_KAIRN_CONNECT_H
#define TOOLS_KAIRN_CONNECT_H

#include "client/klient.h"
#include "tools/kairn/command.h"

/* A configuration from --bootstrap, $KAIRN_BOOTSTRAP and --set; of one that `produces`, sends wait
 * for --timeout. NULL: said; *status is what to exit with. */
klient_config_t *connect_config(const struct args *args, bool produces, int *status);

/* The same of one that does not, with properties NAME=VALUE (up to NULL) of the command's own,
 * which give way to --set. */
klient_config_t *connect_config_with(const struct args *args, const char *const *pairs,
                                     int *status);

/* --timeout. False: said, wrong usage. */
bool connect_timeout(const struct args *args, int64_t *timeout_ms);

/* An admin on it, and how long to wait for answers. NULL: said. */
klient_admin_t *connect_admin(const struct args *args, int64_t *timeout_ms, int *status);

/* What to look at after an error of this kind, if there is something, on standard error. */
void connect_advise(const struct args *args, klient_code_t code);

/* Say and free a library error, with advice. Returns EXIT_FAILED. */
int connect_failed(const struct args *args, klient_error_t *error);

/* The same for why a handle was not made: a property that does not fit is wrong usage. */
int connect_refused(const struct args *args, klient_error_t *error);

#endif
