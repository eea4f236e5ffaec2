/* cluster.h - the lives of a cluster: controller, members and replicas (world.h). */
#ifndef TESTS_SIM_CLUSTER_H
#define TESTS_SIM_CLUSTER_H

#include "tests/sim/lives.h"

extern const struct plan_form cluster_form;
extern const struct life_kind sim_cluster;

#endif
