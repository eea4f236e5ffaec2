/* machine.h - what the kernel says of this machine, and of a directory on it. */
#ifndef TOOLS_KAIRN_MACHINE_H
#define TOOLS_KAIRN_MACHINE_H

#include "tools/kairn/facts.h"

void machine_read(struct facts_machine *out);

/* Is the directory on this machine, the very one of broker `id` of `cluster`? Its meta.properties
 * says so. Then its room is set. Returns the process that has it open, 0: not known. */
long machine_directory(struct facts_directory *directory, const char *cluster);

/* How many descriptors a process may have; -1: not known. */
int64_t machine_descriptors(long process);

#endif
