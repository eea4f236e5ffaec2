/* descriptors.h - the three descriptors that every program takes for granted. */
#ifndef COMMON_DESCRIPTORS_H
#define COMMON_DESCRIPTORS_H

#include <stdbool.h>

/* Open /dev/null in place of whichever of standard input, output and error is closed. Without it
 * the first file or socket that the program opens would take their number, and what is logged
 * would be written into it. First thing in main(), before any thread. False: /dev/null can
 * not be opened (errno says why), and the program must not go on. */
bool descriptors_secure(void);

#endif
